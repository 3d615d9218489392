import { deflateRawSync } from 'node:zlib'
import { charsetOf, type Charset } from './charset.ts'
import type { DataElement, DataSet, Tag, Uid } from './data-set.ts'
import { mentions, type ElementPlace, type ScannedFile } from './patch-scan.ts'
import { editElement, type ValueEdit } from './patch-nested.ts'
import type { Extent } from './pixel-map.ts'
import { Unreadable } from './reader-unreadable.ts'
import { textEncoder, type TextEncoder } from './writer-text.ts'
import { encodeElement, header, writeFileMeta, type Encoding } from './writer.ts'
import { padded } from './writer-values.ts'

/** What is to become of a file; everything that is not named stays byte for byte. */
export interface Patch {
  /** Elements of the data set to be put in, or in place of what is there; null: taken out. */
  readonly set: ReadonlyMap<Tag, DataElement | null>
  /** Items to be put behind those that a sequence has; the sequence is made where it is not there. */
  readonly append: ReadonlyMap<Tag, DataSet>
  /** UIDs to be replaced wherever they stand, but within elements of `keepUids`. */
  readonly uids: ReadonlyMap<Uid, Uid>
  readonly keepUids: ReadonlySet<Tag>
  /** Within these elements, which UIDs are replaced instead of those. */
  readonly uidsOf?: ReadonlyMap<Tag, ReadonlyMap<Uid, Uid>>
  /**
   * What Modified Attributes Sequence (0400,0550) of the item appended to Original Attributes Sequence (0400,0561) is to
   * hold: these elements as they are now, byte for byte; those that are not there, of zero length.
   */
  readonly originals: readonly Tag[]
}

/** The file that results: bytes that are new, and ranges of the file that was patched. */
export type PatchedPiece = Buffer | Extent

const ORIGINAL_ATTRIBUTES: Tag = '04000561'
const MODIFIED_ATTRIBUTES: Tag = '04000550'
const SPECIFIC_CHARACTER_SET: Tag = '00080005'
const ABSENT_VRS: ReadonlyMap<Tag, DataElement['vr']> = new Map([
  ['FFFAFFFA', 'SQ'],
  ['4FFE0001', 'SQ'],
])

/**
 * Patches a Part 10 file at the level of elements, in whatever transfer syntax it is: group 0002 is written anew, changed
 * elements are encoded as their neighbours are, all other bytes are passed on as ranges. Text that the character set of
 * the file cannot hold turns all of its text into UTF-8. Rejects with `Unreadable` where that cannot be done.
 */
export async function patchFile(file: ScannedFile, patch: Patch): Promise<PatchedPiece[]> {
  const { parsed, encoding } = file
  const texts = textsFor(file, patch)
  const context: Context = {
    file,
    patch,
    texts,
    encoding: {
      explicitVr: !encoding.implicit,
      bigEndian: encoding.bigEndian,
      text: texts.encoder,
    },
  }
  const named = texts.from === undefined ? patch.set : new Map(patch.set).set(SPECIFIC_CHARACTER_SET, UTF_8)
  const body = await patchedBody(context, named)
  const identity: DataSet = {
    '00080016': { vr: 'UI', Value: [parsed.SOPClassUID] },
    '00080018': patch.set.get('00080018') ?? { vr: 'UI', Value: [parsed.uids.instance] },
  }
  const own = ['00020003', '00020012', '00020013']
  const meta = Object.fromEntries(Object.entries(parsed.meta).filter(([tag]) => !own.includes(tag)))
  // A preamble may hold offsets into the file (TIFF), which would be wrong from now on.
  const head = Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    writeFileMeta(identity, parsed.TransferSyntaxUID, meta),
  ])
  if (!encoding.deflated) return [head, ...body]
  const whole: Buffer[] = []
  for (const piece of body) whole.push(Buffer.isBuffer(piece) ? piece : await file.read(piece))
  return [head, padded(deflateRawSync(Buffer.concat(whole)), 'OB')]
}

const UTF_8: DataElement = { vr: 'CS', Value: ['ISO_IR 192'] }

interface Texts {
  readonly encoder: TextEncoder
  /** All text is to become UTF-8: what it is read with now. */
  readonly from: Charset | undefined
}

