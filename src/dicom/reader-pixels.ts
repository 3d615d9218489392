import { tagText } from './dictionary.ts'
import { startPixelMap, type PixelMapBuilder } from './pixel-map-builder.ts'
import { ITEM, SEQUENCE_DELIMITER, tagAt } from './reader-header.ts'
import { has, offsetOf, skipBytes, type Input } from './reader-input.ts'
import { putElement } from './reader-scope.ts'
import {
  charge,
  UNDEFINED_LENGTH,
  type Fragments,
  type NativePixels,
  type Parse,
  type Scope,
} from './reader-state.ts'
import { note, Unreadable } from './reader-unreadable.ts'

const FLOAT_PIXEL_DATA = 0x7fe00008
const DOUBLE_FLOAT_PIXEL_DATA = 0x7fe00009
const PIXEL_DATA = 0x7fe00010

/** Bytes of a fragment's head and tail that the pixel map wants to see. */
const ENDS = 16
const NOTHING = Buffer.alloc(0)

/** Pixel data when at the root; in an item it is binary like any other (an icon). */
export function isPixelTag(tag: number): boolean {
  return tag === PIXEL_DATA || tag === FLOAT_PIXEL_DATA || tag === DOUBLE_FLOAT_PIXEL_DATA
}

/** Begins pixel data of defined length; its header is at hand. */
export function startNative(parse: Parse, scope: Scope): void {
  const { input, length, tag } = parse
  const pixels = startPixels(parse, scope)
  input.at += parse.headerLength
  if (tag > scope.lastTag) scope.lastTag = tag
  if (pixels && length > 0) parse.native = { pixels, offset: offsetOf(input), length }
  skipBytes(input, length)
}

/** All of native pixel data was passed over. */
export function nativeStep(parse: Parse, { pixels, offset, length }: NativePixels): boolean {
  pixels.native(offset, length)
  parse.pixelMap = pixels.finish(true)
  parse.native = undefined
  return true
}

/** Begins an element of fragments: encapsulated pixel data (PS3.5 §A.4), or something private that looks like it. */
export function startFragments(parse: Parse, scope: Scope): void {
  const { input, tag } = parse
  const isPixels = scope.parent === undefined && isPixelTag(tag)
  const pixels = isPixels ? startPixels(parse, scope) : undefined
  input.at += parse.headerLength
  if (isPixels && tag > scope.lastTag) scope.lastTag = tag
  parse.fragments = {
    tag,
    vr: parse.rule.vr,
    start: offsetOf(input),
    isPixels,
    pixels,
    first: true,
    partial: undefined,
  }
}

function startPixels(parse: Parse, scope: Scope): PixelMapBuilder | undefined {
  const tag = tagText(parse.tag)
  if (parse.pixelsMet) {
    note(parse.oddities, 'is pixel data for a second time', tag)
    return undefined
  }
  parse.pixelsMet = true
  const { extendedOffsets, extendedLengths } = parse
  return startPixelMap({
    tag,
    // Written as UN it is what it would be in implicit VR.
    vr: parse.rule.vr === 'UN' ? 'OW' : parse.rule.vr,
    TransferSyntaxUID: parse.TransferSyntaxUID,
    dataSet: scope.dataSet,
    ...(extendedOffsets && { extendedOffsets }),
    ...(extendedLengths && { extendedLengths }),
  })
}

/** One item of fragments; false when more bytes are needed. */
export function fragmentStep(parse: Parse, fragments: Fragments): boolean {
  const { input, scope } = parse
  if (fragments.partial !== undefined) endPartial(input, fragments, 0)
  if (!has(input, 8)) return false
  const tag = tagAt(input, !scope.bigEndian)
  const length = input.view.getUint32(input.at + 4, !scope.bigEndian)
  if (tag === ITEM && length !== UNDEFINED_LENGTH) return fragment(parse, fragments, length)
  if (tag !== SEQUENCE_DELIMITER) {
    if (!fragments.isPixels) throw new Unreadable('is no item of fragments', { tag: tagText(tag) })
    // The delimiter is missing: what comes is read as the next element.
    endFragments(parse, fragments, false)
    return true
  }
  endFragments(parse, fragments, true)
  input.at += 8
  return true
}

function fragment(parse: Parse, fragments: Fragments, length: number): boolean {
  const { input } = parse
  const { pixels } = fragments
  if (pixels === undefined) {
    input.at += 8
    skipBytes(input, length)
    return true
  }
  if (fragments.first) return offsetTable(parse, fragments, length)
  const head = Math.min(ENDS, length)
  if (!has(input, 8 + head)) return false
  const { buffer } = input
  const start = input.at + 8
  const offset = offsetOf(input) + 8
  if (input.end >= start + length) {
    const end = start + length
    pixels.fragment(offset, length, buffer.subarray(start, start + head), buffer.subarray(end - head, end))
    input.at = end
    return true
  }
  fragments.partial = { offset, length, head: Buffer.from(buffer.subarray(start, start + head)) }
  input.at = start + head
  skipBytes(input, length - head)
  return true
}

function offsetTable(parse: Parse, fragments: Fragments, length: number): boolean {
  const { input } = parse
  if (!has(input, 8 + length)) {
    if (parse.held + length > parse.limits.headerBytes) charge(parse, length, 0)
    return false
  }
  charge(parse, length, length * 4)
  const start = input.at + 8
  fragments.pixels?.offsetTable(input.buffer.subarray(start, start + length))
  fragments.first = false
  input.at = start + length
  return true
}

/** A fragment that came in more than one chunk is over; `missing` of its bytes never came. */
function endPartial(input: Input, fragments: Fragments, missing: number): void {
  const { partial, pixels } = fragments
  fragments.partial = undefined
  if (!partial || !pixels) return
  const { offset, length, head } = partial
  // Whole in all but its pad byte: decoders never look at that.
  if (missing > 1) return
  const present = length - missing
  const seen = Buffer.concat([head, input.skipped])
  pixels.fragment(offset, present, head, present === 0 ? NOTHING : seen.subarray(-Math.min(ENDS, present)))
}

function endFragments(parse: Parse, fragments: Fragments, complete: boolean): void {
  const { pixels, tag, vr, start, isPixels } = fragments
  parse.fragments = undefined
  if (pixels) parse.pixelMap = pixels.finish(complete)
  if (!isPixels)
    putElement(parse, parse.scope, tag, { vr, offset: start, length: offsetOf(parse.input) - start })
  if (isPixels && !complete) damage(parse, tag, 'lacks its sequence delimiter')
}

/**
 * The file is over within pixel data. That is everyday in old archives: what is there is kept, and marked (design §3).
 * Throws {@link Unreadable} when it was not the pixel data of the root.
 */
export function endInPixels(parse: Parse): void {
  const { input, native, fragments } = parse
  if (native) {
    native.pixels.native(native.offset, native.length - input.skip)
    parse.pixelMap = native.pixels.finish(false)
    parse.native = undefined
    damage(parse, parse.tag, 'ends early')
    input.skip = 0
  } else if (fragments) {
    if (!fragments.isPixels) throw new Unreadable('ends early', { tag: tagText(fragments.tag) })
    if (fragments.partial) endPartial(input, fragments, input.skip)
    input.skip = 0
    input.at = input.end
    endFragments(parse, fragments, false)
  }
}

function damage(parse: Parse, tag: number, cause: string): void {
  parse.damaged = true
  note(parse.oddities, cause, tagText(tag))
}
