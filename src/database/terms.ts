/**
 * What the tag index and the columns of the levels hold of a data set: values in the normal form in which
 * `dicom/matching-values.ts` compares them, cut at {@link INDEX_BYTES}. Search turns its keys into the same form.
 */
import type { DataElement, DataSet, Tag, Value, Vr } from '../dicom/data-set.ts'
import { comparable, comparisonOf } from '../dicom/matching-values.ts'

/** Longer values are cut there (at a whole character) and end in {@link CUT}; a match on one must be verified. */
export const INDEX_BYTES = 256
export const CUT = '\u0001'

/** Reserved posting values, by path; they need no rows of the dictionary. */
export type Marker = 'varies' | 'absent' | 'present'

const MARKERS: Readonly<Record<Marker, number>> = { varies: 0, absent: 1, present: 2 }

/**
 * The number under which `tag_post` holds a marker of a path.
 * - `varies`: more values than are worth a posting each: every value of the path is possible in this series.
 * - `absent`: some instance of the series has no value there, though others have.
 * - `present`: some instance has a value that is not text (bytes, items, what cannot be read or decoded).
 */
export function markerId(pathId: number, marker: Marker): number {
  return -(pathId * 4 + MARKERS[marker])
}

/** The path and meaning of a negative `value_id`. */
export function markerOf(valueId: number): { readonly pathId: number; readonly marker: Marker } {
  const number = -valueId
  const marker = (['varies', 'absent', 'present'] as const)[number % 4] ?? 'varies'
  return { pathId: Math.floor(number / 4), marker }
}

/**
 * Values of one path that a series has postings of, before it only *varies*. Numbers and times that differ within a
 * series differ in most of its instances, and who looks for one of them names the series too.
 */
const TEXTS_PER_SERIES = 64
const NUMBERS_PER_SERIES = 16

export function valuesPerSeries(value: string): number {
  return /^-?\d[\d.e+-]*$/u.test(value) ? NUMBERS_PER_SERIES : TEXTS_PER_SERIES
}

/**
 * Differ in nearly every instance of a series, so that a posting for each value would only cost: they vary from the
 * first value on. UIDs of the levels have columns of their own and no postings.
 */
const ALWAYS_VARIES: ReadonlySet<string> = new Set([
  '00020003', // MediaStorageSOPInstanceUID
  '00080013', // InstanceCreationTime
  '0008002A', // AcquisitionDateTime
  '00080032', // AcquisitionTime
  '00080033', // ContentTime
  '00200013', // InstanceNumber
  '00200032', // ImagePositionPatient
  '00201041', // SliceLocation
])

/** Whether values of an indexed path are not worth a posting each. */
export function alwaysVaries(path: string): boolean {
  return ALWAYS_VARIES.has(path.slice(0, -VR_LENGTH))
}

/** A space, and a VR. */
const VR_LENGTH = 3

/** The VR in which an indexed path has its values. */
export function vrOfPath(path: string): Vr {
  return path.slice(1 - VR_LENGTH) as Vr
}

const COLUMNS: ReadonlySet<Tag> = new Set(['00080018', '0020000D', '0020000E'])

/** Top-level tags that search answers from columns alone: they are not in the tag index. */
export function hasOwnColumn(tag: Tag): boolean {
  return COLUMNS.has(tag)
}

/** Text as the index can hold it on every engine: no NUL, no half characters, at most {@link INDEX_BYTES}. */
export function indexText(text: string): string {
  const plain = PLAIN.test(text)
    ? text
    : text.toWellFormed().replaceAll('\0', '\ufffd').replaceAll(CUT, '\ufffd')
  // A UTF-16 unit takes at most three bytes.
  if (plain.length * 3 <= INDEX_BYTES || Buffer.byteLength(plain) <= INDEX_BYTES) return plain
  const bytes = Buffer.from(plain)
  let end = INDEX_BYTES
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end) + CUT
}

const PLAIN = /^[\u0020-\ud7ff]*$/u

export function isCut(value: string): boolean {
  return value.endsWith(CUT)
}

/**
 * Calls `found` for every value of an attribute and, inside sequences, of its items', each at its path with the VR that
 * it has there (`00400275.00400008.00080100 SH`), for that says how it is compared; `value` is null where something is there that has no normal form. A person name gives
 * each of its component groups, folded. Values may repeat.
 */
export function eachTerm(
  path: string,
  element: DataElement,
  found: (path: string, value: string | null) => void,
): void {
  const own = `${path} ${element.vr}`
  if (element.InlineBinary !== undefined || (element.length ?? 0) > 0 || element.undecoded !== undefined)
    found(own, null)
  if (element.Value === undefined || element.undecoded !== undefined) return
  const items = comparisonOf(element.vr) === 'items'
  for (const value of element.Value) {
    if (value === null || value === '') continue
    if (items) {
      found(own, null)
      if (typeof value === 'object')
        for (const [tag, inner] of Object.entries(value as DataSet)) eachTerm(`${path}.${tag}`, inner, found)
    } else valueTerms(own, element, value, found)
  }
}

function valueTerms(
  path: string,
  element: DataElement,
  value: Value,
  found: (path: string, value: string | null) => void,
): void {
  const text = comparable(element.vr, value)
  if (text === null || text === '') found(path, null)
  else if (element.vr !== 'PN') found(path, indexText(text))
  else for (const group of text.split('=')) if (group !== '') found(path, indexText(group))
}

/** How far a column of a level can be trusted: `exact` means that it says all there is to say. */
export interface ColumnText {
  readonly text: string
  readonly exact: boolean
}

/** An attribute as a column of a level holds it: the normal forms of its values, `\` between them; '' without any. */
export function columnText(element: DataElement | undefined): ColumnText {
  if (element === undefined) return { text: '', exact: true }
  // Bytes, and what cannot be read or decoded, match no key: '' says so.
  if (element.undecoded !== undefined) return { text: '', exact: true }
  const values = (element.Value ?? []).filter((value) => value !== null && value !== '')
  const texts = values.map((value) => comparable(element.vr, value))
  const text = indexText(texts.map((one) => one ?? '').join('\\'))
  return { text, exact: values.length <= 1 && !isCut(text) }
}
