/**
 * The attributes of each level. A level has them as one tuple, from its first received active instance; what other
 * instances have instead is counted in `level_value`, and the entity is marked as mixed.
 */
import type { DataElement } from '../dicom/data-set.ts'
import { differences, jsonOfLines, linesOfJson, tagOfLine } from './encoding.ts'
import { columnText } from './terms.ts'

const PATIENT_TAGS = ['00100010', '00100020', '00100021', '00100030', '00100032', '00100040']
const STUDY_TAGS = [
  ...[
    '00080020',
    '00080030',
    '00080050',
    '00080051',
    '00080090',
    '00080201',
    '00081030',
    '0020000D',
    '00200010',
  ],
  ...PATIENT_TAGS,
]
const SERIES_TAGS = [
  ...[
    '00080020',
    '00080021',
    '00080031',
    '00080060',
    '00080201',
    '0008103E',
    '00180015',
    '0020000E',
    '00200011',
  ],
  ...['00200060', '00400244', '00400245', '00400275'],
]

/** Mixed: instances disagree. Inexact: a column does not say all that the attribute holds. */
export const MIXED = 1
export const INEXACT = 2

/** Sort key of an attribute without a number: below every IS (PS3.5 Table 6.2-1). */
export const NO_NUMBER = -2_147_483_649

/** Lines of the three tuples of one instance. */
export interface Tuples {
  readonly patient: readonly string[]
  readonly study: readonly string[]
  readonly series: readonly string[]
}

const LEVELS: ReadonlyMap<string, { patient: boolean; study: boolean; series: boolean }> = new Map(
  [...new Set([...STUDY_TAGS, ...SERIES_TAGS])].map((tag) => [
    tag,
    {
      patient: PATIENT_TAGS.includes(tag),
      study: STUDY_TAGS.includes(tag),
      series: SERIES_TAGS.includes(tag),
    },
  ]),
)

export function tuplesOf(lines: readonly string[]): Tuples {
  const tuples = { patient: [] as string[], study: [] as string[], series: [] as string[] }
  for (const line of lines) {
    const levels = LEVELS.get(tagOfLine(line))
    if (levels === undefined) continue
    if (levels.patient) tuples.patient.push(line)
    if (levels.study) tuples.study.push(line)
    if (levels.series) tuples.series.push(line)
  }
  return tuples
}

export interface Disagreement {
  readonly attribute: string
  /** Normal form of what the instance has; '' for nothing. */
  readonly value: string
}

/** Where an instance differs from the tuple of its entity. */
export function disagreements(attributes: string, own: readonly string[]): Disagreement[] {
  if (attributes === jsonOfLines(own)) return []
  return differences(linesOfJson(attributes), own).map(({ tag, line }) => ({
    attribute: tag,
    value: line === null ? '' : columnText(elementOf(line)).text,
  }))
}

function elementOf(line: string): DataElement {
  return JSON.parse(line.slice(11)) as DataElement
}

/** Columns of a level as its tuple gives them. */
export interface LevelColumns {
  readonly attributes: string
  readonly texts: readonly string[]
  readonly number: number
  /** 0, or {@link INEXACT}. */
  readonly inexact: number
}

const PATIENT_COLUMNS = ['00100010', '00100030', '00100040']
/** patient_id, issuer, patient_name, birth_date, sex, study_date … as in table `study`. */
const STUDY_COLUMNS = [
  ...['00100020', '00100021', '00100010', '00100030', '00100040', '00080020', '00080030', '00080050'],
  ...['00200010', '00081030', '00080090'],
]
/** study_date, modality, series_description, body_part, pps_start_date, pps_start_time. */
const SERIES_COLUMNS = ['00080020', '00080060', '0008103E', '00180015', '00400244', '00400245']

export const patientColumns = (lines: readonly string[]): LevelColumns => columnsOf(lines, PATIENT_COLUMNS)
export const studyColumns = (lines: readonly string[]): LevelColumns => columnsOf(lines, STUDY_COLUMNS)
export const seriesColumns = (lines: readonly string[]): LevelColumns => columnsOf(lines, SERIES_COLUMNS)

function columnsOf(lines: readonly string[], tags: readonly string[]): LevelColumns {
  const elements = new Map(lines.map((line) => [tagOfLine(line), elementOf(line)]))
  const columns = tags.map((tag) => columnText(elements.get(tag)))
  const number = columnText(elements.get('00200011'))
  const isNumber = /^-?\d{1,10}$/.test(number.text)
  const exact = columns.every((column) => column.exact) && number.exact
  return {
    attributes: jsonOfLines(lines),
    texts: columns.map((column) => column.text),
    number: isNumber ? Number(number.text) : NO_NUMBER,
    inexact: exact ? 0 : INEXACT,
  }
}
