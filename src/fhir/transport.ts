import { answerError } from './faults.ts'
import { isObject } from './mapping/canonical.ts'
import { FhirError, type Json, type Resource } from './ports.ts'

/** Gives a bearer token; another one than that which the server has just refused, if there is one. */
export type TokenSource = (refused?: string) => Promise<string>

export interface TransportSettings {
  /** Base URL of the FHIR server, without a slash at its end. */
  readonly url: string
  /** The bearer token for the next request; absent where the server asks for none. */
  readonly token?: TokenSource
  /** For connecting, sending and reading together. */
  readonly timeoutMs: number
  /** Of an answer, unpacked. */
  readonly maxBytes: number
}

export interface Exchange {
  /** Empty object where the answer has no body. */
  readonly body: Resource | Record<string, never>
  readonly response: Response
}

/**
 * One request to the FHIR server and nowhere else: credentials go to its own origin and path only, redirects are not
 * followed (they would carry credentials to wherever they point: CVE-2026-34359 and its kin), the answer is bounded in
 * bytes and time. Rejects with FhirError for everything but a 2xx that holds FHIR JSON, or nothing.
 */
export async function exchange(
  settings: TransportSettings,
  method: string,
  address: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Exchange> {
  const url = within(settings.url, address)
  // HAPI answers a search from its cache for a minute, in which what was made since is missing.
  const sent = new Headers({ accept: 'application/fhir+json', 'cache-control': 'no-cache', ...headers })
  const signal = AbortSignal.timeout(settings.timeoutMs)
  const init = { method, redirect: 'manual', signal, ...(body !== undefined && { body }) } as const
  try {
    const response = await authorized(settings, sent, (headersNow) =>
      fetch(url, { ...init, headers: headersNow }),
    )
    const text = await bounded(response, settings.maxBytes)
    return { body: answered(response, text), response }
  } catch (error) {
    if (error instanceof FhirError) throw error
    throw new FhirError('transient', `no answer from the FHIR server: ${causeOf(error)}`, { cause: error })
  }
}

/** Sends with the token. One that is refused (401) may have been revoked: what was refused was not done, so it is sent again with a new one. */
async function authorized(
  { token }: TransportSettings,
  headers: Headers,
  send: (headers: Headers) => Promise<Response>,
): Promise<Response> {
  if (!token) return send(headers)
  const used = await token()
  headers.set('authorization', `Bearer ${used}`)
  const response = await send(headers)
  if (response.status !== 401) return response
  const renewed = await token(used)
  if (renewed === used) return response
  await response.body?.cancel()
  headers.set('authorization', `Bearer ${renewed}`)
  return send(headers)
}

/** The absolute URL of an address below the base; never one elsewhere, whoever named it (a Bundle's `next`, a Reference). */
export function within(base: string, address: string): URL {
  const root = new URL(`${base}/`)
  const url = new URL(address, root)
  // The base itself too: HAPI's pages are at `/fhir?_getpages=…`.
  const isBelow = url.pathname.startsWith(root.pathname) || `${url.pathname}/` === root.pathname
  if (url.origin !== root.origin || !isBelow) {
    throw new FhirError('misconfigured', 'an address outside of the configured FHIR server is not followed')
  }
  return url
}

async function bounded(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  const body: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    // Leaving the loop cancels the stream, and with it the connection.
    if (size > maxBytes)
      throw new FhirError('transient', `an answer of more than ${maxBytes} bytes was cut off`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function answered(response: Response, text: string): Resource | Record<string, never> {
  const { status, ok, headers } = response
  const body = parsed(text)
  if (!ok) throw answerError(status, headers, body, Date.now())
  if (text === '') return {}
  if (isResource(body)) return body
  throw new FhirError('transient', `the FHIR server answered ${status} with something that is no FHIR JSON`, {
    status,
  })
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function isResource(body: Json | undefined): body is Resource {
  return isObject(body) && typeof body['resourceType'] === 'string'
}

/** `ECONNREFUSED`, `TimeoutError`, …: a name, never a message that could quote an address with parameters. */
function causeOf(error: unknown): string {
  const { cause, code, name } = namesOf(error)
  if (cause !== undefined) return causeOf(cause)
  return code ?? name ?? 'unknown'
}

function namesOf(error: unknown): { cause?: unknown; code?: string; name?: string } {
  if (typeof error !== 'object' || error === null) return {}
  return {
    ...('cause' in error && { cause: error.cause }),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('name' in error && typeof error.name === 'string' && { name: error.name }),
  }
}
