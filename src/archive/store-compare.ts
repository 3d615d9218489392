import type { DataElement, DataSet, PersonName, Tag, TagPath, Value } from '../dicom/data-set.ts'

/** A pair of binary values too long to be kept in the index; the caller compares their bytes. */
export interface BulkPair {
  readonly path: TagPath
  readonly kept: { readonly offset: number; readonly length: number }
  readonly sent: { readonly offset: number; readonly length: number }
}

/**
 * Whether two data sets have the same attributes, encoded in different transfer syntaxes: what must be equal, and the
 * pairs of long values that still have to be; null if they differ. An element of unknown VR (PS3.5 §6.2.2) is compared
 * by its bytes with the text that the other syntax names. Group lengths and Data Set Trailing Padding mean nothing.
 */
export function sameAttributes(kept: DataSet, sent: DataSet): readonly BulkPair[] | null {
  const pairs: BulkPair[] = []
  return sameDataSet(kept, sent, [], pairs) ? pairs : null
}

function sameDataSet(kept: DataSet, sent: DataSet, path: TagPath, pairs: BulkPair[]): boolean {
  const tags = Object.keys(kept).filter(counts)
  if (tags.length !== Object.keys(sent).filter(counts).length) return false
  return tags.every((tag) => {
    const [one, other] = [kept[tag], sent[tag]]
    return one !== undefined && other !== undefined && sameElement(one, other, [...path, tag], pairs)
  })
}

function counts(tag: Tag): boolean {
  return !tag.endsWith('0000') && tag !== 'FFFCFFFC'
}

function sameElement(kept: DataElement, sent: DataElement, path: TagPath, pairs: BulkPair[]): boolean {
  const [one, other] = [bulkOf(kept), bulkOf(sent)]
  if (one !== undefined || other !== undefined) {
    if (one?.length !== other?.length || one === undefined || other === undefined) return false
    pairs.push({ path, kept: one, sent: other })
    return true
  }
  if (kept.vr !== sent.vr) return samePlainBytes(kept, sent)
  if (kept.InlineBinary !== sent.InlineBinary || kept.undecoded !== sent.undecoded) return false
  const [ones, others] = [kept.Value ?? [], sent.Value ?? []]
  return (
    ones.length === others.length &&
    ones.every((value, at) => sameValue(value, others[at], { kept, path, pairs }))
  )
}

function bulkOf({ offset, length }: DataElement): BulkPair['kept'] | undefined {
  return offset === undefined || length === undefined ? undefined : { offset, length }
}

/** Where one of the two is of unknown VR. */
function samePlainBytes(kept: DataElement, sent: DataElement): boolean {
  if (kept.vr !== 'UN' && sent.vr !== 'UN') return false
  const [one, other] = [plainBytes(kept), plainBytes(sent)]
  return one !== undefined && other !== undefined && one.equals(other)
}

interface Place {
  readonly kept: DataElement
  readonly path: TagPath
  readonly pairs: BulkPair[]
}

function sameValue(one: Value, other: Value | undefined, { kept, path, pairs }: Place): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (kept.vr === 'SQ') return sameDataSet(one as DataSet, other as DataSet, path, pairs)
  const [name, otherName] = [one as PersonName, other as PersonName]
  return (
    name.Alphabetic === otherName.Alphabetic &&
    name.Ideographic === otherName.Ideographic &&
    name.Phonetic === otherName.Phonetic
  )
}

/** Bytes of a value without its padding, where they can be told from the model: unknown VR, and ASCII text. */
function plainBytes(element: DataElement): Buffer | undefined {
  const { InlineBinary, Value, undecoded } = element
  if (undecoded !== undefined) return undefined
  if (InlineBinary !== undefined) return trimmed(Buffer.from(InlineBinary, 'base64'))
  if (Value === undefined) return Buffer.alloc(0)
  const texts = Value.map((value) => value ?? '').filter((value) => typeof value === 'string')
  if (texts.length < Value.length || !texts.every((text) => /^[\x20-\x7e\t\r\n\f]*$/.test(text)))
    return undefined
  return trimmed(Buffer.from(texts.join('\\'), 'latin1'))
}

function trimmed(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0)) end--
  return bytes.subarray(0, end)
}
