import { Client, type FhirResponse, type RequestOptions } from 'fhir-kit-client'
import { isList, isObject } from './mapping/canonical.ts'
import {
  type Capabilities,
  FhirError,
  isFhirError,
  type FhirServer,
  type Json,
  type Resource,
  type Stored,
  type Written,
} from './ports.ts'
import { exchange, type TokenSource, type TransportSettings } from './transport.ts'

export interface FhirServerSettings {
  readonly url: string
  readonly token?: TokenSource
  readonly timeoutMs?: number
  readonly maxBytes?: number
}

/** Servers answer a write with nothing, with the resource, or with an OperationOutcome, as they are asked. */
const WRITE = { prefer: 'return=representation' }

/** THE FHIR SERVER through fhir-kit-client, whose verbs run over our own transport: its `fetch` knows no bounds. */
export function openFhirServer(settings: FhirServerSettings): FhirServer {
  const url = settings.url.replace(/\/+$/u, '')
  const client = boundedClient({ timeoutMs: 30_000, maxBytes: 32 * 1024 * 1024, ...settings, url })
  return {
    url,
    capabilities: async () =>
      capabilitiesOf(plainOf(await client.capabilityStatement().catch(rejectElsewhere))),
    read: async (resourceType, id) => {
      try {
        return stored(await client.read({ resourceType, id }), resourceType)
      } catch (error) {
        if (error instanceof FhirError && error.kind === 'gone') return null
        throw error
      }
    },
    search: async (resourceType, searchParams) =>
      matches(
        plainOf(await client.search({ resourceType, searchParams: { ...searchParams } })),
        resourceType,
      ),
    pages: (resourceType, searchParams) => pagesOf(client, resourceType, searchParams),
    create: async (resource, ifNoneExist) => {
      const condition = ifNoneExist && { 'if-none-exist': new URLSearchParams({ ...ifNoneExist }).toString() }
      const { resourceType } = resource
      const answer = await client.create({
        resourceType,
        body: { ...resource },
        options: { headers: { ...WRITE, ...condition } },
      })
      return written(answer, resource)
    },
    update: async (resource, ifMatch) => {
      const condition = ifMatch === undefined || ifMatch === null ? {} : { 'if-match': `W/"${ifMatch}"` }
      const { resourceType, id } = resource
      const answer = await client.update({
        resourceType,
        id,
        body: { ...resource },
        options: { headers: { ...WRITE, ...condition } },
      })
      return written(answer, resource)
    },
    remove: async (resourceType, id) => {
      try {
        await client.delete({ resourceType, id })
      } catch (error) {
        if (!(error instanceof FhirError) || error.kind !== 'gone') throw error
      }
    },
  }
}

async function* pagesOf(
  client: Client,
  resourceType: string,
  searchParams: Readonly<Record<string, string>>,
): AsyncGenerator<readonly Stored[]> {
  let bundle = plainOf(await client.search({ resourceType, searchParams: { ...searchParams } }))
  for (const seen = new Set<string>(); ;) {
    yield matches(bundle, resourceType)
    const next = objects(bundle['link']).find(({ relation }) => relation === 'next')?.['url']
    // A server whose last page leads to itself would keep us for ever.
    if (typeof next !== 'string' || seen.has(next)) return
    seen.add(next)
    bundle = plainOf(await client.request(next))
  }
}

function boundedClient(settings: TransportSettings): Client {
  const client = new Client({ baseUrl: settings.url })
  client.httpClient.request = async (method, address, options: RequestOptions = {}, body?: unknown) => {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const done = await exchange(settings, method, address, options.headers ?? {}, sent)
    // Where the kit itself keeps it, for `Client.httpFor`.
    return Object.defineProperty({ resourceType: '', ...done.body }, '__response', { value: done.response })
  }
  return client
}

function responseOf(answer: FhirResponse): Response {
  const { response } = Client.httpFor(answer)
  if (!response) throw new TypeError('an answer of the FHIR client without its response')
  return response
}

