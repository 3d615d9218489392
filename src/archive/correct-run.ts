import type { CorrectionRow } from '../database/ports/corrections.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Correction } from '../dicom/correction.ts'
import type { Uid } from '../dicom/data-set.ts'
import { Unreadable } from '../dicom/reader.ts'
import { uidFrom, uidFromUuid } from '../dicom/uid.ts'
import { isProblem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { correctInstance, type CorrectedInstance, type CorrectionOfOne } from './correct-instance.ts'
import { completionBlob } from './composed.ts'
import { addNote, type CorrectSettings, placeOf, putBytes, wantsNote } from './correct-note.ts'
import { isOf, newStudyOf } from './correct-part.ts'

export const LEASE_MS = 60_000
/** Instances between two looks at the lease. */
const BATCH = 16
/** Told of one correction at most: a study of ten thousand fails by one cause. */
const MOST_FAILURES = 100

interface Failure {
  readonly instance: Uid | null
  readonly why: string
}

/**
 * Carries out a correction that this process holds: makes what is not made yet, unseen, and shows all of it at once. It can
 * be ended at any point and begun again: UIDs are made of the correction's id, so nothing is made twice. Rejects with
 * Problem `unavailable`; then it is somebody's turn again when the lease has run out.
 */
export async function carryOut(
  archive: Archive,
  settings: CorrectSettings,
  row: CorrectionRow,
  signal?: AbortSignal,
): Promise<'done' | 'failed' | 'lost'> {
  const { corrections, attention } = archive.database
  const due = await dueInstances(archive, row)
  const made = await corrections.made(row.id)
  const isMade = new Set(made.map(([source]) => source.uids.instance))
  const one: CorrectionOfOne = {
    id: row.id,
    correction: correctionOf(archive, row),
    uids: newUids(row.id, [...due, ...made.map(([source]) => source)]),
    limits: settings.limits,
  }
  const failures: Failure[] = []
  const open = due.filter(({ uids }) => !isMade.has(uids.instance))
  for (let at = 0; at < open.length; at += BATCH) {
    if (signal?.aborted === true || !(await corrections.renew(row.id, LEASE_MS))) return 'lost'
    failures.push(...(await makeBatch(archive, one, open.slice(at, at + BATCH))))
    if (failures.length >= MOST_FAILURES) break
  }
  if (failures.length > 0) {
    await corrections.fail(row.id, failures.slice(0, MOST_FAILURES))
    const detail = { correction: row.id, failures: failures.length }
    await attention.raise({ reason: 'correction-failed', study: row.study, detail })
    return 'failed'
  }
  if (await isAnythingNew(archive, row)) {
    await putBytes(archive, completionBlob(row.id))
    if (wantsNote(settings, row)) await addNote(archive, settings, row)
  }
  const finished = await corrections.finish(row.id)
  if (finished === null) return 'lost'
  await attention.clear('correction-failed', row.study)
  return 'done'
}

/** Whether something was made that is not shown yet. */
async function isAnythingNew({ database }: Archive, { id }: CorrectionRow): Promise<boolean> {
  return (await database.corrections.made(id)).some(([, { state }]) => state === 'staged')
}

/**
 * What is to be corrected: the first time all that is shown of the study or the part, for it is replaced as a whole; then
 * only what came with the old values since.
 */
async function dueInstances(
  { database }: Archive,
  { id, study, doneAt, detail }: CorrectionRow,
): Promise<IndexedInstance[]> {
  const { index, corrections } = database
  const made = new Set((await corrections.made(id)).map(([, { uids }]) => uids.instance))
  const waiting = new Set(await corrections.waiting(id))
  const due: IndexedInstance[] = []
  for await (const page of index.instances({ study }, { states: ['active', 'superseded'] })) {
    for (const instance of page) {
      const { state, uids } = instance
      const isDue =
        state === 'active' ? doneAt === null && isOf(detail.part, uids) : waiting.has(uids.instance)
      if (isDue && !made.has(uids.instance)) due.push(instance)
    }
  }
  return due
}

/** Each instance and each series gets one new UID, the same whenever the correction is carried out. */
function newUids(id: string, sources: readonly Pick<IndexedInstance, 'uids'>[]): Map<Uid, Uid> {
  const uids = new Map<Uid, Uid>()
  for (const { uids: own } of sources) {
    uids.set(own.series, uidFrom(id, `series ${own.series}`))
    uids.set(own.instance, uidFrom(id, `instance ${own.instance}`))
  }
  return uids
}

function correctionOf({ database, now }: Archive, row: CorrectionRow): Correction {
  const { to, detail } = row
  const newStudy = newStudyOf(row)
  return {
    ...(newStudy !== null && { newStudy }),
    attributes: to,
    reason: detail.reason,
    description: `Attributes corrected: ${detail.description}`,
    InstanceCreatorUID: uidFromUuid(database.archiveId),
    now: now(),
  }
}

/** Makes instances, and stages those that could be made; why the others could not. */
async function makeBatch(
  archive: Archive,
  one: CorrectionOfOne,
  batch: readonly IndexedInstance[],
): Promise<Failure[]> {
  const failures: Failure[] = []
  const corrected: { readonly source: Uid; readonly made: CorrectedInstance }[] = []
  for (const original of batch) {
    const source = original.uids.instance
    try {
      corrected.push({ source, made: await correctInstance(archive, original, one) })
    } catch (error) {
      if (!(error instanceof Unreadable) && !isProblem(error, 'corrupt')) throw error
      failures.push({ instance: source, why: error.message })
    }
  }
  if (corrected.length === 0) return failures
  const places = await archive.blobs.put(corrected.map(({ made }) => made.blob))
  const staged = corrected.map(({ source, made }, at) => ({
    source,
    instance: made.instance(placeOf(places[at])),
  }))
  const outcomes = await archive.database.corrections.stage(one.id, staged)
  for (const [at, outcome] of outcomes.entries())
    if (outcome.kind === 'failed')
      failures.push({ instance: staged[at]?.source ?? null, why: outcome.problem.message })
  return failures
}
