import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../../folders.ts'
import { systemCode } from '../faults.ts'
import { UUID7 } from '../uuid7.ts'
import { openDeadRecords, type DeadRecords } from './dead.ts'
import { surveySegment } from './walk.ts'

/** Which records were removed, and the deletion of segments that have no others. */
export interface Removals {
  /** Those of a segment; undefined where there are none. */
  of(segment: string): DeadRecords | undefined
  /** Marks a record that there is as removed; durable when it resolves. */
  add(segment: string, offset: number): Promise<void>
  /** Deletes a segment when every record of it is removed, it grows no more and holds nothing unreadable. */
  sweep(segment: string): Promise<void>
  close(): Promise<void>
}

export interface RemovalOptions {
  readonly directory: string
  readonly mayGrow: (segment: string) => boolean
  /** Lets go of a segment that is about to be deleted. */
  readonly release: (segment: string) => Promise<void>
}

/** Reads what was removed, deletes what a crash left half deleted, and empty segments. */
export async function openRemovals({ directory, mayGrow, release }: RemovalOptions): Promise<Removals> {
  const dead = new Map<string, DeadRecords>()
  const surveys = new Map<string, Awaited<ReturnType<typeof surveySegment>>>()
  let last: Promise<void> = Promise.resolve()

  /** One after the other, whatever became of the one before. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    last = last.catch(() => undefined).then(work)
    return last
  }

  async function deleteIfDead(segment: string): Promise<void> {
    const removed = dead.get(segment)?.count() ?? 0
    if (removed === 0 || mayGrow(segment)) return
    const survey = surveys.get(segment) ?? (await surveySegment(segmentPath(directory, segment), segment))
    surveys.set(segment, survey)
    if (removed < survey.records || !survey.isWhole) return
    await release(segment)
    // The segment goes first and durably: without its list of removed records it would come alive again.
    await unlink(segmentPath(directory, segment))
    await syncDirectory(directory)
    await unlink(deadPath(directory, segment))
    dead.delete(segment)
    surveys.delete(segment)
  }

  for (const segment of await segmentsIn(directory, 'dead')) {
    const path = deadPath(directory, segment)
    if ((await sizeOf(segmentPath(directory, segment))) === null) await unlink(path)
    else dead.set(segment, await openDeadRecords(path))
    await deleteIfDead(segment)
  }
  for (const segment of await segmentsIn(directory, 'seg')) {
    if ((await sizeOf(segmentPath(directory, segment))) === 0) await unlink(segmentPath(directory, segment))
  }

  return {
    of: (segment) => dead.get(segment),
    add: (segment, offset) =>
      inTurn(async () => {
        const records = dead.get(segment) ?? (await openDeadRecords(deadPath(directory, segment)))
        await records.add(offset)
        dead.set(segment, records)
        await deleteIfDead(segment)
      }),
    sweep: (segment) => inTurn(() => deleteIfDead(segment)),
    close: () => inTurn(() => Promise.resolve()),
  }
}

/** The segments that have a file of this extension, in order. */
export async function segmentsIn(directory: string, extension: 'seg' | 'dead'): Promise<string[]> {
  const pattern = new RegExp(`^(${UUID7})\\.${extension}$`)
  const names = await readdir(directory)
  return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).sort()
}

export function segmentPath(directory: string, segment: string): string {
  return join(directory, `${segment}.seg`)
}

export function deadPath(directory: string, segment: string): string {
  return join(directory, `${segment}.dead`)
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}
