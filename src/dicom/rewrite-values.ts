import type { Vr } from './data-set.ts'
import { tagText } from './dictionary.ts'
import { vrRule } from './element-vr.ts'
import { ITEM, SEQUENCE_DELIMITER } from './reader-header.ts'
import { has } from './reader-input.ts'
import { isPixelTag } from './reader-pixels.ts'
import { putElement } from './reader-scope.ts'
import { UNDEFINED_LENGTH, type Parse, type Scope } from './reader-state.ts'
import { header } from './writer.ts'
import { pixelWordSize, swapWords } from './writer-values.ts'

/** A data set on its way from one encoding to the other. */
export interface State {
  readonly parse: Parse
  out: Buffer[]
  /** Bytes of `out`. */
  held: number
  /** US or SS: the headers that wait for Pixel Representation, each with the data set that may tell. */
  undecided: { scope: Scope; readonly header: Buffer }[]
  /** A value that is let through, in words of `size` bytes to be turned round. */
  value: { left: number; readonly size: number; torn: Buffer } | undefined
  fragments: boolean
  /** What is left is no part of the data set. */
  over: boolean
  BitsAllocated: number
  /** What is put in the place of others, see {@link RootEdit}; undefined: nothing. */
  readonly edit: RootEdit | undefined
  /** Nothing leaves: fragments that are replaced pass. */
  silent: boolean
}

/** Elements of the root to be put in, and compressed pixel data to be cut out. */
export interface RootEdit {
  /** In ascending order; `bytes` null: the element is left out. Those that have passed are taken off. */
  readonly elements: { readonly tag: number; readonly bytes: Buffer | null }[]
  /** Stands in the output where the pixel data were. */
  readonly pixels: Buffer
}

/** How everything is written. */
export const LITTLE = { explicitVr: true, bigEndian: false }
const LONGEST_SHORT_VALUE = 0xffff
const BITS_ALLOCATED = 0x00280100
const PIXEL_REPRESENTATION = 0x00280103
const LUT_DESCRIPTOR = 0x00283002
/** Values that decide how others are read are this short. */
const LONGEST_TELLING_VALUE = 256

export function put(state: State, bytes: Buffer): void {
  if (state.silent) return
  state.out.push(bytes)
  state.held += bytes.length
}

/** Pixel data of the root, which may be followed but not held. */
export function isRootPixels({ scope, tag }: Parse): boolean {
  return scope.parent === undefined && isPixelTag(tag)
}

/** Reads the eight bytes of an item or delimiter and moves behind them; null when they are not all there. */
export function readItemHeader({ input }: Parse, bigEndian: boolean): { tag: number; length: number } | null {
  if (!has(input, 8)) return null
  const bytes = input.buffer.subarray(input.at, input.at + 8)
  input.at += 8
  return bigEndian
    ? { tag: bytes.readUInt16BE(0) * 0x10000 + bytes.readUInt16BE(2), length: bytes.readUInt32BE(4) }
    : { tag: bytes.readUInt16LE(0) * 0x10000 + bytes.readUInt16LE(2), length: bytes.readUInt32LE(4) }
}

/** Lets a value through as far as its bytes are there. */
export function letThrough(state: State, value: NonNullable<State['value']>): boolean {
  const { input } = state.parse
  if (value.left === 0) {
    if (value.torn.length > 0) put(state, value.torn)
    state.value = undefined
    return true
  }
  if (!has(input, 1)) return false
  const length = Math.min(value.left, input.end - input.at)
  const bytes = input.buffer.subarray(input.at, input.at + length)
  input.at += length
  value.left -= length
  if (value.size === 1) {
    put(state, bytes)
    return true
  }
  const words = Buffer.concat([value.torn, bytes])
  const whole = words.length - (words.length % value.size)
  value.torn = words.subarray(whole)
  put(state, swapWords(words.subarray(0, whole), value.size))
  return true
}

/** One value; false when more bytes are needed. */
export function valueStep(state: State): boolean {
  const { parse } = state
  const { input, tag, length, headerLength } = parse
  if (isTelling(tag) && length <= LONGEST_TELLING_VALUE) {
    if (!has(input, headerLength + length)) return false
    listen(state, input.buffer.subarray(input.at + headerLength, input.at + headerLength + length))
  }
  if ((tag & 0xffff) === 0) {
    // A group length is left out: the lengths that it counts have changed.
    if (!has(input, headerLength + length)) return false
    input.at += headerLength + length
    return true
  }
  passValue(state)
  return true
}

