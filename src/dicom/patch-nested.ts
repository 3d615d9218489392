import type { Charset } from './charset.ts'
import { REPLACEMENT } from './charset-tables.ts'
import type { DataSet } from './data-set.ts'
import { tagText } from './dictionary.ts'
import { areLetters, vrRuleOf } from './element-vr.ts'
import { ITEM, ITEM_DELIMITER, readHeader, SEQUENCE_DELIMITER } from './reader-header.ts'
import { createInput, feed } from './reader-input.ts'
import { putElement } from './reader-scope.ts'
import { newParse, newScope, UNDEFINED_LENGTH, type Parse, type Scope } from './reader-state.ts'
import { printedTag, Unreadable } from './reader-unreadable.ts'
import { lookForVr } from './rewrite-elements.ts'
import { isSingleText } from './values-text.ts'
import { padded } from './writer-values.ts'

/** What becomes of values wherever they stand. */
export interface ValueEdit {
  /** UIDs to be replaced, in every value of VR UI. */
  readonly uids: ReadonlyMap<string, string>
  /** Text is written anew in UTF-8; this is what it is read with. Items that name a character set of their own keep it. */
  readonly from: Charset | undefined
}

const SPECIFIC_CHARACTER_SET = 0x00080005
const LONGEST_SHORT_VALUE = 0xfffe
const MOST_DEPTH = 64

/**
 * One whole element as it lies in a file, with values replaced, within items of any depth too. Every byte that is not
 * part of a replaced value, or of a length that counts it, is as it was. Throws {@link Unreadable} for what the reader
 * would not have taken, and for a value that has grown beyond its length field.
 * @param root the data set in which it stands: its private creators tell the VRs of their elements
 */
export function editElement(
  bytes: Buffer,
  root: DataSet,
  encoding: { readonly implicit: boolean; readonly bigEndian: boolean },
  edit: ValueEdit,
): Buffer {
  const input = createInput()
  feed(input, bytes)
  const parse = newParse(input)
  parse.scope.implicit = encoding.implicit
  parse.scope.bigEndian = encoding.bigEndian
  for (const [tag, creator] of Object.entries(root))
    if (/^....00[1-9A-F].$/u.test(tag)) putElement(parse, parse.scope, Number.parseInt(tag, 16), creator)
  const { chunks } = elements({ parse, bytes }, parse.scope, bytes.length, edit)
  return Buffer.concat(chunks)
}

interface Walk {
  readonly parse: Parse
  readonly bytes: Buffer
}

interface Edited {
  readonly chunks: Buffer[]
  readonly changed: boolean
}

/** Elements up to `end`, or up to the delimiter of their item, which comes along. */
function elements(walk: Walk, scope: Scope, end: number, outer: ValueEdit): Edited {
  const { parse, bytes } = walk
  const { input } = parse
  const chunks: Buffer[] = []
  const lengths = new Set<Buffer>()
  let edit = outer
  let changed = false
  while (input.at < end && input.at < bytes.length) {
    parse.scope = scope
    if (scope.unsure) lookForVr(parse, scope)
    const start = input.at
    if (!readHeader(parse, scope)) throw new Unreadable('ends within the header of an element')
    const { tag } = parse
    if (tag === ITEM_DELIMITER || tag === SEQUENCE_DELIMITER) {
      // A sequence's delimiter in an item ends both: the item's own was forgotten.
      if (tag === ITEM_DELIMITER) input.at += 8
      chunks.push(bytes.subarray(start, input.at))
      break
    }
    if (tag === SPECIFIC_CHARACTER_SET && scope.parent !== undefined) edit = { ...edit, from: undefined }
    const one = element(walk, scope, end, edit)
    changed ||= one.changed
    // One by one: as arguments of one call, those of a sequence of ten thousands of items overflow the stack.
    for (const chunk of one.chunks) {
      if ((tag & 0xffff) === 0) lengths.add(chunk)
      chunks.push(chunk)
    }
  }
  // A group length counts what has changed; it says nothing that is not seen (PS3.5 §7.2).
  return { chunks: changed ? chunks.filter((chunk) => !lengths.has(chunk)) : chunks, changed }
}

