import type { Claim } from '../database/ports.ts'
import type { FhirError} from '../fhir/ports.ts';
import { isFhirError } from '../fhir/ports.ts'
import { backoffMs } from './sync-breaker.ts'
import type { PushContext } from './sync-context.ts'
import { leased, LeaseLostError, renewal } from './sync-lease.ts'
import { pushStudy } from './sync-push.ts'
import type { Worker } from './sync.ts'

/** A study that failed for so long, so often, is dead: it is still tried once a day, and a person is told. */
const DEAD_AFTER_MS = 12 * 3_600_000
const DEAD_AFTER_ATTEMPTS = 10
const DAY_MS = 86_400_000

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
    const outcome = await pushStudy(contextOf(worker, renew), archive.database, claim, renew)
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
    await outbox.settle(claim)
    await attention.clear('dead', claim.study)
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
  const words = wordsOf(error)
  const isDead = isHopeless(error) || isOverdue(claim, archive.now())
  if (isDead) {
    const status = isFhirError(error) ? error.status : null
    await archive.database.attention.raise({
      reason: 'dead',
      study: claim.study,
      detail: { error: words, status },
    })
    counts.dead += 1
  } else counts.postponed += 1
  const retryAfterMs = isFhirError(error) ? error.retryAfterMs : null
  const retryMs = isDead ? DAY_MS : backoffMs(claim.attempts, retryAfterMs, settings.backoff)
  await archive.database.outbox.postpone(claim, { error: words, retryMs, ...(isDead && { dead: true }) })
  settings.report?.({
    what: isFhirError(error) ? (isDead ? 'dead' : 'postponed') : 'bug',
    study: claim.study,
    error,
  })
}

/** The server has seen it and will not have it: the same again would be refused again. */
function isHopeless(error: unknown): boolean {
  return isFhirError(error, 'refused', 'too-large')
}

function isOverdue({ attempts, firstDirtyAt }: Claim, now: Date): boolean {
  return attempts >= DEAD_AFTER_ATTEMPTS && now.getTime() - firstDirtyAt.getTime() > DEAD_AFTER_MS
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
    // Where the statement is silent it is tried; what the server then does is believed.
    takesClientIds: async (type) =>
      worker.updateCreate.get(type) !== false && (await state.fact(refusal(type))) === null,
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
