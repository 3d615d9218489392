import { composeDataSet } from '../dicom/compose.ts'
import { CORRECTABLE } from '../dicom/correction.ts'
import type { DataElement, DataSet, Tag, Vr } from '../dicom/data-set.ts'
import { entryOf, keywordOf, tagOf } from '../dicom/dictionary.ts'
import { readDate, readTime } from '../dicom/times.ts'
import { Problem } from '../problem.ts'

const PATIENT_ID: Tag = '00100020'
/** Component groups of a person name in DICOM JSON (PS3.18 §F.2.2). */
const GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const
/** PS3.5 Table 6.2-1; of a person name, each component group. */
const LONGEST: Partial<Record<Vr, number>> = { LO: 64, SH: 16, PN: 64, CS: 16 }

/**
 * Attributes of a correction as they stand in a request: by keyword or tag, each with its value as text (`=` between the
 * component groups of a person name), '' or null for none, or as DICOM JSON has it. Problem `malformed` names what is
 * wrong, never a value.
 */
export function attributesOf(given: unknown): DataSet {
  if (typeof given !== 'object' || given === null || Array.isArray(given) || Object.keys(given).length === 0)
    throw new Problem('malformed', 'attributes must be an object that names at least one attribute.')
  const dataSet: DataSet = {}
  for (const [name, value] of Object.entries(given)) {
    const tag = /^[0-9A-F]{8}$/u.test(name) ? name : tagOf(name)
    if (tag === undefined || !CORRECTABLE.has(tag)) {
      const known = [...CORRECTABLE].map((one) => keywordOf(one)).join(', ')
      throw new Problem('malformed', `attributes names ${JSON.stringify(name)}, and may name ${known}.`)
    }
    dataSet[tag] = elementOf(tag, textOf(name, value))
  }
  return dataSet
}

/** The one value of an attribute as text. What is written in no known way is never taken for no value. */
function textOf(name: string, given: unknown): string {
  const text =
    plainText(given) ?? (hasOnly(given, ['vr', 'Value']) ? valueText(given.Value ?? []) : undefined)
  if (text !== undefined) return text
  throw new Problem('malformed', `${name} must be text, or an element of DICOM JSON with one value.`)
}

function plainText(given: unknown): string | undefined {
  if (given === null) return ''
  return typeof given === 'string' ? given : undefined
}

function valueText(values: unknown): string | undefined {
  if (!Array.isArray(values) || values.length > 1) return undefined
  const [one = ''] = values as readonly unknown[]
  if (!hasOnly(one, GROUPS)) return plainText(one)
  const groups = GROUPS.map((group) => one[group] ?? '')
  return groups.every((group) => typeof group === 'string') ? groups.join('=').replace(/=+$/u, '') : undefined
}

/** Whether it is an object with none but these members. */
function hasOnly<Name extends string>(
  given: unknown,
  names: readonly Name[],
): given is Readonly<Partial<Record<Name, unknown>>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false
  return Object.keys(given).every((key) => (names as readonly string[]).includes(key))
}

function elementOf(tag: Tag, text: string): DataElement {
  const name = keywordOf(tag) ?? tag
  const vr = entryOf(tag)?.vr as Vr
  const trimmed = text.trim()
  const fault = faultOf(tag, vr, trimmed)
  if (fault !== undefined) throw new Problem('malformed', `${name} ${fault}.`)
  return composeDataSet({ [tag]: trimmed })[tag] ?? { vr }
}

function faultOf(tag: Tag, vr: Vr, text: string): string | undefined {
  if (/[\u0000-\u001f\u007f\\]/u.test(text)) return 'has a backslash or a control character in it'
  if (text === '') return tag === PATIENT_ID ? 'must not be empty' : undefined
  const groups = vr === 'PN' ? text.split('=') : [text]
  const isLong = groups.some((group) => Array.from(group).length > (LONGEST[vr] ?? Infinity))
  if (isLong || groups.length > 3) return `is longer than ${vr} may be`
  return FORMS[vr]?.(text) === false ? `is no ${vr} (PS3.5 §6.2)` : undefined
}

const FORMS: Partial<Record<Vr, (text: string) => boolean>> = {
  DA: (text) => /^\d{8}$/u.test(text) && readDate(text) !== null,
  TM: (text) => readTime(text) !== null,
  CS: (text) => /^[A-Z0-9 _]+$/u.test(text),
}
