/**
 * Lists of ascending numbers in few bytes that can be entered in the middle: entries are varint deltas in pages of
 * {@link PAGE}; a directory gives for each page where it begins and the number that it starts from.
 *
 *     varint     bytes of all pages
 *     directory  one entry of 10 bytes a page: position in the pages (u32), base (u48), little endian
 *     pages      PAGE entries each, the last one fewer
 */
export const PAGE = 256
const DIRECTORY_ENTRY = 10

/** Bytes that grow while they are written. */
export interface Growing {
  bytes: Buffer
  length: number
}

export function growing(capacity = 64): Growing {
  return { bytes: Buffer.allocUnsafe(capacity), length: 0 }
}

/** Appends a whole number from 0 to 2^53 − 1: seven bits a byte, the lowest first, the top bit says that more follow. */
export function putVarint(target: Growing, value: number): void {
  if (target.length + 8 > target.bytes.length) {
    const larger = Buffer.allocUnsafe(target.bytes.length * 2 + 8)
    target.bytes.copy(larger, 0, 0, target.length)
    target.bytes = larger
  }
  let rest = value
  while (rest >= 0x80) {
    target.bytes[target.length++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  target.bytes[target.length++] = rest
}

/** Where reading has come to. */
export interface Cursor {
  readonly bytes: Buffer
  position: number
}

/** Reads what {@link putVarint} wrote and moves on. Throws RangeError at the end of the bytes. */
export function takeVarint(cursor: Cursor): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = cursor.bytes.readUInt8(cursor.position++)
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
    scale *= 0x80
  }
}

/** A table being written: {@link beginEntry}, then the varints of the entry into `pages`. */
export interface TableWriter {
  readonly pages: Growing
  readonly directory: { position: number; base: number }[]
  count: number
}

export function tableWriter(): TableWriter {
  return { pages: growing(), directory: [], count: 0 }
}

/** Begins an entry; `base` is what its first number counts from. */
export function beginEntry(table: TableWriter, base: number): void {
  if (table.count % PAGE === 0) table.directory.push({ position: table.pages.length, base })
  table.count++
}

export function tableBytes({ pages, directory }: TableWriter): Buffer {
  const size = growing(8)
  putVarint(size, pages.length)
  const entries = Buffer.alloc(directory.length * DIRECTORY_ENTRY)
  directory.forEach(({ position, base }, page) => {
    entries.writeUInt32LE(position, page * DIRECTORY_ENTRY)
    entries.writeUIntLE(base, page * DIRECTORY_ENTRY + 4, 6)
  })
  return Buffer.concat([size.bytes.subarray(0, size.length), entries, pages.bytes.subarray(0, pages.length)])
}

/** A table as it lies in the bytes of a map. */
export interface Table {
  readonly bytes: Buffer
  readonly count: number
  readonly directoryAt: number
  readonly pagesAt: number
}

/** Finds a table of `count` entries at the cursor and moves behind it, reading nothing of its pages. */
export function takeTable(cursor: Cursor, count: number): Table {
  const size = takeVarint(cursor)
  const directoryAt = cursor.position
  const pagesAt = directoryAt + Math.ceil(count / PAGE) * DIRECTORY_ENTRY
  cursor.position = pagesAt + size
  return { bytes: cursor.bytes, count, directoryAt, pagesAt }
}

/** A cursor at the first entry of the page that holds entry `index`, and the base of that page. */
export function enterTable(table: Table, index: number): { cursor: Cursor; base: number; first: number } {
  const page = Math.floor(index / PAGE)
  const entry = table.directoryAt + page * DIRECTORY_ENTRY
  return {
    cursor: { bytes: table.bytes, position: table.pagesAt + table.bytes.readUInt32LE(entry) },
    base: table.bytes.readUIntLE(entry + 4, 6),
    first: page * PAGE,
  }
}
