/** THE FEED AND THE AUDIT TRAIL, numbered and chained after commit, so that numbers have no gaps and follow the commits. */
import { createHash } from 'node:crypto'
import type { Dialect, Row, Step, Writer } from './operation.ts'
import { textOrNull } from './outbox.ts'
import type { FeedRow } from './ports/ledger.ts'

/** Column `feed.action`. */
export const ACTIONS: readonly FeedRow['action'][] = ['create', 'supersede', 'reject', 'delete', 'restore']

/** Rows numbered by one call; the next call goes on. */
const BATCH = 2000

/** As `FeedRow` of the ports, dates in milliseconds. */
export interface FeedRecord extends Omit<FeedRow, 'at'> {
  readonly at: number
}

/**
 * Numbers committed rows in order of their ids. Holding the row of the ledger's head is the lease: another process waits
 * there, and finds nothing left to number. A row that commits later with a lower id simply gets a later number.
 */
export function* sequence({ dialect }: Writer): Generator<Step, number, Row[]> {
  const feed = yield* sequenceFeed(dialect)
  const audit = yield* sequenceAudit(dialect)
  return feed + audit
}

function* head(dialect: Dialect, name: string): Generator<Step, Row, Row[]> {
  const lock = dialect === 'postgres' ? 'FOR UPDATE' : ''
  const [row] = yield { sql: `SELECT seq, hash FROM ledger_head WHERE name = ? ${lock}`, params: [name] }
  if (row === undefined) throw new Error(`ledger ${name} has no head`)
  return row
}

function* sequenceFeed(dialect: Dialect): Generator<Step, number, Row[]> {
  const { seq } = yield* head(dialect, 'feed')
  const rows = yield { sql: 'SELECT id FROM feed WHERE seq IS NULL ORDER BY id LIMIT ?', params: [BATCH] }
  if (rows.length === 0) return 0
  yield {
    sql: 'UPDATE feed SET seq = v.column2 FROM (VALUES (?, ?)) AS v WHERE feed.id = v.column1',
    types: 'bigint, bigint',
    each: rows.map((row, at) => [Number(row['id']), Number(seq) + at + 1]),
  }
  yield {
    sql: `UPDATE ledger_head SET seq = ? WHERE name = 'feed'`,
    params: [Number(seq) + rows.length],
  }
  return rows.length
}

const AUDIT_COLUMNS = 'id, at, actor, action, instance_id, detail'

function* sequenceAudit(dialect: Dialect): Generator<Step, number, Row[]> {
  const last = yield* head(dialect, 'audit')
  const rows = yield {
    sql: `SELECT ${AUDIT_COLUMNS} FROM audit WHERE seq IS NULL ORDER BY id LIMIT ?`,
    params: [BATCH],
  }
  if (rows.length === 0) return 0
  let seq = Number(last['seq'])
  let hash = last['hash'] as Buffer | null
  const numbered: [number, number, Buffer][] = []
  for (const row of rows) {
    hash = chained(hash, ++seq, row)
    numbered.push([Number(row['id']), seq, hash])
  }
  yield {
    sql: 'UPDATE audit SET seq = v.column2, hash = v.column3 FROM (VALUES (?, ?, ?)) AS v WHERE audit.id = v.column1',
    types: 'bigint, bigint, bytea',
    each: numbered,
  }
  yield { sql: `UPDATE ledger_head SET seq = ?, hash = ? WHERE name = 'audit'`, params: [seq, hash] }
  return rows.length
}

/** SHA-256 over the hash before and everything that the row says. */
function chained(before: Buffer | null, seq: number, row: Row): Buffer {
  const said = [seq, row['at'], row['actor'], row['action'], row['instance_id'], row['detail']]
  return createHash('sha256')
    .update(before ?? '')
    .update(JSON.stringify(said))
    .digest()
}

export function* feed(_dialect: Dialect, after: number, limit: number): Generator<Step, FeedRecord[], Row[]> {
  const rows = yield {
    sql: `SELECT f.seq, f.at, f.action, s.study_uid, e.series_uid, i.sop_uid FROM feed f
      JOIN instance i ON i.id = f.instance_id JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id
      WHERE f.seq > ? ORDER BY f.seq LIMIT ?`,
    params: [after, limit],
  }
  return rows.map((row) => ({
    seq: Number(row['seq']),
    at: Number(row['at']),
    action: ACTIONS[Number(row['action'])] ?? 'create',
    uids: {
      study: String(row['study_uid']),
      series: String(row['series_uid']),
      instance: String(row['sop_uid']),
    },
  }))
}

/** Where a walk along the audit chain stands. */
export interface AuditWalk {
  readonly seq: number
  /** Hexadecimal; '' before the first row. */
  readonly hash: string
  readonly broken: number | null
  readonly done: boolean
}

/** Checks the next rows of the chain: each must follow the one before by number and by hash, the last must be the head. */
export function* walkAudit(_dialect: Dialect, walk: AuditWalk): Generator<Step, AuditWalk, Row[]> {
  const rows = yield {
    sql: `SELECT seq, hash, ${AUDIT_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`,
    params: [walk.seq, BATCH],
  }
  let { seq } = walk
  let hash: Buffer | null = walk.hash === '' ? null : Buffer.from(walk.hash, 'hex')
  for (const row of rows) {
    const expected = chained(hash, ++seq, row)
    const own = row['hash']
    if (Number(row['seq']) !== seq || !Buffer.isBuffer(own) || !own.equals(expected))
      return { seq, hash: '', broken: seq, done: true }
    hash = expected
  }
  if (rows.length > 0) return { seq, hash: hash?.toString('hex') ?? '', broken: null, done: false }
  const [last] = yield { sql: `SELECT seq, hash FROM ledger_head WHERE name = 'audit'` }
  const whole = Number(last?.['seq']) === seq && hexOrEmpty(last?.['hash']) === (hash?.toString('hex') ?? '')
  return { seq, hash: '', broken: whole ? null : seq + 1, done: true }
}

function hexOrEmpty(bytes: Row[string] | undefined): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('hex') : (textOrNull(bytes) ?? '')
}
