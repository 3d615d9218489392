/** WHAT A PERSON SHOULD LOOK AT, and bytes kept aside until one has. */
import { storeNumbers } from './dictionaries.ts'
import { clock } from './dialect.ts'
import { nextIds } from './locks.ts'
import type { Dialect, Param, Row, Step, Writer } from './operation.ts'
import { numberOrNull } from './outbox.ts'
import type { QuarantinedInstance } from './ports/instance-index.ts'

export interface Raised {
  readonly reason: string
  readonly study?: string
  readonly instance?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

/** As `AttentionRow` of the ports, dates in milliseconds. */
export interface AttentionRecord {
  readonly id: number
  readonly reason: string
  readonly study: string | null
  readonly instance: string | null
  readonly detail: Readonly<Record<string, unknown>>
  readonly createdAt: number
  readonly resolvedAt: number | null
}

export function* raise({ dialect }: Writer, raised: Raised): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO attention (reason, study_uid, sop_uid, detail, created_at) VALUES (?, ?, ?, ?, ${clock(dialect)})
      ON CONFLICT (reason, study_uid, sop_uid) WHERE resolved_at IS NULL DO UPDATE SET detail = excluded.detail`,
    params: [raised.reason, raised.study ?? '', raised.instance ?? '', JSON.stringify(raised.detail ?? {})],
  }
}

export function* clear({ dialect }: Writer, reason: string, study: string): Generator<Step, void, Row[]> {
  yield {
    sql: `UPDATE attention SET resolved_at = ${clock(dialect)}
      WHERE reason = ? AND study_uid = ? AND resolved_at IS NULL`,
    params: [reason, study],
  }
}

export function* resolve({ dialect }: Writer, id: number): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: `UPDATE attention SET resolved_at = ${clock(dialect)} WHERE id = ? AND resolved_at IS NULL RETURNING id`,
    params: [id],
  }
  return rows.length > 0
}

export function* attentionList(
  _dialect: Dialect,
  options: { readonly open: boolean; readonly after?: number; readonly limit: number },
): Generator<Step, AttentionRecord[], Row[]> {
  const rows = yield {
    sql: `SELECT id, reason, study_uid, sop_uid, detail, created_at, resolved_at FROM attention
      WHERE id > ? AND ${options.open ? 'resolved_at IS NULL' : 'resolved_at IS NOT NULL'} ORDER BY id LIMIT ?`,
    params: [options.after ?? 0, options.limit],
  }
  return rows.map((row) => ({
    id: Number(row['id']),
    reason: String(row['reason']),
    study: row['study_uid'] === '' ? null : String(row['study_uid']),
    instance: row['sop_uid'] === '' ? null : String(row['sop_uid']),
    detail: JSON.parse(String(row['detail'])) as Record<string, unknown>,
    createdAt: Number(row['created_at']),
    resolvedAt: numberOrNull(row['resolved_at']),
  }))
}

/** Open rows by reason. */
export function* attentionCounts(): Generator<Step, (readonly [reason: string, n: number])[], Row[]> {
  const rows = yield {
    sql: 'SELECT reason, count(*) AS n FROM attention WHERE resolved_at IS NULL GROUP BY reason ORDER BY reason',
  }
  return rows.map((row) => [String(row['reason']), Number(row['n'])])
}

export interface Quarantined extends Omit<QuarantinedInstance, 'receivedAt'> {
  readonly receivedAt: number
}

/** The blob is marked, the contradiction noted, a person told, the audit trail continued. */
export function* quarantine(writer: Writer, found: Quarantined): Generator<Step, void, Row[]> {
  const { dialect } = writer
  const { blob, uids } = found
  const stores = yield* storeNumbers(writer, [blob.store])
  const [id = 0] = yield* nextIds(dialect, 'blob', 1)
  const sha256 = Buffer.from(blob.sha256, 'hex')
  yield {
    sql: 'INSERT INTO blob (id, store_id, key, version_id, size, sha256, state) VALUES (?, ?, ?, ?, ?, ?, 1)',
    params: [id, stores.get(blob.store) ?? 0, blob.key, blob.versionId ?? null, blob.size, sha256],
  }
  const params: Param[] = [
    id,
    uids.study,
    uids.series,
    uids.instance,
    Buffer.from(found.datasetSha256, 'hex'),
  ]
  yield {
    sql: `INSERT INTO quarantine (blob_id, study_uid, series_uid, sop_uid, dataset_sha256, kept_id, reason, sender, received_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [...params, found.keptId, found.reason, found.sender, found.receivedAt],
  }
  yield* raise(writer, {
    reason: 'quarantined',
    study: uids.study,
    instance: uids.instance,
    detail: { reason: found.reason, sha256: blob.sha256, size: blob.size },
  })
  yield {
    sql: `INSERT INTO audit (at, action, instance_id, actor, detail) VALUES (${clock(dialect)}, 'quarantine', ?, ?, ?)`,
    params: [found.keptId, found.sender, JSON.stringify({ blob: id, reason: found.reason })],
  }
}
