/** WHAT IS STAGED AND NOT SHOWN: of corrections that failed, were tried again, or were given up. */
import { touchOutbox } from './add-rows.ts'
import { MOVED_JOINS } from './lifecycle.ts'
import { nextIds } from './locks.ts'
import type { Row, Step, Writer } from './operation.ts'

/** Columns of an instance that stay what they are when its row gets another number. */
const KEPT = `series_id, patient_key, sop_uid, sop_class_id, transfer_syntax_id, state, superseded_by, modality, number, n_rows,
  n_columns, n_frames, blob_id, size, data_set_offset, file_sha256, dataset_sha256, sender, received_at, damaged, has_bulk,
  oddities, base_id, patch, packed`

/**
 * Gives staged instances of a correction new numbers where others of their study have been told of since: a push tells of a
 * range of numbers, and those of what is seen must be above all that was told. The old rows are seen by nobody; the
 * caller holds the locks of the studies.
 */
export function* renumberLate({ dialect }: Writer, correction: string): Generator<Step, void, Row[]> {
  const late = yield {
    sql: `SELECT i.id FROM lineage l JOIN instance i ON i.id = l.instance_id ${MOVED_JOINS}
      WHERE l.correction_id = ? AND i.state = 4
        AND i.id <= (SELECT max(p.upto_id) FROM fhir_push p WHERE p.study_uid = s.study_uid) ORDER BY i.id`,
    params: [correction],
  }
  const ids = yield* nextIds(dialect, 'instance', late.length)
  const each = late.map((row, at) => [Number(row['id']), ids[at] ?? 0])
  const pairs = { types: 'bigint, bigint', each }
  const own = KEPT.replaceAll(/\w+/gu, 'i.$&')
  yield {
    sql: `INSERT INTO instance (id, ${KEPT}) SELECT v.column2, ${own} FROM (VALUES (?, ?)) AS v
      JOIN instance i ON i.id = v.column1`,
    ...pairs,
  }
  yield {
    sql: `UPDATE sop SET instance_id = v.column2 FROM (VALUES (?, ?)) AS v JOIN instance i ON i.id = v.column1
      WHERE sop.sop_uid = i.sop_uid`,
    ...pairs,
  }
  for (const table of ['lineage', 'pixel_map', 'blob_extent'])
    yield {
      sql: `UPDATE ${table} SET instance_id = v.column2 FROM (VALUES (?, ?)) AS v WHERE ${table}.instance_id = v.column1`,
      ...pairs,
    }
  yield {
    sql: `UPDATE instance SET state = 5, blob_id = NULL FROM (VALUES (?)) AS v WHERE instance.id = v.column1`,
    types: 'bigint',
    each: late.map((row) => [Number(row['id'])]),
  }
}

/** Owes the studies of what a correction has staged once more: their Provenance has waited for it. */
export function* oweStaged(writer: Writer, correction: string): Generator<Step, void, Row[]> {
  const studies = yield {
    sql: `SELECT DISTINCT e.study_id FROM lineage l JOIN instance i ON i.id = l.instance_id ${MOVED_JOINS}
      WHERE l.correction_id = ? AND i.state = 4`,
    params: [correction],
  }
  yield* touchOutbox(
    writer,
    studies.map((row) => ({ id: Number(row['study_id']) })),
  )
}

/** Gives up what a correction has staged: nobody has seen it, nobody will, and nothing is said to be made of anything. */
export function* discardStaged(correction: string): Generator<Step, void, Row[]> {
  const staged = yield {
    sql: `UPDATE instance SET state = 5 WHERE state = 4 AND id IN (
      SELECT l.instance_id FROM lineage l WHERE l.correction_id = ?) RETURNING id`,
    params: [correction],
  }
  yield {
    sql: 'DELETE FROM lineage WHERE instance_id IN (SELECT v.column1 FROM (VALUES (?)) AS v)',
    types: 'bigint',
    each: staged.map((row) => [Number(row['id'])]),
  }
}
