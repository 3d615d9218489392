/** LIFECYCLE: instances are hidden and brought back, with everything that must change with them, in one transaction. */
import { add, type Added } from './add.ts'
import { clock } from './dialect.ts'
import { STATES, stateNumber } from './known.ts'
import { ACTIONS } from './ledger.ts'
import { patientText } from './level-rows.ts'
import { recount } from './lifecycle-levels.ts'
import { lockKeys, patientLock, studyLock } from './locks.ts'
import { reviewMixtures } from './mixture.ts'
import { RestartError, type Param, type Row, type Step, type Writer } from './operation.ts'
import type { InstanceState } from './ports/instance.ts'
import type { Scope } from './ports/instance-index.ts'
import type { StateChange } from './ports/lifecycle.ts'
import type { PreparedInstance } from './prepare.ts'
import { touchOutbox } from './add-rows.ts'

/** An instance whose state is changed. */
export interface Moved {
  readonly id: number
  readonly series: number
  readonly study: number
  readonly patient: number
  readonly from: InstanceState
  readonly size: number
  /** Something else stands for it: it is superseded when nothing else hides it. */
  readonly isReplaced: boolean
}

/** Changes states as asked; the number of instances that were in one of the states named, and are now in another. */
export function* changeStates(writer: Writer, change: StateChange): Generator<Step, number, Row[]> {
  yield* lockConcerned(writer, change)
  const moved = (yield* concerned(change)).map(movedOf)
  if (change.to !== 'active') {
    yield* replace(moved, change)
    return yield* moveAll(writer, moved, change)
  }
  // What something else has replaced since does not come back beside it.
  const [replaced, plain] = [moved.filter((one) => one.isReplaced), moved.filter((one) => !one.isReplaced)]
  const back = replaced.filter(({ from }) => from !== 'superseded')
  const n = yield* moveAll(writer, plain, change)
  return n + (yield* moveAll(writer, back, { ...change, to: 'superseded' }))
}

/** Columns that {@link movedOf} reads; for `instance i` and its `series e`, `study s`. */
export const MOVED_COLUMNS =
  'i.id, i.series_id, e.study_id, s.study_uid, i.patient_key, i.state, i.size, i.superseded_by'
export const MOVED_JOINS = 'JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id'

export function movedOf(row: Row): Moved {
  return {
    id: Number(row['id']),
    series: Number(row['series_id']),
    study: Number(row['study_id']),
    patient: Number(row['patient_key']),
    from: STATES[Number(row['state'])] ?? 'active',
    size: Number(row['size']),
    isReplaced: row['superseded_by'] !== null,
  }
}

/** Notes what stands for instances from now on. */
function* replace(moved: readonly Moved[], { replacement }: StateChange): Generator<Step, void, Row[]> {
  if (replacement === undefined) return
  const { instance, correction } = replacement
  const [made] = yield { sql: 'SELECT instance_id FROM sop WHERE sop_uid = ?', params: [instance] }
  if (made === undefined) throw new Error('what stands for an instance is not there')
  const madeId = Number(made['instance_id'])
  yield {
    sql: 'UPDATE instance SET superseded_by = v.column2 FROM (VALUES (?, ?)) AS v WHERE instance.id = v.column1',
    types: 'bigint, bigint',
    each: moved.map(({ id }) => [id, madeId]),
  }
  yield {
    sql: `INSERT INTO lineage (instance_id, source_id, correction_id) VALUES (?, ?, ?) ON CONFLICT (instance_id) DO NOTHING`,
    types: 'bigint, bigint, text',
    each: moved.map(({ id }) => [madeId, id, correction]),
  }
}

/** What {@link moveAll} writes besides states. */
export interface Because {
  readonly to: InstanceState
  readonly actor: string | null
  readonly reason: string
}

/** Moves instances to another state; the caller holds the locks of their studies and patients. */
export function* moveAll(
  writer: Writer,
  moved: readonly Moved[],
  because: Because,
): Generator<Step, number, Row[]> {
  if (moved.length === 0) return 0
  const { dialect } = writer
  const { to, actor, reason } = because
  const ids = moved.map(({ id }) => [id])
  yield {
    sql: `UPDATE instance SET state = ${stateNumber(to)} FROM (VALUES (?)) AS v WHERE instance.id = v.column1`,
    types: 'bigint',
    each: ids,
  }
  yield* tombstones(writer, moved, because)
  const told = (action: (typeof ACTIONS)[number], { id }: Moved): number[] => [ACTIONS.indexOf(action), id]
  yield {
    sql: `INSERT INTO feed (at, action, instance_id)
      SELECT ${clock(dialect)}, v.column1, v.column2 FROM (VALUES (?, ?)) AS v`,
    types: 'bigint, bigint',
    // What was staged is told of now, whatever it is then.
    each: moved.flatMap((one) => [
      ...(one.from === 'staged' ? [told('create', one)] : []),
      ...(one.from === 'staged' && to === 'active' ? [] : [told(ACTION[to], one)]),
    ]),
  }
  yield {
    sql: `INSERT INTO audit (at, action, instance_id, actor, detail)
      SELECT ${clock(dialect)}, v.column1, v.column2, v.column3, v.column4 FROM (VALUES (?, ?, ?, ?)) AS v`,
    types: 'text, bigint, text, text',
    each: moved.map(({ id, from }) => [
      from === 'staged' ? 'store' : ACTION[to],
      id,
      actor,
      JSON.stringify({ from, reason }),
    ]),
  }
  yield* recount(writer, moved, to)
  yield* reviewMixtures(
    writer,
    moved.map(({ study }) => study),
    to,
  )
  yield* touchOutbox(
    writer,
    [...new Set(moved.map(({ study }) => study))].map((id) => ({ id })),
  )
  return moved.length
}

