import { randomBytes } from 'node:crypto'

/** Of the last one that this process made. */
const last = { milliseconds: 0, counter: 0 }

/**
 * A UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds, 12 bits that count within one, 62 random bits. Those of
 * one process sort as text in the order in which they were made (§6.2, method 1), so that keys tell what came first.
 */
export function newUuid7(): string {
  const now = Date.now()
  if (now > last.milliseconds) Object.assign(last, { milliseconds: now, counter: 0 })
  else if (last.counter < 0xfff) last.counter++
  else Object.assign(last, { milliseconds: last.milliseconds + 1, counter: 0 })
  const bytes = randomBytes(16)
  bytes.writeUIntBE(last.milliseconds, 0, 6)
  bytes.writeUInt16BE(0x7000 | last.counter, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuidText(bytes)
}

/** The beginning of UUIDs of version 7 that were made in a millisecond. */
export function uuid7Prefix(milliseconds: number): string {
  return milliseconds
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')
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
