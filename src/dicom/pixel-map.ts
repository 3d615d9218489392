/**
 * Where the frames of an instance lie in its file, so that one frame is a range read whatever the size of the file.
 * Made while the file is read (pixel-map-builder.ts), kept as one compact blob, asked at retrieval
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
import type { Tag, Vr } from './data-set.ts'
import type { FrameLayout } from './pixel-map-frames.ts'
import { enterTable, takeTable, takeVarint, type Cursor, type Table } from './pixel-map-table.ts'

/** A range of bytes: `length` bytes from `offset`. */
export interface Extent {
  readonly offset: number
  readonly length: number
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

/** Bytes of an encoded map that {@link readPixelElement} reads. */
export const PIXEL_ELEMENT_BYTES = 8

/** Which element it is that has the pixels, from the beginning of an encoded map. Throws RangeError as {@link readPixelMap}. */
export function readPixelElement(bytes: Buffer): Pick<PixelMap, 'tag' | 'vr'> {
  const version = bytes.readUInt8(0)
  if (version !== VERSION) throw new RangeError(`pixel map of version ${version}, this code reads ${VERSION}`)
  return {
    tag: bytes.readUInt32LE(2).toString(16).toUpperCase().padStart(8, '0'),
    vr: bytes.toString('latin1', 6, 8) as Vr,
  }
}

export const VERSION = 1
export const ENCAPSULATED = 1
export const INFLATED = 2
export const COMPLETE = 4
export const LAYOUTS = ['each', 'all', 'starts', 'none'] as const
/** Opens a map. Its tables stay unread: what {@link frameExtents} decodes is a page or two. */
export function readPixelMap(bytes: Buffer): PixelMap {
  const flags = bytes.readUInt8(1)
  const cursor: Cursor = { bytes, position: 8 }
  const frames = takeVarint(cursor)
  const common = {
    ...readPixelElement(bytes),
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
  return range === null || range[0] === range[1]
    ? null
    : [...fragmentsBetween(map.fragments, range[0], range[1])]
}

/** The bytes of all pixel data: the native value, or every fragment. */
export function pixelExtents(map: PixelMap): Extent[] {
  if (map.value !== null) return [map.value]
  return map.fragments === null ? [] : [...fragmentsBetween(map.fragments, 0, map.fragments.count)]
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
export function* fragmentsBetween(
  table: Table,
  from: number,
  to: number,
): Generator<Extent, void, undefined> {
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
