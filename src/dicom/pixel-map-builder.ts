/** Making the map of pixel data (pixel-map.ts) while its file is read. */
import type { DataSet, Tag, Uid, Vr } from './data-set.ts'
import { layOutFrames, marksOf, type FrameLayout } from './pixel-map-frames.ts'
import {
  beginEntry,
  growing,
  putVarint,
  tableBytes,
  tableWriter,
  takeTable,
  type TableWriter,
} from './pixel-map-table.ts'
import {
  COMPLETE,
  ENCAPSULATED,
  INFLATED,
  LAYOUTS,
  VERSION,
  fragmentsBetween,
  type Extent,
} from './pixel-map.ts'
import { transferSyntax } from './transfer-syntax.ts'
import { pixelWordSize } from './writer-values.ts'

/** Takes what the reader meets in the value of a pixel data element, in the order of the file. */
export interface PixelMapBuilder {
  /** Native pixel data: the bytes that are really there. */
  native(offset: number, length: number): void
  /** Value of the first item, the Basic Offset Table; may be empty. */
  offsetTable(bytes: Buffer): void
  /** A fragment that is there whole; `head` and `tail` are its first and last bytes, at most 16 each. */
  fragment(offset: number, length: number, head: Buffer, tail: Buffer): void
  /** The map. `complete`: the declared length, or the sequence delimiter, was reached. */
  finish(complete: boolean): Buffer
}

export interface PixelFacts {
  readonly tag: Tag
  readonly vr: Vr
  readonly TransferSyntaxUID: Uid
  /** The elements before the pixel data: Rows, Columns and their like are read from it. */
  readonly dataSet: DataSet
  /** Extended Offset Table (7FE0,0001) and its Lengths (7FE0,0002), little endian. */
  readonly extendedOffsets?: Buffer
  readonly extendedLengths?: Buffer
}

const SUBSAMPLED: ReadonlySet<unknown> = new Set(['YBR_FULL_422', 'YBR_PARTIAL_422'])
/** More fragments than any slide has tiles; a file of empty items must not fill the memory. Those beyond are not there. */
const MOST_FRAGMENTS = 1 << 21

/** Begins the map of one pixel data element. Each fragment costs a few bytes of memory, nothing else is kept. */
export function startPixelMap(facts: PixelFacts): PixelMapBuilder {
  const scan = { table: tableWriter(), end: 0, first: -1, marks: growing(), overfull: false }
  let value: Extent = { offset: 0, length: 0 }
  let basicOffsets: number[] = []
  let encapsulated = transferSyntax(facts.TransferSyntaxUID)?.encapsulated ?? false
  return {
    native(offset, length) {
      encapsulated = false
      value =
        value.length === 0
          ? { offset, length }
          : { offset: value.offset, length: offset + length - value.offset }
    },
    offsetTable(bytes) {
      encapsulated = true
      basicOffsets = Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) =>
        bytes.readUInt32LE(index * 4),
      )
    },
    fragment(offset, length, head, tail) {
      encapsulated = true
      scan.overfull ||= scan.table.count >= MOST_FRAGMENTS
      if (scan.overfull) return
      if (scan.first < 0) scan.first = offset - 8
      putFragment(scan.table, scan.end, offset, length)
      scan.end = offset + length
      putVarint(scan.marks, marksOf(head, tail))
    },
    finish(complete) {
      if (!encapsulated) return nativeMap(facts, value, complete)
      return encapsulatedMap(facts, scan, basicOffsets, complete && !scan.overfull)
    },
  }
}

interface Scan {
  readonly table: TableWriter
  readonly end: number
  readonly first: number
  readonly marks: { readonly bytes: Buffer; readonly length: number }
}

function putFragment(table: TableWriter, previousEnd: number, offset: number, length: number): void {
  beginEntry(table, previousEnd)
  putVarint(table.pages, offset - previousEnd)
  putVarint(table.pages, length)
}

function nativeMap(facts: PixelFacts, value: Extent, complete: boolean): Buffer {
  const { dataSet, vr, TransferSyntaxUID } = facts
  const frames = frameCount(dataSet)
  const inflated = transferSyntax(TransferSyntaxUID)?.deflated === true
  const swap = transferSyntax(TransferSyntaxUID)?.bigEndian === true
  const flags = (inflated ? INFLATED : 0) | (complete ? COMPLETE : 0)
  const wordSize = swap ? pixelWordSize(vr, number(dataSet, '00280100')) : 1
  const map = mapHead(facts, flags | (Math.log2(wordSize) << 4), frames)
  putVarint(map, frameBitsOf(dataSet, frames, value.length))
  putVarint(map, value.offset)
  putVarint(map, value.length)
  return Buffer.from(map.bytes.subarray(0, map.length))
}

