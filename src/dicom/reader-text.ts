import { isUtf8 } from 'node:buffer'
import type { DataElement, Vr } from './data-set.ts'
import { REPLACEMENT } from './charset-tables.ts'
import { charsetOf, type Charset, type TextForm } from './charset.ts'
import { tagText } from './dictionary.ts'
import { vrRule } from './element-vr.ts'
import { latin1 } from './reader-input.ts'
import type { Parse, Scope } from './reader-state.ts'
import { charge, VALUE_WEIGHT } from './reader-state.ts'
import { note } from './reader-unreadable.ts'
import { isSingleText, textValues, trimEnd } from './values-text.ts'

const ESC = 0x1b
const BACKSLASH = 0x5c
/** Longer texts have their values counted before they are split. */
const LONG_TEXT = 65_536

/** Reads the value of a text VR that lies complete in the window, from `start` to `end`. */
export function readText(parse: Parse, scope: Scope, start: number, end: number): DataElement {
  const { tag, input } = parse
  const { vr, inCharset } = parse.rule
  const bytes = input.buffer
  let stop = end
  // Padding first: neither space nor NUL is ever the second byte of a character.
  while (stop > start && (bytes[stop - 1] === 0x20 || bytes[stop - 1] === 0)) stop--
  if (stop === start) return { vr }
  if (stop - start > LONG_TEXT && !isSingleText(vr)) chargeValues(parse, bytes, start, stop)
  if (isPlain(bytes, start, stop) && (!inCharset || scope.charset.ascii)) {
    return elementOf(parse, tag, vr, latin1(input, start, stop), undefined)
  }
  const element = decoded(parse, scope.charset, tag, vr, bytes.subarray(start, stop))
  if (inCharset && !scope.ownCharset) {
    scope.undecidedText ??= []
    scope.undecidedText.push({ element, tag, bytes: Buffer.from(bytes.subarray(start, stop)) })
  }
  return element
}

/** Takes (0008,0005) to heart, also for text of this data set that stood before it. */
export function changeCharset(parse: Parse, scope: Scope, element: DataElement): void {
  const terms = (element.Value ?? []).map((value) => (typeof value === 'string' ? value : ''))
  const { charset, cause } = charsetOf(terms)
  if (cause !== undefined) note(parse.oddities, cause, '00080005')
  scope.charset = charset
  scope.ownCharset = true
  for (const { element: early, tag, bytes } of scope.undecidedText ?? []) {
    delete early.Value
    delete early.undecoded
    Object.assign(early, decoded(parse, charset, tag, early.vr, bytes))
  }
  scope.undecidedText = undefined
}

function chargeValues(parse: Parse, bytes: Buffer, start: number, end: number): void {
  let values = 0
  for (let at = bytes.indexOf(BACKSLASH, start); at >= 0 && at < end; at = bytes.indexOf(BACKSLASH, at + 1))
    values++
  charge(parse, 0, values * VALUE_WEIGHT)
}

/** ASCII and the controls that text may have; anything else must be looked at. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= 0x7f || byte === ESC || byte === 0) return false
  }
  return true
}

function decoded(parse: Parse, charset: Charset, tag: number, vr: Vr, bytes: Buffer): DataElement {
  if (!vrRule(vr).inCharset) {
    note(parse.oddities, 'has characters that its VR does not allow', tagText(tag))
    return finished(parse, tag, vr, bytes.toString('latin1'), bytes)
  }
  const form: TextForm = vr === 'PN' ? 'names' : isSingleText(vr) ? 'one' : 'many'
  const text = charset.decode(bytes, 0, bytes.length, form)
  if (charset.guessed && bytes.some((byte) => byte > 0x7f)) {
    note(parse.oddities, 'has characters outside its character set, read as ISO 8859-1', tagText(tag))
  }
  return finished(parse, tag, vr, text, bytes)
}

/** NUL and stray escapes are no text anywhere: they would break databases and XML, so they count as undecodable. */
function finished(parse: Parse, tag: number, vr: Vr, text: string, bytes: Buffer): DataElement {
  const unpadded = isSingleText(vr) ? text : text.split('\\').map(trimEnd).join('\\')
  const clean = unpadded.replaceAll(/[\0\u001b]/gu, REPLACEMENT)
  const whole = !clean.includes(REPLACEMENT) || (isUtf8(bytes) && clean === bytes.toString('utf8'))
  if (whole) return elementOf(parse, tag, vr, clean, undefined)
  note(parse.oddities, 'has bytes that are no text in its character set', tagText(tag))
  return elementOf(parse, tag, vr, clean, bytes.toString('base64'))
}

function elementOf(
  parse: Parse,
  tag: number,
  vr: Vr,
  text: string,
  undecoded: string | undefined,
): DataElement {
  const causes: string[] = []
  const Value = textValues(vr, text, causes)
  for (const cause of causes) note(parse.oddities, cause, tagText(tag))
  if (Value.length > 1) charge(parse, 0, Value.length * VALUE_WEIGHT)
  if (undecoded !== undefined) return { vr, Value, undecoded }
  return Value.length === 0 ? { vr } : { vr, Value }
}