function plainOf(answer: FhirResponse): Resource {
  return { ...answer } as Resource
}

/** Of a CapabilityStatement alone: where there is none, there is no FHIR server, and its address is wrong. */
function rejectElsewhere(error: unknown): never {
  if (!isFhirError(error, 'gone')) throw error
  const { status } = error
  const where = `at /metadata below FHIR_URL (${String(status)})`
  throw new FhirError('misconfigured', `the FHIR server has no CapabilityStatement ${where}`, {
    ...(status !== null && { status }),
    cause: error,
  })
}

/** Reads what pushing depends on. FHIR R4 §CapabilityStatement: `rest.resource.updateCreate`. */
export function capabilitiesOf(statement: Resource): Capabilities {
  const fhirVersion = statement['fhirVersion']
  if (statement.resourceType !== 'CapabilityStatement' || typeof fhirVersion !== 'string') {
    throw new FhirError('misconfigured', 'the FHIR server has no CapabilityStatement at /metadata')
  }
  const rest = objects(statement['rest']).find((candidate) => candidate['mode'] !== 'client')
  const updateCreate = new Map<string, boolean>()
  const types = new Set<string>()
  for (const { type, updateCreate: allowed } of objects(rest?.['resource'])) {
    if (typeof type !== 'string') continue
    types.add(type)
    if (typeof allowed === 'boolean') updateCreate.set(type, allowed)
  }
  const software = isObject(statement['software']) ? statement['software']['name'] : null
  return { fhirVersion, software: typeof software === 'string' ? software : null, updateCreate, types }
}

function objects(value: Json | undefined): readonly Record<string, Json | undefined>[] {
  return isList(value) ? value.filter((item) => isObject(item)) : []
}

function stored(answer: FhirResponse, resourceType: string): Stored {
  const resource = plainOf(answer)
  const { id } = resource
  if (resource.resourceType !== resourceType || typeof id !== 'string') throw notAsAsked(resourceType)
  return { resource, id, versionId: versionOf(responseOf(answer).headers, resource) }
}

function matches(bundle: Resource, resourceType: string): Stored[] {
  if (bundle.resourceType !== 'Bundle') throw notAsAsked('Bundle')
  return objects(bundle['entry']).flatMap(({ resource }) => {
    if (!isObject(resource) || resource['resourceType'] !== resourceType) return []
    const { id } = resource
    if (typeof id !== 'string') return []
    const found: Resource = { ...resource, resourceType }
    return [{ resource: found, id, versionId: versionOf(new Headers(), found) }]
  })
}

/** The resource as stored, where the server gave it back; else what was sent, with the id and version of the headers. */
function written(answer: FhirResponse, sent: Resource): Written {
  const response = responseOf(answer)
  const plain = plainOf(answer)
  const resource = plain.resourceType === sent.resourceType ? plain : sent
  const location = response.headers.get('location') ?? response.headers.get('content-location') ?? ''
  const [, ofLocation, version] =
    new RegExp(`${sent.resourceType}/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?$`, 'u').exec(
      location,
    ) ?? []
  const id = (resource === plain ? plain.id : undefined) ?? ofLocation ?? sent.id
  if (id === undefined) throw notAsAsked(sent.resourceType)
  const versionId = versionOf(response.headers, resource === plain ? plain : null) ?? version ?? null
  return { resource: { ...resource, id }, id, versionId, created: response.status === 201 }
}

function versionOf(headers: Headers, resource: Resource | null): string | null {
  const etag = /^(?:W\/)?"([^"]+)"$/u.exec(headers.get('etag') ?? '')?.[1]
  const meta = resource?.['meta']
  const ofMeta = isObject(meta) ? meta['versionId'] : undefined
  return etag ?? (typeof ofMeta === 'string' ? ofMeta : null)
}

function notAsAsked(wanted: string): FhirError {
  return new FhirError('transient', `the FHIR server answered with something that is no ${wanted}`)
}
