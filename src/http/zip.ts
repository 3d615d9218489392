/** ZIP archives that are written while they are read: entries as they are, without compression (APPNOTE 6.3.3 and later). */
import { crc32 } from 'node:zlib'
import type { Readable } from 'node:stream'

export interface ZipEntry {
  /** With slashes between folders; letters of ASCII. */
  readonly name: string
  /** About as many bytes as `open` gives: decides whether lengths of 32 bits will do. */
  readonly size: number
  readonly modified: Date
  readonly open: () => Promise<Readable>
}

interface Written {
  readonly name: Buffer
  readonly stamp: number
  readonly crc: number
  readonly size: number
  readonly offset: number
}

const FITS_32 = 0xffffffff
/** From here on an entry gets lengths of 64 bits: a little below the limit, since a size is known only roughly. */
const LARGE = 0xf0000000
/** Sizes and sum follow the bytes (bit 3); names are UTF-8 (bit 11). */
const FLAGS = 0x0808
const VERSION = 20
const VERSION_64 = 45

/** The bytes of the archive, in order. Memory grows with the number of entries alone. */
export async function* zipOf(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Buffer> {
  const written: Written[] = []
  let offset = 0
  for await (const entry of entries) {
    const name = Buffer.from(entry.name, 'utf8')
    const stamp = dosTime(entry.modified)
    const isLarge = entry.size > LARGE
    const head = localHeader(name, stamp, isLarge)
    let [crc, size, isFirst] = [0, 0, true]
    for await (const chunk of (await entry.open()) as AsyncIterable<Buffer>) {
      // The head goes out with the first bytes, so that what cannot be read is told before.
      if (isFirst) yield head
      isFirst = false
      crc = crc32(chunk, crc)
      size += chunk.length
      yield chunk
    }
    if (isFirst) yield head
    if (size > FITS_32 && !isLarge) throw new RangeError('an entry is larger than it was said to be')
    const tail = descriptor(crc, size, isLarge)
    yield tail
    written.push({ name, stamp, crc, size, offset })
    offset += head.length + size + tail.length
  }
  const directory = Buffer.concat(written.map(centralHeader))
  yield directory
  yield endOf(written.length, directory.length, offset)
}

/** Time and date as MS-DOS has them: two seconds, and no time zone, so that UTC is written. */
function dosTime(date: Date): number {
  const year = Math.max(1980, Math.min(2107, date.getUTCFullYear()))
  const day = ((year - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  return ((day << 16) | time) >>> 0
}

function localHeader(name: Buffer, stamp: number, isLarge: boolean): Buffer {
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(isLarge ? VERSION_64 : VERSION, 4)
  head.writeUInt16LE(FLAGS, 6)
  head.writeUInt32LE(stamp, 10)
  if (isLarge) head.writeUInt32LE(FITS_32, 18)
  if (isLarge) head.writeUInt32LE(FITS_32, 22)
  head.writeUInt16LE(name.length, 26)
  const extra = isLarge ? extra64([0, 0]) : Buffer.alloc(0)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

function descriptor(crc: number, size: number, isLarge: boolean): Buffer {
  const tail = Buffer.alloc(isLarge ? 24 : 16)
  tail.writeUInt32LE(0x08074b50, 0)
  tail.writeUInt32LE(crc, 4)
  if (isLarge) {
    tail.writeBigUInt64LE(BigInt(size), 8)
    tail.writeBigUInt64LE(BigInt(size), 16)
  } else {
    tail.writeUInt32LE(size, 8)
    tail.writeUInt32LE(size, 12)
  }
  return tail
}

function centralHeader({ name, stamp, crc, size, offset }: Written): Buffer {
  const isLarge = size >= FITS_32
  const isFar = offset >= FITS_32
  const numbers = [...(isLarge ? [size, size] : []), ...(isFar ? [offset] : [])]
  const extra = numbers.length === 0 ? Buffer.alloc(0) : extra64(numbers)
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  head.writeUInt16LE(VERSION_64, 4)
  head.writeUInt16LE(numbers.length === 0 ? VERSION : VERSION_64, 6)
  head.writeUInt16LE(FLAGS, 8)
  head.writeUInt32LE(stamp, 12)
  head.writeUInt32LE(crc, 16)
  head.writeUInt32LE(Math.min(size, FITS_32), 20)
  head.writeUInt32LE(Math.min(size, FITS_32), 24)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt32LE(Math.min(offset, FITS_32), 42)
  return Buffer.concat([head, name, extra])
}

/** The extra field of ZIP64 (APPNOTE 4.5.3). */
function extra64(numbers: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + numbers.length * 8)
  extra.writeUInt16LE(1, 0)
  extra.writeUInt16LE(numbers.length * 8, 2)
  numbers.forEach((number, index) => extra.writeBigUInt64LE(BigInt(number), 4 + index * 8))
  return extra
}

function endOf(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(Math.min(size, FITS_32), 12)
  end.writeUInt32LE(Math.min(offset, FITS_32), 16)
  if (count < 0xffff && size < FITS_32 && offset < FITS_32) return end
  const record = Buffer.alloc(56)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(VERSION_64, 12)
  record.writeUInt16LE(VERSION_64, 14)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(size), 40)
  record.writeBigUInt64LE(BigInt(offset), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50, 0)
  locator.writeBigUInt64LE(BigInt(offset + size), 8)
  locator.writeUInt32LE(1, 16)
  return Buffer.concat([record, locator, end])
}
