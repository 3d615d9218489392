/** LEVEL ROWS when instances are hidden or come back: counted down where that is enough, else made anew. */
import { addToArchive } from './archive-stat.ts'
import { clock } from './dialect.ts'
import { linesOfRow } from './inspection.ts'
import { textOfSet } from './level-rows.ts'
import { disagreements, MIXED, tuplesOf } from './level-tuples.ts'
import { rewriteLevel } from './level-rewrite.ts'
import type { Moved } from './lifecycle.ts'
import type { Row, Step, Writer } from './operation.ts'
import type { InstanceState } from './ports/instance.ts'
import type { LevelName } from './ports/inspection.ts'

/** Data sets read in one step. */
const PAGE = 500

/** Makes the rows of all levels what the active instances say, after some of them were moved. */
export function* recount(
  writer: Writer,
  moved: readonly Moved[],
  to: InstanceState,
): Generator<Step, void, Row[]> {
  const hidden = to === 'active' ? [] : moved.filter(({ from }) => from === 'active')
  const shown = to === 'active' ? moved.filter(({ from }) => from !== 'active') : []
  yield {
    sql: `UPDATE series SET n_hidden = (SELECT count(*) FROM instance i WHERE i.series_id = v.column1 AND i.state <> 0)
      FROM (VALUES (?)) AS v WHERE series.id = v.column1`,
    types: 'bigint',
    each: [...new Set(moved.map(({ series }) => series))].map((id) => [id]),
  }
  if (hidden.length + shown.length === 0) return
  const changed = { hidden, shown }
  // From below, for a study counts its series and a patient its studies.
  const series = yield* recountLevel(writer, 'series', changed)
  const studies = yield* recountLevel(writer, 'study', changed)
  const patients = yield* recountLevel(writer, 'patient', changed)
  const sign = to === 'active' ? 1 : -1
  yield* addToArchive(writer.dialect, {
    patients,
    studies,
    series,
    instances: sign * (hidden.length + shown.length),
    bytes: sign * [...hidden, ...shown].reduce((sum, { size }) => sum + size, 0),
  })
}

interface Changed {
  readonly hidden: readonly Moved[]
  readonly shown: readonly Moved[]
}

/** How many entities of a level have instances now, less those that had any before. */
function* recountLevel(
  writer: Writer,
  level: LevelName,
  { hidden, shown }: Changed,
): Generator<Step, number, Row[]> {
  const byEntity = Map.groupBy([...hidden, ...shown], (one) => one[level])
  const rows = yield {
    sql: `SELECT l.id, l.attributes, l.first_id, l.mixed, l.n_instances FROM (VALUES (?)) AS v
      JOIN ${level} l ON l.id = v.column1`,
    types: 'bigint',
    each: [...byEntity.keys()].map((id) => [id]),
  }
  let balance = 0
  for (const row of rows) {
    const id = Number(row['id'])
    const own = byEntity.get(id) ?? []
    const before = Number(row['n_instances'])
    const isFirst = own.some((one) => one.id === Number(row['first_id']))
    const rewritten = shown.length > 0 || isFirst || before <= own.length
    const after = rewritten ? yield* rewriteLevel(level, id) : yield* countDown(level, row, own)
    if (level === 'study') yield* afterStudy(writer, id, own, rewritten)
    if (level === 'patient' && !rewritten) yield countStudies(id)
    balance += Math.sign(after) - Math.sign(before)
  }
  return balance
}

/** Takes hidden instances out of the counts of an entity that keeps its first one. */
function* countDown(level: LevelName, row: Row, own: readonly Moved[]): Generator<Step, number, Row[]> {
  const id = Number(row['id'])
  const after = Number(row['n_instances']) - own.length
  let mixed = Number(row['mixed'])
  if ((mixed & MIXED) !== 0) {
    yield* takeValues(level, id, String(row['attributes']), own)
    const [left] = yield {
      sql: 'SELECT count(*) AS n FROM level_value WHERE level = ? AND entity = ?',
      params: [level, id],
    }
    if (Number(left?.['n']) === 0) mixed &= ~MIXED
  }
  yield {
    sql: `UPDATE ${level} SET n_instances = ?, mixed = ? WHERE id = ?`,
    params: [after, mixed, id],
  }
  return after
}

