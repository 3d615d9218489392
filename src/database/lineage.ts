/** WHAT WAS MADE OF WHAT: which instances of a study a push tells the origin of, and which instance was made of which. */
import { KNOWN_COLUMNS, KNOWN_JOINS, knownInstance } from './known.ts'
import type { Dialect, Row, Step, Writer } from './operation.ts'
import { numberOrNull, textOrNull } from './outbox.ts'
import type { KnownInstance } from './ports/instance.ts'

/** As `PushRecord` of the ports, dates in milliseconds. */
export interface PushRow {
  readonly id: string
  readonly study: string
  readonly gen: number
  readonly startedAt: number
  readonly endedAt: number | null
  readonly outcome: string | null
  readonly range: { readonly after: number; readonly upTo: number } | null
}

/** As `Derivation` of the ports, dates in milliseconds. */
export interface DerivationRow {
  readonly correction: string
  readonly made: KnownInstance
  readonly source: KnownInstance & {
    readonly size: number
    readonly sender: string | null
    readonly receivedAt: number
  }
}

const PUSH_COLUMNS = 'p.id, p.study_uid, p.gen, p.started_at, p.ended_at, p.outcome, p.after_id, p.upto_id'

function pushOf(row: Row): PushRow {
  const upTo = numberOrNull(row['upto_id'])
  return {
    id: String(row['id']),
    study: String(row['study_uid']),
    gen: Number(row['gen']),
    startedAt: Number(row['started_at']),
    endedAt: numberOrNull(row['ended_at']),
    outcome: textOrNull(row['outcome']),
    range: upTo === null ? null : { after: Number(row['after_id']), upTo },
  }
}

/** The newest pushes of a study, newest first. */
export function* pushes(_dialect: Dialect, study: string, limit: number): Generator<Step, PushRow[], Row[]> {
  const rows = yield {
    sql: `SELECT ${PUSH_COLUMNS} FROM fhir_push p WHERE p.study_uid = ? ORDER BY p.started_at DESC, p.id LIMIT ?`,
    params: [study, limit],
  }
  return rows.map(pushOf)
}

/** The pushes of a study that tell the origin of instances, oldest first. */
export function* cuts(_dialect: Dialect, study: string): Generator<Step, PushRow[], Row[]> {
  const rows = yield {
    sql: `SELECT ${PUSH_COLUMNS} FROM fhir_push p WHERE p.study_uid = ? AND p.upto_id IS NOT NULL ORDER BY p.upto_id`,
    params: [study],
  }
  return rows.map(pushOf)
}

/**
 * Gives a push the instances above those of all pushes before it, and up to `upTo`; none where those told them all. The
 * numbers of a study's instances follow the commits (they are given under its lock), so a range of them is a range of
 * its feed that nothing can be added to later; only what is staged has its number before it is seen, and so the range ends
 * before that, unless its correction has failed: then it waits for a person, and gets another number when it is seen.
 */
export function* cutPush(
  _writer: Writer,
  id: string,
  study: string,
  upTo: number,
): Generator<Step, void, Row[]> {
  const [staged] = yield {
    sql: `SELECT min(i.id) AS first FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id
      JOIN lineage l ON l.instance_id = i.id JOIN correction c ON c.id = l.correction_id
      WHERE s.study_uid = ? AND e.n_hidden > 0 AND i.state = 4 AND c.state IN ('approved', 'running')`,
    params: [study],
  }
  const end = Math.min(upTo, (numberOrNull(staged?.['first']) ?? Infinity) - 1)
  const told = 'coalesce((SELECT max(o.upto_id) FROM fhir_push o WHERE o.study_uid = ?), 0)'
  yield {
    sql: `UPDATE fhir_push SET after_id = ${told}, upto_id = ? WHERE id = ? AND ${told} < ?`,
    params: [study, end, id, study, end],
  }
}

const SOURCE_COLUMNS = `o.id AS o_id, o.sop_uid AS o_sop_uid, oe.series_uid AS o_series_uid, os.study_uid AS o_study_uid,
  o.state AS o_state, o.file_sha256 AS o_file_sha256, o.dataset_sha256 AS o_dataset_sha256, oc.uid AS o_sop_class,
  ot.uid AS o_transfer_syntax, o.size AS o_size, o.sender AS o_sender, o.received_at AS o_received_at`
const SOURCE_JOINS = `JOIN instance o ON o.id = l.source_id JOIN series oe ON oe.id = o.series_id
  JOIN study os ON os.id = oe.study_id JOIN sop_class oc ON oc.id = o.sop_class_id
  JOIN transfer_syntax ot ON ot.id = o.transfer_syntax_id`

/** Instances of a study that were made of others, and those that were made of its own. */
export function* derivations(_dialect: Dialect, study: string): Generator<Step, DerivationRow[], Row[]> {
  const of = (side: 'instance_id' | 'source_id'): Step => ({
    sql: `SELECT ${KNOWN_COLUMNS}, ${SOURCE_COLUMNS}, l.correction_id FROM study own
      JOIN series own_e ON own_e.study_id = own.id JOIN instance own_i ON own_i.series_id = own_e.id
      JOIN lineage l ON l.${side} = own_i.id
      JOIN instance i ON i.id = l.instance_id ${KNOWN_JOINS} ${SOURCE_JOINS}
      WHERE own.study_uid = ? ORDER BY i.id`,
    params: [study],
  })
  const found = new Map<number, DerivationRow>()
  for (const row of [...(yield of('instance_id')), ...(yield of('source_id'))]) {
    const made = knownInstance(row)
    found.set(made.id, { correction: String(row['correction_id']), made, source: sourceOf(row) })
  }
  return [...found.values()]
}

function sourceOf(row: Row): DerivationRow['source'] {
  const own = Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) => (name.startsWith('o_') ? [[name.slice(2), value]] : [])),
  )
  return {
    ...knownInstance(own),
    size: Number(own['size']),
    sender: textOrNull(own['sender']),
    receivedAt: Number(own['received_at']),
  }
}
