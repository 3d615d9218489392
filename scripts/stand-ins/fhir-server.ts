import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Fault, type Faults, openFaults } from './fhir/faults.ts'
import { type Answer, type Ask, type Behaviour, interact } from './fhir/interactions.ts'
import { page } from './fhir/page.ts'
import { RefusalError } from './fhir/refusal.ts'
import { openStore, type Store } from './fhir/store.ts'
import { type Call, serveSubscriptions } from './fhir/subscriptions.ts'
import { isObject, type JsonValue, type ResourceJson } from './fhir/validate.ts'

/** A request as the server saw it, for tests that ask who sent what. */
export interface SeenRequest {
  readonly method: string
  /** Below the base, with its query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly status: number | null
}

/** A FHIR server in memory: strict, versioned, failing on demand. For demo and tests; it is no server for patients. */
export interface FhirStandIn {
  /** FHIR base URL: `http://127.0.0.1:PORT/fhir`. */
  readonly url: string
  readonly store: Store
  readonly faults: Faults
  /** May be changed at any time. */
  readonly behaviour: Behaviour
  readonly requests: SeenRequest[]
  /** What its Subscriptions called. */
  readonly calls: readonly Call[]
  stop(): Promise<void>
}

const DEFAULTS: Behaviour = {
  release: 'R4',
  conflictStatus: 412,
  updateCreate: true,
  statedUpdateCreate: true,
  refuseIdStatus: 400,
  integrity: true,
  maxBytes: 64 * 1024 * 1024,
  types: [
    ...['Patient', 'ImagingStudy', 'Endpoint', 'Provenance', 'Device', 'Practitioner', 'ServiceRequest'],
    'Subscription',
  ],
  token: null,
  onAccepted: null,
}

/** Starts on a port of 127.0.0.1 (0: any free one) or of another host. */
export async function startFhirStandIn(
  options: Partial<Behaviour> & { port?: number; host?: string } = {},
): Promise<FhirStandIn> {
  const { port = 0, host = '127.0.0.1', ...behaviour } = options
  const store = openStore()
  const server = createServer({ keepAliveTimeout: 1000 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const url = `http://${host}:${(server.address() as AddressInfo).port}/fhir`
  const standIn: FhirStandIn = {
    url,
    store,
    faults: openFaults(),
    behaviour: { ...DEFAULTS, ...behaviour },
    requests: [],
    calls: serveSubscriptions(store),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  server.on('request', (request, response) => {
    void serve(standIn, request, response).catch(() => response.destroy())
  })
  return standIn
}

async function serve(
  standIn: FhirStandIn,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', standIn.url)
  const body = await bytesOf(request)
  if (!url.pathname.startsWith('/fhir')) {
    send(response, beside(standIn, request.method ?? '', url.pathname, body), 'text/html')
    return
  }
  const path = url.pathname.slice('/fhir'.length) + url.search
  const method = request.method ?? ''
  const seen = { method, path, authorization: request.headers.authorization, status: null as number | null }
  if (standIn.requests.push(seen) > 10_000) standIn.requests.shift()
  const fault = standIn.faults.take(method, path)
  if (fault && happened(fault, request, response)) return
  const answer = answerTo(standIn, request, url, body, fault)
  seen.status = answer.status
  if (fault?.do === 'commit-then-drop') request.socket.destroy()
  else send(response, answer)
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Faults that answer instead of the server; false for those that change what it does. */
function happened(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
  switch (fault.do) {
    case 'answer':
      response.writeHead(fault.status ?? 500, { 'content-type': 'application/fhir+json', ...fault.headers })
      response.end(fault.body ?? '')
      return true
    case 'hang':
      return true
    case 'drop':
      request.socket.destroy()
      return true
    case 'flood':
      response.writeHead(200, { 'content-type': 'application/fhir+json' })
      flood(response)
      return true
    case 'commit-then-drop':
    case 'stale-read':
    case 'rival':
      return false
  }
}

function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(1024 * 1024, ' ')
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', pour)
  pour()
}

function answerTo(
  { store, behaviour, url: baseUrl }: FhirStandIn,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  fault: Fault | null,
): Answer {
  const { authorization } = request.headers
  try {
    if (behaviour.token !== null && authorization !== `Bearer ${behaviour.token}`)
      throw new RefusalError(401, 'login')
    if (body.length > behaviour.maxBytes) throw new RefusalError(413, 'too-long')
    const ask: Ask = {
      method: request.method ?? '',
      path: url.pathname.slice('/fhir/'.length).split('/').map(decodeURIComponent),
      query: url.pathname.endsWith('/_search') ? new URLSearchParams(body.toString()) : url.searchParams,
      ifMatch: request.headers['if-match'],
      ifNoneExist: request.headers['if-none-exist'] as string | undefined,
      body: url.pathname.endsWith('/_search') ? null : parsed(body),
      rival: fault?.do === 'rival',
      stale: fault?.do === 'stale-read',
    }
    return interact(ask, { store, behaviour, baseUrl })
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error
    const issue = error.issues.map((cause) => ({
      severity: 'error',
      code: /^[a-z-]+$/u.test(cause) ? cause : 'invalid',
      diagnostics: cause,
      ...(/^[\w.[\]]+:/u.test(cause) && { expression: [cause.slice(0, cause.indexOf(':'))] }),
    }))
    return { status: error.status, body: { resourceType: 'OperationOutcome', issue } }
  }
}

function parsed(body: Buffer): ResourceJson | null {
  if (body.length === 0) return null
  try {
    return JSON.parse(body.toString()) as ResourceJson
  } catch {
    throw new RefusalError(400, 'structure')
  }
}

/**
 * What is beside FHIR: the page, and `POST /_control/faults` a fault, `DELETE /_control/faults`, `POST
 * /_control/behaviour` switches, `DELETE /_control/store`.
 */
function beside(standIn: FhirStandIn, method: string, path: string, body: Buffer): Answer {
  const sent = method === 'POST' ? (JSON.parse(body.toString()) as JsonValue) : null
  if (path === '/' && method === 'GET') return { status: 200, body: page(standIn.store, standIn.url) }
  if (path === '/_control/faults' && isObject(sent)) standIn.faults.add(sent as unknown as Fault)
  else if (path === '/_control/faults' && method === 'DELETE') standIn.faults.clear()
  else if (path === '/_control/behaviour' && isObject(sent)) Object.assign(standIn.behaviour, sent)
  else if (path === '/_control/store' && method === 'DELETE') standIn.store.clear()
  else return { status: 404 }
  return { status: 204 }
}

function send(
  response: ServerResponse,
  { status, headers, body }: Answer,
  type = 'application/fhir+json',
): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, ...headers })
  response.end(
    body === undefined || body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body),
  )
}

/** Run by itself: `node scripts/run.cjs scripts/stand-ins/fhir-server.ts --port 8090`. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8090' }, host: { type: 'string', default: '127.0.0.1' } },
  })
  const { url } = await startFhirStandIn({ port: Number(values.port), host: values.host })
  process.stdout.write(`stand-in FHIR server (in memory, for demo and tests only): ${url}\n`)
}