/** Takes what hidden instances had instead of the entity's values out of `level_value`. */
function* takeValues(
  level: LevelName,
  entity: number,
  attributes: string,
  own: readonly Moved[],
): Generator<Step, void, Row[]> {
  const taken = new Map<string, { attribute: string; value: string; n: number }>()
  for (let at = 0; at < own.length; at += PAGE) {
    const rows = yield {
      sql: `SELECT i.patch, i.packed, b.base FROM (VALUES (?)) AS v JOIN instance i ON i.id = v.column1
        LEFT JOIN tag_base b ON b.id = i.base_id`,
      types: 'bigint',
      each: own.slice(at, at + PAGE).map((one) => [one.id]),
    }
    for (const row of rows)
      for (const { attribute, value } of disagreements(attributes, tuplesOf(linesOfRow(row))[level])) {
        const known = taken.get(`${attribute} ${value}`)
        if (known === undefined) taken.set(`${attribute} ${value}`, { attribute, value, n: 1 })
        else known.n++
      }
  }
  yield {
    sql: `UPDATE level_value SET n = level_value.n - v.column5 FROM (VALUES (?, ?, ?, ?, ?)) AS v
      WHERE level_value.level = v.column1 AND level_value.attribute = v.column2 AND level_value.value = v.column3
        AND level_value.entity = v.column4`,
    types: 'text, text, text, bigint, bigint',
    each: [...taken.values()].map(({ attribute, value, n }) => [level, attribute, value, entity, n]),
  }
  yield { sql: 'DELETE FROM level_value WHERE level = ? AND entity = ? AND n <= 0', params: [level, entity] }
}

/** What only a study has: its lists, and its links to patients. */
function* afterStudy(
  { dialect }: Writer,
  study: number,
  hidden: readonly Moved[],
  rewritten: boolean,
): Generator<Step, void, Row[]> {
  yield { sql: `UPDATE study SET changed_at = ${clock(dialect)} WHERE id = ?`, params: [study] }
  if (rewritten) return
  const rows = yield {
    sql: `SELECT DISTINCT i.modality, c.uid FROM series e JOIN instance i ON i.series_id = e.id
      JOIN sop_class c ON c.id = i.sop_class_id WHERE e.study_id = ? AND i.state = 0`,
    params: [study],
  }
  const modalities = new Set(rows.map((row) => String(row['modality'])).filter((one) => one !== ''))
  const classes = new Set(rows.map((row) => String(row['uid'])))
  yield {
    sql: `UPDATE study SET modalities = ?, sop_classes = ?,
        n_series = (SELECT count(*) FROM series e WHERE e.study_id = study.id AND e.n_instances > 0) WHERE id = ?`,
    params: [textOfSet(modalities), textOfSet(classes), study],
  }
  const byPatient = Map.groupBy(hidden, (one) => one.patient)
  yield {
    sql: `UPDATE patient_study SET n_instances = patient_study.n_instances - v.column2 FROM (VALUES (?, ?)) AS v
      WHERE patient_study.patient_key = v.column1 AND patient_study.study_id = ?`,
    types: 'bigint, bigint',
    each: [...byPatient].map(([patient, own]) => [patient, own.length]),
    params: [study],
  }
}

function countStudies(patient: number): Step {
  return {
    sql: `UPDATE patient SET n_studies = (SELECT count(*) FROM patient_study l
        WHERE l.patient_key = patient.id AND l.n_instances > 0) WHERE id = ?`,
    params: [patient],
  }
}
