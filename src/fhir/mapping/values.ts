import type { DataElement, DataSet, PersonName, Tag, Value } from '../../dicom/data-set.ts'

/** How the mappings read a data set: every function takes what is odd and answers with nothing rather than with a lie. */

/** Text of the first value, trimmed and free of control characters; `''` where there is none. */
export function text(dataSet: DataSet, tag: Tag): string {
  return texts(dataSet, tag)[0] ?? ''
}

/** The values as text, trimmed; empty ones left out. Person names as people read them. */
export function texts(dataSet: DataSet, tag: Tag): string[] {
  const values = dataSet[tag]?.Value ?? []
  return values.map((value) => plain(valueText(value))).filter((value) => value !== '')
}

function valueText(value: Value): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return isName(value) ? displayName(value) : ''
}

/** FHIR strings hold no control characters but tab, CR and LF (R4 §2.24.0.1), and are never blank. */
export function plain(value: string): string {
  return Array.from(value, (c) => (c < ' ' || c === '\u007f' ? ' ' : c))
    .join('')
    .replace(/ {2,}/gu, ' ')
    .trim()
}

/** FHIR `unsignedInt`: 0 to 2147483647; undefined for anything else, so that it is left out. */
export function unsigned(dataSet: DataSet, tag: Tag): number | undefined {
  const digits = text(dataSet, tag)
  if (!/^\+?\d{1,10}$/u.test(digits)) return undefined
  const number = Number(digits)
  return number <= 2147483647 ? number : undefined
}

/** The items of a sequence. */
export function items(dataSet: DataSet, tag: Tag): DataSet[] {
  const element: DataElement | undefined = dataSet[tag]
  if (element?.vr !== 'SQ') return []
  return (element.Value ?? []).filter((item) => isItem(item))
}

function isItem(value: Value): value is DataSet {
  return typeof value === 'object' && value !== null
}

/** The names of an element of VR PN, with all their groups. */
export function names(dataSet: DataSet, tag: Tag): PersonName[] {
  const element = dataSet[tag]
  if (element?.vr !== 'PN') return []
  return (element.Value ?? []).filter((value) => isName(value))
}

function isName(value: Value | undefined): value is PersonName {
  if (typeof value !== 'object' || value === null) return false
  return 'Alphabetic' in value || 'Ideographic' in value || 'Phonetic' in value
}

/** `Family, Given`, from the first group that is not empty; prefix and suffix left out. */
export function displayName(name: PersonName): string {
  const group = name.Alphabetic ?? name.Ideographic ?? name.Phonetic ?? ''
  const [family = '', given = '', middle = ''] = group.split('^').map(plain)
  return [family, plain(`${given} ${middle}`)].filter((part) => part !== '').join(', ')
}
