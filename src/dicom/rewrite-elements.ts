import { tagText } from './dictionary.ts'
import { vrRule, vrRuleOf } from './element-vr.ts'
import { ITEM, ITEM_DELIMITER, readHeader, SEQUENCE_DELIMITER } from './reader-header.ts'
import { createInput, feed, has, offsetOf } from './reader-input.ts'
import { newParse, newScope, UNDEFINED_LENGTH, type Parse, type Scope } from './reader-state.ts'
import { Unreadable } from './reader-unreadable.ts'
import {
  editStep,
  fragmentStep,
  isRootPixels,
  letThrough,
  LITTLE,
  put,
  readItemHeader,
  settle,
  valueStep,
  type RootEdit,
  type State,
} from './rewrite-values.ts'
import { header } from './writer.ts'

/** So much output may wait for Pixel Representation; then what is undecided is taken for unsigned. */
const MOST_HELD = 16 * 1024 * 1024

/** Turns a data set in Implicit VR or Big Endian into Explicit VR Little Endian while it passes. */
export interface Transcoder {
  /** Takes the next bytes and gives back what can leave. Throws {@link Unreadable} as the reader does. */
  push(chunk: Buffer): Buffer[]
  end(): Buffer[]
}

/**
 * Copies values as they are; only headers, lengths and byte order change. Sequences and items come out with undefined
 * lengths, so that nothing has to be held until its length is known. Group lengths are left out. With `edit`, elements of
 * the root are replaced as they pass.
 */
export function createTranscoder(
  encoding: { implicit: boolean; bigEndian: boolean },
  edit?: RootEdit,
): Transcoder {
  const parse = newParse(createInput())
  parse.scope.implicit = encoding.implicit
  parse.scope.bigEndian = encoding.bigEndian
  const state: State = {
    parse,
    out: [],
    held: 0,
    undecided: [],
    value: undefined,
    fragments: false,
    over: false,
    BitsAllocated: 0,
    edit,
    silent: false,
  }
  return {
    push(chunk) {
      feed(parse.input, chunk)
      while (step(state));
      return released(state)
    },
    end() {
      while (parse.scope.parent !== undefined || parse.scope.open !== undefined) closeInnermost(state)
      settle(state, parse.scope, 0)
      return released(state)
    },
  }
}

function released(state: State): Buffer[] {
  if (state.held > MOST_HELD) state.undecided = []
  if (state.undecided.length > 0) return []
  const { out } = state
  state.out = []
  state.held = 0
  return out
}

function step(state: State): boolean {
  const { parse } = state
  const { input, scope } = parse
  if (state.over) {
    input.at = input.end
    return false
  }
  if (state.value !== undefined) return letThrough(state, state.value)
  if (state.fragments) return fragmentStep(state)
  return scope.open === undefined ? elementStep(state) : itemStep(state)
}

function elementStep(state: State): boolean {
  const { parse } = state
  const { input, scope } = parse
  if (offsetOf(input) >= scope.end) {
    closeInnermost(state)
    return true
  }
  if (scope.unsure && !lookForVr(parse, scope)) return false
  if (!readHeader(parse, scope)) return false
  const { tag, length } = parse
  if (tag >= ITEM && tag <= SEQUENCE_DELIMITER) {
    delimiterStep(state)
    return true
  }
  if (tag === 0 && length === 0 && scope.parent === undefined) {
    state.over = true
    return true
  }
  const edited = editStep(state)
  if (edited !== 'go') return edited === 'done'
  if (length === UNDEFINED_LENGTH) {
    undefinedLength(state)
    return true
  }
  const isSequence = parse.rule.kind === 'sequence' && !isRootPixels(parse)
  return isSequence ? sequenceStep(state) : valueStep(state)
}

/** An item of a sequence that came as UN: its first element tells whether it has VRs after all. */
export function lookForVr({ input }: Parse, scope: Scope): boolean {
  if (!has(input, 8)) return false
  const { buffer, at } = input
  const rule = vrRuleOf(buffer.readUInt8(at + 4), buffer.readUInt8(at + 5))
  scope.implicit = rule === undefined || (rule.long && buffer.readUInt16LE(at + 6) !== 0)
  scope.unsure = false
  return true
}

