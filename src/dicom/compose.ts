import type { DataElement, DataSet, PersonName, Tag, Value, Vr } from './data-set.ts'
import { entryOf, tagOf } from './dictionary.ts'

type One = string | number | PersonName | Attributes | null
export type AttributeValue = One | readonly One[] | Buffer | DataElement
/** By keyword or tag. `undefined` leaves an attribute out, `null` and `''` are zero length, a Buffer is binary. */
export interface Attributes {
  readonly [keywordOrTag: string]: AttributeValue | undefined
}

/**
 * A data set written the way people write one: attributes by keyword or tag, in any order, person names as text with
 * `=` between the component groups, items of sequences as attributes again.
 * Throws TypeError for a keyword that PS3.6 does not know.
 */
export function composeDataSet(attributes: Attributes): DataSet {
  const elements: [Tag, DataElement][] = []
  const signed = attributes['PixelRepresentation'] === 1
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue
    const { tag, vr } =
      isElement(value) && /^[0-9A-F]{8}$/.test(name) ? { tag: name, vr: value.vr } : definition(name, signed)
    elements.push([tag, isElement(value) ? value : elementOf(vr, value)])
  }
  return Object.fromEntries(elements.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function definition(keywordOrTag: string, signed: boolean): { tag: Tag; vr: Vr } {
  const entry = entryOf(tagOf(keywordOrTag) ?? keywordOrTag)
  if (entry === undefined) throw new TypeError(`no attribute is called ${keywordOrTag}`)
  const ambiguous: Partial<Record<string, Vr>> = { xs: signed ? 'SS' : 'US', ox: 'OW', lt: 'OW' }
  return { tag: entry.tag, vr: ambiguous[entry.vr] ?? (entry.vr as Vr) }
}

function isElement(value: AttributeValue): value is DataElement {
  return typeof value === 'object' && value !== null && 'vr' in value && typeof value.vr === 'string'
}

function elementOf(vr: Vr, value: Exclude<AttributeValue, DataElement>): DataElement {
  if (Buffer.isBuffer(value)) {
    const bytes = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.of(0)])
    return { vr, InlineBinary: bytes.toString('base64') }
  }
  const values = (Array.isArray(value) ? value : [value]) as readonly One[]
  if (values.length === 0 || (values.length === 1 && (values[0] === null || values[0] === ''))) return { vr }
  return { vr, Value: values.map((one) => valueOf(vr, one)) }
}

function valueOf(vr: Vr, one: One): Value {
  if (one === null || one === '') return null
  if (vr === 'SQ') return composeDataSet(one as Attributes)
  if (vr === 'PN' && typeof one === 'string') return personNameOf(one)
  if ((vr === 'IS' || vr === 'DS') && typeof one === 'string' && Number.isFinite(Number(one)))
    return Number(one)
  return one
}

function personNameOf(text: string): PersonName {
  const [Alphabetic, Ideographic, Phonetic] = text.split('=')
  return {
    ...(Alphabetic && { Alphabetic }),
    ...(Ideographic && { Ideographic }),
    ...(Phonetic && { Phonetic }),
  }
}
