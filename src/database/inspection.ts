/** WHAT VERIFY AND REPAIR ASK: does everything that is derived still follow from the instances? */
import { linesOfJson, merged, unpacked } from './encoding.ts'
import { hex } from './known.ts'
import { tuplesOf } from './level-tuples.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { BlobRow, Finding } from './ports/inspection.ts'
import { eachLineTerm, isCovered, loadPosted } from './series-state.ts'

/** Findings among the next rows, and after which row to go on; null at the end. */
export interface Checked {
  readonly findings: readonly Finding[]
  readonly next: number | null
}

interface LevelCheck {
  readonly table: 'patient' | 'study' | 'series'
  readonly key: string
  /** Columns that must be the same in the row and in the view. */
  readonly columns: readonly string[]
  readonly tuple: 'patient' | 'study' | 'series'
}

const CHECKS: Readonly<Record<LevelCheck['table'], LevelCheck>> = {
  patient: {
    table: 'patient',
    key: 'patient_key',
    columns: ['n_instances', 'n_studies', 'first_id'],
    tuple: 'patient',
  },
  study: {
    table: 'study',
    key: 'study_id',
    columns: ['n_instances', 'n_series', 'first_id', 'modalities', 'sop_classes'],
    tuple: 'study',
  },
  series: { table: 'series', key: 'series_id', columns: ['n_instances', 'first_id'], tuple: 'series' },
}

/** Compares rows of a level with the GROUP BY that defines them, and their attributes with their first instance's. */
export function* checkLevel(
  _dialect: Dialect,
  table: LevelCheck['table'],
  after: number,
  limit: number,
): Generator<Step, Checked, Row[]> {
  const { key, columns, tuple } = CHECKS[table]
  const rows = yield {
    sql: `SELECT id, attributes, ${columns.join(', ')} FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`,
    params: [after, limit],
    slow: true,
  }
  const last = Number(rows.at(-1)?.['id'] ?? after)
  const groups = yield {
    sql: `SELECT ${key} AS id, ${columns.join(', ')} FROM ${table}_group WHERE ${key} > ? AND ${key} <= ?`,
    params: [after, last],
  }
  const groupOf = new Map(groups.map((group) => [Number(group['id']), group]))
  const findings: Finding[] = []
  for (const row of rows) {
    const id = Number(row['id'])
    const group = groupOf.get(id)
    for (const column of columns)
      if (
        group === undefined ? Number(row['n_instances']) !== 0 : String(row[column]) !== String(group[column])
      )
        findings.push({
          check: 'levels',
          what: `${table} ${id}: ${column} is not what its instances say`,
          entity: { level: table, id },
        })
    if (group === undefined) continue
    const lines = yield* linesOf(Number(group['first_id']))
    if (lines !== null && String(row['attributes']) !== `{${tuplesOf(lines)[tuple].join('\n,')}}`)
      findings.push({
        check: 'levels',
        what: `${table} ${id}: attributes are not those of its first instance`,
        entity: { level: table, id },
      })
  }
  return { findings, next: rows.length < limit ? null : last }
}

export const TAG_COLUMNS = 'i.id, i.patch, i.packed, b.base'
export const TAG_JOIN = 'LEFT JOIN tag_base b ON b.id = i.base_id'

/** Lines of the whole data set of an instance; null where there is none of that number. */
export function* linesOf(id: number): Generator<Step, string[] | null, Row[]> {
  const [row] = yield {
    sql: `SELECT ${TAG_COLUMNS} FROM instance i ${TAG_JOIN} WHERE i.id = ?`,
    params: [id],
  }
  return row === undefined ? null : linesOfRow(row)
}

/** Lines of a whole data set. */
export function linesOfRow(row: Row): string[] {
  const { packed, patch, base } = row
  const own = linesOfJson(Buffer.isBuffer(packed) ? unpacked(packed) : String(patch))
  return base === null || base === undefined ? own : merged(linesOfJson(String(base)), own)
}

/** Looks for values of active instances that no posting of their series leads to. */
export function* checkPostings(_dialect: Dialect, after: number): Generator<Step, Checked, Row[]> {
  const [series] = yield {
    sql: 'SELECT id, n_paths FROM series WHERE id > ? ORDER BY id LIMIT 1',
    params: [after],
    slow: true,
  }
  if (series === undefined) return { findings: [], next: null }
  const id = Number(series['id'])
  const posted = yield* loadPosted(id)
  const missing = new Set<string>()
  if (posted.size !== Number(series['n_paths'])) missing.add('(number of paths)')
  let from = 0
  for (;;) {
    const rows = yield {
      sql: `SELECT ${TAG_COLUMNS} FROM instance i ${TAG_JOIN}
        WHERE i.series_id = ? AND i.state = 0 AND i.id > ? ORDER BY i.id LIMIT 500`,
      params: [id, from],
    }
    for (const row of rows) {
      const seen = new Set<string>()
      for (const line of linesOfRow(row))
        eachLineTerm(line, (path, value) => {
          seen.add(path)
          if (!isCovered(posted.get(path), path, value)) missing.add(path)
        })
      for (const [path, known] of posted) if (!known.absent && !seen.has(path)) missing.add(path)
    }
    from = Number(rows.at(-1)?.['id'] ?? from)
    if (rows.length < 500) break
  }
  const findings = [...missing].map((path) => ({
    check: 'levels',
    what: `series ${id}: postings of ${path} miss something that an instance has`,
    entity: { level: 'postings' as const, id },
  }))
  return { findings, next: id }
}

