/** The statements of ADD that write. */
import type { Numbers, PatientLink } from './add.ts'
import { addToArchive } from './archive-stat.ts'
import { clock } from './dialect.ts'
import { jsonOfLines } from './encoding.ts'
import {
  textOfSet,
  type LevelValues,
  type PatientEntity,
  type SeriesEntity,
  type StudyEntity,
} from './level-rows.ts'
import { NO_NUMBER, type LevelColumns } from './level-tuples.ts'
import { nextIds } from './locks.ts'
import { RestartError, type Dialect, type Param, type Row, type Step, type Writer } from './operation.ts'
import type { PlannedInstance } from './plan.ts'
import type { PreparedInstance } from './prepare.ts'
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
  if (dialect === 'sqlite')
    yield {
      sql: 'INSERT INTO study_name (rowid, patient_name) VALUES (?, ?)',
      each: newStudies.map((one) => [one.id, columnsOf(one).texts[2] ?? '']),
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

export interface InstanceContext {
  readonly rows: readonly SeriesEntity[]
  readonly ids: readonly number[]
  readonly patientOf: (instance: PreparedInstance) => PatientEntity
  readonly numbers: Numbers
}

/** Rows of blob, instance, sop, pixel map, feed and audit. */
export function* insertInstances(
  dialect: Dialect,
  planned: readonly PlannedInstance[],
  context: InstanceContext,
): Generator<Step, void, Row[]> {
  const { ids, numbers } = context
  const blobs = yield* insertBlobs(dialect, planned)
  const series = new Map(context.rows.map((row) => [row.planned, row.id]))
  yield {
    sql: `INSERT INTO instance (id, series_id, patient_key, sop_uid, sop_class_id, transfer_syntax_id, modality, number,
        n_rows, n_columns, n_frames, blob_id, size, data_set_offset, file_sha256, dataset_sha256, sender, received_at,
        damaged, has_bulk, oddities, base_id, patch, packed)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    types: `bigint, bigint, bigint, text, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint,
      bytea, bytea, text, bigint, bigint, bigint, text, bigint, text, bytea`,
    each: planned.map((one, at): Param[] => {
      const { instance } = one
      return [
        ...[ids[at] ?? 0, series.get(one.series) ?? 0, context.patientOf(instance).id, instance.sopUid],
        ...[
          numbers.sopClass.get(instance.sopClass) ?? 0,
          numbers.transferSyntax.get(instance.transferSyntax) ?? 0,
        ],
        ...[
          instance.modality,
          instance.number ?? NO_NUMBER,
          instance.rows,
          instance.columns,
          instance.frames,
        ],
        ...[
          blobs[at] ?? 0,
          instance.size,
          instance.dataSetOffset,
          instance.fileSha256,
          instance.datasetSha256,
        ],
        ...[instance.sender, instance.receivedAt, Number(instance.damaged), Number(instance.hasBulk)],
        ...[instance.oddities, one.base?.id ?? null, one.patch, one.packed],
      ]
    }),
  }
  yield* insertSops(planned, ids)
  yield {
    sql: 'INSERT INTO pixel_map (instance_id, map) VALUES (?, ?)',
    types: 'bigint, bytea',
    each: planned.flatMap(({ instance }, at) =>
      instance.pixelMap === null ? [] : [[ids[at] ?? 0, instance.pixelMap]],
    ),
  }
  yield {
    sql: `INSERT INTO feed (at, action, instance_id)
      SELECT ${clock(dialect)}, 0, v.column1 FROM (VALUES (?)) AS v`,
    types: 'bigint',
    each: ids.map((id) => [id]),
  }
  yield {
    sql: `INSERT INTO audit (at, action, instance_id, actor)
      SELECT ${clock(dialect)}, 'store', v.column1, v.column2 FROM (VALUES (?, ?)) AS v`,
    types: 'bigint, text',
    each: planned.map(({ instance }, at) => [ids[at] ?? 0, instance.sender]),
  }
}

function* insertBlobs(
  dialect: Dialect,
  planned: readonly PlannedInstance[],
): Generator<Step, number[], Row[]> {
  const blobs = yield* nextIds(dialect, 'blob', planned.length)
  yield {
    sql: 'INSERT INTO blob (id, store, key, version_id, size, sha256) VALUES (?, ?, ?, ?, ?, ?)',
    types: 'bigint, text, text, text, bigint, bytea',
    each: planned.map(({ instance }, at) => [
      blobs[at] ?? 0,
      instance.store,
      instance.key,
      instance.versionId,
      instance.size,
      instance.fileSha256,
    ]),
  }
  return blobs
}

/** In order of the UIDs, so that two writers of the same instances wait for each other and not in a circle. */
function* insertSops(
  planned: readonly PlannedInstance[],
  ids: readonly number[],
): Generator<Step, void, Row[]> {
  const sops = planned.map(({ instance }, at) => ({ uid: instance.sopUid, id: ids[at] ?? 0 }))
  sops.sort((a, b) => (a.uid < b.uid ? -1 : 1))
  const inserted = yield {
    sql: 'INSERT INTO sop (sop_uid, instance_id) VALUES (?, ?) ON CONFLICT (sop_uid) DO NOTHING RETURNING instance_id',
    types: 'text, bigint',
    each: sops.map((sop) => [sop.uid, sop.id]),
  }
  if (inserted.length < sops.length) throw new RestartError('another writer has added one of the instances')
}

export function* insertPostings(
  rows: readonly SeriesEntity[],
  numbers: Numbers,
): Generator<Step, void, Row[]> {
  yield {
    sql: 'INSERT INTO tag_post (value_id, series_id) VALUES (?, ?) ON CONFLICT (value_id, series_id) DO NOTHING',
    types: 'bigint, bigint',
    each: rows.flatMap((row) => (numbers.postings.get(row.planned) ?? []).map((value) => [value, row.id])),
  }
}

export interface LevelChanges {
  readonly patients: readonly PatientEntity[]
  readonly studies: readonly StudyEntity[]
  readonly series: readonly SeriesEntity[]
  readonly links: readonly PatientLink[]
  readonly values: LevelValues
  readonly planned: readonly PlannedInstance[]
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
    sql: `UPDATE series SET n_instances = v.column2, n_paths = v.column3, mixed = v.column4, first_id = v.column5
      FROM (VALUES (?, ?, ?, ?, ?)) AS v WHERE series.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint',
    each: changes.series.map((one) => [
      one.id,
      one.nInstances,
      one.planned.state.posted.size,
      one.mixed,
      one.firstId,
    ]),
  }
  yield {
    sql: `UPDATE study SET n_instances = v.column2, n_series = v.column3, mixed = v.column4, first_id = v.column5,
        modalities = v.column6, sop_classes = v.column7, changed_at = ${clock(dialect)}
      FROM (VALUES (?, ?, ?, ?, ?, ?, ?)) AS v WHERE study.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint, text, text',
    each: changes.studies.map((one) => [
      ...[one.id, one.nInstances, one.nSeries, one.mixed, one.firstId],
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
    if (totals.get(`${link.patient.id}/${link.study.id}`) === link.n) link.patient.nStudies++
  yield {
    sql: `UPDATE patient SET n_instances = v.column2, n_studies = v.column3, mixed = v.column4, first_id = v.column5
      FROM (VALUES (?, ?, ?, ?, ?)) AS v WHERE patient.id = v.column1`,
    types: 'bigint, bigint, bigint, bigint, bigint',
    each: changes.patients.map((one) => [one.id, one.nInstances, one.nStudies, one.mixed, one.firstId]),
  }
  yield* replaceTuples(dialect, changes)
  yield* countArchive(dialect, changes)
}

/** Numbers of the whole archive's active instances, in one row per writer, for one row would be a queue. */
function* countArchive(dialect: Dialect, changes: LevelChanges): Generator<Step, void, Row[]> {
  // Those that are new, and those that had no active instance left: the first one gave them their columns.
  const fresh = (entities: readonly { readonly columns: LevelColumns | null }[]): number =>
    entities.filter((entity) => entity.columns !== null).length
  yield* addToArchive(dialect, {
    patients: fresh(changes.patients),
    studies: fresh(changes.studies),
    series: fresh(changes.series),
    instances: changes.planned.length,
    bytes: changes.planned.reduce((sum, one) => sum + one.instance.size, 0),
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
