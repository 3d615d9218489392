import type { DataElement } from './data-set.ts'
import { tagText } from './dictionary.ts'
import { vrRule, vrRuleOf, type VrRule } from './element-vr.ts'
import { ITEM, ITEM_DELIMITER, readHeader, SEQUENCE_DELIMITER, tagAt } from './reader-header.ts'
import { abandon } from './reader-end.ts'
import { has, offsetOf, skipBytes } from './reader-input.ts'
import { fragmentStep, isPixelTag, nativeStep, startFragments, startNative } from './reader-pixels.ts'
import { closeScope, putElement } from './reader-scope.ts'
import {
  charge,
  ELEMENT_WEIGHT,
  newScope,
  UNDEFINED_LENGTH,
  valueOffset,
  VALUE_WEIGHT,
  type Parse,
  type Scope,
} from './reader-state.ts'
import { readText } from './reader-text.ts'
import { note, Unreadable } from './reader-unreadable.ts'
import { inlineBinary, MOST_INLINE, readNumbers } from './values.ts'

const EXTENDED_OFFSET_TABLE = 0x7fe00001
const EXTENDED_OFFSET_TABLE_LENGTHS = 0x7fe00002

/** Reads on as far as the bytes reach. Throws {@link Unreadable}. */
export function readOn(parse: Parse): void {
  try {
    while (readNext(parse));
  } catch (error) {
    const behindPixels = parse.pixelsMet && !parse.fragments && !parse.native
    if (!(error instanceof Unreadable) || !behindPixels) throw error
    abandon(parse)
  }
}

/** One element, item or fragment; false when more bytes are needed. */
export function readNext(parse: Parse): boolean {
  const { input, scope } = parse
  if (input.skip > 0) return false
  if (parse.trailing !== 'no') return trailingStep(parse)
  if (parse.fragments !== undefined) return fragmentStep(parse, parse.fragments)
  if (parse.native !== undefined) return nativeStep(parse, parse.native)
  if (scope.open !== undefined) return itemStep(parse, scope)
  return elementStep(parse, scope)
}

/** Bytes behind the data set: they are kept, and mean nothing. */
function trailingStep(parse: Parse): boolean {
  const { input } = parse
  if (parse.trailing === 'zeros' && !parse.pixelsMet) {
    for (let at = input.at; at < input.end; at++) {
      if (input.buffer[at] !== 0) throw new Unreadable('goes on behind zero bytes')
    }
  }
  input.at = input.end
  input.need = 1
  return false
}

function itemStep(parse: Parse, scope: Scope): boolean {
  const { input } = parse
  const { open } = scope
  if (open === undefined) return true
  if (offsetOf(input) >= open.end) {
    scope.open = undefined
    if (open.delimited) note(parse.oddities, 'has a sequence without its delimiter')
    return true
  }
  if (!has(input, 8)) return false
  const tag = tagAt(input, !open.bigEndian)
  const length = input.view.getUint32(input.at + 4, !open.bigEndian)
  input.at += 8
  if (tag === ITEM) {
    openItem(parse, scope, length)
  } else if (tag === SEQUENCE_DELIMITER && open.delimited) {
    scope.open = undefined
  } else if (length === 0 && (tag === SEQUENCE_DELIMITER || tag === ITEM_DELIMITER)) {
    note(parse.oddities, 'has a delimiter where none belongs')
  } else {
    throw new Unreadable('stands where an item of a sequence should begin', { tag: tagText(tag) })
  }
  return true
}

function openItem(parse: Parse, scope: Scope, length: number): void {
  const { open } = scope
  if (open === undefined) return
  const delimited = length === UNDEFINED_LENGTH
  const end = delimited ? open.end : offsetOf(parse.input) + length
  if (end > open.end) throw new Unreadable('has an item that is longer than its sequence')
  charge(parse, 8, ELEMENT_WEIGHT)
  const item = newScope(scope, end, delimited)
  open.element.Value ??= []
  open.element.Value.push(item.dataSet)
  // Of the many empty items that there may be, none needs to be entered.
  if (length !== 0) parse.scope = item
}

