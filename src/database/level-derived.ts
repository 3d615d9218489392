/**
 * LEVEL ROWS WORKED OUT ANEW: all that a row of patient, study or series says, from the active instances alone, in one
 * walk. What `add` keeps up step by step must be the same.
 */
import {
  disagreements,
  MIXED,
  patientColumns,
  seriesColumns,
  studyColumns,
  tuplesOf,
  type LevelColumns,
} from './level-tuples.ts'
import { linesOfRow } from './inspection.ts'
import { textOfSet } from './level-rows.ts'
import type { Param, Row, Step } from './operation.ts'
import type { LevelName } from './ports/inspection.ts'

interface Shape {
  /** Series of an entity. */
  readonly series: string
  /** Narrows the instances of these series to the entity's; takes its number. */
  readonly narrowed: string
  /** Columns that hold the texts of {@link LevelColumns}, in their order. */
  readonly texts: readonly string[]
  readonly columnsOf: (lines: readonly string[]) => LevelColumns
}

export const SHAPES: Readonly<Record<LevelName, Shape>> = {
  patient: {
    series: `SELECT e.id FROM patient_study l JOIN series e ON e.study_id = l.study_id WHERE l.patient_key = ?
      ORDER BY e.id`,
    narrowed: 'AND i.patient_key = ?',
    texts: ['patient_name', 'birth_date', 'sex'],
    columnsOf: patientColumns,
  },
  study: {
    series: 'SELECT id FROM series WHERE study_id = ? ORDER BY id',
    narrowed: 'AND e.study_id = ?',
    texts: [
      ...['patient_id', 'issuer', 'patient_name', 'birth_date', 'sex', 'study_date', 'study_time'],
      ...['accession_number', 'study_ident', 'study_description', 'referring_physician'],
    ],
    columnsOf: studyColumns,
  },
  series: {
    series: 'SELECT id FROM series WHERE id = ?',
    narrowed: 'AND e.id = ?',
    texts: [
      ...['study_date', 'modality', 'series_description', 'body_part', 'pps_start_date', 'pps_start_time'],
    ],
    columnsOf: seriesColumns,
  },
}

/** A value in which instances differ from their entity (table `level_value`). */
export interface DerivedValue {
  readonly attribute: string
  readonly value: string
  readonly n: number
}

export interface Derived {
  /** By the name of the column. */
  readonly columns: Readonly<Record<string, Param>>
  readonly values: readonly DerivedValue[]
  /** Of a study: its active instances by patient (table `patient_study`). */
  readonly patients: ReadonlyMap<number, number>
}

const PAGE = 500

export interface Narrowed {
  /** A further condition on the instances, and its parameters. */
  readonly condition?: string
  readonly params?: readonly Param[]
  /** Hidden instances as well. */
  readonly anyState?: boolean
}

/** The active instances of a series, in the order of their numbers, which is that of an index. */
export function* instancesOfSeries(
  series: number,
  visit: (row: Row) => void,
  { condition = '', params = [], anyState = false }: Narrowed = {},
): Generator<Step, void, Row[]> {
  let after: readonly Param[] = [-(2 ** 40), 0]
  for (let more = true; more;) {
    const rows = yield {
      sql: `SELECT i.id, i.number, i.patch, i.packed, i.modality, i.patient_key, b.base, c.uid AS sop_class, e.study_id
        FROM instance i JOIN series e ON e.id = i.series_id LEFT JOIN tag_base b ON b.id = i.base_id
        LEFT JOIN sop_class c ON c.id = i.sop_class_id
        WHERE i.series_id = ? ${anyState ? '' : 'AND i.state = 0'} AND (i.number, i.id) > (?, ?) ${condition}
        ORDER BY i.number, i.id LIMIT ${PAGE}`,
      params: [series, ...after, ...params],
    }
    for (const row of rows) visit(row)
    after = [Number(rows.at(-1)?.['number'] ?? 0), Number(rows.at(-1)?.['id'] ?? 0)]
    more = rows.length === PAGE
  }
}

