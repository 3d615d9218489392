/** WHAT VERIFY ASKS BESIDES THE VIEWS: columns, differing values and links of level rows, and rows that need each other. */
import type { Checked } from './inspection.ts'
import { derive, type Derived } from './level-derived.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { BlobRow, Finding, LevelName } from './ports/inspection.ts'
import { hex } from './known.ts'

/** Compares the next rows of a level, and what hangs on them, with what their instances say. */
export function* checkDerived(
  _dialect: Dialect,
  level: LevelName,
  after: number,
  limit: number,
): Generator<Step, Checked, Row[]> {
  const rows = yield {
    sql: `SELECT * FROM ${level} WHERE id > ? ORDER BY id LIMIT ?`,
    params: [after, limit],
    slow: true,
  }
  const findings: Finding[] = []
  for (const row of rows) {
    const id = Number(row['id'])
    for (const column of yield* wrongColumns(level, row))
      findings.push({
        check: 'levels',
        what: `${level} ${id}: ${column} is not what its instances say`,
        entity: { level, id },
      })
  }
  return { findings, next: rows.length < limit ? null : Number(rows.at(-1)?.['id']) }
}

function* wrongColumns(level: LevelName, row: Row): Generator<Step, string[], Row[]> {
  const derived = yield* derive(level, Number(row['id']))
  if (derived === null)
    return ['n_instances', 'n_series', 'n_studies'].filter((name) => Number(row[name] ?? 0) !== 0)
  const wrong = Object.entries(derived.columns).flatMap(([name, value]) =>
    String(row[name]) === String(value) ? [] : [name],
  )
  if (!(yield* hasValues(level, Number(row['id']), derived))) wrong.push('level_value')
  if (level === 'study' && !(yield* hasPatients(Number(row['id']), derived))) wrong.push('patient_study')
  return wrong
}

function* hasValues(level: LevelName, id: number, derived: Derived): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: 'SELECT attribute, value, n FROM level_value WHERE level = ? AND entity = ?',
    params: [level, id],
  }
  const kept = new Map(
    rows.map((row) => [`${String(row['attribute'])} ${String(row['value'])}`, Number(row['n'])]),
  )
  return (
    kept.size === derived.values.length &&
    derived.values.every(({ attribute, value, n }) => kept.get(`${attribute} ${value}`) === n)
  )
}

function* hasPatients(study: number, { patients }: Derived): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: 'SELECT patient_key, n_instances FROM patient_study WHERE study_id = ? AND n_instances > 0',
    params: [study],
  }
  return (
    rows.length === patients.size &&
    rows.every((row) => patients.get(Number(row['patient_key'])) === Number(row['n_instances']))
  )
}

/** Findings of one kind that are told one by one. */
const TOLD = 1000

/** Rows that point to rows which are not there, or say something else than they do. */
export function* checkRelations(): Generator<Step, Finding[], Row[]> {
  const findings: Finding[] = []
  const look = function* (what: string, sql: string): Generator<Step, void, Row[]> {
    const rows = yield { sql: `${sql} LIMIT ${TOLD}`, slow: true }
    for (const row of rows) findings.push({ check: 'relations', what: `${String(row['name'])}: ${what}` })
  }
  yield* look(
    'the instance has neither a blob nor pieces of blobs',
    `SELECT i.sop_uid AS name FROM instance i LEFT JOIN blob b ON b.id = i.blob_id
      WHERE b.id IS NULL AND i.state NOT IN (3, 5) AND NOT EXISTS (SELECT 1 FROM blob_extent x WHERE x.instance_id = i.id)`,
  )
  yield* look(
    'size or SHA-256 of the instance are not those of its blob',
    `SELECT i.sop_uid AS name FROM instance i JOIN blob b ON b.id = i.blob_id
      WHERE i.size <> b.size OR i.file_sha256 <> b.sha256`,
  )
  yield* look(
    'the blob of the instance is not kept for it',
    `SELECT i.sop_uid AS name FROM instance i JOIN blob b ON b.id = i.blob_id WHERE b.state <> 0 AND i.state <> 3`,
  )
  yield* look(
    'a piece of the instance lies in no blob, or beyond its end',
    `SELECT i.sop_uid AS name FROM blob_extent x JOIN instance i ON i.id = x.instance_id
      LEFT JOIN blob b ON b.id = x.blob_id WHERE b.id IS NULL OR x.start + x.length > b.size`,
  )
  yield* look(
    'the active instance is not found by its SOP Instance UID',
    `SELECT i.sop_uid AS name FROM instance i LEFT JOIN sop p ON p.instance_id = i.id
      WHERE i.state = 0 AND (p.sop_uid IS NULL OR p.sop_uid <> i.sop_uid)`,
  )
  yield* look(
    'the base of the data set is not there',
    `SELECT i.sop_uid AS name FROM instance i LEFT JOIN tag_base b ON b.id = i.base_id
      WHERE i.base_id IS NOT NULL AND (b.id IS NULL OR b.series_id <> i.series_id)`,
  )
  yield* look(
    'the instance is of no patient',
    `SELECT i.sop_uid AS name FROM instance i LEFT JOIN patient p ON p.id = i.patient_key WHERE p.id IS NULL`,
  )
  yield* look(
    'the bytes in quarantine have no blob',
    `SELECT q.sop_uid AS name FROM quarantine q LEFT JOIN blob b ON b.id = q.blob_id
      WHERE b.id IS NULL AND q.decision IS NULL`,
  )
  return findings
}

const UNUSED = `LEFT JOIN (
    SELECT blob_id FROM instance WHERE blob_id IS NOT NULL
    UNION SELECT blob_id FROM blob_extent UNION SELECT blob_id FROM quarantine
  ) AS used ON used.blob_id = b.id`

/** Rows of blobs, other than doomed ones, that no instance, piece or quarantine names. */
export function* unusedBlobs(): Generator<Step, BlobRow[], Row[]> {
  const rows = yield {
    sql: `SELECT b.id, w.name AS store, b.key, b.size, b.sha256, b.state
      FROM blob b JOIN blob_store w ON w.id = b.store_id ${UNUSED}
      WHERE used.blob_id IS NULL AND b.state <> 2 ORDER BY b.id LIMIT ${TOLD}`,
    slow: true,
  }
  return rows.map((row) => ({
    id: Number(row['id']),
    store: String(row['store']),
    key: String(row['key']),
    size: Number(row['size']),
    sha256: hex(row['sha256']),
    state: Number(row['state']) === 1 ? 'quarantined' : 'live',
  }))
}
