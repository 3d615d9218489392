/** CORRECTIONS: what is to be said of a study instead, decided by people or policy, and carried out once (design §7). */
import type { DataSet } from '../dicom/data-set.ts'
import { uuidv5 } from '../dicom/uid.ts'
import { discardStaged } from './corrections-staged.ts'
import { clock } from './dialect.ts'
import { KNOWN_COLUMNS, KNOWN_JOINS, knownInstance } from './known.ts'
import { lockKeys, studyLock } from './locks.ts'
import type { Dialect, Param, Row, Step, Writer } from './operation.ts'
import { numberOrNull, textOrNull } from './outbox.ts'
import type { CorrectionDetail, CorrectionState, StudyPart } from './ports/corrections.ts'
import type { KnownInstance } from './ports/instance.ts'

/** As `CorrectionRow` of the ports, dates in milliseconds. */
export interface CorrectionRecord {
  readonly id: string
  readonly study: string
  readonly ordinal: number
  readonly from: readonly DataSet[]
  readonly to: DataSet
  readonly state: CorrectionState
  readonly proposedAt: number
  readonly decidedAt: number | null
  readonly decidedBy: string | null
  readonly doneAt: number | null
  readonly detail: CorrectionDetail
}

const COLUMNS = `c.id, c.study_uid, c.ordinal, c.from_projection, c.to_projection, c.state, c.proposed_at, c.decided_at,
  c.decided_by, c.done_at, c.detail`

function recordOf(row: Row): CorrectionRecord {
  return {
    id: String(row['id']),
    study: String(row['study_uid']),
    ordinal: Number(row['ordinal']),
    from: JSON.parse(String(row['from_projection'])) as DataSet[],
    to: JSON.parse(String(row['to_projection'])) as DataSet,
    state: String(row['state']) as CorrectionState,
    proposedAt: Number(row['proposed_at']),
    decidedAt: numberOrNull(row['decided_at']),
    decidedBy: textOrNull(row['decided_by']),
    doneAt: numberOrNull(row['done_at']),
    detail: JSON.parse(String(row['detail'])) as CorrectionDetail,
  }
}

export interface Proposed {
  readonly study: string
  readonly from: readonly DataSet[]
  readonly to: DataSet
  readonly detail: CorrectionDetail
  /** By policy: nobody need look at it first. */
  readonly approved: boolean
}

/**
 * Notes a proposal. The same one again, with no other decision in between, is the one that is there, whatever has become
 * of it, unless it was rejected.
 */
export function* propose(
  { dialect }: Writer,
  proposed: Proposed,
): Generator<Step, { readonly record: CorrectionRecord; readonly isNew: boolean }, Row[]> {
  const { study, detail, approved } = proposed
  if (dialect === 'postgres') yield* lockKeys([studyLock(study)])
  const [from, to] = [JSON.stringify(proposed.from), JSON.stringify(proposed.to)]
  const [last] = yield {
    sql: `SELECT ${COLUMNS} FROM correction c WHERE c.study_uid = ? ORDER BY c.ordinal DESC LIMIT 1`,
    params: [study],
  }
  const isSame = last?.['from_projection'] === from && last['to_projection'] === to
  const before = last === undefined ? undefined : recordOf(last)
  if (before !== undefined && isSame && before.state !== 'rejected' && samePart(before.detail, detail))
    return { record: before, isNew: false }
  const ordinal = last === undefined ? 1 : Number(last['ordinal']) + 1
  const [archive] = yield { sql: 'SELECT id FROM archive' }
  const id = uuidv5(String(archive?.['id']), JSON.stringify([study, from, to, ordinal, ...partOf(detail)]))
  yield {
    sql: `INSERT INTO correction (id, study_uid, ordinal, from_projection, to_projection, state, proposed_at, decided_at,
        decided_by, detail)
      VALUES (?, ?, ?, ?, ?, ?, ${clock(dialect)}, ${approved ? clock(dialect) : 'NULL'}, ?, ?)`,
    params: [
      ...[id, study, ordinal, from, to, approved ? 'approved' : 'proposed'],
      ...[approved ? 'policy' : null, JSON.stringify(detail)],
    ],
  }
  yield* audit(dialect, 'propose correction', detail.proposedBy, { correction: id, study })
  const [row] = yield { sql: `SELECT ${COLUMNS} FROM correction c WHERE c.id = ?`, params: [id] }
  if (row === undefined) throw new Error('a correction that was written is not there')
  return { record: recordOf(row), isNew: true }
}

function partOf({ part }: CorrectionDetail): StudyPart[] {
  return part === undefined ? [] : [part]
}

function samePart(a: CorrectionDetail, b: CorrectionDetail): boolean {
  return JSON.stringify(partOf(a)) === JSON.stringify(partOf(b))
}