/** What an entity's row, and the rows that hang on it, must say; null where it has no active instance. */
export function* derive(level: LevelName, id: number): Generator<Step, Derived | null, Row[]> {
  const shape = SHAPES[level]
  const series = (yield { sql: shape.series, params: [id] }).map((row) => Number(row['id']))
  const firstId = yield* firstOf(series, shape, id)
  if (firstId === null) return null
  const [row] = yield {
    sql: `SELECT i.patch, i.packed, i.patient_key, b.base FROM instance i LEFT JOIN tag_base b ON b.id = i.base_id
      WHERE i.id = ?`,
    params: [firstId],
  }
  if (row === undefined) return null
  const tuple = shape.columnsOf(tuplesOf(linesOfRow(row))[level])
  const seen = emptySums()
  for (const one of series)
    yield* instancesOfSeries(
      one,
      (instance) => countInstance(seen, one, instance, { level, attributes: tuple.attributes }),
      { condition: shape.narrowed, params: [id] },
    )
  const values = [...seen.values.values()]
  return {
    columns: {
      attributes: tuple.attributes,
      ...Object.fromEntries(shape.texts.map((name, at) => [name, tuple.texts[at] ?? ''])),
      first_id: firstId,
      mixed: tuple.inexact | (values.length > 0 ? MIXED : 0),
      n_instances: seen.instances,
      ...ownColumns(level, seen, { number: tuple.number, patientKey: Number(row['patient_key']) }),
    },
    values,
    patients: level === 'study' ? seen.patients : new Map(),
  }
}

function* firstOf(
  series: readonly number[],
  shape: Shape,
  id: number,
): Generator<Step, number | null, Row[]> {
  const rows = yield {
    sql: `SELECT min(i.id) AS first FROM (VALUES (?)) AS v JOIN series e ON e.id = v.column1
      JOIN instance i ON i.series_id = e.id WHERE i.state = 0 ${shape.narrowed}`,
    types: 'bigint',
    each: series.map((one) => [one]),
    params: [id],
  }
  const firsts = rows.flatMap(({ first }) => (first === null || first === undefined ? [] : [Number(first)]))
  return firsts.length === 0 ? null : Math.min(...firsts)
}

interface Sums {
  instances: number
  readonly series: Set<number>
  readonly studies: Set<number>
  readonly patients: Map<number, number>
  readonly modalities: Set<string>
  readonly sopClasses: Set<string>
  readonly values: Map<string, { attribute: string; value: string; n: number }>
}

function emptySums(): Sums {
  return {
    instances: 0,
    series: new Set(),
    studies: new Set(),
    patients: new Map(),
    modalities: new Set(),
    sopClasses: new Set(),
    values: new Map(),
  }
}

function countInstance(
  sums: Sums,
  series: number,
  row: Row,
  entity: { readonly level: LevelName; readonly attributes: string },
): void {
  sums.instances++
  sums.series.add(series)
  sums.studies.add(Number(row['study_id']))
  const patient = Number(row['patient_key'])
  sums.patients.set(patient, (sums.patients.get(patient) ?? 0) + 1)
  if (row['modality'] !== '') sums.modalities.add(String(row['modality']))
  sums.sopClasses.add(String(row['sop_class']))
  for (const { attribute, value } of disagreements(
    entity.attributes,
    tuplesOf(linesOfRow(row))[entity.level],
  )) {
    const known = sums.values.get(`${attribute} ${value}`)
    if (known === undefined) sums.values.set(`${attribute} ${value}`, { attribute, value, n: 1 })
    else known.n++
  }
}

/** Columns that only rows of this level have. */
function ownColumns(
  level: LevelName,
  sums: Sums,
  first: { readonly number: number; readonly patientKey: number },
): Record<string, Param> {
  if (level === 'series') return { number: first.number }
  if (level === 'patient') return { n_studies: sums.studies.size }
  return {
    patient_key: first.patientKey,
    n_series: sums.series.size,
    modalities: textOfSet(sums.modalities),
    sop_classes: textOfSet(sums.sopClasses),
  }
}