function elementStep(parse: Parse, scope: Scope): boolean {
  const { input } = parse
  const offset = offsetOf(input)
  if (offset >= scope.end) {
    if (scope.delimited) note(parse.oddities, 'has an item without its delimiter')
    closeScope(parse, scope)
    return true
  }
  if (scope.parent === undefined && isZeroNext(parse)) return true
  if (scope.unsure && !lookForVr(parse, scope)) return false
  if (!meet(parse, scope, offset)) return false
  const { tag, length, headerLength } = parse
  if (tag >= ITEM && tag <= SEQUENCE_DELIMITER) return delimiterStep(parse, scope)
  if (length === UNDEFINED_LENGTH) return undefinedLength(parse, scope)
  if (offset + headerLength + length > scope.end) {
    throw new Unreadable('is longer than the item that holds it', { tag: tagText(tag) })
  }
  if (scope.parent === undefined && isPixelTag(tag)) {
    startNative(parse, scope)
    return true
  }
  return parse.rule.kind === 'sequence' ? sequenceStep(parse, scope) : valueStep(parse, scope)
}

/** Reads a header, and tells of it at the root; false when more bytes are needed. */
function meet(parse: Parse, scope: Scope, offset: number): boolean {
  if (!readHeader(parse, scope)) return false
  if (scope.parent === undefined) parse.onElement?.(parse.tag, offset)
  return true
}

/** No data set goes on with eight zero bytes: from here on there is only padding, of a tape or a block. */
function isZeroNext(parse: Parse): boolean {
  const { view, at, end } = parse.input
  if (end - at < 8 || view.getUint32(at) !== 0 || view.getUint32(at + 4) !== 0) return false
  parse.trailing = 'zeros'
  note(parse.oddities, 'has zero bytes behind the data set')
  return true
}

function delimiterStep(parse: Parse, scope: Scope): boolean {
  const { input, tag, length } = parse
  if (length !== 0 && (tag === ITEM || scope.parent === undefined)) {
    throw new Unreadable('stands where an element should begin', { tag: tagText(tag) })
  }
  if (scope.delimited && tag === ITEM_DELIMITER) {
    input.at += 8
    closeScope(parse, scope)
  } else if (scope.delimited && tag === SEQUENCE_DELIMITER) {
    // The item's own delimiter was forgotten: this one ends both.
    note(parse.oddities, 'has an item without its delimiter')
    closeScope(parse, scope)
  } else {
    input.at += 8
    note(parse.oddities, 'has a delimiter where none belongs')
  }
  return true
}

/** An item of a sequence that came as UN: its first element tells whether it has VRs after all. */
function lookForVr({ input }: Parse, scope: Scope): boolean {
  if (!has(input, 8)) return false
  const { view, at } = input
  const rule = vrRuleOf(view.getUint8(at + 4), view.getUint8(at + 5))
  scope.implicit = rule === undefined || (rule.long && view.getUint16(at + 6) !== 0)
  scope.unsure = false
  return true
}

function undefinedLength(parse: Parse, scope: Scope): boolean {
  const { rule, tag } = parse
  const isSequence = rule.kind === 'sequence' || rule.vr === 'UN' || scope.implicit
  if (scope.parent === undefined && isPixelTag(tag)) {
    startFragments(parse, scope)
  } else if (isSequence) {
    openSequence(parse, scope, scope.end)
  } else if (rule.kind === 'binary') {
    startFragments(parse, scope)
  } else {
    throw new Unreadable(`is of VR ${rule.vr} and has no length`, { tag: tagText(tag) })
  }
  return true
}

function sequenceStep(parse: Parse, scope: Scope): boolean {
  const { input, headerLength, length, fromUn } = parse
  // A dictionary's word is taken for a sequence only when one begins there.
  if ((fromUn || scope.implicit) && length >= 8) {
    if (!has(input, headerLength + 4)) return false
    const group = input.view.getUint16(input.at + headerLength, fromUn || !scope.bigEndian)
    if (group !== ITEM >>> 16) {
      parse.rule = vrRule('UN')
      return valueStep(parse, scope)
    }
  }
  openSequence(parse, scope, valueOffset(parse) + length)
  return true
}