function element(walk: Walk, scope: Scope, end: number, edit: ValueEdit): Edited {
  const { parse, bytes } = walk
  const { input, rule, length, headerLength } = parse
  const start = input.at
  const isOpen = length === UNDEFINED_LENGTH
  if (isOpen && rule.kind !== 'sequence' && rule.vr !== 'UN' && !scope.implicit)
    return { chunks: [fragments(walk, scope.bigEndian)], changed: false }
  if (isOpen || (rule.kind === 'sequence' && beginsWithItem(walk, scope)))
    return sequence(walk, scope, end, edit)
  const value = bytes.subarray(start + headerLength, start + headerLength + length)
  input.at = start + headerLength + length
  remember(parse, scope, value)
  const edited = editedValue(parse, value, edit)
  if (edited === undefined) return { chunks: [bytes.subarray(start, input.at)], changed: false }
  const head = bytes.subarray(start, start + headerLength)
  return { chunks: [withLength(parse, scope, head, edited.length), edited], changed: true }
}

/** A dictionary's word is taken for a sequence only when one begins there. */
function beginsWithItem({ parse, bytes }: Walk, scope: Scope): boolean {
  const { input, length, headerLength, fromUn } = parse
  if (!fromUn && !scope.implicit) return true
  if (length < 8) return length === 0
  const at = input.at + headerLength
  return (
    (scope.bigEndian && !fromUn ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at)) ===
    Math.floor(ITEM / 0x10000)
  )
}

function sequence(walk: Walk, scope: Scope, outerEnd: number, edit: ValueEdit): Edited {
  const { parse, bytes } = walk
  const { input, length, headerLength, rule, tag } = parse
  if (scope.depth >= MOST_DEPTH) throw new Unreadable('is nested too deep', { tag: tagText(tag) })
  const fromUn = parse.fromUn || rule.vr === 'UN'
  const head = bytes.subarray(input.at, input.at + headerLength)
  input.at += headerLength
  const isOpen = length === UNDEFINED_LENGTH
  const end = isOpen ? outerEnd : input.at + length
  scope.open = {
    tag,
    element: { vr: 'SQ' },
    end,
    delimited: isOpen,
    implicit: fromUn || scope.implicit,
    bigEndian: scope.bigEndian && !fromUn,
    fromUn: fromUn && !scope.implicit,
  }
  const inside = items(walk, scope, end, edit)
  scope.open = undefined
  const size = inside.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return {
    chunks: [
      isOpen || !inside.changed ? head : withLength({ tag, length, headerLength }, scope, head, size),
      ...inside.chunks,
    ],
    changed: inside.changed,
  }
}

function items(walk: Walk, scope: Scope, end: number, edit: ValueEdit): Edited {
  const { parse, bytes } = walk
  const { input } = parse
  const bigEndian = scope.open?.bigEndian === true
  const chunks: Buffer[] = []
  let changed = false
  while (input.at < end && input.at < bytes.length) {
    const start = input.at
    const { tag, length } = itemHeader(walk, bigEndian)
    const head = bytes.subarray(start, input.at)
    if (tag !== ITEM) {
      chunks.push(head)
      if (tag === SEQUENCE_DELIMITER && scope.open?.delimited === true) break
      continue
    }
    const isOpen = length === UNDEFINED_LENGTH
    const itemEnd = isOpen ? end : input.at + length
    const inner = newScope(scope, itemEnd, isOpen)
    const inside = length === 0 ? { chunks: [], changed: false } : elements(walk, inner, itemEnd, edit)
    parse.scope = scope
    changed ||= inside.changed
    const size = inside.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    chunks.push(isOpen || !inside.changed ? head : itemLength(head, size, bigEndian), ...inside.chunks)
  }
  return { chunks, changed }
}

