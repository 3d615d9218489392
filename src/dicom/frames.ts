import { Readable } from 'node:stream'
import type { DataElement, Uid } from './data-set.ts'
import { vrRule } from './element-vr.ts'
import { frameExtents, pixelExtents, type Extent, type PixelMap } from './pixel-map.ts'
import { inflated } from './rewrite.ts'
import { splitHead } from './rewrite-head.ts'
import { transferSyntax } from './transfer-syntax.ts'
import { swapWords } from './writer-values.ts'

/** Opens a stored file: the bytes of the extent, or all of them. */
export type OpenFile = (extent?: Extent) => Promise<Readable>

/**
 * Frame `n` (from 1) as it is to be sent (PS3.18 §8.7.3.3): native frames in little endian, beginning at a whole byte;
 * compressed frames as their fragments joined, without items. `range` is relative to the frame and must lie in it.
 * Null where the frame is not there. The stream has backpressure and fails with what `open` or its stream fails with.
 */
export async function frameStream(
  open: OpenFile,
  map: PixelMap,
  n: number,
  range?: Extent,
): Promise<Readable | null> {
  const extents = frameExtents(map, n)
  if (extents === null) return null
  if (map.value === null) return joined(open, within(extents, range))
  if (map.frames === 1 || map.frameBits % 8 === 0) {
    const [extent = map.value] = within(extents, range)
    return littleEndian(open, extent, { ...map.value, size: map.wordSize }, map.inflated)
  }
  const [extent = map.value] = extents
  const stored = await littleEndian(open, extent, { ...map.value, size: map.wordSize }, map.inflated)
  const bits = shifted(stored, ((n - 1) * map.frameBits) % 8, map.frameBits)
  const frame = Readable.from(bits, { objectMode: false })
  return range === undefined ? frame : cut(frame, range.offset, range.length)
}

/** Those parts of pieces that a range of their whole covers; everything without a range. */
export function within<Piece extends Extent>(pieces: readonly Piece[], range?: Extent): Piece[] {
  if (range === undefined) return [...pieces]
  const parts: Piece[] = []
  let start = 0
  for (const piece of pieces) {
    const from = Math.max(range.offset, start)
    const to = Math.min(range.offset + range.length, start + piece.length)
    if (from < to) parts.push({ ...piece, offset: piece.offset + from - start, length: to - from })
    start += piece.length
  }
  return parts
}

/** Bytes that {@link frameStream} gives for frame `n`; null where it is not there. */
export function frameLength(map: PixelMap, n: number): number | null {
  const extents = frameExtents(map, n)
  if (extents === null) return null
  if (map.value !== null && map.frameBits > 0) return Math.ceil(map.frameBits / 8)
  return extents.reduce((sum, { length }) => sum + length, 0)
}

/** All pixel data: the native value in little endian, or every fragment joined; or a range of that. */
export async function pixelStream(open: OpenFile, map: PixelMap, range?: Extent): Promise<Readable> {
  const extents = within(pixelExtents(map), range)
  if (map.value === null) return joined(open, extents)
  const [extent = map.value] = extents
  return littleEndian(open, extent, { ...map.value, size: map.wordSize }, map.inflated)
}

/** A binary value that the index keeps by its place. */
export type BulkElement = DataElement & { readonly offset: number; readonly length: number }

/**
 * The value of an element that the index keeps as `offset` and `length`, in little endian (PS3.18 §F.2.7 for OW and the
 * like). `range` is relative to the value and must lie in it.
 */
export async function bulkValue(
  open: OpenFile,
  element: BulkElement,
  TransferSyntaxUID: Uid,
  range: Extent = { offset: 0, length: element.length },
): Promise<Readable> {
  const syntax = transferSyntax(TransferSyntaxUID)
  const size = syntax?.bigEndian === true ? vrRule(element.vr).width : 1
  const extent = { offset: element.offset + range.offset, length: range.length }
  return littleEndian(
    open,
    extent,
    { offset: element.offset, length: element.length, size },
    syntax?.deflated === true,
  )
}

