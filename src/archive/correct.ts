import type { CorrectionRow, IndexedInstance } from '../database/ports.ts'
import { IDENTIFYING } from '../dicom/correction.ts'
import type { DataSet, Tag, Uid, Value } from '../dicom/data-set.ts'
import { entryOf } from '../dicom/dictionary.ts'
import { pixelExtents, readPixelMap } from '../dicom/pixel-map.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { carryOut, LEASE_MS, type CorrectSettings } from './correct-run.ts'

/** Whether corrections wait for a person, are carried out at once, or are not made at all. */
export type CorrectionPolicy = 'approve' | 'auto' | 'off'

export interface Wanted {
  readonly study: Uid
  /** The right values; see `dicom/correction.ts` for which may be named. */
  readonly attributes: DataSet
  readonly reason: 'CORRECT' | 'COERCE'
  readonly description: string
  readonly proposedBy: string | null
}

/** What a correction would do, before anybody decides. */
export interface CorrectionPreview {
  readonly study: Uid
  readonly series: number
  readonly instances: number
  /** Of the study's files, and about what would be written anew: pixel data is shared. */
  readonly bytes: { readonly study: number; readonly written: number }
  readonly attributes: readonly {
    readonly tag: Tag
    readonly keyword: string
    readonly before: readonly (readonly Value[])[]
    readonly after: readonly Value[]
  }[]
  /** The patient would be another one, so that a rejection note says so. */
  readonly identity: boolean
}

interface Found {
  readonly preview: CorrectionPreview
  readonly from: readonly DataSet[]
}

/** So much is new in each file, about: what says where it comes from, and an end of the blocks. */
const ADDED_BYTES = 2048

/** Looks at a study; Problem `not-found` where nothing is shown of it, `conflict` where it says all of it already. */
export async function previewCorrection(archive: Archive, wanted: Wanted): Promise<CorrectionPreview> {
  return (await lookAt(archive, wanted)).preview
}

/**
 * Proposes a correction; with policy `auto` it is approved at once. The same one again is the one that is there. Rejects as
 * {@link previewCorrection} does, and with Problem `conflict` where the policy is `off`.
 */
export async function proposeCorrection(
  archive: Archive,
  policy: CorrectionPolicy,
  wanted: Wanted,
): Promise<{
  readonly correction: CorrectionRow
  readonly isNew: boolean
  readonly preview: CorrectionPreview
}> {
  if (policy === 'off') throw new Problem('conflict', 'Corrections are turned off (CORRECTIONS=off).')
  const { study, attributes: to, reason, description, proposedBy } = wanted
  const { from, preview } = await lookAt(archive, wanted)
  const { correction, isNew } = await archive.database.corrections.propose({
    study,
    from,
    to,
    detail: { reason, description, proposedBy },
    approved: policy === 'auto',
  })
  if (correction.state === 'proposed')
    await archive.database.attention.raise({
      reason: 'correction-proposed',
      study,
      detail: { correction: correction.id, instances: preview.instances },
    })
  return { correction, isNew, preview }
}

/** Decides; Problem `not-found`, or `conflict` where it is in no state for that. */
export async function decideCorrection(
  { database }: Archive,
  id: string,
  decision: 'approve' | 'reject' | 'retry',
  actor: string | null,
): Promise<void> {
  const correction = await database.corrections.get(id)
  if (correction === null) throw new Problem('not-found', 'There is no such correction.')
  if (!(await database.corrections.decide(id, decision, actor)))
    throw new Problem('conflict', `The correction is ${correction.state}: there is nothing to ${decision}.`)
  await database.attention.clear('correction-proposed', correction.study)
  if (decision === 'reject') await database.attention.clear('correction-failed', correction.study)
}

async function lookAt(archive: Archive, { study, attributes: to }: Wanted): Promise<Found> {
  const tags = Object.keys(to).sort()
  const tuples = new Map<string, DataSet>()
  const [series, sums] = [new Set<Uid>(), { instances: 0, study: 0, written: 0 }]
  for await (const page of archive.database.index.instances({ study }, { tags: true, pixelMap: true })) {
    for (const instance of page) {
      const dataSet = JSON.parse(instance.tags?.toString() ?? '{}') as DataSet
      const own = Object.fromEntries(tags.flatMap((tag) => (dataSet[tag] ? [[tag, dataSet[tag]]] : [])))
      tuples.set(JSON.stringify(own), own)
      series.add(instance.uids.series)
      sums.instances++
      sums.study += instance.size
      sums.written += instance.size - sharedBytes(instance) + ADDED_BYTES
    }
  }
  if (sums.instances === 0) throw new Problem('not-found', 'There is no such study here.')
  // The order in which a study was received must not make another correction of it.
  const from = [...tuples].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tuple]) => tuple)
  if (from.every((tuple) => tags.every((tag) => textOf(tuple, tag) === textOf(to, tag))))
    throw new Problem('conflict', 'All instances of the study have these values already.')
  const attributes = tags.map((tag) => ({
    tag,
    keyword: entryOf(tag)?.keyword ?? tag,
    before: [...new Map(from.map((tuple) => [textOf(tuple, tag), tuple[tag]?.Value ?? []])).values()],
    after: to[tag]?.Value ?? [],
  }))
  const identity = tags.some(
    (tag) => IDENTIFYING.has(tag) && from.some((tuple) => textOf(tuple, tag) !== textOf(to, tag)),
  )
  const { instances, study: studyBytes, written } = sums
  const bytes = { study: studyBytes, written }
  return { from, preview: { study, series: series.size, instances, bytes, attributes, identity } }
}

function textOf(dataSet: DataSet, tag: Tag): string {
  return JSON.stringify(dataSet[tag]?.Value ?? [])
}

function sharedBytes({ pixelMap }: IndexedInstance): number {
  if (pixelMap === undefined || pixelMap === null) return 0
  return pixelExtents(readPixelMap(pixelMap)).reduce((sum, { length }) => sum + length, 0)
}

export interface Corrector {
  /** Something was approved, or may have come for a correction in force. */
  wake(): void
  /** Ends after the batch at hand; what is begun goes on at the next start. */
  stop(): Promise<void>
}

const IDLE_MS = 2000
const AFTER_FAULT_MS = 10_000

/** Carries out what is approved, one correction after the other, and looks for more. */
export function startCorrector(
  archive: Archive,
  settings: CorrectSettings,
  report: (what: {
    readonly correction: string | null
    readonly outcome: string
    readonly error?: unknown
  }) => void,
): Corrector {
  const stop = new AbortController()
  let isWoken = false
  let wakeUp = (): void => undefined

  async function next(): Promise<boolean> {
    const row = await archive.database.corrections.claim(LEASE_MS)
    if (row === null) return false
    report({ correction: row.id, outcome: await carryOut(archive, settings, row, stop.signal) })
    return true
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      isWoken = false
      let pauseMs = 0
      try {
        if (!(await next())) pauseMs = IDLE_MS
      } catch (error) {
        report({ correction: null, outcome: 'fault', error })
        pauseMs = AFTER_FAULT_MS
      }
      if (!isWanted()) await pause(pauseMs)
    }
  }

  const isWanted = (): boolean => isWoken || stop.signal.aborted
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const running = run()
  return {
    wake: () => {
      isWoken = true
      wakeUp()
    },
    stop: async () => {
      stop.abort()
      wakeUp()
      await running
    },
  }
}