function itemHeader({ parse, bytes }: Walk, bigEndian: boolean): { tag: number; length: number } {
  const { input } = parse
  if (bytes.length - input.at < 8) throw new Unreadable('ends within a sequence')
  const at = input.at
  input.at += 8
  return bigEndian
    ? {
        tag: bytes.readUInt16BE(at) * 0x10000 + bytes.readUInt16BE(at + 2),
        length: bytes.readUInt32BE(at + 4),
      }
    : {
        tag: bytes.readUInt16LE(at) * 0x10000 + bytes.readUInt16LE(at + 2),
        length: bytes.readUInt32LE(at + 4),
      }
}

/** An element of fragments, passed over. */
function fragments(walk: Walk, bigEndian: boolean): Buffer {
  const { parse, bytes } = walk
  const start = parse.input.at
  parse.input.at += parse.headerLength
  for (;;) {
    const { tag, length } = itemHeader(walk, bigEndian)
    if (tag !== ITEM || length === UNDEFINED_LENGTH) return bytes.subarray(start, parse.input.at)
    parse.input.at += length
  }
}

/** Creators of private blocks, by which elements in implicit VR have theirs. */
function remember(parse: Parse, scope: Scope, value: Buffer): void {
  const { tag } = parse
  if ((tag & 0x10000) === 0 || (tag & 0xffff) < 0x10 || (tag & 0xffff) > 0xff) return
  const creator = value.toString('latin1').replace(/[\0 ]+$/, '').trimStart() // prettier-ignore
  if (creator !== '') putElement(parse, scope, tag, { vr: 'LO', Value: [creator] })
}

function editedValue({ rule }: Parse, value: Buffer, { uids, from }: ValueEdit): Buffer | undefined {
  if (rule.vr === 'UI') {
    const texts = value.toString('latin1').split('\\').map((text) => text.replace(/[\0 ]+$/, '')) // prettier-ignore
    if (!texts.some((text) => uids.has(text))) return undefined
    return padded(Buffer.from(texts.map((text) => uids.get(text) ?? text).join('\\'), 'latin1'), 'UI')
  }
  if (from === undefined || !rule.inCharset) return undefined
  if (from.ascii && value.every((byte) => byte < 0x7f && byte !== 0x1b)) return undefined
  const form = rule.vr === 'PN' ? 'names' : isSingleText(rule.vr) ? 'one' : 'many'
  const text = from.decode(value, 0, value.length, form)
  // What nobody could read stays what it was.
  return text.includes(REPLACEMENT) ? undefined : padded(Buffer.from(text, 'utf8'), rule.vr)
}

/** A copy of the header of the element at hand with another length. */
function withLength(
  { tag, length: before, headerLength }: Pick<Parse, 'tag' | 'length' | 'headerLength'>,
  { implicit, bigEndian }: Scope,
  head: Buffer,
  length: number,
): Buffer {
  const bytes = Buffer.from(head)
  const [first, second] = [bytes[4] ?? 0, bytes[5] ?? 0]
  const rule = vrRuleOf(first, second)
  const short = bigEndian ? bytes.readUInt16BE(6) : bytes.readUInt16LE(6)
  const isShort =
    !implicit && headerLength === 8 && (rule !== undefined || areLetters(first, second)) && short === before
  if (isShort && length > LONGEST_SHORT_VALUE)
    throw new Unreadable(`${printedTag(tagText(tag))} grows beyond what its length field can say`)
  const at = isShort ? 6 : headerLength - 4
  if (isShort && bigEndian) bytes.writeUInt16BE(length, at)
  else if (isShort) bytes.writeUInt16LE(length, at)
  else if (bigEndian) bytes.writeUInt32BE(length, at)
  else bytes.writeUInt32LE(length, at)
  return bytes
}

function itemLength(head: Buffer, length: number, bigEndian: boolean): Buffer {
  const bytes = Buffer.from(head)
  if (bigEndian) bytes.writeUInt32BE(length, 4)
  else bytes.writeUInt32LE(length, 4)
  return bytes
}
