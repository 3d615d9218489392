/** WHAT REPAIR WRITES. Every operation leaves a row of audit. */
import { storeNumbers } from './dictionaries.ts'
import { dictionaryNumbers } from './add.ts'
import { insertPostings } from './add-postings.ts'
import { addToArchive, archiveShortfall } from './archive-stat.ts'
import { clock } from './dialect.ts'
import { instancesOfSeries } from './level-derived.ts'
import { rewriteLevel } from './level-rewrite.ts'
import { linesOfRow } from './inspection.ts'
import { patientText } from './level-rows.ts'
import { lockKeys, nextIds, patientLock, studyLock } from './locks.ts'
import type { Row, Step, Writer } from './operation.ts'
import { touch } from './outbox.ts'
import { noteWhole, plannedSeries } from './plan.ts'
import type { PlacedBlob } from './ports/instance.ts'
import type { LevelName } from './ports/inspection.ts'
import { emptyState } from './series-state.ts'

/** Says in the audit trail what was done, and to what. */
export function* noteRepair(
  { dialect }: Writer,
  action: string,
  detail: Readonly<Record<string, string | number>>,
): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO audit (at, actor, action, detail) VALUES (${clock(dialect)}, 'repair', ?, ?)`,
    params: [action, JSON.stringify(detail)],
  }
}

/** Makes a level row, and what hangs on it, what its active instances say. */
export function* rebuildLevel(writer: Writer, level: LevelName, id: number): Generator<Step, void, Row[]> {
  yield* lockEntity(writer, level, id)
  yield* rewriteLevel(level, id)
  yield* noteRepair(writer, 'rebuild', { level, id })
}

/** The locks under which `add` changes the entity. */
function* lockEntity({ dialect }: Writer, level: LevelName, id: number): Generator<Step, void, Row[]> {
  if (dialect === 'sqlite') return
  const patients =
    level === 'patient'
      ? yield { sql: 'SELECT issuer, patient_id, pseudo_study FROM patient WHERE id = ?', params: [id] }
      : []
  const studies =
    level === 'patient'
      ? []
      : yield {
          sql: `SELECT s.study_uid FROM study s WHERE s.id = ${
            level === 'study' ? '?' : '(SELECT e.study_id FROM series e WHERE e.id = ?)'
          }`,
          params: [id],
        }
  yield* lockKeys([
    ...studies.map((row) => studyLock(String(row['study_uid']))),
    ...patients.map((row) =>
      patientLock(
        patientText({
          issuer: String(row['issuer']),
          patientId: String(row['patient_id']),
          pseudoStudy: String(row['pseudo_study']),
        }),
      ),
    ),
  ])
}

/**
 * Makes the postings of a series anew, from its instances in every state: what is hidden may come back. Writers that
 * remember the old ones begin again, for the epoch is another.
 */
export function* rebuildPostings(writer: Writer, series: number): Generator<Step, void, Row[]> {
  yield* lockEntity(writer, 'series', series)
  const planned = plannedSeries('', '', emptyState())
  const note = (row: Row): void => {
    noteWhole(planned, linesOfRow(row))
    planned.state.begun = true
  }
  yield* instancesOfSeries(series, note, { anyState: true })
  const numbers = yield* dictionaryNumbers(writer, [planned], [])
  yield {
    sql: `DELETE FROM tag_range WHERE series_id = ?
      AND path_id IN (SELECT (-p.value_id) / 4 FROM tag_post p WHERE p.series_id = ? AND p.value_id < 0)`,
    params: [series, series],
  }
  yield { sql: 'DELETE FROM tag_post WHERE series_id = ?', params: [series] }
  yield* insertPostings([{ id: series, planned }], numbers)
  yield {
    sql: `UPDATE series SET n_paths = ?, epoch = epoch + 1,
        n_hidden = (SELECT count(*) FROM instance i WHERE i.series_id = series.id AND i.state <> 0) WHERE id = ?`,
    params: [planned.state.posted.size, series],
  }
  yield* noteRepair(writer, 'rebuild', { postings: series })
}

/**
 * Makes the numbers of the whole archive those of its active instances. PostgreSQL: every writer changes them last, so
 * that nobody who has passed the lock can have instances which are not counted in them.
 */
export function* recountArchive(writer: Writer): Generator<Step, void, Row[]> {
  const { dialect } = writer
  if (dialect === 'postgres') yield { sql: 'LOCK TABLE archive_stat IN SHARE ROW EXCLUSIVE MODE' }
  yield* addToArchive(dialect, yield* archiveShortfall())
  yield* noteRepair(writer, 'rebuild', { level: 'archive' })
}

/**
 * Notes blobs as about to be removed, unless a row names them by now; the keys that are noted. From here on no writer can
 * make an instance of them, for the pair of store and key is unique, and nobody can read them, for no instance does.
 */
export function* doomBlobs(writer: Writer, found: readonly PlacedBlob[]): Generator<Step, string[], Row[]> {
  const stores = yield* storeNumbers(
    writer,
    found.map(({ store }) => store),
  )
  const ids = yield* nextIds(writer.dialect, 'blob', found.length)
  yield {
    sql: `INSERT INTO blob (id, store_id, key, size, sha256, state) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key, store_id) DO NOTHING`,
    types: 'bigint, bigint, text, bigint, bytea, bigint',
    each: found.map(({ store, key, size, sha256 }, at) => [
      ...[ids[at] ?? 0, stores.get(store) ?? 0, key, size],
      Buffer.from(sha256, 'hex'),
      2,
    ]),
  }
  const rows = yield {
    sql: 'SELECT b.key FROM (VALUES (?, ?)) AS v JOIN blob b ON b.key = v.column1 AND b.store_id = v.column2 WHERE b.state = 2',
    types: 'text, bigint',
    each: found.map(({ store, key }) => [key, stores.get(store) ?? 0]),
  }
  const keys = rows.map((row) => String(row['key']))
  for (const { key, store, size, sha256 } of found)
    if (keys.includes(key)) yield* noteRepair(writer, 'doom', { store, key, size, sha256 })
  return keys
}

/** The bytes of a doomed blob are gone: so is its row. */
export function* forgetBlob(writer: Writer, store: string, key: string): Generator<Step, void, Row[]> {
  yield {
    sql: `DELETE FROM blob WHERE store_id = (SELECT w.id FROM blob_store w WHERE w.name = ?) AND key = ? AND state = 2`,
    params: [store, key],
  }
  yield* noteRepair(writer, 'collect', { store, key })
}

/** Takes out the row of a blob that nothing uses; false when something does by now. */
export function* releaseBlob(writer: Writer, id: number): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: `DELETE FROM blob WHERE id = ? AND state <> 2
        AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.blob_id = blob.id)
        AND NOT EXISTS (SELECT 1 FROM blob_extent x WHERE x.blob_id = blob.id)
        AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.blob_id = blob.id)
      RETURNING (SELECT w.name FROM blob_store w WHERE w.id = blob.store_id) AS store, key`,
    params: [id],
  }
  for (const row of rows)
    yield* noteRepair(writer, 'release', { store: String(row['store']), key: String(row['key']) })
  return rows.length > 0
}

/** Owed once more, by a generation beyond all that outbox and link speak of. */
export function* requeue(writer: Writer, study: string): Generator<Step, void, Row[]> {
  yield* touch(writer, study)
  yield {
    sql: `UPDATE outbox SET gen = 1 + (SELECT max(v.g) FROM (
        SELECT outbox.gen AS g UNION ALL SELECT outbox.done_gen
        UNION ALL SELECT coalesce(l.gen, 0) FROM fhir_link l WHERE l.kind = 'study' AND l.key = ?) AS v)
      WHERE study_id = (SELECT s.id FROM study s WHERE s.study_uid = ?)`,
    params: [study, study],
  }
  yield* noteRepair(writer, 'requeue', { study })
}
