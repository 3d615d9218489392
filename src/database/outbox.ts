/** WHAT IS OWED TO THE FHIR SERVER: which studies, since when, and who is at it (design §7). */
import { clock } from './dialect.ts'
import type { Dialect, Row, Step, Writer } from './operation.ts'

/** As `Claim` and `Owed` of the ports, dates in milliseconds. */
export interface ClaimRow {
  readonly study: string
  readonly gen: number
  readonly attempts: number
  readonly firstDirtyAt: number
  readonly leaseToken: string
}

export interface OwedRow {
  readonly study: string
  readonly gen: number
  readonly doneGen: number
  readonly firstDirtyAt: number
  readonly dueAt: number
  readonly attempts: number
  readonly holdReason: string | null
  readonly deadSince: number | null
  readonly lastError: string | null
  readonly leased: boolean
}

export interface OwedSummary {
  readonly studies: number
  readonly held: number
  readonly dead: number
  readonly oldestDirtyAt: number | null
  readonly rows: readonly OwedRow[]
}

const CLAIMABLE = 'o.gen > o.done_gen AND o.hold_reason IS NULL AND o.dead_since IS NULL'

/** Leases the studies that are longest due; two openers never get the same one. */
export function* claim(
  { dialect }: Writer,
  limit: number,
  leaseMs: number,
  leaseToken: string,
): Generator<Step, ClaimRow[], Row[]> {
  const now = clock(dialect)
  const skip = dialect === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : ''
  const rows = yield {
    sql: `UPDATE outbox SET lease_token = ?, lease_until = ${now} + CAST(? AS bigint)
      WHERE study_id IN (SELECT o.study_id FROM outbox o
        WHERE ${CLAIMABLE} AND o.due_at <= ${now} AND o.lease_until <= ${now} ORDER BY o.due_at LIMIT ? ${skip})
      RETURNING study_id, gen, attempts, first_dirty_at, due_at`,
    params: [leaseToken, leaseMs, limit],
  }
  const names = yield {
    sql: 'SELECT s.id, s.study_uid FROM (VALUES (?)) AS v JOIN study s ON s.id = v.column1',
    types: 'bigint',
    each: rows.map((row) => [Number(row['study_id'])]),
  }
  const uids = new Map(names.map((row) => [Number(row['id']), String(row['study_uid'])]))
  return rows
    .sort((a, b) => Number(a['due_at']) - Number(b['due_at']))
    .map((row) => ({
      study: uids.get(Number(row['study_id'])) ?? '',
      gen: Number(row['gen']),
      attempts: Number(row['attempts']),
      firstDirtyAt: Number(row['first_dirty_at']),
      leaseToken,
    }))
}

export interface Leased {
  readonly study: string
  readonly gen: number
  readonly leaseToken: string
}

/** The row of a claim, as long as the lease is its own and has not run out. */
const OWN = (dialect: Dialect): string =>
  `study_id = (SELECT s.id FROM study s WHERE s.study_uid = ?) AND lease_token = ? AND lease_until > ${clock(dialect)}`

export function* renew({ dialect }: Writer, own: Leased, leaseMs: number): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: `UPDATE outbox SET lease_until = ${clock(dialect)} + CAST(? AS bigint) WHERE ${OWN(dialect)} RETURNING study_id`,
    params: [leaseMs, own.study, own.leaseToken],
  }
  return rows.length > 0
}

/** What came in meanwhile is owed from now on; where nothing did, and `againMs` is given, the study is owed once more then. */
export function* settle(
  { dialect }: Writer,
  own: Leased,
  againMs: number | null,
): Generator<Step, boolean, Row[]> {
  const now = clock(dialect)
  const again =
    againMs === null
      ? ''
      : `due_at = CASE WHEN gen > ? THEN due_at ELSE ${now} + CAST(? AS bigint) END,
        gen = CASE WHEN gen > ? THEN gen ELSE gen + 1 END,`
  const rows = yield {
    sql: `UPDATE outbox SET done_gen = CASE WHEN done_gen > ? THEN done_gen ELSE ? END, ${again} attempts = 0,
        last_error = NULL, hold_reason = NULL, dead_since = NULL, lease_token = NULL, lease_until = 0, first_dirty_at = ${now}
      WHERE ${OWN(dialect)} RETURNING study_id`,
    params: [
      ...[own.gen, own.gen],
      ...(againMs === null ? [] : [own.gen, Math.round(againMs), own.gen]),
      ...[own.study, own.leaseToken],
    ],
  }
  return rows.length > 0
}