const BLOB_STATES: readonly BlobRow['state'][] = ['live', 'quarantined', 'doomed']

export function* blobs(_dialect: Dialect, afterId: number, limit: number): Generator<Step, BlobRow[], Row[]> {
  const rows = yield {
    sql: `SELECT b.id, w.name AS store, b.key, b.size, b.sha256, b.state FROM blob b JOIN blob_store w ON w.id = b.store_id
      WHERE b.id > ? ORDER BY b.id LIMIT ?`,
    params: [afterId, limit],
  }
  return rows.map((row) => ({
    id: Number(row['id']),
    store: String(row['store']),
    key: String(row['key']),
    size: Number(row['size']),
    sha256: hex(row['sha256']),
    state: BLOB_STATES[Number(row['state'])] ?? 'live',
  }))
}

export function* referenced(
  _dialect: Dialect,
  store: string,
  keys: readonly string[],
): Generator<Step, string[], Row[]> {
  const rows = yield {
    sql: `SELECT b.key FROM (VALUES (?)) AS v JOIN blob b ON b.key = v.column1
      JOIN blob_store w ON w.id = b.store_id WHERE w.name = ?`,
    types: 'text',
    each: keys.map((key) => [key]),
    params: [store],
  }
  return rows.map((row) => String(row['key']))
}

/** Outbox rows and links that contradict each other or the index. */
export function* checkOutbox(): Generator<Step, Finding[], Row[]> {
  const findings: Finding[] = []
  const look = function* (what: string, sql: string, mayRequeue = true): Generator<Step, void, Row[]> {
    const rows = yield { sql, slow: true }
    for (const row of rows) {
      const study = String(row['uid'])
      findings.push({ check: 'outbox', what: `study ${study}: ${what}`, ...(mayRequeue && { study }) })
    }
  }
  yield* look(
    'more is settled than was ever owed',
    'SELECT s.study_uid AS uid FROM outbox o JOIN study s ON s.id = o.study_id WHERE o.done_gen > o.gen',
  )
  yield* look(
    'has instances and was never owed to the FHIR server',
    `SELECT s.study_uid AS uid FROM study s LEFT JOIN outbox o ON o.study_id = s.id
      WHERE o.study_id IS NULL AND s.n_instances > 0`,
  )
  yield* look(
    'its link holds a generation that does not exist yet',
    `SELECT s.study_uid AS uid FROM fhir_link l JOIN study s ON s.study_uid = l.key JOIN outbox o ON o.study_id = s.id
      WHERE l.kind = 'study' AND l.gen > o.gen`,
  )
  yield* look(
    'has a link and no row',
    `SELECT l.key AS uid FROM fhir_link l LEFT JOIN study s ON s.study_uid = l.key
      WHERE l.kind = 'study' AND s.id IS NULL`,
    false,
  )
  yield* look(
    'is settled, and no resource stands for it',
    `SELECT s.study_uid AS uid FROM outbox o JOIN study s ON s.id = o.study_id
      LEFT JOIN fhir_link l ON l.kind = 'study' AND l.key = s.study_uid
      WHERE o.done_gen = o.gen AND s.n_instances > 0 AND l.key IS NULL`,
  )
  return findings
}

/** SQLite walks every page and foreign key; PostgreSQL tells which indexes it does not trust itself. */
export function* integrity(dialect: Dialect): Generator<Step, Finding[], Row[]> {
  if (dialect === 'postgres') {
    const rows = yield {
      sql: `SELECT c.relname AS name FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
        WHERE NOT x.indisvalid AND c.relnamespace = current_schema()::regnamespace`,
      slow: true,
    }
    return rows.map((row) => ({ check: 'integrity', what: `index ${String(row['name'])} is not valid` }))
  }
  const pages = yield { sql: 'PRAGMA integrity_check', slow: true }
  const keys = yield { sql: 'PRAGMA foreign_key_check' }
  return [
    ...pages.map((row) => String(row['integrity_check'])).filter((what) => what !== 'ok'),
    ...keys.map((row) => `a row of ${String(row['table'])} points to no row of ${String(row['parent'])}`),
  ].map((what) => ({ check: 'integrity', what }))
}

export interface ArchiveCounts {
  readonly patients: number
  readonly studies: number
  readonly series: number
  readonly instances: number
  readonly bytes: number
}

export function* counts(): Generator<Step, ArchiveCounts, Row[]> {
  const sum = (column: string): string => `CAST(coalesce(sum(${column}), 0) AS bigint) AS ${column}`
  const [row] = yield {
    sql: `SELECT ${['n_patients', 'n_studies', 'n_series', 'n_instances', 'n_bytes'].map(sum).join(', ')} FROM archive_stat`,
  }
  return {
    patients: Number(row?.['n_patients']),
    studies: Number(row?.['n_studies']),
    series: Number(row?.['n_series']),
    instances: Number(row?.['n_instances']),
    bytes: Number(row?.['n_bytes']),
  }
}

/** Whether the database answers at all. */
export function* ping(): Generator<Step, void, Row[]> {
  yield { sql: 'SELECT 1 AS one' }
}