interface Context {
  readonly file: ScannedFile
  readonly patch: Patch
  readonly texts: Texts
  readonly encoding: Encoding
}

/** How new text is written: in the character set of the file if that can hold it, else in UTF-8. */
function textsFor({ parsed }: ScannedFile, { set, append }: Patch): Texts {
  const terms = (parsed.dataSet[SPECIFIC_CHARACTER_SET]?.Value ?? []).map(String)
  const fresh = JSON.stringify([...set.values(), ...append.values()])
  // ASCII is the beginning of every character set of DICOM, with code extensions and without.
  if (/^[\x20-\x7e]*$/u.test(fresh))
    return { encoder: (text) => Buffer.from(text, 'latin1'), from: undefined }
  const [only = ''] = terms
  try {
    if (terms.length < 2) {
      const encoder = textEncoder(only)
      encoder(fresh, SPECIFIC_CHARACTER_SET)
      return { encoder, from: undefined }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return { encoder: textEncoder('ISO_IR 192'), from: charsetOf(terms).charset }
}

/** The data set, element by element. */
async function patchedBody(
  context: Context,
  set: ReadonlyMap<Tag, DataElement | null>,
): Promise<PatchedPiece[]> {
  const { file, patch } = context
  const fresh = [...new Set([...set.keys(), ...patch.append.keys()])].sort()
  const places = new Map<Tag, ElementPlace>(file.elements.map((place) => [place.tag, place]))
  const changed = new Map<Tag, Buffer>()
  for (const tag of fresh) changed.set(tag, await freshElement(context, set, tag, places.get(tag)))
  const edited = new Set(file.elements.filter((place) => isEdited(context, place)))
  const groups = new Set([...fresh, ...[...edited].map(({ tag }) => tag)].map((tag) => tag.slice(0, 4)))
  const pieces: PatchedPiece[] = []
  const waiting = [...fresh]
  for (const place of file.elements) {
    // Where one is in place of another it comes there, wherever that is; else before the first one behind it.
    while (waiting[0] !== undefined && waiting[0] < place.tag)
      pieces.push(changed.get(waiting.shift() ?? '') ?? EMPTY)
    if (waiting[0] === place.tag) pieces.push(changed.get(waiting.shift() ?? '') ?? EMPTY)
    if (changed.has(place.tag)) continue
    if (place.tag.endsWith('0000') && groups.has(place.tag.slice(0, 4))) continue
    const range = { offset: place.start, length: place.end - place.start }
    pieces.push(edited.has(place) ? await editedBytes(context, place) : range)
  }
  pieces.push(...waiting.map((tag) => changed.get(tag) ?? EMPTY))
  return joined(pieces)
}

const EMPTY = Buffer.alloc(0)

/** An element that is set, taken out or added to. */
async function freshElement(
  context: Context,
  set: ReadonlyMap<Tag, DataElement | null>,
  tag: Tag,
  place: ElementPlace | undefined,
): Promise<Buffer> {
  const { encoding, patch } = context
  const item = patch.append.get(tag)
  if (item !== undefined) {
    const isOriginal = tag === ORIGINAL_ATTRIBUTES
    const before = isOriginal ? await originalsItem(context) : EMPTY
    if (place === undefined) {
      const first = itemOf(item, before, encoding)
      return Buffer.concat([header(tag, 'SQ', first.length, encoding), first])
    }
    const old = await editedBytes(context, place)
    const vr = encoding.explicitVr ? old.toString('latin1', 4, 6) : 'SQ'
    if (vr !== 'SQ' && (vr !== 'UN' || isOriginal))
      throw new Unreadable(`is a sequence in VR ${vr}: it cannot be added to`, { tag })
    const inner = vr === 'UN' ? { ...encoding, ...UN_ITEMS } : encoding
    return withItem(tag, old, vr, encoding, itemOf(item, before, inner))
  }
  const element = set.get(tag) ?? null
  return element === null ? EMPTY : Buffer.concat(encodeElement(tag, element, encoding))
}

/** Modified Attributes Sequence with the elements as they were, in their own bytes and character set. */
async function originalsItem(context: Context): Promise<Buffer> {
  const { file, patch, encoding, texts } = context
  const tags = [...patch.originals, ...(texts.from === undefined ? [] : [SPECIFIC_CHARACTER_SET])]
  const chunks: Buffer[] = []
  for (const tag of [...new Set(tags)].sort()) {
    const place = file.elements.find((one) => one.tag === tag)
    const vr = file.parsed.dataSet[tag]?.vr ?? patch.set.get(tag)?.vr ?? ABSENT_VRS.get(tag) ?? 'CS'
    if (place === undefined) chunks.push(header(tag, vr, 0, encoding))
    else chunks.push(await file.read({ offset: place.start, length: place.end - place.start }))
  }
  const content = Buffer.concat(chunks)
  const item = Buffer.concat([header('FFFEE000', 'UN', content.length, encoding), content])
  return Buffer.concat([header(MODIFIED_ATTRIBUTES, 'SQ', item.length, encoding), item])
}

/** An item: its elements, behind bytes that come first in it. */
function itemOf(item: DataSet, before: Buffer, encoding: Encoding): Buffer {
  const elements = Object.keys(item)
    .sort()
    .flatMap((tag) => encodeElement(tag, item[tag] ?? { vr: 'UN' }, encoding))
  const content = Buffer.concat([before, ...elements])
  return Buffer.concat([header('FFFEE000', 'UN', content.length, encoding), content])
}

/** A sequence as it lies in the file with one more item behind the others. */
function withItem(tag: Tag, old: Buffer, vr: DataElement['vr'], form: Form, item: Buffer): Buffer {
  const head = form.explicitVr ? 12 : 8
  // Items of a sequence that came as UN are little endian whatever is around them (PS3.5 §6.2.2); its own length is not.
  const inner = vr === 'UN' ? UN_ITEMS : form
  const length = form.bigEndian ? old.readUInt32BE(head - 4) : old.readUInt32LE(head - 4)
  if (length !== 0xffffffff) {
    const items = old.subarray(head, head + length)
    return Buffer.concat([header(tag, vr, items.length + item.length, form), items, item])
  }
  const delimiter = header('FFFEE0DD', 'UN', 0, inner)
  const ends = old.subarray(-8).equals(delimiter)
  return Buffer.concat([ends ? old.subarray(0, -8) : old, item, delimiter])
}

type Form = Pick<Encoding, 'explicitVr' | 'bigEndian'>
const UN_ITEMS: Form = { explicitVr: false, bigEndian: false }

/** The bytes of an element with its values edited. */
async function editedBytes(
  { file, patch, texts }: Context,
  { tag, start, end }: ElementPlace,
): Promise<Buffer> {
  const bytes = await file.read({ offset: start, length: end - start })
  const edit: ValueEdit = { uids: uidsIn(patch, tag), from: texts.from }
  return editElement(bytes, file.parsed.dataSet, file.encoding, edit)
}

const NONE: ReadonlyMap<Uid, Uid> = new Map()

/** UIDs to be replaced in an element. */
function uidsIn({ keepUids, uidsOf, uids }: Patch, tag: Tag): ReadonlyMap<Uid, Uid> {
  return keepUids.has(tag) ? NONE : (uidsOf?.get(tag) ?? uids)
}

/** Whether something changes in an element that nobody set. */
function isEdited({ file, patch, texts }: Context, { tag }: ElementPlace): boolean {
  const element = file.parsed.dataSet[tag]
  if (element === undefined || patch.set.has(tag) || patch.append.has(tag)) return false
  const isReference = mentions(element, uidsIn(patch, tag))
  return isReference || (texts.from !== undefined && hasText(element))
}

/** Whether there is text in an element that may not be ASCII. */
function hasText(element: DataElement): boolean {
  return element.vr === 'SQ' || /[^\x20-\x7e]/u.test(JSON.stringify(element))
}

/** Pieces that follow one another as one. */
function joined(pieces: readonly PatchedPiece[]): PatchedPiece[] {
  const all: PatchedPiece[] = []
  for (const piece of pieces) {
    const last = all.at(-1)
    if (piece.length === 0) continue
    if (
      last !== undefined &&
      !Buffer.isBuffer(last) &&
      !Buffer.isBuffer(piece) &&
      last.offset + last.length === piece.offset
    )
      all[all.length - 1] = { offset: last.offset, length: last.length + piece.length }
    else all.push(piece)
  }
  return all
}
