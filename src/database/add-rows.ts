/** The statements of ADD that write. */
import type { PatientLink } from './add-count.ts'
import { addToArchive } from './archive-stat.ts'
import { clock } from './dialect.ts'
import { jsonOfLines } from './encoding.ts'
import {
  textOfSet,
  type Entity,
  type LevelValues,
  type PatientEntity,
  type SeriesEntity,
  type StudyEntity,
} from './level-rows.ts'
import { nextIds } from './locks.ts'
import type { Dialect, Row, Step, Writer } from './operation.ts'
import type { PlannedInstance } from './plan.ts'
import { columnsOf, replaceTuples } from './tuple-rows.ts'

/** New rows of patient, study and series, counters at nought, and new bases. */
export function* insertLevels(
  dialect: Dialect,
  patients: readonly PatientEntity[],
  studies: readonly StudyEntity[],
  series: readonly SeriesEntity[],
): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO patient (id, issuer, patient_id, pseudo_study, attributes, patient_name, birth_date, sex)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    types: 'bigint, text, text, text, text, text, text, text',
    each: patients
      .filter((one) => one.isNew)
      .map((one) => [
        one.id,
        one.issuer,
        one.patientId,
        one.pseudoStudy,
        one.attributes,
        ...columnsOf(one).texts,
      ]),
  }
  const newStudies = studies.filter((one) => one.isNew)
  yield {
    sql: `INSERT INTO study (id, study_uid, patient_key, attributes, patient_id, issuer, patient_name, birth_date, sex,
        study_date, study_time, accession_number, study_ident, study_description, referring_physician)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    types: `bigint, text, bigint${', text'.repeat(12)}`,
    each: newStudies.map((one) => [one.id, one.uid, one.patient.id, one.attributes, ...columnsOf(one).texts]),
  }
  yield {
    sql: `INSERT INTO series (id, study_id, series_uid, attributes, number, study_date, modality, series_description,
        body_part, pps_start_date, pps_start_time)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    types: `bigint, bigint, text, text, bigint${', text'.repeat(6)}`,
    each: series
      .filter((one) => one.isNew)
      .map((one) => {
        const columns = columnsOf(one)
        return [one.id, one.study.id, one.planned.seriesUid, one.attributes, columns.number, ...columns.texts]
      }),
  }
  const bases = series.flatMap((one) => one.planned.newBases.map((base) => ({ base, series: one.id })))
  const ids = yield* nextIds(dialect, 'tag_base', bases.length)
  for (const [at, { base }] of bases.entries()) base.id = ids[at] ?? 0
  yield {
    sql: 'INSERT INTO tag_base (id, series_id, base) VALUES (?, ?, ?)',
    types: 'bigint, bigint, text',
    each: bases.map((one) => [one.base.id, one.series, jsonOfLines(one.base.lines)]),
  }
}

export interface LevelChanges {
  readonly patients: readonly PatientEntity[]
  readonly studies: readonly StudyEntity[]
  readonly series: readonly SeriesEntity[]
  readonly links: readonly PatientLink[]
  readonly values: LevelValues
  /** Instances that are active. */
  readonly shown: readonly PlannedInstance[]
}

