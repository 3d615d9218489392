import type { Claim } from '../database/ports/outbox.ts'
import type { FhirError } from '../fhir/ports.ts'
import { isFhirError } from '../fhir/ports.ts'
import { backoffMs } from './sync-breaker.ts'
import type { PushContext } from './sync-context.ts'
import { leased, LeaseLostError, renewal } from './sync-lease.ts'
import { pushStudy } from './sync-push.ts'
import type { Worker } from './sync.ts'

/** A study that failed for so long, so often, is shown to a person; it is tried on all the same. */
const OVERDUE_MS = 12 * 3_600_000
const OVERDUE_ATTEMPTS = 10
export const DAY_MS = 86_400_000
/** Studies looked through for dead ones at a time. */
const REVIVED = 10_000

/**
 * Pushes one claimed study and closes the claim, whatever comes: settled, or owed again after a while. Answers with the
 * error of the server, which concerns the other studies too; null when there was none.
 */
export async function pushClaim(worker: Worker, claim: Claim): Promise<FhirError | null> {
  const { archive, settings } = worker
  const { outbox, fhir, attention } = archive.database
  const pushId = await fhir.startPush(claim.study, claim.gen)
  try {
    const renew = renewal(outbox, claim, settings.leaseMs)
    const task = { pushId, claim, now: archive.now(), renew }
    const { outcome, againMs } = await pushStudy(contextOf(worker, renew), archive.database, task)
    await fhir.endPush(pushId, outcome)
    if (outcome === 'held') {
      await outbox.postpone(claim, {
        error: 'two patients in one study',
        retryMs: DAY_MS,
        hold: 'mixed-patients',
      })
      settings.report?.({ what: 'held', study: claim.study })
      return null
    }
    // False: another process took the study over and owes it still. It will find nothing left to do.
    await outbox.settle(claim, againMs)
    await attention.clear('dead', claim.study)
    await attention.clear('overdue', claim.study)
    worker.counts[outcome === 'unchanged' || outcome === 'nothing' ? 'unchanged' : 'pushed'] += 1
    worker.lastPushAt = new Date()
    settings.report?.({ what: outcome === 'unchanged' ? 'unchanged' : 'pushed', study: claim.study })
    return null
  } catch (error) {
    if (error instanceof LeaseLostError) {
      await fhir.endPush(pushId, 'lease-lost')
      settings.report?.({ what: 'lease-lost', study: claim.study })
      return null
    }
    await fhir.endPush(pushId, wordsOf(error))
    await postpone(worker, claim, error)
    return isFhirError(error) ? error : null
  }
}

/** Name and message of what the server said; of a bug, its name alone: its message could quote anything. */
function wordsOf(error: unknown): string {
  if (isFhirError(error)) return error.message
  return `internal: ${error instanceof Error ? error.name : 'unknown'}`
}

async function postpone(worker: Worker, claim: Claim, error: unknown): Promise<void> {
  const { settings, archive, counts } = worker
  const { attention, outbox } = archive.database
  const words = wordsOf(error)
  const detail = { error: words, status: isFhirError(error) ? error.status : null }
  // The server has seen it and will not have it: the same again would be refused again.
  const isDead = isFhirError(error, 'refused', 'too-large')
  if (isDead) {
    counts.dead += 1
    await attention.raise({ reason: 'dead', study: claim.study, detail })
    await outbox.postpone(claim, { error: words, retryMs: DAY_MS, dead: true })
  } else {
    counts.postponed += 1
    if (isOverdue(claim, archive.now()))
      await attention.raise({ reason: 'overdue', study: claim.study, detail })
    const retryAfterMs = isFhirError(error) ? error.retryAfterMs : null
    await outbox.postpone(claim, {
      error: words,
      retryMs: backoffMs(claim.attempts, retryAfterMs, settings.backoff),
    })
  }
  settings.report?.({
    what: isFhirError(error) ? (isDead ? 'dead' : 'postponed') : 'bug',
    study: claim.study,
    error,
  })
}

function isOverdue({ attempts, firstDirtyAt }: Claim, now: Date): boolean {
  return attempts >= OVERDUE_ATTEMPTS && now.getTime() - firstDirtyAt.getTime() > OVERDUE_MS
}

/**
 * Owes the dead studies once more, of those that died `olderThanMs` ago: at the start of a process, for its code or
 * settings may be others, and every day, for the server may be another one. So nothing is ever given up.
 */
export async function reviveDead({ archive }: Worker, olderThanMs: number): Promise<void> {
  const { rows } = await archive.database.outbox.owed(REVIVED)
  for (const { study, deadSince } of rows) {
    const isDue = deadSince !== null && archive.now().getTime() - deadSince.getTime() >= olderThanMs
    if (isDue) await archive.database.outbox.touch(study)
  }
}

function contextOf(worker: Worker, renew: () => Promise<void>): PushContext {
  const { archive, server, settings } = worker
  const { fhir: state, attention } = archive.database
  const refusal = (resourceType: string): string => `no-client-ids ${resourceType} ${server.url}`
  return {
    server: leased(server, renew),
    state,
    attention,
    settings,
    release: settings.mapping.release,
    misses: worker.misses,
    supports: (type) => worker.capabilities?.types.has(type) ?? true,
    // Where the statement is silent it is tried; what the server then does is believed.
    takesClientIds: async (type) =>
      worker.capabilities?.updateCreate.get(type) !== false && (await state.fact(refusal(type))) === null,
    rememberNoClientIds: (type) => state.saveFact(refusal(type), new Date().toISOString()),
    alone: (key, work) => queued(worker.queues, key, work),
    count: (what) => {
      worker.counts[what] += 1
    },
  }
}

/** Runs `work` after what was queued under the same key before it, whatever became of that. */
async function queued<T>(
  queues: Map<string, Promise<unknown>>,
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve()
  const mine = before.then(work, work)
  const settled = mine.catch(() => undefined)
  queues.set(key, settled)
  try {
    return await mine
  } finally {
    if (queues.get(key) === settled) queues.delete(key)
  }
}
