/** CORRECTIONS IN FORCE: an instance that comes with values which were corrected is hidden at once, and corrected too. */
import type { DataSet } from '../dicom/data-set.ts'
import { tagOfLine } from './encoding.ts'
import type { Row, Step } from './operation.ts'
import type { PreparedInstance } from './prepare.ts'

/** Whether a correction `c` speaks for what is to come: it is being carried out, or has been. */
export const IN_FORCE = `(c.state = 'running' OR (c.done_at IS NOT NULL AND c.state <> 'rejected'))`

interface InForce {
  readonly id: string
  readonly from: readonly DataSet[]
  readonly to: DataSet
}

/** For each instance that a correction in force waits for, that correction. The caller holds the locks of the studies. */
export function* caughtBy(
  instances: readonly PreparedInstance[],
  studies: readonly string[],
): Generator<Step, Map<PreparedInstance, string>, Row[]> {
  const rows = yield {
    sql: `SELECT c.id, c.study_uid, c.from_projection, c.to_projection FROM (VALUES (?)) AS v
      JOIN correction c ON c.study_uid = v.column1 WHERE ${IN_FORCE} ORDER BY c.study_uid, c.ordinal`,
    types: 'text',
    each: studies.map((uid) => [uid]),
  }
  const byStudy = Map.groupBy(rows, (row) => String(row['study_uid']))
  const caught = new Map<PreparedInstance, string>()
  for (const instance of instances) {
    const corrections = (byStudy.get(instance.studyUid) ?? []).map(inForce)
    const last = corrections.at(-1)
    if (last === undefined) continue
    const lines = instance.text.split('\n')
    // What has the values that count now is right, whatever had them before.
    if (says(lines, last.to, Object.keys(last.to))) continue
    const first = corrections.find(({ from, to }) => from.some((one) => says(lines, one, Object.keys(to))))
    if (first !== undefined) caught.set(instance, first.id)
  }
  return caught
}

function inForce(row: Row): InForce {
  return {
    id: String(row['id']),
    from: JSON.parse(String(row['from_projection'])) as DataSet[],
    to: JSON.parse(String(row['to_projection'])) as DataSet,
  }
}

/** Whether the lines of a data set say of these attributes what a projection says. */
function says(lines: readonly string[], projection: DataSet, tags: readonly string[]): boolean {
  return tags.every((tag) => {
    const line = lines.find((one) => tagOfLine(one) === tag)
    return (
      valueText(line === undefined ? undefined : (JSON.parse(line.slice(11)) as DataSet[string])) ===
      valueText(projection[tag])
    )
  })
}

/** What an attribute says, whether it is absent or empty. */
function valueText(element: DataSet[string] | undefined): string {
  return JSON.stringify(element?.Value ?? [])
}

/** Sets corrections to work again for what came; those that are at it look again before they end. */
export function* wake(ids: Iterable<string>): Generator<Step, void, Row[]> {
  yield {
    sql: `UPDATE correction SET state = 'approved' FROM (VALUES (?)) AS v WHERE correction.id = v.column1
      AND correction.state = 'done'`,
    types: 'text',
    each: [...new Set(ids)].map((id) => [id]),
  }
}
