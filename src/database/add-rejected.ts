/** ADD WHAT WAS REJECTED BEFORE IT CAME: a rejection note holds for instances that arrive after it too (IHE RAD TF-2: IOCM). */
import type { DataSet } from '../dicom/data-set.ts'
import { type Rejection, rejectionOf } from '../dicom/rejection-note.ts'
import { add, type Added, type Taken } from './add.ts'
import { linesOfRow, TAG_COLUMNS, TAG_JOIN } from './inspection.ts'
import { moveAll, MOVED_COLUMNS, MOVED_JOINS, movedOf } from './lifecycle.ts'
import type { Row, Step, Writer } from './operation.ts'
import type { PreparedInstance } from './prepare.ts'

/** {@link add}, and what the notes of the studies say of what was new: hidden in the same transaction. */
export function* addArrived(
  writer: Writer,
  batch: readonly PreparedInstance[],
  looked?: Taken,
): Generator<Step, Added[], Row[]> {
  const added = yield* add(writer, batch, 'active', looked)
  const fresh = batch.filter((_, at) => added[at] === null)
  if (fresh.length > 0) yield* rejectLate(writer, fresh)
  return added
}

interface Note extends Rejection {
  readonly sender: string | null
}

function* rejectLate(writer: Writer, fresh: readonly PreparedInstance[]): Generator<Step, void, Row[]> {
  const notes = yield* notesOf([...new Set(fresh.map(({ studyUid }) => studyUid))])
  for (const [studyUid, own] of notes) {
    const arrived = fresh.filter((instance) => instance.studyUid === studyUid)
    for (const { instances, forGood, meaning, sender } of own) {
      const rejected = new Set(instances)
      const rows = yield {
        sql: `SELECT ${MOVED_COLUMNS} FROM (VALUES (?)) AS v JOIN sop p ON p.sop_uid = v.column1
          JOIN instance i ON i.id = p.instance_id ${MOVED_JOINS} WHERE i.state IN (0, 1)`,
        types: 'text',
        each: arrived.filter(({ sopUid }) => rejected.has(sopUid)).map(({ sopUid }) => [sopUid]),
      }
      const to = forGood ? 'deleted' : 'rejected'
      yield* moveAll(writer, rows.map(movedOf), { to, actor: sender, reason: `rejection note: ${meaning}` })
    }
  }
}

/** The rejection notes of studies: each is its own replacement. Most studies have no series with anything hidden in it. */
function* notesOf(studies: readonly string[]): Generator<Step, Map<string, Note[]>, Row[]> {
  const rows = yield {
    sql: `SELECT s.study_uid, e.series_uid, i.sop_uid, i.sender, c.uid AS sop_class, ${TAG_COLUMNS}
      FROM (VALUES (?)) AS v JOIN study s ON s.study_uid = v.column1
      JOIN series e ON e.study_id = s.id AND e.n_hidden > 0
      JOIN instance i ON i.series_id = e.id AND i.superseded_by = i.id
      JOIN sop_class c ON c.id = i.sop_class_id ${TAG_JOIN} ORDER BY i.id`,
    types: 'text',
    each: studies.map((uid) => [uid]),
  }
  const notes = new Map<string, Note[]>()
  for (const row of rows) {
    const study = String(row['study_uid'])
    const rejection = rejectionOf({
      SOPClassUID: String(row['sop_class']),
      dataSet: JSON.parse(`{${linesOfRow(row).join(',')}}`) as DataSet,
      uids: { study, series: String(row['series_uid']), instance: String(row['sop_uid']) },
    })
    if (rejection === null) continue
    const sender = row['sender'] === null ? null : String(row['sender'])
    notes.set(study, [...(notes.get(study) ?? []), { ...rejection, sender }])
  }
  return notes
}
