import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import { Problem } from '../problem.ts'

/** A private key by which a client proves who it is (SMART App Launch 2.2, backend services). */
export interface ClientKey {
  readonly key: KeyObject
  readonly algorithm: 'RS384' | 'ES384'
  /** `kid` of the key in the set that the server knows. */
  readonly keyId: string | undefined
}

/** How long an assertion is good for, in seconds: SMART allows five minutes. */
const LIFE = 240
/** RSA keys shorter than this are no longer taken (NIST SP 800-131A). */
const RSA_BITS = 2048

/**
 * Reads a private key, PEM (PKCS #8, PKCS #1, SEC 1) or JWK, of the kinds that SMART asks every server to take: RSA, or
 * P-384. Throws Problem `unprocessable`, which says what is wrong and never quotes the key.
 */
export function readClientKey(text: string, keyId?: string): ClientKey {
  const jwk = text.trimStart().startsWith('{') ? jwkOf(text) : undefined
  const key = keyOf(jwk ?? text)
  const kid = keyId ?? (typeof jwk?.['kid'] === 'string' ? jwk['kid'] : undefined)
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= RSA_BITS)
    return { key, algorithm: 'RS384', keyId: kid }
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'secp384r1')
    return { key, algorithm: 'ES384', keyId: kid }
  throw unfit(`an RSA key of ${RSA_BITS} bits or more, or one of the curve P-384`)
}

function jwkOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    throw unfit('JSON, as it begins like a JWK')
  }
}

function keyOf(text: string | Record<string, unknown>): KeyObject {
  try {
    return typeof text === 'string' ? createPrivateKey(text) : createPrivateKey({ key: text, format: 'jwk' })
  } catch {
    throw unfit('a private key, in PEM without a passphrase or as JWK')
  }
}

function unfit(wanted: string): Problem {
  return new Problem('unprocessable', `The client key for the FHIR server must be ${wanted}.`)
}

/**
 * A signed JWT that says who asks, for one request to one token endpoint (RFC 7523 §3; SMART App Launch 2.2, client
 * authentication: asymmetric).
 */
export function clientAssertion(
  { clientId, tokenUrl }: { readonly clientId: string; readonly tokenUrl: string },
  { key, algorithm, keyId }: ClientKey,
  now: number,
): string {
  const issued = Math.floor(now / 1000)
  const header = { alg: algorithm, typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) }
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: tokenUrl,
    iat: issued,
    exp: issued + LIFE,
    jti: randomUUID(),
  }
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  // JWS wants the two numbers of an ECDSA signature side by side (RFC 7518 §3.4), not in DER.
  const signature = sign('sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
