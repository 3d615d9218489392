import type { Dialect, Row, Step } from './operation.ts'
import type { InstanceState, KnownInstance } from './ports/instance.ts'

/** Column `instance.state`. */
export const STATES: readonly InstanceState[] = [
  'active',
  'superseded',
  'rejected',
  'deleted',
  'staged',
  'discarded',
]

export function stateNumber(state: InstanceState): number {
  return STATES.indexOf(state)
}

/** Columns that {@link knownInstance} reads; for `instance i` and its `series e`, `study s`. */
export const KNOWN_COLUMNS = `i.id, i.sop_uid, e.series_uid, s.study_uid, i.state, i.file_sha256, i.dataset_sha256,
  c.uid AS sop_class, t.uid AS transfer_syntax`
export const KNOWN_JOINS = `JOIN series e ON e.id = i.series_id
  JOIN study s ON s.id = e.study_id
  JOIN sop_class c ON c.id = i.sop_class_id
  JOIN transfer_syntax t ON t.id = i.transfer_syntax_id`

/** Those of the SOP Instance UIDs that have a row, in any state. */
export function* known(
  _dialect: Dialect,
  sopUids: readonly string[],
): Generator<Step, KnownInstance[], Row[]> {
  if (sopUids.length === 0) return []
  const rows = yield {
    sql: `SELECT ${KNOWN_COLUMNS} FROM (VALUES (?)) AS v
      JOIN sop p ON p.sop_uid = v.column1 JOIN instance i ON i.id = p.instance_id ${KNOWN_JOINS}`,
    types: 'text',
    each: sopUids.map((uid) => [uid]),
  }
  return rows.map(knownInstance)
}

export function knownInstance(row: Row): KnownInstance {
  return {
    id: Number(row['id']),
    uids: {
      study: String(row['study_uid']),
      series: String(row['series_uid']),
      instance: String(row['sop_uid']),
    },
    SOPClassUID: String(row['sop_class']),
    TransferSyntaxUID: String(row['transfer_syntax']),
    fileSha256: hex(row['file_sha256']),
    datasetSha256: hex(row['dataset_sha256']),
    state: STATES[Number(row['state'])] ?? 'active',
  }
}

/** Lower-case hexadecimal of a column of bytes. */
export function hex(bytes: Row[string] | undefined): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('hex') : ''
}
