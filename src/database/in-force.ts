/** CORRECTIONS IN FORCE: an instance that comes with values which were corrected is hidden at once, and corrected too. */
import type { DataSet } from '../dicom/data-set.ts'
import { tagOfLine } from './encoding.ts'
import type { Row, Step } from './operation.ts'
import type { CorrectionDetail, StudyPart } from './ports/corrections.ts'
import type { PreparedInstance } from './prepare.ts'

/** Whether a correction `c` speaks for what is to come: it is being carried out, or has been. */
export const IN_FORCE = `(c.state = 'running' OR (c.done_at IS NOT NULL AND c.state <> 'rejected'))`

/** A correction that speaks for what is to come. */
export interface InForce {
  readonly id: string
  readonly ordinal: number
  readonly from: readonly DataSet[]
  readonly to: DataSet
  /** The part of the study that it moves elsewhere; undefined: all of it is corrected. */
  readonly part: StudyPart | undefined
}

/** An instance as corrections look at it. */
export interface Subject {
  readonly seriesUid: string
  readonly sopUid: string
  /** Its data set, one attribute a line. */
  readonly lines: readonly string[]
}

/** For each instance that a correction in force waits for, that correction. The caller holds the locks of the studies. */
export function* caughtBy(
  instances: readonly PreparedInstance[],
  studies: readonly string[],
): Generator<Step, Map<PreparedInstance, string>, Row[]> {
  const byStudy = yield* inForce(studies)
  const caught = new Map<PreparedInstance, string>()
  for (const instance of instances) {
    const { seriesUid, sopUid, text } = instance
    const corrections = byStudy.get(instance.studyUid) ?? []
    const first = correctionFor({ seriesUid, sopUid, lines: text.split('\n') }, corrections)
    if (first !== undefined) caught.set(instance, first.id)
  }
  return caught
}

/** The corrections in force of studies, in their order. */
export function* inForce(studies: readonly string[]): Generator<Step, Map<string, InForce[]>, Row[]> {
  const rows = yield {
    sql: `SELECT c.id, c.study_uid, c.ordinal, c.from_projection, c.to_projection, c.detail FROM (VALUES (?)) AS v
      JOIN correction c ON c.study_uid = v.column1 WHERE ${IN_FORCE} ORDER BY c.study_uid, c.ordinal`,
    types: 'text',
    each: [...new Set(studies)].map((uid) => [uid]),
  }
  const all = new Map<string, InForce[]>()
  for (const row of rows) {
    const study = String(row['study_uid'])
    all.set(study, [...(all.get(study) ?? []), inForceOf(row)])
  }
  return all
}

function inForceOf(row: Row): InForce {
  return {
    id: String(row['id']),
    ordinal: Number(row['ordinal']),
    from: JSON.parse(String(row['from_projection'])) as DataSet[],
    to: JSON.parse(String(row['to_projection'])) as DataSet,
    part: (JSON.parse(String(row['detail'])) as CorrectionDetail).part,
  }
}

/**
 * The first of the corrections of its study that an instance is to be corrected by: it says what was corrected. What is of
 * a part that belongs elsewhere is moved whatever else is right of it.
 */
export function correctionFor(subject: Subject, corrections: readonly InForce[]): InForce | undefined {
  const { lines } = subject
  const own = corrections.filter(({ part }) => isOfPart(subject, part))
  const says = (one: DataSet, { to }: InForce): boolean => saysSame(lines, one, Object.keys(to))
  const isSaid = (one: InForce): boolean => says(one.to, one)
  const last = own.findLast(({ part }) => part === undefined)
  // What has the values that count now is right, whatever had them before.
  const isRight = last !== undefined && isSaid(last)
  return own.find(
    (one) =>
      (one.part !== undefined || !(isRight || isSaid(one))) && one.from.some((from) => says(from, one)),
  )
}

/** Whether an instance is of the part of its study that a correction is about. */
export function isOfPart(
  { seriesUid, sopUid }: Pick<Subject, 'seriesUid' | 'sopUid'>,
  part: StudyPart | undefined,
): boolean {
  return part === undefined || part.series.includes(seriesUid) || part.instances.includes(sopUid)
}

/** Whether the lines of a data set say of these attributes what a projection says. */
function saysSame(lines: readonly string[], projection: DataSet, tags: readonly string[]): boolean {
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