function openSequence(parse: Parse, scope: Scope, end: number): void {
  const { rule, tag, length, input } = parse
  if (scope.depth >= parse.limits.depth) {
    throw new Unreadable(`is nested more than ${parse.limits.depth} deep`, { tag: tagText(tag) })
  }
  const fromUn = parse.fromUn || rule.vr === 'UN'
  charge(parse, parse.headerLength, ELEMENT_WEIGHT)
  const element: DataElement = { vr: 'SQ' }
  putElement(parse, scope, tag, element)
  input.at += parse.headerLength
  if (length === 0) return
  scope.open = {
    tag,
    element,
    end,
    delimited: length === UNDEFINED_LENGTH,
    // UN of undefined length is a sequence in implicit VR little endian, whatever is around it (PS3.5 §6.2.2).
    implicit: fromUn || scope.implicit,
    bigEndian: scope.bigEndian && !fromUn,
    fromUn: fromUn && !scope.implicit,
  }
}

function valueStep(parse: Parse, scope: Scope): boolean {
  const { input, rule, tag, length, headerLength } = parse
  if ((tag & 0xffff) === 0) {
    // Group lengths say nothing that is not seen (PS3.5 §7.2).
    input.at += headerLength
    skipBytes(input, length)
    return true
  }
  const isTable =
    scope.parent === undefined && (tag === EXTENDED_OFFSET_TABLE || tag === EXTENDED_OFFSET_TABLE_LENGTHS)
  if (rule.kind === 'binary' && length > MOST_INLINE && !isTable) {
    putElement(parse, scope, tag, { vr: rule.vr, offset: valueOffset(parse), length })
    charge(parse, headerLength, ELEMENT_WEIGHT)
    input.at += headerLength
    skipBytes(input, length)
    return true
  }
  const whole = headerLength + length
  if (!has(input, whole)) {
    if (parse.held + whole > parse.limits.headerBytes) charge(parse, whole, 0)
    return false
  }
  charge(parse, whole, ELEMENT_WEIGHT + length)
  const start = input.at + headerLength
  if (isTable) keepTable(parse, Buffer.from(input.buffer.subarray(start, start + length)))
  putElement(parse, scope, tag, readValue(parse, scope, start, start + length))
  input.at += whole
  return true
}

function keepTable(parse: Parse, bytes: Buffer): void {
  if (parse.tag === EXTENDED_OFFSET_TABLE) parse.extendedOffsets = bytes
  else parse.extendedLengths = bytes
}

/** The value that lies complete at `start` of the window. */
function readValue(parse: Parse, scope: Scope, start: number, end: number): DataElement {
  const { rule, input } = parse
  if (start === end) return { vr: rule.vr }
  if (rule.kind === 'text') return readText(parse, scope, start, end)
  const { bigEndian } = scope
  if (rule.kind === 'number') {
    const Value = readNumbers(rule, input.view, start, end, !bigEndian)
    if (Value) {
      const element: DataElement = { vr: rule.vr, Value }
      if (Value.length > 1) charge(parse, 0, Value.length * VALUE_WEIGHT)
      if (parse.signUndecided) (scope.undecidedSigns ??= []).push(element)
      return element
    }
    note(parse.oddities, `is no whole number of ${rule.vr} values`, tagText(parse.tag))
    return binary(parse, vrRule('UN'), start, end, bigEndian)
  }
  return binary(parse, rule, start, end, bigEndian)
}

function binary(parse: Parse, rule: VrRule, start: number, end: number, bigEndian: boolean): DataElement {
  if (end - start > MOST_INLINE) return { vr: rule.vr, offset: parse.input.base + start, length: end - start }
  return inlineBinary(rule, parse.input.buffer.subarray(start, end), bigEndian)
}
