import type { CorrectionRow } from '../database/ports/corrections.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import type { CorrectSettings } from './correct-note.ts'
import { type CorrectionPolicies, policyFor } from './correct-policy.ts'
import { type CorrectionPreview, lookAt, type Wanted } from './correct-preview.ts'
import { carryOut, LEASE_MS } from './correct-run.ts'

/**
 * Proposes a correction; with policy `auto` for all that it changes it is approved at once. The same one again is the one
 * that is there. Rejects as {@link lookAt} does, and with Problem `conflict` where the policy is `off`.
 */
export async function proposeCorrection(
  archive: Archive,
  policies: CorrectionPolicies,
  wanted: Wanted,
): Promise<{
  readonly correction: CorrectionRow
  readonly isNew: boolean
  readonly preview: CorrectionPreview
}> {
  const { study, attributes: to, reason, description, proposedBy, part, isSubject } = wanted
  const { from, preview } = await lookAt(archive, wanted)
  const policy = policyFor(policies, preview.kinds)
  if (policy === 'off')
    throw new Problem('conflict', `Corrections of ${preview.kinds.join(', ')} are turned off (CORRECTIONS).`)
  const { correction, isNew } = await archive.database.corrections.propose({
    study,
    from,
    to,
    detail: { reason, description, proposedBy, ...(part && { part }), ...(isSubject && { isSubject }) },
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