function delimiterStep(state: State): void {
  const { parse } = state
  const { scope, input, tag, length } = parse
  if (length !== 0 && (tag === ITEM || scope.parent === undefined)) {
    throw new Unreadable('stands where an element should begin', { tag: tagText(tag) })
  }
  // A sequence's delimiter in an item ends both: the item's own was forgotten.
  if (scope.delimited && tag === SEQUENCE_DELIMITER) {
    closeInnermost(state)
    return
  }
  input.at += 8
  if (scope.delimited && tag === ITEM_DELIMITER) closeInnermost(state)
}

function undefinedLength(state: State): void {
  const { parse } = state
  const { rule, tag, scope, input, headerLength } = parse
  if (!isRootPixels(parse) && (rule.kind === 'sequence' || rule.vr === 'UN' || scope.implicit)) {
    openSequence(state, scope.end)
    return
  }
  if (rule.kind !== 'binary')
    throw new Unreadable(`is of VR ${rule.vr} and has no length`, { tag: tagText(tag) })
  if (isRootPixels(parse)) settle(state, scope, scope.PixelRepresentation ?? 0)
  put(state, header(tagText(tag), rule.vr === 'UN' ? 'OB' : rule.vr, UNDEFINED_LENGTH, LITTLE))
  input.at += headerLength
  state.fragments = true
}

function sequenceStep(state: State): boolean {
  const { parse } = state
  const { input, scope, headerLength, length } = parse
  // A dictionary's word is taken for a sequence only when one begins there.
  if ((parse.fromUn || scope.implicit) && length >= 8) {
    if (!has(input, headerLength + 4)) return false
    const at = input.at + headerLength
    const group =
      scope.bigEndian && !parse.fromUn ? input.buffer.readUInt16BE(at) : input.buffer.readUInt16LE(at)
    if (group !== ITEM / 0x10000) {
      parse.rule = vrRule('UN')
      return valueStep(state)
    }
  }
  openSequence(state, offsetOf(input) + headerLength + length)
  return true
}

function openSequence(state: State, end: number): void {
  const { parse } = state
  const { scope, length, input, tag } = parse
  if (scope.depth >= parse.limits.depth) {
    throw new Unreadable(`is nested more than ${parse.limits.depth} deep`, { tag: tagText(tag) })
  }
  const fromUn = parse.fromUn || parse.rule.vr === 'UN'
  put(state, header(tagText(tag), 'SQ', length === 0 ? 0 : UNDEFINED_LENGTH, LITTLE))
  input.at += parse.headerLength
  if (length === 0) return
  scope.open = {
    tag,
    element: { vr: 'SQ' },
    end,
    delimited: length === UNDEFINED_LENGTH,
    implicit: fromUn || scope.implicit,
    bigEndian: scope.bigEndian && !fromUn,
    fromUn: fromUn && !scope.implicit,
  }
}

function itemStep(state: State): boolean {
  const { parse } = state
  const { input, scope } = parse
  const { open } = scope
  if (open === undefined) return true
  if (offsetOf(input) >= open.end) {
    closeInnermost(state)
    return true
  }
  const item = readItemHeader(parse, open.bigEndian)
  if (item === null) return false
  if (item.tag === ITEM) {
    const delimited = item.length === UNDEFINED_LENGTH
    const inner = newScope(scope, delimited ? open.end : offsetOf(input) + item.length, delimited)
    put(state, header('FFFEE000', 'UN', item.length === 0 ? 0 : UNDEFINED_LENGTH, LITTLE))
    if (item.length !== 0) parse.scope = inner
  } else if (item.tag === SEQUENCE_DELIMITER && open.delimited) {
    closeInnermost(state)
  } else if (item.length !== 0 || (item.tag !== SEQUENCE_DELIMITER && item.tag !== ITEM_DELIMITER)) {
    throw new Unreadable('stands where an item of a sequence should begin', { tag: tagText(item.tag) })
  }
  return true
}

/** Ends the open sequence, or the item at hand. */
function closeInnermost(state: State): void {
  const { parse } = state
  const { scope } = parse
  if (scope.open !== undefined) {
    scope.open = undefined
    put(state, header('FFFEE0DD', 'UN', 0, LITTLE))
    return
  }
  if (scope.parent === undefined) return
  put(state, header('FFFEE00D', 'UN', 0, LITTLE))
  parse.scope = scope.parent
  // The data set around it tells, if it has told already or will tell.
  for (const each of state.undecided) if (each.scope === scope) each.scope = scope.parent
  if (scope.parent.PixelRepresentation !== undefined)
    settle(state, scope.parent, scope.parent.PixelRepresentation)
}
