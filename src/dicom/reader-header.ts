import type { Tag } from './data-set.ts'
import { entryOfNumber, tagText, type DictionaryEntry } from './dictionary.ts'
import { privateVr } from './private-dictionary.ts'
import { areLetters, vrRule, vrRuleOf, type VrRule } from './element-vr.ts'
import { has, type Input } from './reader-input.ts'
import { UNDEFINED_LENGTH, type Parse, type Scope } from './reader-state.ts'
import { note, Unreadable } from './reader-unreadable.ts'

export const ITEM = 0xfffee000
export const ITEM_DELIMITER = 0xfffee00d
export const SEQUENCE_DELIMITER = 0xfffee0dd
const LUT_DESCRIPTOR: Tag = '00283002'

const UN = vrRule('UN')

/**
 * Reads tag, VR and length of the element at hand into `parse`, without moving on; false when more bytes are needed.
 * The VR is the one that the value will be read with: implicit VR and UN are resolved by the dictionaries.
 */
export function readHeader(parse: Parse, scope: Scope): boolean {
  const { input } = parse
  if (!has(input, 8)) return false
  const { view, at } = input
  const little = !scope.bigEndian
  const tag = tagAt(input, little)
  parse.tag = tag
  parse.signUndecided = false
  parse.fromUn = false
  if (scope.implicit || isItemTag(tag)) {
    parse.length = view.getUint32(at + 4, little)
    parse.headerLength = 8
    if (!isItemTag(tag)) resolve(parse, scope)
    return true
  }
  const rule = vrRuleOf(view.getUint8(at + 4), view.getUint8(at + 5))
  if (rule === undefined) return readStrangeVr(parse, scope)
  parse.rule = rule
  if (!rule.long) {
    parse.length = view.getUint16(at + 6, little)
    parse.headerLength = 8
    return true
  }
  if (!has(input, 12)) return false
  parse.length = view.getUint32(at + 8, little)
  parse.headerLength = 12
  if (rule === UN && parse.length !== UNDEFINED_LENGTH) {
    parse.fromUn = true
    resolve(parse, scope)
    // Whoever wrote UN did not know what to turn round, so in big endian the order of the bytes is anybody's guess.
    if (scope.bigEndian && parse.rule.width > 1) parse.rule = UN
  }
  return true
}

/** The tag with which the window goes on, as one number: the group in the upper 16 bits. */
export function tagAt({ view, at }: Input, little: boolean): number {
  return view.getUint16(at, little) * 0x10000 + view.getUint16(at + 2, little)
}

function isItemTag(tag: number): boolean {
  return tag === ITEM || tag === ITEM_DELIMITER || tag === SEQUENCE_DELIMITER
}

/**
 * A VR that PS3.5 does not know, in explicit VR. Capital letters are a VR of the future, with 32-bit length
 * (PS3.5 §7.1.2), or of a writer who took it for a short one; `??` and blanks are old habits for UN; all else is an
 * element in implicit VR, as some writers put them among explicit ones.
 */
function readStrangeVr(parse: Parse, scope: Scope): boolean {
  const { view, at } = parse.input
  const little = !scope.bigEndian
  const [first, second] = [view.getUint8(at + 4), view.getUint8(at + 5)]
  const short = view.getUint16(at + 6, little)
  if (areLetters(first, second) || (isBlank(first) && isBlank(second))) {
    if (short === 0 && !has(parse.input, 12)) return false
    parse.headerLength = short === 0 ? 12 : 8
    parse.length = short === 0 ? view.getUint32(at + 8, little) : short
    note(parse.oddities, 'has an unknown VR', tagText(parse.tag))
  } else {
    if (parse.pixelsMet && scope.parent === undefined)
      throw new Unreadable('is no element', { tag: tagText(parse.tag) })
    parse.headerLength = 8
    parse.length = view.getUint32(at + 4, little)
    note(parse.oddities, 'has no VR, though its data set is in explicit VR', tagText(parse.tag))
  }
  resolve(parse, scope)
  return true
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x3f || byte === 0x2d
}

/** The VR by dictionary: for implicit VR, and for UN, which a gateway wrote who did not know better. */
function resolve(parse: Parse, scope: Scope): void {
  const { tag } = parse
  const rule =
    (tag & 0x10000) === 0 ? standardRule(parse, scope, entryOfNumber(tag)) : privateRule(scope, tag)
  const fits = rule.kind !== 'number' || parse.length % rule.width === 0
  parse.rule = fits ? rule : UN
}

function standardRule(parse: Parse, scope: Scope, entry: DictionaryEntry | undefined): VrRule {
  if (entry === undefined) return UN
  if (entry.vr === 'xs') {
    parse.signUndecided = true
    return vrRule('US')
  }
  // Implicit VR has pixel data, overlays and waveforms in OW (PS3.5 §A.1).
  if (entry.vr === 'ox') return vrRule('OW')
  // A table of one entry is a number, longer ones are words (PS3.3 §C.11.1.1).
  if (entry.vr === 'lt') return vrRule(scope.dataSet[LUT_DESCRIPTOR]?.Value?.[0] === 1 ? 'US' : 'OW')
  return vrRule(entry.vr)
}

/** Creators are LO; their elements are what the creator's dictionary says, else UN (PS3.5 §7.8). */
function privateRule(scope: Scope, tag: number): VrRule {
  const element = tag & 0xffff
  if (element >= 0x10 && element <= 0xff) return vrRule('LO')
  if (element < 0x1000) return UN
  const group = tag >>> 16
  const known = scope.creators?.get((group << 8) | (element >>> 8))
  const vr = known === undefined ? undefined : privateVr(known.creator, known.block, group, element & 0xff)
  return vr === undefined ? UN : vrRule(vr)
}
