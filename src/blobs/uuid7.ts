import { randomBytes } from 'node:crypto'

/** A UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits; sorts by time as text. */
export function newUuid7(now: number = Date.now()): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuidText(bytes)
}

/** When a UUID of version 7 was made. */
export function uuid7Time(text: string): Date {
  return new Date(parseInt(text.replace('-', '').slice(0, 12), 16))
}

/** Sixteen bytes as the text of a UUID (RFC 9562 §4). */
export function uuidText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The text of a UUID as sixteen bytes. */
export function uuidBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll('-', ''), 'hex')
}

/** A regular expression source for UUIDs of version 7, lower case as {@link newUuid7} makes them. */
export const UUID7 = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
