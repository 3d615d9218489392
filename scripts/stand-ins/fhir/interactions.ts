import { RefusalError } from './refusal.ts'
import { search, SearchError } from './search.ts'
import type { Store, Version } from './store.ts'
import { capabilityStatement } from './capabilities.ts'
import { checkSubscription } from './subscriptions.ts'
import { transaction } from './transaction.ts'
import { asText, faultsOf, isObject, type JsonValue, type ResourceJson } from './validate.ts'

/** How the server behaves: switches for what real servers do differently. */
export interface Behaviour {
  release: 'R4' | 'R4B' | 'R5'
  /** Status when If-Match names an older version: HAPI says 409, others 412. */
  conflictStatus: 409 | 412
  /** Whether PUT to a free id makes the resource. */
  updateCreate: boolean
  /** What the CapabilityStatement says of that; null: nothing. */
  statedUpdateCreate: boolean | null
  /** Status that refuses a client's id. */
  refuseIdStatus: 400 | 404 | 405 | 422
  /** Literal references must resolve. */
  integrity: boolean
  /** Bodies beyond this many bytes are 413. */
  maxBytes: number
  /** Resource types that it says it has. */
  types: readonly string[]
  /** Without this bearer token: 401; null: open. */
  token: string | null
  /** Told of every resource that was sent and found valid here, for others to look at it too. */
  onAccepted: ((resource: ResourceJson, release: Behaviour['release']) => void) | null
}

export interface Ask {
  readonly method: string
  /** Path below the base, split at slashes: `['Patient', 'p1']`. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
  readonly ifMatch: string | undefined
  readonly ifNoneExist: string | undefined
  readonly body: ResourceJson | null
  /** Somebody else is a moment earlier. */
  readonly rival?: boolean
  /** Reads see the version before the newest. */
  readonly stale?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: JsonValue
}

export interface World {
  readonly store: Store
  readonly behaviour: Behaviour
  readonly baseUrl: string
}

/** Answers one FHIR interaction; throws RefusalError. */
export function interact(ask: Ask, world: World): Answer {
  const [type = '', id, part, version] = ask.path
  if (type === 'metadata') return { status: 200, body: capabilityStatement(world.behaviour) }
  if (type === '' && ask.method === 'POST') return transaction(ask, world, interact)
  if (!/^[A-Z][A-Za-z]+$/u.test(type)) throw new RefusalError(404, 'not-found')
  if (id === '_history') return typeHistory(type, ask, world)
  if (id === undefined || id === '_search') return ofType(type, ask, world)
  return part === '_history' ? history(type, id, version, world) : ofResource(type, id, ask, world)
}

function ofType(type: string, ask: Ask, world: World): Answer {
  const isSearch = ask.method === 'GET' || ask.path[1] === '_search'
  if (isSearch) return searchset(type, ask, world)
  if (ask.method === 'POST') return create(type, ask, world)
  throw new RefusalError(405, 'not-supported')
}

function ofResource(type: string, id: string, ask: Ask, world: World): Answer {
  switch (ask.method) {
    case 'GET':
      return read(type, id, ask, world)
    case 'PUT':
      return update(type, id, ask, world)
    case 'DELETE':
      world.store.remove(type, id)
      return { status: 204 }
    default:
      throw new RefusalError(405, 'not-supported')
  }
}

function read(type: string, id: string, ask: Ask, { store }: World): Answer {
  const versions = store.versions(type, id)
  const version = ask.stale ? (versions.at(-2) ?? versions.at(-1)) : versions.at(-1)
  if (!version) throw new RefusalError(404, 'not-found')
  if (!version.resource) throw new RefusalError(410, 'deleted')
  return { status: 200, headers: versionHeaders(version), body: version.resource }
}

function versionHeaders({ version, lastUpdated }: Version): Record<string, string> {
  return { etag: `W/"${version}"`, 'last-modified': new Date(lastUpdated).toUTCString() }
}

function update(type: string, id: string, ask: Ask, world: World): Answer {
  const { store, behaviour } = world
  const resource = bodyOf(type, ask, world)
  if (resource['id'] !== id) throw new RefusalError(400, 'invalid')
  if (ask.rival) rewrite(type, id, world)
  const current = store.current(type, id)
  if (ask.ifMatch !== undefined) {
    const wanted = /^(?:W\/)?"([^"]*)"$/u.exec(ask.ifMatch)?.[1]
    if (!current?.resource || wanted !== String(current.version))
      throw new RefusalError(behaviour.conflictStatus, 'conflict')
  }
  const isNew = !current?.resource
  if (isNew && !behaviour.updateCreate) throw new RefusalError(behaviour.refuseIdStatus, 'not-supported')
  // As servers do: what would change nothing makes no version.
  if (current?.resource && sameContent(current.resource, resource)) {
    return { status: 200, headers: versionHeaders(current), body: current.resource }
  }
  const version = store.put({ ...resource, id })
  return writtenAnswer(type, id, version, isNew ? 201 : 200, world)
}

function sameContent(a: ResourceJson, b: ResourceJson): boolean {
  return stable(a) === stable(b)
}

/** Text without what the server itself sets, members in order of their names. */
function stable(value: JsonValue): string {
  return JSON.stringify(value, (name, member: JsonValue) => {
    if (name === 'versionId' || name === 'lastUpdated') return undefined
    return isObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([x], [y]) => (x < y ? -1 : 1)))
      : member
  })
}

