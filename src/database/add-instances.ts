/** The statements of ADD that write instances, with what belongs to each of them alone. */
import type { Numbers } from './add.ts'
import { clock } from './dialect.ts'
import { stateNumber } from './known.ts'
import type { PatientEntity, SeriesEntity } from './level-rows.ts'
import { NO_NUMBER } from './level-tuples.ts'
import { nextIds } from './locks.ts'
import { RestartError, type Dialect, type Param, type Row, type Step } from './operation.ts'
import type { PlannedInstance } from './plan.ts'
import type { InstanceState } from './ports/instance.ts'
import type { PreparedInstance } from './prepare.ts'

export interface InstanceContext {
  readonly rows: readonly SeriesEntity[]
  readonly ids: readonly number[]
  readonly patientOf: (instance: PreparedInstance) => PatientEntity
  readonly stateOf: (instance: PreparedInstance) => InstanceState
  readonly numbers: Numbers
}

/** Rows of blob, instance, sop, pixel map, feed and audit. */
export function* insertInstances(
  dialect: Dialect,
  planned: readonly PlannedInstance[],
  context: InstanceContext,
): Generator<Step, void, Row[]> {
  const { ids, numbers } = context
  const blobs = yield* insertBlobs(dialect, planned, numbers)
  const series = new Map(context.rows.map((row) => [row.planned, row.id]))
  yield {
    sql: `INSERT INTO instance (id, series_id, patient_key, sop_uid, sop_class_id, transfer_syntax_id, modality, number,
        n_rows, n_columns, n_frames, blob_id, size, data_set_offset, file_sha256, dataset_sha256, sender, received_at,
        damaged, has_bulk, oddities, base_id, patch, packed, state)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    types: `bigint, bigint, bigint, text, bigint, bigint, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint,
      bytea, bytea, text, bigint, bigint, bigint, text, bigint, text, bytea, bigint`,
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
          instance.extents === null ? (blobs[at] ?? 0) : null,
          instance.size,
          instance.dataSetOffset,
          Buffer.from(instance.fileSha256, 'hex'),
          Buffer.from(instance.datasetSha256, 'hex'),
        ],
        ...[instance.sender, instance.receivedAt, Number(instance.damaged), Number(instance.hasBulk)],
        ...[instance.oddities, one.base?.id ?? null, one.patch, one.packed],
        stateNumber(context.stateOf(instance)),
      ]
    }),
  }
  yield* insertSops(planned, ids)
  yield* insertExtents(planned, ids)
  yield {
    sql: 'INSERT INTO pixel_map (instance_id, map) VALUES (?, ?)',
    types: 'bigint, bytea',
    each: planned.flatMap(({ instance }, at) =>
      instance.pixelMap === null ? [] : [[ids[at] ?? 0, instance.pixelMap]],
    ),
  }
  yield* tellLedgers(dialect, planned, context)
}

/** An instance that is staged is told of when it is shown. */
function* tellLedgers(
  dialect: Dialect,
  planned: readonly PlannedInstance[],
  context: InstanceContext,
): Generator<Step, void, Row[]> {
  const { ids } = context
  const isStaged = (instance: PreparedInstance): boolean => context.stateOf(instance) === 'staged'
  yield {
    sql: `INSERT INTO feed (at, action, instance_id)
      SELECT ${clock(dialect)}, v.column2, v.column1 FROM (VALUES (?, ?)) AS v`,
    types: 'bigint, bigint',
    each: planned.flatMap(({ instance }, at) => {
      const id = ids[at] ?? 0
      if (isStaged(instance)) return []
      return context.stateOf(instance) === 'superseded' ? [[id, 0], [id, 1]] : [[id, 0]] // prettier-ignore
    }),
  }
  yield {
    sql: `INSERT INTO audit (at, action, instance_id, actor)
      SELECT ${clock(dialect)}, v.column3, v.column1, v.column2 FROM (VALUES (?, ?, ?)) AS v`,
    types: 'bigint, text, text',
    each: planned.map(({ instance }, at) => [
      ids[at] ?? 0,
      instance.sender,
      isStaged(instance) ? 'stage' : 'store',
    ]),
  }
}

function* insertBlobs(
  dialect: Dialect,
  planned: readonly PlannedInstance[],
  { store }: Numbers,
): Generator<Step, number[], Row[]> {
  const blobs = yield* nextIds(dialect, 'blob', planned.length)
  yield {
    sql: 'INSERT INTO blob (id, store_id, key, version_id, size, sha256) VALUES (?, ?, ?, ?, ?, ?)',
    types: 'bigint, bigint, text, text, bigint, bytea',
    each: planned.map(({ instance }, at) => [
      blobs[at] ?? 0,
      store.get(instance.store) ?? 0,
      instance.key,
      instance.versionId,
      instance.blobSize,
      Buffer.from(instance.blobSha256, 'hex'),
    ]),
  }
  return blobs
}

/** Pieces of blobs that make up a file; their rows are there, but those of this batch, which have just come. */
function* insertExtents(
  planned: readonly PlannedInstance[],
  ids: readonly number[],
): Generator<Step, void, Row[]> {
  const extents = planned.flatMap(({ instance }, at) =>
    (instance.extents ?? []).map(({ store, key, offset, length }, ordinal): Param[] => [
      ...[ids[at] ?? 0, ordinal, key, store],
      ...[offset, length],
    ]),
  )
  const inserted = yield {
    sql: `INSERT INTO blob_extent (instance_id, ordinal, blob_id, start, length)
      SELECT v.column1, v.column2, b.id, v.column5, v.column6 FROM (VALUES (?, ?, ?, ?, ?, ?)) AS v
      JOIN blob_store w ON w.name = v.column4 JOIN blob b ON b.key = v.column3 AND b.store_id = w.id
      WHERE b.state = 0 RETURNING ordinal`,
    types: 'bigint, bigint, text, text, bigint, bigint',
    each: extents,
  }
  if (inserted.length < extents.length) throw new Error('a piece of an instance lies in no blob')
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