export function* audit(
  dialect: Dialect,
  action: string,
  actor: string | null,
  detail: Readonly<Record<string, string | number>>,
): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO audit (at, action, actor, detail) VALUES (${clock(dialect)}, ?, ?, ?)`,
    params: [action, actor, JSON.stringify(detail)],
  }
}

/** What may be decided of a correction in which state, and what it is then. What was carried out once stays so. */
const DECISIONS = {
  approve: { from: `state = 'proposed'`, to: 'approved' },
  retry: { from: `state = 'failed'`, to: 'approved' },
  reject: { from: `state IN ('proposed', 'approved', 'failed') AND done_at IS NULL`, to: 'rejected' },
} as const

/** Decides; false where there is nothing to be decided so. */
export function* decide(
  { dialect }: Writer,
  id: string,
  decision: keyof typeof DECISIONS,
  actor: string | null,
): Generator<Step, boolean, Row[]> {
  const { from, to } = DECISIONS[decision]
  const rows = yield {
    sql: `UPDATE correction SET state = ?, decided_at = ${clock(dialect)}, decided_by = ? WHERE id = ? AND ${from}
      RETURNING study_uid`,
    params: [to, actor, id],
  }
  const [row] = rows
  if (row === undefined) return false
  if (decision === 'reject') yield* discardStaged(id)
  yield* audit(dialect, `${decision} correction`, actor, { correction: id, study: String(row['study_uid']) })
  return true
}

/**
 * Takes a correction that is approved, or whose worker is gone, for so long. Those of one study are taken in their order,
 * for what one makes is what the next one begins with.
 */
export function* claimCorrection(
  { dialect }: Writer,
  leaseMs: number,
): Generator<Step, CorrectionRecord | null, Row[]> {
  const now = clock(dialect)
  const rows = yield {
    sql: `UPDATE correction SET state = 'running', lease_until = ${now} + CAST(? AS bigint) WHERE id = (
        SELECT c.id FROM correction c
        WHERE (c.state = 'approved' OR (c.state = 'running' AND c.lease_until <= ${now}))
          AND NOT EXISTS (SELECT 1 FROM correction b WHERE b.study_uid = c.study_uid AND b.ordinal < c.ordinal
            AND b.state IN ('approved', 'running'))
        ORDER BY c.proposed_at, c.id LIMIT 1 ${dialect === 'postgres' ? 'FOR UPDATE SKIP LOCKED' : ''})
      RETURNING id, study_uid`,
    params: [leaseMs],
  }
  const [claimed] = rows
  if (claimed === undefined) return null
  // Whoever adds to the study at this moment does not know yet that the correction is in force: what they add must be there
  // when it is looked for, so they are waited for.
  if (dialect === 'postgres') yield* lockKeys([studyLock(String(claimed['study_uid']))])
  return yield* correction(dialect, String(claimed['id']))
}

/** Prolongs the work on a correction; false when somebody else has ended it. */
export function* renewCorrection(
  { dialect }: Writer,
  id: string,
  leaseMs: number,
): Generator<Step, boolean, Row[]> {
  const rows = yield {
    sql: `UPDATE correction SET lease_until = ${clock(dialect)} + CAST(? AS bigint) WHERE id = ? AND state = 'running'
      RETURNING id`,
    params: [leaseMs, id],
  }
  return rows.length > 0
}

export function* correction(_dialect: Dialect, id: string): Generator<Step, CorrectionRecord | null, Row[]> {
  const [row] = yield { sql: `SELECT ${COLUMNS} FROM correction c WHERE c.id = ?`, params: [id] }
  return row === undefined ? null : recordOf(row)
}

export interface CorrectionFilter {
  readonly state?: CorrectionState
  readonly study?: string
  readonly limit: number
}

/** Corrections, the newest first. */
export function* correctionList(
  _dialect: Dialect,
  { state, study, limit }: CorrectionFilter,
): Generator<Step, CorrectionRecord[], Row[]> {
  const parts: [string, Param | undefined][] = [
    ['c.state = ?', state],
    ['c.study_uid = ?', study],
  ]
  const named = parts.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]))
  const where = named.length === 0 ? '' : `WHERE ${named.map(({ sql }) => sql).join(' AND ')}`
  const rows = yield {
    sql: `SELECT ${COLUMNS} FROM correction c ${where} ORDER BY c.proposed_at DESC, c.study_uid, c.ordinal DESC LIMIT ?`,
    params: [...named.map(({ value }) => value), limit],
  }
  return rows.map(recordOf)
}

/** What a correction has made so far: source by SOP Instance UID, and what was made of it. */
export function* correctionMade(
  _dialect: Dialect,
  id: string,
): Generator<Step, (readonly [source: KnownInstance, made: KnownInstance])[], Row[]> {
  const of = (side: string): Step => ({
    sql: `SELECT l.instance_id, ${KNOWN_COLUMNS} FROM lineage l JOIN instance i ON i.id = l.${side} ${KNOWN_JOINS}
      WHERE l.correction_id = ? ORDER BY l.instance_id`,
    params: [id],
  })
  const sources = yield of('source_id')
  const made = yield of('instance_id')
  const byId = new Map(made.map((row) => [Number(row['instance_id']), knownInstance(row)]))
  return sources.flatMap((row) => {
    const one = byId.get(Number(row['instance_id']))
    return one === undefined ? [] : [[knownInstance(row), one] as const]
  })
}
