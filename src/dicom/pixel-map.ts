/**
 * Where the frames of an instance lie in its file, so that one frame is a range read whatever the size of the file.
 * Made while the file is read ({@link startPixelMap}), kept as one compact blob, asked at retrieval
 * ({@link readPixelMap}, {@link frameExtents}).
 *
 * Format, version 1; numbers are varints (pixel-map-table.ts) unless said otherwise:
 *
 *     u8     version: 1
 *     u8     flags: 1 encapsulated · 2 offsets count in the inflated data set · 4 pixel data is complete
 *            bits 4–5: log2 of the bytes of a word to be turned round · bits 6–7: layout (each, all, starts, none)
 *     u32le  tag · 2 letters VR
 *     frames
 *     native:        bits of one frame (0: not told, all is one frame), offset, length
 *     encapsulated:  number of fragments, table of fragments; if layout is starts: number of starts, number of frames
 *                    that are there whole, table of starts
 *
 * An entry of the table of fragments is (bytes since the end of the fragment before, length); of the table of starts
 * it is the number of fragments since the start before. A map of one fragment or of native frames has about 20 bytes.
 */
import type { DataSet, Tag, Uid, Vr } from './data-set.ts'
import { layOutFrames, marksOf, type FrameLayout } from './pixel-map-frames.ts'
import {
  beginEntry,
  enterTable,
  growing,
  putVarint,
  tableBytes,
  tableWriter,
  takeTable,
  takeVarint,
  type Cursor,
  type Table,
  type TableWriter,
} from './pixel-map-table.ts'
import { transferSyntax } from './transfer-syntax.ts'
import { pixelWordSize } from './writer-values.ts'

/** A range of bytes: `length` bytes from `offset`. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

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

/** What must be done to the bytes of a frame's extents: nothing, turn words round, shift bits, or read through inflate. */
export type PixelMode = 'range' | 'swap' | 'bits' | 'inflate'

export interface PixelMap {
  readonly tag: Tag
  readonly vr: Vr
  /** The dearest of the things to do; `wordSize`, `frameBits` and `inflated` tell them apart where several are due. */
  readonly mode: PixelMode
  /** Frames that the instance should have; whether one is there is for {@link frameExtents} to say. */
  readonly frames: number
  readonly encapsulated: boolean
  /** Extents count in the inflated data set, else in the file. */
  readonly inflated: boolean
  /** Bytes of a word to be turned round for little endian: 2, 4, 8; 1: none. */
  readonly wordSize: number
  /** Native: bits of one frame, which begins `(n − 1) * frameBits` bits into the value; else 0. */
  readonly frameBits: number
  /** Declared length or delimiter was reached. */
  readonly complete: boolean
  /** Native: the whole value. */
  readonly value: Extent | null
  readonly fragments: Table | null
  readonly starts: { readonly table: Table; readonly whole: number } | null
  readonly layout: FrameLayout['kind']
}

const VERSION = 1
const ENCAPSULATED = 1
const INFLATED = 2
const COMPLETE = 4
const LAYOUTS = ['each', 'all', 'starts', 'none'] as const
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
  const fragments = () => walk(takeTable({ bytes: tableBytes(scan.table), position: 0 }, count), 0, count)
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