function rewrite(type: string, id: string, { store }: World): void {
  const current = store.current(type, id)?.resource
  if (!current) return
  const notes = Array.isArray(current['note']) ? current['note'] : []
  store.put({ ...current, id, note: [...notes, { text: `rival ${notes.length + 1}` }] })
}

function create(type: string, ask: Ask, world: World): Answer {
  const resource = bodyOf(type, ask, world)
  if (ask.ifNoneExist !== undefined) {
    const { matches } = found(type, new URLSearchParams(ask.ifNoneExist), world)
    if (matches.length > 1) throw new RefusalError(412, 'multiple-matches')
    const match = matches[0]
    const version = match && world.store.current(type, asText(match['id']))
    if (match && version) return writtenAnswer(type, asText(match['id']), version, 200, world)
    // The race that real servers lose: both look, both find nothing, both create.
    if (ask.rival) world.store.create(resource)
  }
  const made = world.store.create(resource)
  return writtenAnswer(type, asText(made.resource['id']), made, 201, world)
}

function writtenAnswer(
  type: string,
  id: string,
  version: Version,
  status: number,
  { store, baseUrl }: World,
): Answer {
  return {
    status,
    headers: { ...versionHeaders(version), location: `${baseUrl}/${type}/${id}/_history/${version.version}` },
    body: store.current(type, id)?.resource ?? null,
  }
}

function bodyOf(type: string, ask: Ask, world: World): ResourceJson {
  const { body } = ask
  if (body?.resourceType !== type) throw new RefusalError(400, 'structure')
  const faults = faultsOf(body, world.behaviour.release === 'R5' ? 'R5' : 'R4')
  if (faults.length > 0) throw new RefusalError(422, ...faults)
  if (type === 'Subscription') checkSubscription(body, world.behaviour.types, world.store)
  if (world.behaviour.integrity) checkIntegrity(body, world)
  world.behaviour.onAccepted?.(body, world.behaviour.release)
  return body
}

function checkIntegrity(value: JsonValue, world: World): void {
  if (Array.isArray(value)) value.forEach((item) => checkIntegrity(item, world))
  if (!isObject(value)) return
  const { reference } = value
  const [, type = '', id = ''] =
    typeof reference === 'string' ? (/^([A-Z]\w+)\/([^/]+)/u.exec(reference) ?? []) : []
  if (type !== '' && !world.store.current(type, id)?.resource) throw new RefusalError(400, 'not-found')
  Object.values(value).forEach((member) => checkIntegrity(member, world))
}

function found(type: string, parameters: URLSearchParams, { store }: World): ReturnType<typeof search> {
  try {
    return search(store, type, parameters)
  } catch (error) {
    if (error instanceof SearchError) throw new RefusalError(400, 'not-supported')
    throw error
  }
}

function searchset(type: string, ask: Ask, world: World): Answer {
  const { matches, included } = found(type, ask.query, world)
  const count = Math.min(Number(ask.query.get('_count') ?? 50), 500)
  const offset = Number(ask.query.get('_offset') ?? 0)
  const page = matches.slice(offset, offset + count)
  const next = new URLSearchParams(ask.query)
  next.set('_offset', String(offset + count))
  const more = offset + count < matches.length
  const entry = [
    ...page.map((resource) => entryOf(resource, 'match', world)),
    ...included.map((resource) => entryOf(resource, 'include', world)),
  ]
  return {
    status: 200,
    body: {
      resourceType: 'Bundle',
      type: 'searchset',
      total: matches.length,
      ...(more && { link: [{ relation: 'next', url: `${world.baseUrl}/${type}?${next.toString()}` }] }),
      ...(entry.length > 0 && { entry }),
    },
  }
}

function entryOf(resource: ResourceJson, mode: string, { baseUrl }: World): JsonValue {
  const fullUrl = `${baseUrl}/${resource.resourceType}/${asText(resource['id'])}`
  return { fullUrl, resource, search: { mode } }
}

function history(type: string, id: string, version: string | undefined, world: World): Answer {
  const versions = world.store.versions(type, id)
  if (version === undefined) return historyBundle(type, versions.toReversed())
  const one = versions[Number(version) - 1]
  if (!one?.resource) throw new RefusalError(one ? 410 : 404, 'not-found')
  return { status: 200, headers: versionHeaders(one), body: one.resource }
}

function typeHistory(type: string, ask: Ask, world: World): Answer {
  const since = ask.query.get('_since') ?? ''
  const versions = world.store
    .all(type)
    .flatMap((resource) => world.store.versions(type, asText(resource['id'])))
    .filter(({ lastUpdated }) => lastUpdated > since)
    .sort((a, b) => (a.lastUpdated > b.lastUpdated ? -1 : 1))
  return historyBundle(type, versions)
}

function historyBundle(type: string, versions: readonly Version[]): Answer {
  const entry = versions.map(({ resource }) =>
    resource
      ? { resource, request: { method: 'PUT', url: type } }
      : { request: { method: 'DELETE', url: type } },
  )
  return { status: 200, body: { resourceType: 'Bundle', type: 'history', total: entry.length, entry } }
}