/** `length` bytes of a stream, after `skip` of them; the rest is not read. */
export function cut(stream: Readable, skip: number, length: number): Readable {
  return Readable.from(taken(stream, skip, length), { objectMode: false })
}

/** Reads whole words of the value that the extent is a part of, turns them round and gives the bytes of the extent alone. */
async function littleEndian(
  open: OpenFile,
  extent: Extent,
  value: Extent & { readonly size: number },
  isInflated: boolean,
): Promise<Readable> {
  const read = isInflated ? (range: Extent) => inflatedRange(open, range) : open
  const { size } = value
  if (size === 1) return read(extent)
  const before = (extent.offset - value.offset) % size
  const behind = value.offset + value.length - extent.offset - extent.length
  const after = Math.min((size - ((before + extent.length) % size)) % size, behind)
  const words = await read({ offset: extent.offset - before, length: before + extent.length + after })
  const turned = Readable.from(swapped(words, size), { objectMode: false })
  return before + after === 0 ? turned : cut(turned, before, extent.length)
}

/** A range of the inflated data set: inflated from its beginning, since deflate has no other entrance. */
async function inflatedRange(open: OpenFile, { offset, length }: Extent): Promise<Readable> {
  const file = await open()
  try {
    const { rest } = await splitHead(file)
    const stream = cut(Readable.from(inflated(rest), { objectMode: false }), offset, length)
    stream.once('close', () => file.destroy())
    return stream
  } catch (error) {
    file.destroy()
    throw error
  }
}

function joined(open: OpenFile, extents: readonly Extent[]): Promise<Readable> | Readable {
  const [only] = extents
  if (extents.length === 1 && only !== undefined) return open(only)
  return Readable.from(concatenated(open, extents), { objectMode: false })
}

async function* concatenated(open: OpenFile, extents: readonly Extent[]): AsyncGenerator<Buffer> {
  for (const extent of extents) {
    if (extent.length > 0) yield* chunks(await open(extent))
  }
}

async function* taken(stream: Readable, skip: number, length: number): AsyncGenerator<Buffer> {
  let ahead = skip
  let left = length
  if (left === 0) stream.destroy()
  if (left === 0) return
  for await (const chunk of chunks(stream)) {
    const part = chunk.subarray(ahead, ahead + left)
    ahead = Math.max(0, ahead - chunk.length)
    left -= part.length
    if (part.length > 0) yield part
    if (left === 0) return
  }
}

/** Words may be torn between chunks; chunks may belong to somebody else and are not written to. */
async function* swapped(stream: Readable, size: number): AsyncGenerator<Buffer> {
  let torn: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks(stream)) {
    const bytes = Buffer.concat([torn, chunk])
    const whole = bytes.length - (bytes.length % size)
    torn = bytes.subarray(whole)
    if (whole > 0) yield swapWords(bytes.subarray(0, whole), size)
  }
  if (torn.length > 0) yield torn
}

/**
 * `bits` bits that begin `shift` bits into the stream, moved to its beginning. The first pixel is in the lowest bit of
 * the first byte (PS3.5 §8.1.1); unused bits of the last byte are zero.
 */
async function* shifted(stream: Readable, shift: number, bits: number): AsyncGenerator<Buffer> {
  let left = Math.ceil(bits / 8)
  const mask = bits % 8 === 0 ? 0xff : (1 << (bits % 8)) - 1
  let carry = -1
  for await (const chunk of chunks(stream)) {
    const out = Buffer.allocUnsafe(chunk.length + 1)
    let length = 0
    for (const byte of chunk) {
      if (carry >= 0 && left > 0) out[length++] = lowBits(carry, byte, shift, --left === 0 ? mask : 0xff)
      carry = byte
    }
    if (length > 0) yield out.subarray(0, length)
  }
  if (left > 0 && carry >= 0) yield Buffer.of(lowBits(carry, 0, shift, mask))
}

function lowBits(byte: number, next: number, shift: number, mask: number): number {
  return ((byte >> shift) | (next << (8 - shift))) & mask
}

/** The chunks of a byte stream: `for await` over a Readable has no type of its own. */
function chunks(stream: Readable): AsyncIterable<Buffer> {
  return stream
}
