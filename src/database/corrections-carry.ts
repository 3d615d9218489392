/** CARRYING OUT A CORRECTION: what was made of a study is staged, and shown in place of its originals in one transaction. */
import { add, type Added } from './add.ts'
import { audit, correction, type CorrectionRecord } from './corrections.ts'
import { oweStaged, renumberLate } from './corrections-staged.ts'
import { waitingRows } from './corrections-waiting.ts'
import { clock } from './dialect.ts'
import { correctionFor, inForce, wake } from './in-force.ts'
import { linesOf } from './inspection.ts'
import { lockStudies, MOVED_COLUMNS, MOVED_JOINS, moveAll, movedOf } from './lifecycle.ts'
import { RestartError, type Row, type Step, type Writer } from './operation.ts'
import type { CorrectionDetail } from './ports/corrections.ts'
import type { InstanceState } from './ports/instance.ts'
import type { PreparedInstance } from './prepare.ts'

/** Adds corrected instances that nobody sees yet, each with the SOP Instance UID of the one it was made of. */
export function* stage(
  writer: Writer,
  id: string,
  batch: readonly PreparedInstance[],
  sources: readonly string[],
): Generator<Step, Added[], Row[]> {
  const added = yield* add(writer, batch, 'staged')
  yield {
    sql: `INSERT INTO lineage (instance_id, source_id, correction_id)
      SELECT m.instance_id, o.instance_id, v.column3 FROM (VALUES (?, ?, ?)) AS v
      JOIN sop m ON m.sop_uid = v.column1 JOIN sop o ON o.sop_uid = v.column2 WHERE true
      ON CONFLICT (instance_id) DO NOTHING`,
    types: 'text, text, text',
    each: batch.map((instance, at) => [instance.sopUid, sources[at] ?? '', id]),
  }
  return added
}

export interface Finished {
  /** Instances that were made now. */
  readonly corrected: number
  /** More has come meanwhile: the correction is to be carried out for it too. */
  readonly more: boolean
}

/** Shows what was made, and hides what it was made of; what comes later with the old values will be hidden at once. */
export function* finishCorrection(writer: Writer, id: string): Generator<Step, Finished | null, Row[]> {
  yield* lockCorrection(writer, id)
  const record = yield* correction(writer.dialect, id)
  if (record?.state !== 'running') return null
  yield* renumberLate(writer, id)
  const rows = yield {
    sql: `SELECT ${MOVED_COLUMNS}, i.sop_uid, e.series_uid, l.source_id FROM lineage l JOIN instance i ON i.id = l.instance_id ${MOVED_JOINS}
      WHERE l.correction_id = ? AND i.state = 4 ORDER BY i.id`,
    params: [id],
  }
  const sources = yield {
    sql: `SELECT ${MOVED_COLUMNS} FROM lineage l JOIN instance n ON n.id = l.instance_id
      JOIN instance i ON i.id = l.source_id ${MOVED_JOINS} WHERE l.correction_id = ? AND n.state = 4 ORDER BY i.id`,
    params: [id],
  }
  const reason = `correction ${id}`
  const actor = record.decidedBy
  const stateOf = new Map(sources.map((row) => [Number(row['id']), movedOf(row).from]))
  const next = yield* nextOf(record, rows)
  // What a later correction has changed since is for that one to correct as well; what was taken away meanwhile stays away.
  const byTarget = Map.groupBy(rows, (row): InstanceState => {
    const source = stateOf.get(Number(row['source_id']))
    if (source === 'deleted' || source === 'rejected') return source
    return next.has(row) ? 'superseded' : 'active'
  })
  for (const [to, own] of byTarget) yield* moveAll(writer, own.map(movedOf), { to, actor, reason })
  yield* wake(next.values())
  const active = sources.map(movedOf).filter(({ from }) => from === 'active')
  yield* moveAll(writer, active, { to: 'superseded', actor, reason })
  yield {
    sql: 'UPDATE instance SET superseded_by = v.column2 FROM (VALUES (?, ?)) AS v WHERE instance.id = v.column1',
    types: 'bigint, bigint',
    each: rows.map((row) => [Number(row['source_id']), Number(row['id'])]),
  }
  const more = (yield* waitingRows(writer.dialect, id)).length > 0
  const corrected = (record.detail.corrected ?? 0) + rows.length
  yield* end(writer, id, { state: more ? 'approved' : 'done', detail: { ...record.detail, corrected } })
  yield* audit(writer.dialect, 'correct', actor, {
    correction: id,
    study: record.study,
    instances: rows.length,
  })
  return { corrected: rows.length, more }
}