/** Opens a map. Its tables stay unread: what {@link frameExtents} decodes is a page or two. */
export function readPixelMap(bytes: Buffer): PixelMap {
  const version = bytes.readUInt8(0)
  if (version !== VERSION) throw new RangeError(`pixel map of version ${version}, this code reads ${VERSION}`)
  const flags = bytes.readUInt8(1)
  const cursor: Cursor = { bytes, position: 8 }
  const frames = takeVarint(cursor)
  const common = {
    tag: bytes.readUInt32LE(2).toString(16).toUpperCase().padStart(8, '0'),
    vr: bytes.toString('latin1', 6, 8) as Vr,
    frames,
    encapsulated: (flags & ENCAPSULATED) !== 0,
    inflated: (flags & INFLATED) !== 0,
    wordSize: 1 << ((flags >> 4) & 3),
    complete: (flags & COMPLETE) !== 0,
    layout: LAYOUTS[(flags >> 6) & 3] ?? 'none',
  }
  if (!common.encapsulated) {
    const frameBits = takeVarint(cursor)
    const value = { offset: takeVarint(cursor), length: takeVarint(cursor) }
    return {
      ...common,
      frameBits,
      value,
      mode: modeOf({ ...common, frameBits }),
      fragments: null,
      starts: null,
    }
  }
  const fragments = takeTable(cursor, takeVarint(cursor))
  const encapsulated = { ...common, mode: 'range', frameBits: 0, value: null, fragments } as const
  if (common.layout !== 'starts') return { ...encapsulated, starts: null }
  const count = takeVarint(cursor)
  const whole = takeVarint(cursor)
  return { ...encapsulated, starts: { whole, table: takeTable(cursor, count) } }
}

function modeOf(map: Pick<PixelMap, 'inflated' | 'frameBits' | 'frames' | 'wordSize'>): PixelMode {
  if (map.inflated) return 'inflate'
  if (map.frames > 1 && map.frameBits % 8 !== 0) return 'bits'
  return map.wordSize > 1 ? 'swap' : 'range'
}

/**
 * The bytes of frame `n`, counted from 1, in the order in which they are to be sent; null where that frame is not
 * there whole. In mode `bits` the first and last byte may be shared with the neighbours.
 */
export function frameExtents(map: PixelMap, n: number): Extent[] | null {
  if (!Number.isInteger(n) || n < 1 || n > map.frames) return null
  if (map.value !== null) return nativeFrame(map.value, map.frameBits, n)
  if (map.fragments === null) return null
  const range = fragmentsOf(map, map.fragments.count, n)
  return range === null || range[0] === range[1] ? null : [...walk(map.fragments, range[0], range[1])]
}

/** The bytes of all pixel data: the native value, or every fragment. */
export function pixelExtents(map: PixelMap): Extent[] {
  if (map.value !== null) return [map.value]
  return map.fragments === null ? [] : [...walk(map.fragments, 0, map.fragments.count)]
}

function nativeFrame(value: Extent, frameBits: number, n: number): Extent[] | null {
  if (frameBits === 0) return n === 1 && value.length > 0 ? [value] : null
  const first = Math.floor(((n - 1) * frameBits) / 8)
  const end = Math.ceil((n * frameBits) / 8)
  return end > value.length ? null : [{ offset: value.offset + first, length: end - first }]
}

/** First fragment of frame `n`, and the one behind its last. */
function fragmentsOf({ layout, starts }: PixelMap, count: number, n: number): [number, number] | null {
  if (layout === 'all') return [0, count]
  if (layout === 'each') return n <= count ? [n - 1, n] : null
  if (starts === null || n > starts.whole) return null
  const [from = count, to = count] = startsFrom(starts.table, n - 1)
  return [from, to]
}

/** Entry `index` of a table of starts, and the one after it where there is one. */
function startsFrom(table: Table, index: number): number[] {
  const { cursor, base, first } = enterTable(table, index)
  const found: number[] = []
  let start = base
  for (let entry = first; entry < Math.min(index + 2, table.count); entry++) {
    start += takeVarint(cursor)
    if (entry >= index) found.push(start)
  }
  return found
}

/** Fragments `from` to before `to`. */
function* walk(table: Table, from: number, to: number): Generator<Extent, void, undefined> {
  if (from >= to) return
  const { cursor, base, first } = enterTable(table, from)
  let end = base
  for (let fragment = first; fragment < to; fragment++) {
    const offset = end + takeVarint(cursor)
    const length = takeVarint(cursor)
    end = offset + length
    if (fragment >= from) yield { offset, length }
  }
}