/** Writes the header of a value and lets its bytes through. */
function passValue(state: State): void {
  const { parse } = state
  const { input, scope, tag, length, headerLength } = parse
  input.at += headerLength
  const isPixels = isRootPixels(parse)
  if (isPixels) settle(state, scope, scope.PixelRepresentation ?? 0)
  const rule = parse.rule.kind === 'number' && length % parse.rule.width !== 0 ? vrRule('UN') : parse.rule
  const vr: Vr = isPixels && rule.vr === 'UN' ? 'OW' : rule.vr
  const tooLong = !rule.long && length > LONGEST_SHORT_VALUE
  const bytes = header(tagText(tag), tooLong ? 'UN' : vr, length, LITTLE)
  put(state, bytes)
  if (parse.signUndecided && !tooLong) undecide(state, scope, bytes)
  const size = isPixels ? pixelWordSize(vr, state.BitsAllocated) : rule.width
  state.value = { left: length, size: scope.bigEndian ? size : 1, torn: Buffer.alloc(0) }
}

function isTelling(tag: number): boolean {
  const isCreator = (tag & 0x10000) !== 0 && (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff
  return isCreator || tag === PIXEL_REPRESENTATION || tag === BITS_ALLOCATED || tag === LUT_DESCRIPTOR
}

/** Keeps what the VRs of other elements depend on, where the reader's header parser looks for it. */
function listen(state: State, value: Buffer): void {
  const { parse } = state
  const { scope, tag } = parse
  if ((tag & 0x10000) !== 0) {
    const creator = value.toString('latin1').replace(/[\0 ]+$/, '').trimStart() // prettier-ignore
    putElement(parse, scope, tag, creator === '' ? { vr: 'LO' } : { vr: 'LO', Value: [creator] })
    return
  }
  if (value.length < 2) return
  const number = scope.bigEndian ? value.readUInt16BE(0) : value.readUInt16LE(0)
  putElement(parse, scope, tag, { vr: 'US', Value: [number] })
  if (tag === BITS_ALLOCATED && scope.parent === undefined) state.BitsAllocated = number
  if (tag === PIXEL_REPRESENTATION) settle(state, scope, number)
}

function undecide(state: State, scope: Scope, bytes: Buffer): void {
  state.undecided.push({ scope, header: bytes })
  if (scope.PixelRepresentation !== undefined) settle(state, scope, scope.PixelRepresentation)
}

/** Pixel Representation of a data set is known: US becomes SS where it is 1 (PS3.3 §C.7.6.3.1.1). */
export function settle(state: State, scope: Scope, PixelRepresentation: number): void {
  state.undecided = state.undecided.filter((each) => {
    if (each.scope !== scope) return true
    if (PixelRepresentation === 1) each.header.write('SS', 4, 'latin1')
    return false
  })
}

/** One item of fragments (PS3.5 §A.4); false when more bytes are needed. */
export function fragmentStep(state: State): boolean {
  const { parse } = state
  const { input, scope } = parse
  const before = input.at
  const item = readItemHeader(parse, scope.bigEndian)
  if (item === null) return false
  if (item.tag === ITEM && item.length !== UNDEFINED_LENGTH) {
    put(state, header('FFFEE000', 'UN', item.length, LITTLE))
    state.value = { left: item.length, size: 1, torn: Buffer.alloc(0) }
    return true
  }
  // Without its delimiter the element ends where another one begins.
  if (item.tag !== SEQUENCE_DELIMITER) input.at = before
  put(state, header('FFFEE0DD', 'UN', 0, LITTLE))
  state.fragments = false
  state.silent = false
  return true
}

/** What an edit makes of the element at hand: `go` on with it as ever, `done` with it, or more `bytes` are needed. */
export function editStep(state: State): 'go' | 'done' | 'bytes' {
  const { edit, parse } = state
  if (edit === undefined || parse.scope.parent !== undefined) return 'go'
  const { input, tag, length, headerLength } = parse
  while (edit.elements[0] !== undefined && edit.elements[0].tag < tag) putNext(state, edit)
  if (edit.elements[0]?.tag === tag) {
    if (!has(input, headerLength + length)) return 'bytes'
    input.at += headerLength + length
    putNext(state, edit)
    return 'done'
  }
  if (!isRootPixels(parse) || length !== UNDEFINED_LENGTH) return 'go'
  put(state, edit.pixels)
  input.at += headerLength
  state.fragments = true
  state.silent = true
  return 'done'
}

function putNext(state: State, { elements }: RootEdit): void {
  const bytes = elements.shift()?.bytes
  if (bytes) put(state, bytes)
}
