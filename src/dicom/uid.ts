import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Uid } from './data-set.ts'

const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39

/**
 * True for a UID that can identify: digits and dots, at most 64 characters (PS3.5 §9.1). Leading zeros of a component
 * break the standard but come from real devices; see {@link isConformantUid}.
 */
export function isUid(text: string): boolean {
  return areComponents(text, true)
}

/** True for a UID to the letter of PS3.5 §9.1: no component but `0` itself begins with zero. */
export function isConformantUid(text: string): boolean {
  return areComponents(text, false)
}

/** In one pass, without a regular expression: every instance has a dozen UIDs. */
function areComponents(text: string, mayBeginWithZero: boolean): boolean {
  if (text.length > 64) return false
  let digits = 0
  let isZero = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT) {
      if (digits === 0) return false
      digits = 0
    } else {
      if (code < ZERO || code > NINE || (digits > 0 && isZero)) return false
      if (digits++ === 0) isZero = code === ZERO && !mayBeginWithZero
    }
  }
  return digits > 0
}

/** A new UID under the UUID arc `2.25.` (PS3.5 §B.2). */
export function newUid(): Uid {
  return uidFromUuid(randomUUID())
}

/** The same UID every time for the same text under the same namespace: `2.25.` and a UUIDv5. */
export function uidFrom(namespaceUuid: string, text: string): Uid {
  return uidFromUuid(uuidv5(namespaceUuid, text))
}

/** A UUID as a UID: its 128 bits as one decimal component (PS3.5 §B.2). */
export function uidFromUuid(uuid: string): Uid {
  return `2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`
}

/** Name-based UUID, SHA-1 (RFC 9562 §5.5). `namespaceUuid` in the usual form of 36 characters. */
export function uuidv5(namespaceUuid: string, name: string): string {
  const namespace = Buffer.from(namespaceUuid.replaceAll('-', ''), 'hex')
  if (namespace.length !== 16) throw new RangeError('uuidv5: the namespace is no UUID')
  return uuidText(createHash('sha1').update(namespace).update(name, 'utf8').digest().subarray(0, 16), 5)
}

/** Time-ordered UUID (RFC 9562 §5.7): 48 bits of milliseconds since 1970, then random bits. */
export function uuidv7(milliseconds = Date.now()): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(milliseconds, 0, 6)
  return uuidText(bytes, 7)
}

function uuidText(bytes: Buffer, version: number): string {
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
