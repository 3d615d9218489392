import { clientAssertion, readClientKey } from './client-assertion.ts'
import { FhirError } from './ports.ts'
import type { TokenSource } from './transport.ts'

export interface ClientCredentials {
  readonly tokenUrl: string
  readonly clientId: string
  /** How the client proves who it is: a secret that both know, or a private key, PEM or JWK (SMART backend services). */
  readonly proof: { readonly secret: string } | { readonly key: string; readonly keyId?: string | undefined }
  readonly scope?: string | undefined
}

const TIMEOUT_MS = 30_000
/** Of a token that does not say how long it lives (RFC 6749 §5.1 recommends that it does), in seconds. */
const UNSAID_LIFE = 300
/** A token is not used in its last seconds, in which it would run out on the way. */
const MARGIN = 30
/** Tokens are short; what is longer is something else. */
const MOST_TEXT = 64 * 1024

/**
 * Gives bearer tokens by the OAuth2 client credentials grant (RFC 6749 §4.4), each until shortly before it runs out, or
 * was refused; callers at one time share one request. Rejects with FhirError: `auth` when the credentials are refused, else
 * `transient`. Redirects are not followed, as they would carry the secret along.
 */
export function clientCredentials(credentials: ClientCredentials, now: () => number = Date.now): TokenSource {
  const prove = proverOf(credentials)
  let current: { readonly token: string; readonly until: number } | undefined
  let asking: Promise<string> | undefined

  async function ask(): Promise<string> {
    const { token, lifeSeconds } = await requestToken(credentials, prove(now()))
    current = { token, until: now() + Math.max(0, lifeSeconds - MARGIN) * 1000 }
    return token
  }
  return (refused) => {
    if (current !== undefined && now() < current.until && current.token !== refused)
      return Promise.resolve(current.token)
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

async function requestToken(
  { tokenUrl, scope }: ClientCredentials,
  { headers, form }: Proof,
): Promise<{ token: string; lifeSeconds: number }> {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { accept: 'application/json', ...headers },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...form,
    }),
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((cause: unknown) => {
    throw new FhirError('transient', 'no answer from the token endpoint', { cause })
  })
  const { status } = response
  if (!response.ok) {
    await response.body?.cancel()
    const kind = status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'auth' : 'transient'
    throw new FhirError(kind, `the token endpoint answered ${status}`, { status })
  }
  return readToken(await response.text(), status)
}

/** What a request to the token endpoint says of who sends it. */
interface Proof {
  readonly headers?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
}

function proverOf(credentials: ClientCredentials): (now: number) => Proof {
  const { clientId, proof } = credentials
  if ('key' in proof) {
    const key = readClientKey(proof.key, proof.keyId)
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return (now) => ({
      form: { client_assertion_type: type, client_assertion: clientAssertion(credentials, key, now) },
    })
  }
  // RFC 6749 §2.3.1: both are form-encoded before they are put together.
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(proof.secret)}`
  const headers = { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
  return () => ({ headers })
}

function readToken(text: string, status: number): { token: string; lifeSeconds: number } {
  const answer = text.length > MOST_TEXT ? undefined : parsed(text)
  const { access_token: token, expires_in: life } = answer ?? {}
  if (typeof token !== 'string' || token === '') {
    throw new FhirError('transient', 'the token endpoint gave no token', { status })
  }
  return { token, lifeSeconds: typeof life === 'number' && life >= 0 ? life : UNSAID_LIFE }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