/** Ends a correction that could not be carried out: what came meanwhile is shown as it is, unless it was carried out before. */
export function* failCorrection(
  writer: Writer,
  id: string,
  failures: CorrectionDetail['failures'],
): Generator<Step, boolean, Row[]> {
  yield* lockCorrection(writer, id)
  const record = yield* correction(writer.dialect, id)
  if (record?.state !== 'running') return false
  if (record.doneAt === null)
    yield* moveAll(writer, (yield* waitingRows(writer.dialect, id)).map(movedOf), {
      to: 'active',
      actor: null,
      reason: `correction ${id} failed`,
    })
  yield* oweStaged(writer, id)
  yield* end(writer, id, { state: 'failed', detail: { ...record.detail, ...(failures && { failures }) } })
  yield* audit(writer.dialect, 'fail correction', null, { correction: id, study: record.study })
  return true
}

function* end(
  { dialect }: Writer,
  id: string,
  { state, detail }: { readonly state: 'approved' | 'done' | 'failed'; readonly detail: CorrectionDetail },
): Generator<Step, void, Row[]> {
  const doneAt = state === 'failed' ? 'done_at' : clock(dialect)
  yield {
    sql: `UPDATE correction SET state = ?, done_at = ${doneAt}, lease_until = 0, detail = ? WHERE id = ?`,
    params: [state, JSON.stringify(detail), id],
  }
}

/** For each instance that was made, the correction that it is to go through next: of its own study, where it has come to another. */
function* nextOf(
  { study, ordinal }: CorrectionRecord,
  rows: readonly Row[],
): Generator<Step, Map<Row, string>, Row[]> {
  const byStudy = yield* inForce(rows.map((row) => String(row['study_uid'])))
  const next = new Map<Row, string>()
  for (const row of rows) {
    const own = String(row['study_uid'])
    const corrections = (byStudy.get(own) ?? []).filter((one) => own !== study || one.ordinal > ordinal)
    if (corrections.length === 0) continue
    const lines = (yield* linesOf(Number(row['id']))) ?? []
    const [seriesUid, sopUid] = [String(row['series_uid']), String(row['sop_uid'])]
    const found = correctionFor({ seriesUid, sopUid, lines }, corrections)
    if (found !== undefined) next.set(row, found.id)
  }
  return next
}

/** PostgreSQL: the locks of the study, of the one that a part of it goes to, and of all patients that their instances name. */
function* lockCorrection({ dialect }: Writer, id: string): Generator<Step, void, Row[]> {
  if (dialect === 'sqlite') return
  const patients = {
    sql: `SELECT DISTINCT i.patient_key, s.study_uid FROM correction c JOIN study s ON s.study_uid = c.study_uid
      JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id WHERE c.id = ?
      UNION SELECT i.patient_key, s.study_uid FROM lineage l JOIN instance i ON i.id = l.instance_id ${MOVED_JOINS}
      WHERE l.correction_id = ?`,
    params: [id, id],
  }
  const keys = (rows: readonly Row[]): number[] => rows.map((row) => Number(row['patient_key']))
  const before = yield patients
  yield* lockStudies([...new Set(before.map((row) => String(row['study_uid'])))], keys(before))
  const known = new Set(keys(before))
  if (keys(yield patients).some((key) => !known.has(key)))
    throw new RestartError('another writer has added an instance of another patient')
}
