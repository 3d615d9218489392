import { FhirError } from './ports.ts'

export interface ClientCredentials {
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
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
 * Gives bearer tokens by the OAuth2 client credentials grant (RFC 6749 §4.4), each until shortly before it runs out;
 * callers at one time share one request. Rejects with FhirError: `auth` when the credentials are refused, else
 * `transient`. Redirects are not followed, as they would carry the secret along.
 */
export function clientCredentials(
  credentials: ClientCredentials,
  now: () => number = Date.now,
): () => Promise<string> {
  let current: { readonly token: string; readonly until: number } | undefined
  let asking: Promise<string> | undefined

  async function ask(): Promise<string> {
    const { token, lifeSeconds } = await requestToken(credentials)
    current = { token, until: now() + Math.max(0, lifeSeconds - MARGIN) * 1000 }
    return token
  }
  return () => {
    if (current !== undefined && now() < current.until) return Promise.resolve(current.token)
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

async function requestToken(credentials: ClientCredentials): Promise<{ token: string; lifeSeconds: number }> {
  const { tokenUrl, clientId, clientSecret, scope } = credentials
  // RFC 6749 §2.3.1: both are form-encoded before they are put together.
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString(
    'base64',
  )
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
  })
  const response = await fetch(tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
    body: form,
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
