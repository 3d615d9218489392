import { inflateRawSync } from 'node:zlib'
import type { Uid } from '../dicom/data-set.ts'
import { frameBytes, type PixelFormat } from '../dicom/pixel-format.ts'
import { transferSyntax } from '../dicom/transfer-syntax.ts'
import { decodeJpegLossless } from './jpeg-lossless.ts'
import { readHead } from './jpeg-markers.ts'
import { decodeJpegTwelve } from './jpeg-twelve.ts'
import { decodeJpegXl } from './jpeg-xl.ts'
import { decodeRle } from './rle.ts'
import { expectedBytes, inCells, packed, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'
import { decodeHighThroughput, decodeJpeg, decodeJpeg2000, decodeJpegLs } from './wasm.ts'

type Decoder = (bytes: Uint8Array, format: PixelFormat) => Uint8Array | Promise<Uint8Array>
type Codec = (bytes: Uint8Array, format: PixelFormat) => Decoded | Promise<Decoded>

/** By UID after `1.2.840.10008.1.2`. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['.1.98', sameBytes],
  ...['.4.50', '.4.51', '.4.53', '.4.55'].map((uid): [string, Decoder] => [
    uid,
    inOwnCells(decodeSequential),
  ]),
  ...['.4.57', '.4.70'].map((uid): [string, Decoder] => [uid, inOwnCells(decodeLossless)]),
  ...['.4.80', '.4.81'].map((uid): [string, Decoder] => [uid, inOwnCells(decodeJpegLs)]),
  ...['.4.90', '.4.91'].map((uid): [string, Decoder] => [uid, inOwnCells(decodeJpeg2000)]),
  ...['.4.201', '.4.202', '.4.203'].map((uid): [string, Decoder] => [uid, inOwnCells(decodeHighThroughput)]),
  ...['.4.110', '.4.111', '.4.112'].map((uid): [string, Decoder] => [uid, inOwnCells(decodeJpegXl)]),
  ['.5', decodeRle],
  ['.8.1', inflateFrame],
])
const ROOT = '1.2.840.10008.1.2'

/** Whether frames of a transfer syntax can be decoded. */
export function decodes(TransferSyntaxUID: Uid): boolean {
  return TransferSyntaxUID.startsWith(ROOT) && DECODERS.has(TransferSyntaxUID.slice(ROOT.length))
}

/**
 * One compressed frame as native pixel data in little endian, in the format that `decodedFormat` gives. Nothing that the
 * compressed bytes claim is believed: the format says how large a frame is. Throws {@link UndecodableError}.
 */
export async function decodeFrame(
  bytes: Uint8Array,
  TransferSyntaxUID: Uid,
  format: PixelFormat,
): Promise<Uint8Array> {
  const expected = expectedBytes(format)
  if (transferSyntax(TransferSyntaxUID)?.encapsulated !== true) {
    // Native colours may be stored with half of the chroma (PS3.3 C.7.6.3.1.2).
    const isHalf = format.PhotometricInterpretation.endsWith('_422') && bytes.length < expected
    return exactly(bytes, isHalf ? (expected / 3) * 2 : expected)
  }
  const decoder = DECODERS.get(TransferSyntaxUID.slice(ROOT.length))
  if (decoder === undefined) throw new UndecodableError('there is no decoder for the transfer syntax')
  const keepsBits = decoder === sameBytes || decoder === inflateFrame || decoder === decodeRle
  if (format.BitsAllocated > 1 || keepsBits) return exactly(await decoder(bytes, format), expected)
  // Codecs of pictures know no cells of one bit: each is compressed as a sample of its own.
  const cells = { ...format, BitsAllocated: 8 }
  return packed(exactly(await decoder(bytes, cells), expectedBytes(cells)))
}

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length < length) throw new UndecodableError('there are too few samples')
  return bytes.subarray(0, length)
}

function inOwnCells(codec: Codec): Decoder {
  return async (bytes, format) => inCells(await codec(bytes, format), format)
}

/** What is stored as DCT, 8 or 12 bits, and also what is lossless in spite of its syntax. */
function decodeSequential(bytes: Uint8Array, format: PixelFormat): Decoded | Promise<Decoded> {
  const { process, precision } = readHead(bytes).frame
  if (process === 3) return decodeJpegLossless(bytes, format)
  return precision === 8 ? decodeJpeg(bytes, format) : decodeJpegTwelve(bytes, format)
}

/** Grey that is labelled lossless and is not: what is stored is what was lost of it. */
function decodeLossless(bytes: Uint8Array, format: PixelFormat): Decoded | Promise<Decoded> {
  return format.SamplesPerPixel === 1 ? decodeSequential(bytes, format) : decodeJpegLossless(bytes, format)
}

/** Encapsulated uncompressed frames (PS3.5 §A.4.11). */
function sameBytes(bytes: Uint8Array): Uint8Array {
  return bytes
}

/** Deflated frames (PS3.5 §A.4.13), never to more than a frame has. */
function inflateFrame(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: frameBytes(format) + 1 })
  } catch (cause) {
    throw new UndecodableError('the frame cannot be inflated', { cause })
  }
}