/** Counters come last: their rows are the ones that others wait for. */
export function* updateLevels(dialect: Dialect, changes: LevelChanges): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO level_value (level, attribute, value, entity, n) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (level, attribute, value, entity) DO UPDATE SET n = level_value.n + excluded.n`,
    types: 'text, text, text, bigint, bigint',
    each: changes.values.lists(),
  }
  yield {
    sql: `UPDATE series SET n_instances = v.column2, n_paths = v.column3, mixed = v.column4, first_id = v.column5,
        n_hidden = series.n_hidden + v.column6
      FROM (VALUES (?, ?, ?, ?, ?, ?)) AS v WHERE series.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint, bigint',
    each: changes.series.map((one) => [
      one.id,
      one.nInstances,
      one.planned.state.posted.size,
      one.mixed,
      firstOf(one),
      one.nHidden,
    ]),
  }
  yield {
    sql: `UPDATE study SET n_instances = v.column2, n_series = v.column3, mixed = v.column4, first_id = v.column5,
        modalities = v.column6, sop_classes = v.column7, changed_at = ${clock(dialect)}
      FROM (VALUES (?, ?, ?, ?, ?, ?, ?)) AS v WHERE study.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint, text, text',
    each: changes.studies.map((one) => [
      ...[one.id, one.nInstances, one.nSeries, one.mixed, firstOf(one)],
      ...[textOfSet(one.modalities), textOfSet(one.sopClasses)],
    ]),
  }
  const linked = yield {
    sql: `INSERT INTO patient_study (patient_key, study_id, n_instances) VALUES (?, ?, ?)
      ON CONFLICT (patient_key, study_id) DO UPDATE SET n_instances = patient_study.n_instances + excluded.n_instances
      RETURNING patient_key, study_id, n_instances`,
    types: 'bigint, bigint, bigint',
    each: changes.links.map((link) => [link.patient.id, link.study.id, link.n]),
  }
  const totals = new Map(
    linked.map((row) => [
      `${String(row['patient_key'])}/${String(row['study_id'])}`,
      Number(row['n_instances']),
    ]),
  )
  for (const link of changes.links)
    if (link.n > 0 && totals.get(`${link.patient.id}/${link.study.id}`) === link.n) link.patient.nStudies++
  yield {
    sql: `UPDATE patient SET n_instances = v.column2, n_studies = v.column3, mixed = v.column4, first_id = v.column5
      FROM (VALUES (?, ?, ?, ?, ?)) AS v WHERE patient.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint',
    each: changes.patients.map((one) => [one.id, one.nInstances, one.nStudies, one.mixed, firstOf(one)]),
  }
  yield* replaceTuples(changes)
  yield* countArchive(dialect, changes)
}

function firstOf({ firstId }: Entity): number | null {
  return firstId === 0 ? null : firstId
}

/** Numbers of the whole archive's active instances, in one row per writer, for one row would be a queue. */
function* countArchive(dialect: Dialect, changes: LevelChanges): Generator<Step, void, Row[]> {
  // Those that are new, and those that had no active instance left: the first one gave them their columns.
  const fresh = (entities: readonly Entity[]): number =>
    entities.filter((entity) => entity.columns !== null && entity.nInstances > 0).length
  yield* addToArchive(dialect, {
    patients: fresh(changes.patients),
    studies: fresh(changes.studies),
    series: fresh(changes.series),
    instances: changes.shown.length,
    bytes: changes.shown.reduce((sum, one) => sum + one.instance.size, 0),
  })
}

/**
 * Each study owes the FHIR server a push: after a quiet, and after so long at the latest. A push that failed keeps the
 * time at which it is tried again. What the server refused for good is another thing now, and begins anew; what is held
 * stays held until a person releases it.
 */
export function* touchOutbox(
  writer: Writer,
  studies: readonly { readonly id: number }[],
): Generator<Step, void, Row[]> {
  const quietMs = Math.trunc(writer.settings.quietMs)
  const maxWaitMs = Math.trunc(writer.settings.maxWaitMs)
  const now = clock(writer.dialect)
  const isDone = '(outbox.gen = outbox.done_gen OR outbox.dead_since IS NOT NULL)'
  yield {
    sql: `INSERT INTO outbox (study_id, gen, first_dirty_at, due_at)
      SELECT v.column1, 1, ${now}, ${now} + ${quietMs} FROM (VALUES (?)) AS v WHERE true
      ON CONFLICT (study_id) DO UPDATE SET gen = outbox.gen + 1, dead_since = NULL,
        attempts = CASE WHEN ${isDone} THEN 0 ELSE outbox.attempts END,
        first_dirty_at = CASE WHEN ${isDone} THEN excluded.first_dirty_at ELSE outbox.first_dirty_at END,
        due_at = CASE
          WHEN ${isDone} THEN excluded.due_at
          WHEN outbox.attempts > 0 THEN outbox.due_at
          WHEN excluded.due_at < outbox.first_dirty_at + ${maxWaitMs} THEN excluded.due_at
          ELSE outbox.first_dirty_at + ${maxWaitMs} END`,
    types: 'bigint',
    each: studies.map((one) => [one.id]),
  }
}
