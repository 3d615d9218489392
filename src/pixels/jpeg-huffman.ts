/** Entropy-coded bits of JPEG (ISO/IEC 10918-1 Annex C, §F.2.2). */
import { UndecodableError } from './undecodable.ts'

/** Codes by length; those of up to eight bits by a look-up. */
export interface HuffmanTable {
  /** For each eight bits: length of the code they begin with, times 256, and its value; 0: a longer code. */
  readonly quick: Uint16Array
  readonly values: Uint8Array
  /** By length: the largest code, or -1; what to add to a code for the index of its value. */
  readonly largest: Int32Array
  readonly offset: Int32Array
}

/** `counts`: how many codes there are of 1 to 16 bits (Annex C). */
export function huffmanTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const quick = new Uint16Array(256)
  const largest = new Int32Array(17).fill(-1)
  const offset = new Int32Array(17)
  let [code, index] = [0, 0]
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] ?? 0
    if (code + count > 1 << length) throw new UndecodableError('a table of codes is overfull')
    offset[length] = index - code
    for (let n = 0; n < count; n++, code++, index++) {
      if (length > 8) continue
      const first = code << (8 - length)
      quick.fill((length << 8) | (values[index] ?? 0), first, first + (1 << (8 - length)))
    }
    if (count > 0) largest[length] = code - 1
    code <<= 1
  }
  return { quick, values, largest, offset }
}

/** Bits as they are taken: stuffed zeros are gone, a marker ends them. */
export interface Bits {
  readonly bytes: Uint8Array
  at: number
  held: number
  count: number
  /** Bytes that were made up behind the end. */
  missing: number
}

/** A decoder looks ahead by as much; what it takes beyond is not there. */
const MOST_MISSING = 8

export function bitsFrom(bytes: Uint8Array, at: number): Bits {
  return { bytes, at, held: 0, count: 0, missing: 0 }
}

function fill(bits: Bits): void {
  while (bits.count <= 16) {
    let byte = bits.bytes[bits.at]
    if (byte === 0xff && bits.bytes[bits.at + 1] === 0) bits.at += 2
    else if (byte === undefined || byte === 0xff) {
      if (++bits.missing > MOST_MISSING) throw new UndecodableError('the compressed data ends early')
      byte = 0
    } else bits.at++
    bits.held = ((bits.held << 8) | byte) & 0xffffff
    bits.count += 8
  }
}

/** The next value by its code. */
export function decodeValue(bits: Bits, table: HuffmanTable): number {
  if (bits.count < 16) fill(bits)
  const known = table.quick[(bits.held >> (bits.count - 8)) & 0xff] ?? 0
  if (known !== 0) {
    bits.count -= known >> 8
    return known & 0xff
  }
  for (let length = 9; length <= 16; length++) {
    const code = (bits.held >> (bits.count - length)) & ((1 << length) - 1)
    if (code > (table.largest[length] ?? -1)) continue
    bits.count -= length
    return table.values[code + (table.offset[length] ?? 0)] ?? 0
  }
  throw new UndecodableError('there is a code that its table has not')
}

/** `length` bits, at most 16, as the difference that they stand for (§F.2.2.1, EXTEND). */
export function takeDifference(bits: Bits, length: number): number {
  if (length === 0) return 0
  const value = takeBits(bits, length)
  return value < 1 << (length - 1) ? value - (1 << length) + 1 : value
}

/** `length` bits, at most 16, as a number. */
export function takeBits(bits: Bits, length: number): number {
  if (length === 0) return 0
  if (bits.count < length) fill(bits)
  bits.count -= length
  return (bits.held >> bits.count) & ((1 << length) - 1)
}

/** Moves behind the next restart marker and begins at a whole byte. */
export function restart(bits: Bits): void {
  const { bytes } = bits
  let at = bits.at
  while (at < bytes.length && !(bytes[at] === 0xff && isRestart(bytes[at + 1]))) at++
  if (at >= bytes.length) throw new UndecodableError('a restart marker is missing')
  bits.at = at + 2
  bits.held = 0
  bits.count = 0
  bits.missing = 0
}

function isRestart(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0xd0 && byte <= 0xd7
}
