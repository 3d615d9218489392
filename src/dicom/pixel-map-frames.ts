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
  // One frame in several fragments is against that rule, and can mean nothing else.
  if (ONE_FRAGMENT_A_FRAME.has(TransferSyntaxUID))
    return { kind: frames === 1 && scan.count > 1 ? 'all' : 'each' }
  if (scan.count === frames && (scan.complete || !begins(scan, 0))) return { kind: 'each' }
  if (frames === 1) return endsWhole(scan, 0) ? { kind: 'all' } : { kind: 'none' }
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
  if (next === undefined) {
    return { kind: 'starts', starts, whole: endsWhole(scan, starts.at(-1) ?? 0) ? frames : frames - 1 }
  }
  if (scan.complete || next < scan.end) return null
  return { kind: 'starts', starts, whole: next === scan.end ? starts.length : starts.length - 1 }
}

function begins({ marks }: FragmentScan, fragment: number): boolean {
  return ((marks[fragment] ?? 0) & BEGINS) !== 0
}

function ends({ marks }: FragmentScan, fragment: number): boolean {
  return ((marks[fragment] ?? 0) & ENDS) !== 0
}

/** False for a last frame that begins as a compressed image does and whose end was cut off with the file. */
function endsWhole(scan: FragmentScan, firstOfFrame: number): boolean {
  return scan.complete || !begins(scan, firstOfFrame) || ends(scan, scan.count - 1)
}

/** Without a table that holds: a frame begins where a compressed image begins, else behind where one ends. */
function byMarks(scan: FragmentScan, frames: number): FrameLayout {
  const beginning: number[] = []
  const following: number[] = []
  for (let fragment = 0; fragment < scan.count; fragment++) {
    if (begins(scan, fragment)) beginning.push(fragment)
    if (fragment === 0 || ends(scan, fragment - 1)) following.push(fragment)
  }
  const starts = beginning.length !== frames && following.length === frames ? following : beginning
  if (starts[0] !== 0) return { kind: 'none' }
  if (starts.length > frames) return { kind: 'starts', starts: starts.slice(0, frames + 1), whole: frames }
  // Fewer images than frames: those that are there count, but for a last one that lost its end.
  const cutShort = !scan.complete && !ends(scan, scan.count - 1)
  return { kind: 'starts', starts, whole: cutShort ? starts.length - 1 : starts.length }
}

/**
 * Marks of one fragment by its first and last bytes. Begins: SOI of JPEG and JPEG-LS, SOC of JPEG 2000, the signature
 * boxes of JP2 and JPEG XL files, a bare JPEG XL codestream. Ends: EOI or EOC, with at most a pad byte behind it.
 */
export function marksOf(head: Buffer, tail: Buffer): number {
  const begin = head.length < 4 ? 0 : head.readUInt32BE(0)
  const isBegin =
    begin >>> 8 === 0xffd8ff ||
    begin === 0xff4fff51 ||
    begin >>> 16 === 0xff0a ||
    (begin === 0x0c &&
      head.length >= 8 &&
      (head.readUInt32BE(4) === 0x6a502020 || head.readUInt32BE(4) === 0x4a584c20))
  const last = tail.lastIndexOf(Buffer.of(0xff, 0xd9))
  const isEnd = last >= 0 && last >= tail.length - 3
  return (isBegin ? BEGINS : 0) | (isEnd ? ENDS : 0)
}