const ACTION = {
  active: 'restore',
  superseded: 'supersede',
  rejected: 'reject',
  deleted: 'delete',
  staged: 'delete',
  discarded: 'delete',
} as const

/** What was deleted is remembered by its UIDs until it is brought back. */
function* tombstones(
  { dialect }: Writer,
  moved: readonly Moved[],
  { to, actor, reason }: Because,
): Generator<Step, void, Row[]> {
  yield {
    sql: `INSERT INTO tombstone (sop_uid, series_uid, study_uid, dataset_sha256, deleted_at, deleted_by, reason)
      SELECT i.sop_uid, e.series_uid, s.study_uid, i.dataset_sha256, ${clock(dialect)}, v.column2, v.column3
      FROM (VALUES (?, ?, ?)) AS v JOIN instance i ON i.id = v.column1
      JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id WHERE true
      ON CONFLICT (sop_uid) DO NOTHING`,
    types: 'bigint, text, text',
    each: to === 'deleted' ? moved.map(({ id }) => [id, actor, reason]) : [],
  }
  yield {
    sql: `DELETE FROM tombstone WHERE sop_uid IN (
      SELECT i.sop_uid FROM (VALUES (?)) AS v JOIN instance i ON i.id = v.column1)`,
    types: 'bigint',
    each: moved.filter(({ from }) => from === 'deleted').map(({ id }) => [id]),
  }
}

/** Rejection notes are their own replacements: they are not brought back. */
const NO_NOTE = '(i.superseded_by IS NULL OR i.superseded_by <> i.id)'

/** The instances of a change that are in one of its states. */
function* concerned({ scope, instances, from, to }: StateChange): Generator<Step, Row[], Row[]> {
  const where = whereOf(scope, from, to)
  if (instances === undefined)
    return yield {
      sql: `SELECT ${MOVED_COLUMNS} FROM instance i ${MOVED_JOINS} WHERE ${where.sql} ORDER BY i.id`,
      params: where.params,
    }
  return yield {
    sql: `SELECT ${MOVED_COLUMNS} FROM (VALUES (?)) AS v JOIN sop p ON p.sop_uid = v.column1
      JOIN instance i ON i.id = p.instance_id ${MOVED_JOINS} WHERE ${where.sql}`,
    types: 'text',
    each: [...new Set(instances)].map((uid) => [uid]),
    params: where.params,
  }
}

function whereOf(
  scope: Scope,
  from: readonly InstanceState[],
  to: InstanceState,
): { readonly sql: string; readonly params: readonly Param[] } {
  const states = `i.state IN (${['-1', ...from.map((state) => String(stateNumber(state)))].join(', ')})`
  const parts = [
    ['s.study_uid = ?', scope.study],
    ['e.series_uid = ?', scope.series],
    ['i.id = (SELECT p2.instance_id FROM sop p2 WHERE p2.sop_uid = ?)', scope.instance],
  ] as const
  const named = parts.flatMap(([condition, uid]) => (uid === undefined ? [] : [{ condition, uid }]))
  return {
    sql: [states, ...(to === 'active' ? [NO_NOTE] : []), ...named.map(({ condition }) => condition)].join(
      ' AND ',
    ),
    params: named.map(({ uid }) => uid),
  }
}

/**
 * PostgreSQL: the locks under which `add` changes the same rows. A patient that comes in between is found again under
 * the locks, and then the operation begins anew.
 */
function* lockConcerned(writer: Writer, change: StateChange): Generator<Step, void, Row[]> {
  if (writer.dialect === 'sqlite') return
  const before = yield* concerned(change)
  yield* lockStudies(
    before.map((row) => String(row['study_uid'])),
    before.map((row) => Number(row['patient_key'])),
  )
  const patients = new Set(before.map((row) => Number(row['patient_key'])))
  const studies = new Set(before.map((row) => String(row['study_uid'])))
  const after = yield* concerned(change)
  if (
    after.some((row) => !patients.has(Number(row['patient_key'])) || !studies.has(String(row['study_uid'])))
  )
    throw new RestartError('another writer has added an instance of another patient')
}

/** PostgreSQL: locks studies by UID, and patients by the numbers of their rows. */
export function* lockStudies(
  studies: readonly string[],
  patients: readonly number[],
): Generator<Step, void, Row[]> {
  const rows = yield {
    sql: `SELECT p.issuer, p.patient_id, p.pseudo_study FROM (VALUES (?)) AS v JOIN patient p ON p.id = v.column1`,
    types: 'bigint',
    each: [...new Set(patients)].map((id) => [id]),
  }
  yield* lockKeys([
    ...studies.map(studyLock),
    ...rows.map((row) =>
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
 * Stores a rejection note, which nobody ever sees in a list (it is its own replacement), and does what it says. Nothing for one that is there already: what
 * it rejected may have been brought back since.
 */
export function* addNote(
  writer: Writer,
  note: PreparedInstance,
  change: StateChange,
): Generator<Step, Added, Row[]> {
  yield* lockConcerned(writer, change)
  const [kept = null] = yield* add(writer, [note], 'rejected')
  if (kept !== null) return kept
  yield {
    sql: 'UPDATE instance SET superseded_by = id WHERE id = (SELECT instance_id FROM sop WHERE sop_uid = ?)',
    params: [note.sopUid],
  }
  yield* moveAll(writer, (yield* concerned(change)).map(movedOf), change)
  return null
}