export interface Postponed {
  readonly error: string
  readonly retryMs: number
  readonly hold?: string
  readonly dead?: boolean
}

/** A lease that was lost meanwhile is somebody else's: nothing is changed then. */
export function* postpone({ dialect }: Writer, own: Leased, why: Postponed): Generator<Step, void, Row[]> {
  const now = clock(dialect)
  yield {
    sql: `UPDATE outbox SET attempts = attempts + 1, due_at = ${now} + CAST(? AS bigint), last_error = ?,
        hold_reason = ?, dead_since = ${why.dead === true ? now : 'NULL'}, lease_token = NULL, lease_until = 0
      WHERE study_id = (SELECT s.id FROM study s WHERE s.study_uid = ?) AND lease_token = ?`,
    params: [Math.round(why.retryMs), why.error, why.hold ?? null, own.study, own.leaseToken],
  }
}

/** Owed once more, and at once; what held it back is forgotten. */
export function* touch({ dialect }: Writer, study: string): Generator<Step, void, Row[]> {
  const now = clock(dialect)
  yield {
    sql: `INSERT INTO outbox (study_id, gen, first_dirty_at, due_at)
      SELECT s.id, 1, ${now}, ${now} FROM study s WHERE s.study_uid = ?
      ON CONFLICT (study_id) DO UPDATE SET gen = outbox.gen + 1, due_at = excluded.due_at, attempts = 0,
        hold_reason = NULL, dead_since = NULL, last_error = NULL,
        first_dirty_at = CASE WHEN outbox.gen > outbox.done_gen THEN outbox.first_dirty_at ELSE excluded.first_dirty_at END`,
    params: [study],
  }
}

export function* owed(dialect: Dialect, limit: number): Generator<Step, OwedSummary, Row[]> {
  const [total] = yield {
    sql: `SELECT count(*) AS studies, count(hold_reason) AS held, count(dead_since) AS dead,
        min(first_dirty_at) AS oldest FROM outbox WHERE gen > done_gen`,
  }
  const rows = yield {
    sql: `SELECT s.study_uid, o.gen, o.done_gen, o.first_dirty_at, o.due_at, o.attempts, o.hold_reason, o.dead_since,
        o.last_error, CASE WHEN o.lease_until > ${clock(dialect)} THEN 1 ELSE 0 END AS leased
      FROM outbox o JOIN study s ON s.id = o.study_id
      WHERE o.gen > o.done_gen ORDER BY o.first_dirty_at, o.study_id LIMIT ?`,
    params: [limit],
  }
  return {
    studies: Number(total?.['studies'] ?? 0),
    held: Number(total?.['held'] ?? 0),
    dead: Number(total?.['dead'] ?? 0),
    oldestDirtyAt: numberOrNull(total?.['oldest']),
    rows: rows.map((row) => ({
      study: String(row['study_uid']),
      gen: Number(row['gen']),
      doneGen: Number(row['done_gen']),
      firstDirtyAt: Number(row['first_dirty_at']),
      dueAt: Number(row['due_at']),
      attempts: Number(row['attempts']),
      holdReason: textOrNull(row['hold_reason']),
      deadSince: numberOrNull(row['dead_since']),
      lastError: textOrNull(row['last_error']),
      leased: Number(row['leased']) !== 0,
    })),
  }
}

export function* nextDue(dialect: Dialect): Generator<Step, number | null, Row[]> {
  const [row] = yield {
    sql: `SELECT min(CASE WHEN o.lease_until > o.due_at THEN o.lease_until ELSE o.due_at END) AS due,
        ${clock(dialect)} AS now FROM outbox o WHERE ${CLAIMABLE}`,
  }
  const due = numberOrNull(row?.['due'])
  return due === null ? null : Math.max(0, due - Number(row?.['now']))
}

export function numberOrNull(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}

export function textOrNull(value: Row[string] | undefined): string | null {
  return typeof value === 'string' ? value : null
}