/**
 * Bits of one native frame. YBR_FULL_422 and YBR_PARTIAL_422 store two samples a pixel (PS3.3 C.7.6.3.1.2), unless the
 * value has the size of three: then the photometric interpretation is wrong, as it often is after a decompression.
 */
function frameBitsOf(dataSet: DataSet, frames: number, length: number): number {
  const SamplesPerPixel = number(dataSet, '00280002') || 1
  const pixels = number(dataSet, '00280010') * number(dataSet, '00280011')
  const bits = pixels * SamplesPerPixel * number(dataSet, '00280100')
  const PhotometricInterpretation = dataSet['00280004']?.Value?.[0]
  const subsampled = SUBSAMPLED.has(PhotometricInterpretation) && SamplesPerPixel === 3
  const whole = Math.ceil((bits * frames) / 8)
  if (subsampled && length < whole) return (bits / 3) * 2
  return Math.min(bits, Number.MAX_SAFE_INTEGER)
}

function encapsulatedMap(facts: PixelFacts, scan: Scan, basicOffsets: number[], complete: boolean): Buffer {
  const video = transferSyntax(facts.TransferSyntaxUID)?.video === true
  const frames = video ? 1 : frameCount(facts.dataSet)
  const { count } = scan.table
  const fragments = () =>
    fragmentsBetween(takeTable({ bytes: tableBytes(scan.table), position: 0 }, count), 0, count)
  const extendedOffsets = readExtended(facts.extendedOffsets)
  const layout: FrameLayout = video
    ? { kind: 'all' }
    : layOutFrames(
        {
          count,
          itemOffsets: () => fragments().map(({ offset }) => offset - 8 - scan.first),
          end: scan.end - scan.first,
          marks: scan.marks.bytes.subarray(0, scan.marks.length),
          complete,
        },
        frames,
        facts.TransferSyntaxUID,
        [extendedOffsets, basicOffsets],
      )
  const flags = ENCAPSULATED | (complete ? COMPLETE : 0) | (LAYOUTS.indexOf(layout.kind) << 6)
  const head = mapHead(facts, flags, frames)
  putVarint(head, count)
  const lengths = readExtended(facts.extendedLengths)
  const table =
    lengths.length === count && count === frames ? withoutPadding(fragments(), lengths) : scan.table
  const parts = [head.bytes.subarray(0, head.length), tableBytes(table)]
  return Buffer.concat(layout.kind === 'starts' ? [...parts, startsBytes(layout)] : parts)
}

/** Lengths of frames without the pad byte (PS3.3 C.7.6.3.1.9), believed where they differ by no more than that. */
function withoutPadding(fragments: Iterable<Extent>, lengths: readonly number[]): TableWriter {
  const table = tableWriter()
  let end = 0
  for (const { offset, length } of fragments) {
    const exact = lengths[table.count] === length - 1 ? length - 1 : length
    putFragment(table, end, offset, exact)
    end = offset + exact
  }
  return table
}

function startsBytes({ starts, whole }: { starts: readonly number[]; whole: number }): Buffer {
  const head = growing(16)
  putVarint(head, starts.length)
  putVarint(head, whole)
  const table = tableWriter()
  let previous = 0
  for (const start of starts) {
    beginEntry(table, previous)
    putVarint(table.pages, start - previous)
    previous = start
  }
  return Buffer.concat([head.bytes.subarray(0, head.length), tableBytes(table)])
}

function mapHead({ tag, vr }: PixelFacts, flags: number, frames: number): ReturnType<typeof growing> {
  const head = growing(64)
  head.bytes.writeUInt8(VERSION, 0)
  head.bytes.writeUInt8(flags, 1)
  head.bytes.writeUInt32LE(Number.parseInt(tag, 16), 2)
  head.bytes.write(vr, 6, 'latin1')
  head.length = 8
  putVarint(head, frames)
  return head
}

function frameCount(dataSet: DataSet): number {
  return Math.max(1, Math.min(Math.trunc(number(dataSet, '00280008')), 0xffffffff) || 1)
}

function number(dataSet: DataSet, tag: Tag): number {
  const value = Number(dataSet[tag]?.Value?.[0] ?? 0)
  return Number.isFinite(value) && value > 0 ? value : 0
}

function readExtended(bytes: Buffer | undefined): number[] {
  if (bytes === undefined) return []
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, index) =>
    Number(bytes.readBigUInt64LE(index * 8)),
  )
}
