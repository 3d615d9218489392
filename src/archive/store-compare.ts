import type { DataElement, DataSet, PersonName, Tag, TagPath, Value, Vr } from '../dicom/data-set.ts'
import type { BulkElement } from '../dicom/frames.ts'

/** A pair of binary values too long to be kept in the index; the caller compares their bytes. */
export interface BulkPair {
  readonly path: TagPath
  readonly kept: BulkElement
  readonly sent: BulkElement
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

function bulkOf({ vr, offset, length }: DataElement): BulkElement | undefined {
  return offset === undefined || length === undefined ? undefined : { vr, offset, length }
}

/** Where one of the two is of unknown VR: its bytes against what the other VR makes of its values. */
function samePlainBytes(kept: DataElement, sent: DataElement): boolean {
  const [unknown, known] = kept.vr === 'UN' ? [kept, sent] : [sent, kept]
  if (unknown.vr !== 'UN' || unknown.Value !== undefined || known.undecoded !== undefined) return false
  const bytes = Buffer.from(unknown.InlineBinary ?? '', 'base64')
  if (known.InlineBinary !== undefined) return bytes.equals(Buffer.from(known.InlineBinary, 'base64'))
  const write = NUMBERS[known.vr]
  const values = known.Value ?? []
  if (write !== undefined) return bytes.equals(Buffer.concat(values.map((value) => write(Number(value)))))
  return sameText(trimmed(bytes).toString('latin1'), known.vr, values)
}

/** Numbers as text are equal by value; of other text only ASCII is compared, as it is the same in every character set. */
function sameText(text: string, vr: Vr, values: readonly Value[]): boolean {
  if (vr === 'DS' || vr === 'IS') {
    const texts = text === '' ? [] : text.split('\\')
    return (
      texts.length === values.length && texts.every((one, at) => Number(one) === Number(values[at] ?? ''))
    )
  }
  const texts = values.map((value) => value ?? '').filter((value) => typeof value === 'string')
  if (texts.length < values.length || !texts.every((one) => /^[\x20-\x7e\t\r\n\f]*$/.test(one))) return false
  return text === trimmed(Buffer.from(texts.join('\\'), 'latin1')).toString('latin1')
}

/** Little endian, as UN is in every transfer syntax (PS3.5 §6.2.2). */
const NUMBERS: Partial<Record<Vr, (value: number) => Buffer>> = {
  US: (value) => Buffer.from(Uint16Array.of(value).buffer),
  SS: (value) => Buffer.from(Int16Array.of(value).buffer),
  UL: (value) => Buffer.from(Uint32Array.of(value).buffer),
  SL: (value) => Buffer.from(Int32Array.of(value).buffer),
  FL: (value) => Buffer.from(Float32Array.of(value).buffer),
  FD: (value) => Buffer.from(Float64Array.of(value).buffer),
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

function trimmed(bytes: Buffer): Buffer {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0x20 || bytes[end - 1] === 0)) end--
  return bytes.subarray(0, end)
}
