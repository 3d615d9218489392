/** WHAT A CORRECTION IN FORCE STILL HAS TO DO: instances that were hidden when they came, and of which nothing was made. */
import { correction } from './corrections.ts'
import { correctionFor, inForce, isOfPart } from './in-force.ts'
import { linesOfRow, TAG_COLUMNS, TAG_JOIN } from './inspection.ts'
import { MOVED_COLUMNS, MOVED_JOINS } from './lifecycle.ts'
import type { Dialect, Row, Step } from './operation.ts'

/** Rows of what waits for a correction; with the columns that `movedOf` reads, `sop_uid` and `series_uid`. */
export function* waitingRows(dialect: Dialect, id: string): Generator<Step, Row[], Row[]> {
  const record = yield* correction(dialect, id)
  if (record === null) return []
  const { study, detail } = record
  const rows = yield {
    sql: `SELECT ${MOVED_COLUMNS}, i.sop_uid, e.series_uid, ${TAG_COLUMNS} FROM instance i ${MOVED_JOINS} ${TAG_JOIN}
      WHERE s.study_uid = ? AND i.state = 1 AND i.superseded_by IS NULL
        AND NOT EXISTS (SELECT 1 FROM lineage l WHERE l.instance_id = i.id AND l.correction_id = ?) ORDER BY i.id`,
    params: [study, id],
  }
  const corrections = (yield* inForce([study])).get(study) ?? []
  return rows.filter((row) => {
    const [seriesUid, sopUid] = [String(row['series_uid']), String(row['sop_uid'])]
    const own = correctionFor({ seriesUid, sopUid, lines: linesOfRow(row) }, corrections)
    // What no correction would catch any more is still for the one that did.
    return own === undefined ? isOfPart({ seriesUid, sopUid }, detail.part) : own.id === id
  })
}

export function* correctionWaiting(dialect: Dialect, id: string): Generator<Step, string[], Row[]> {
  return (yield* waitingRows(dialect, id)).map((row) => String(row['sop_uid']))
}
