import type { Uid } from './data-set.ts'
import { RLELossless } from './transfer-syntax.ts'

/**
 * Which fragments of encapsulated pixel data make up which frame (PS3.5 §A.4). The standard leaves it to offset tables,
 * to counting, or to the compressed bytes themselves; files get each of them wrong.
 */
export interface FragmentScan {
  /** Number of fragments. */
  readonly count: number
  /** Bytes from the first fragment's item to each fragment's item, ascending, as often as asked for. */
  readonly itemOffsets: () => Iterable<number>
  /** From the first fragment's item to where the item after the last one is, or would be. */
  readonly end: number
  /** Of each fragment: whether it begins as a compressed image does, and whether it ends as one does. */
  readonly marks: Uint8Array
  /** The sequence delimiter was reached. */
  readonly complete: boolean
}

export const BEGINS = 1
export const ENDS = 2

/**
 * How frames are made of fragments: one each (fewer fragments than frames: the last frames are missing), all of them
 * one frame, first fragments given (with the number of frames that are there whole), or not to be told.
 */
export type FrameLayout =
  | { readonly kind: 'each' }
  | { readonly kind: 'all' }
  | { readonly kind: 'starts'; readonly starts: readonly number[]; readonly whole: number }
  | { readonly kind: 'none' }

/** Syntaxes in which a frame is exactly one fragment (PS3.5 §A.4.2, §A.4.11, §A.4.13). */
const ONE_FRAGMENT_A_FRAME: ReadonlySet<Uid> = new Set([
  RLELossless,
  '1.2.840.10008.1.2.1.98',
  '1.2.840.10008.1.2.8.1',
])

/** `offsets` are those of the Extended or Basic Offset Table, where there is one. */
export function layOutFrames(
  scan: FragmentScan,
  frames: number,
  TransferSyntaxUID: Uid,
  offsetTables: readonly (readonly number[])[],
): FrameLayout {
  for (const offsets of offsetTables) {
    const layout = byOffsets(scan, frames, offsets)
    if (layout !== null) return layout
  }
  if (scan.count === frames || ONE_FRAGMENT_A_FRAME.has(TransferSyntaxUID)) return { kind: 'each' }
  if (frames === 1) return wholeImage(scan) ? { kind: 'all' } : { kind: 'none' }
  return byMarks(scan, frames)
}

/**
 * An offset table holds if it names the item of the first fragment, each entry is an item found by the scan, and there
 * is one for every frame. Where the file ends early, entries beyond the end are frames that are not there.
 */
function byOffsets(scan: FragmentScan, frames: number, offsets: readonly number[]): FrameLayout | null {
  if (offsets.length !== frames || offsets[0] !== 0 || scan.count === 0) return null
  const starts: number[] = []
  let fragment = 0
  for (const itemOffset of scan.itemOffsets()) {
    if (offsets[starts.length] === itemOffset) starts.push(fragment)
    fragment++
  }
  const next = offsets[starts.length]
  if (next === undefined) return { kind: 'starts', starts, whole: frames }
  if (scan.complete || next < scan.end) return null
  return { kind: 'starts', starts, whole: next === scan.end ? starts.length : starts.length - 1 }
}

/** False for the beginning of a compressed image whose end was cut off with the file. */
function wholeImage({ complete, marks, count }: FragmentScan): boolean {
  return complete || ((marks[0] ?? 0) & BEGINS) === 0 || ((marks[count - 1] ?? 0) & ENDS) !== 0
}

/** Without a table that holds: a frame begins where a compressed image begins, else behind where one ends. */
function byMarks(scan: FragmentScan, frames: number): FrameLayout {
  const { count, marks, complete } = scan
  const begins: number[] = []
  const follows: number[] = []
  for (let fragment = 0; fragment < count; fragment++) {
    if (((marks[fragment] ?? 0) & BEGINS) !== 0) begins.push(fragment)
    if (fragment === 0 || ((marks[fragment - 1] ?? 0) & ENDS) !== 0) follows.push(fragment)
  }
  if (begins.length !== frames && follows.length === frames)
    return { kind: 'starts', starts: follows, whole: frames }
  if (begins[0] !== 0) return { kind: 'none' }
  if (begins.length >= frames) return { kind: 'starts', starts: begins.slice(0, frames + 1), whole: frames }
  // Fewer images than frames: those that are there count, in a file cut short all but a last one that has no end.
  const lastEnds = complete || ((marks[count - 1] ?? 0) & ENDS) !== 0
  return { kind: 'starts', starts: begins, whole: lastEnds ? begins.length : begins.length - 1 }
}

/**
 * Marks of one fragment by its first and last bytes. Begins: SOI of JPEG and JPEG-LS, SOC of JPEG 2000, the signature
 * boxes of JP2 and JPEG XL files, a bare JPEG XL codestream. Ends: EOI or EOC, with at most a pad byte behind it.
 */
export function marksOf(head: Buffer, tail: Buffer): number {
  const begin = head.length < 4 ? 0 : head.readUInt32BE(0)
  const begins =
    begin >>> 8 === 0xffd8ff ||
    begin === 0xff4fff51 ||
    begin >>> 16 === 0xff0a ||
    (begin === 0x0c &&
      head.length >= 8 &&
      (head.readUInt32BE(4) === 0x6a502020 || head.readUInt32BE(4) === 0x4a584c20))
  const last = tail.lastIndexOf(Buffer.of(0xff, 0xd9))
  const ends = last >= 0 && last >= tail.length - 3
  return (begins ? BEGINS : 0) | (ends ? ENDS : 0)
}
