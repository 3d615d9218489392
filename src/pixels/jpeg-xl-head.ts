/** What a JPEG XL codestream says of itself before its first frame (ISO/IEC 18181-1, SizeHeader and ImageMetadata). */
import { UndecodableError } from './undecodable.ts'

export interface JpegXlHead {
  readonly width: number
  readonly height: number
  /** Of a sample, 1 to 16. */
  readonly bits: number
}

/** The signature box of a file with boxes (ISO/IEC 18181-2). */
const SIGNATURE = Buffer.from('0000000c4a584c200d0a870a', 'hex')
const CODESTREAM = Buffer.of(0xff, 0x0a)
/** Width to height, by number (SizeHeader). */
const RATIOS = [0, 1, 12 / 10, 4 / 3, 3 / 2, 16 / 9, 5 / 4, 2]

/** Bits, the lowest of each byte first. */
interface Bits {
  readonly bytes: Uint8Array
  at: number
}

/** A number is one of four kinds: a constant, or so many bits and what is added to them. */
type Kind = number | { readonly bits: number; readonly plus: number }
type Kinds = readonly [Kind, Kind, Kind, Kind]

const SIDE: Kinds = [9, 13, 18, 30].map((bits) => ({ bits, plus: 1 })) as unknown as Kinds
const SAMPLE_BITS: Kinds = [8, 10, 12, { bits: 6, plus: 1 }]
const EXTRA_CHANNELS: Kinds = [0, 1, { bits: 4, plus: 2 }, { bits: 12, plus: 1 }]

/** Throws {@link UndecodableError} for what is no JPEG XL, and for what no frame of DICOM has. */
export function readJpegXlHead(bytes: Uint8Array): JpegXlHead {
  const stream = codestreamOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (!stream.subarray(0, 2).equals(CODESTREAM)) throw new UndecodableError('the frame is no JPEG XL')
  const bits: Bits = { bytes: stream, at: CODESTREAM.length * 8 }
  return { ...sizeOf(bits), bits: sampleBits(bits) }
}

/** The codestream, or the first part of it: alone, or in a box. */
function codestreamOf(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return bytes
  let at = 0
  while (at + 16 <= bytes.length) {
    const [length, type] = [bytes.readUInt32BE(at), bytes.toString('latin1', at + 4, at + 8)]
    const start = at + (length === 1 ? 16 : 8)
    if (type === 'jxlc') return bytes.subarray(start)
    if (type === 'jxlp') return bytes.subarray(start + 4)
    const size = length === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : length
    if (size < 8) break
    at += size
  }
  throw new UndecodableError('the frame is no JPEG XL')
}

function sizeOf(bits: Bits): { width: number; height: number } {
  const isSmall = take(bits, 1) === 1
  const side = () => (isSmall ? (take(bits, 5) + 1) * 8 : number(bits, SIDE))
  const height = side()
  const ratio = take(bits, 3)
  return { height, width: ratio === 0 ? side() : Math.floor(height * (RATIOS[ratio] ?? 0)) }
}

function sampleBits(bits: Bits): number {
  const isAllDefault = take(bits, 1) === 1
  if (isAllDefault) return 8
  if (take(bits, 1) === 1) skipExtraFields(bits)
  const isFloat = take(bits, 1) === 1
  if (isFloat) throw new UndecodableError('floating point in JPEG XL')
  const count = number(bits, SAMPLE_BITS)
  if (count > 16) throw new UndecodableError(`samples of ${count} bits`)
  // Whether 16 bits suffice while decoding.
  take(bits, 1)
  if (number(bits, EXTRA_CHANNELS) > 0) throw new UndecodableError('JPEG XL with more channels than colours')
  return count
}

function skipExtraFields(bits: Bits): void {
  // Orientation: a picture that it turns has another size, which is looked at when it is decoded.
  take(bits, 3)
  const hasIntrinsicSize = take(bits, 1) === 1
  if (hasIntrinsicSize) sizeOf(bits)
  const [hasPreview, hasAnimation] = [take(bits, 1), take(bits, 1)]
  if (hasPreview === 1 || hasAnimation === 1) throw new UndecodableError('JPEG XL of more than one picture')
}

function number(bits: Bits, kinds: Kinds): number {
  const kind = kinds[take(bits, 2) as 0 | 1 | 2 | 3]
  return typeof kind === 'number' ? kind : take(bits, kind.bits) + kind.plus
}

function take(bits: Bits, count: number): number {
  let value = 0
  for (let n = 0; n < count; n++, bits.at++) {
    const byte = bits.bytes[bits.at >> 3]
    if (byte === undefined) throw new UndecodableError('the compressed data ends early')
    value += ((byte >> (bits.at & 7)) & 1) * 2 ** n
  }
  return value
}
