import type { Claim } from '../database/ports/outbox.ts'
import { type Capabilities, type FhirServer, isFhirError } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'
import { afterFailure, type Breaker, CLOSED, type PauseReason, STARTING } from './sync-breaker.ts'
import { releaseFault } from './sync-capabilities.ts'
import type { Settled, SyncCount } from './sync-context.ts'
import { DAY_MS, pushClaim, reviveDead } from './sync-claim.ts'
import { withdrawOrphans } from './reconcile-orphans.ts'
import {
  NOT_RECONCILING,
  reconcileIfDue,
  type Reconciling,
  type ReconcileState,
  reconcileState,
} from './sync-reconcile.ts'
import type { Misses } from './sync-references.ts'
import { SYNC_DEFAULTS, type SyncSettings } from './sync-settings.ts'

/** What the worker is doing, for people and metrics. */
export interface SyncState {
  readonly server: string
  readonly release: string
  /** Name of the server's software, once it told. */
  readonly software: string | null
  readonly status: 'pushing' | 'stopped' | PauseReason
  /** In words, without data of a patient; null when nothing is wrong. */
  readonly problem: string | null
  /** When a paused server is looked at again. */
  readonly nextLookAt: Date | null
  /** Studies being pushed at this moment. */
  readonly inFlight: number
  readonly lastPushAt: Date | null
  readonly counts: Readonly<Record<SyncCount, number>>
  readonly reconcile: ReconcileState
}

export interface Sync {
  /** Something was stored: look at the outbox soon. Costs nothing to call often. */
  wake(): void
  /** Takes no more studies, and waits for those in flight. */
  stop(): Promise<void>
  state(): SyncState
  /** Compares all that was pushed with what is there, from the beginning, soon. */
  reconcile(): void
  /** Withdraws what the server has of a study that the index does not have; false: the index has it. Rejects with FhirError. */
  withdraw(study: string): Promise<number | false>
}

const HOUR_MS = 3_600_000
/** Wakes within this time are one. */
const WAKING_MS = 100
/** Another process was faster at the outbox: how long until the next look. */
const LOST_RACE_MS = 50

/** The worker's own memory. All else is in the outbox: a process that dies owes what it owed. */
export interface Worker {
  readonly archive: Archive
  readonly server: FhirServer
  readonly settings: Settled
  breaker: Breaker
  problem: string | null
  /** What the server last said of itself. */
  capabilities: Capabilities | null
  readonly inFlight: Map<string, Promise<void>>
  readonly queues: Map<string, Promise<unknown>>
  readonly counts: Record<SyncCount, number>
  lastPushAt: Date | null
  readonly reconciling: Reconciling
  readonly misses: Misses
  /** When dead studies were last looked for; 0: not yet. */
  revivedAt: number
  isStopped: boolean
  wakeUp: () => void
}

/** Starts to push what the outbox owes (design §7). STOW never waits for this, and works without it. */
export function startSync(archive: Archive, server: FhirServer, settings: SyncSettings): Sync {
  const worker: Worker = {
    archive,
    server,
    settings: { ...SYNC_DEFAULTS, ...settings },
    breaker: STARTING,
    problem: null,
    capabilities: null,
    inFlight: new Map(),
    queues: new Map(),
    counts: { pushed: 0, unchanged: 0, postponed: 0, conflicts: 0, dead: 0 },
    lastPushAt: null,
    reconciling: { ...NOT_RECONCILING },
    misses: new Map(),
    revivedAt: 0,
    isStopped: false,
    wakeUp: () => undefined,
  }
  const running = run(worker)
  let waking: NodeJS.Timeout | undefined
  return {
    // Every instance stored calls this: a look at the outbox each would cost STOW more than it is worth.
    wake: () => {
      waking ??= setTimeout(() => {
        waking = undefined
        worker.wakeUp()
      }, WAKING_MS)
    },
    stop: async () => {
      clearTimeout(waking)
      worker.isStopped = true
      worker.wakeUp()
      await running
      await Promise.all([...worker.inFlight.values(), worker.reconciling.running])
    },
    state: () => stateOf(worker),
    reconcile: () => {
      worker.reconciling.isWanted = true
      worker.wakeUp()
    },
    withdraw: (study) =>
      withdrawOrphans({ database: archive.database, server, settings: worker.settings }, study),
  }
}

function stateOf(worker: Worker): SyncState {
  const { pause } = worker.breaker
  return {
    server: worker.server.url,
    release: worker.settings.mapping.release,
    software: worker.capabilities?.software ?? null,
    status: worker.isStopped ? 'stopped' : (pause?.why ?? 'pushing'),
    problem: worker.problem,
    nextLookAt: pause && pause.until > 0 ? new Date(pause.until) : null,
    inFlight: worker.inFlight.size,
    lastPushAt: worker.lastPushAt,
    counts: { ...worker.counts },
    reconcile: reconcileState(worker.reconciling),
  }
}

async function run(worker: Worker): Promise<void> {
  while (!worker.isStopped) {
    // Armed before the look at the outbox: what is stored between the look and the sleep ends the sleep.
    const woken = new Promise<void>((resolve) => {
      worker.wakeUp = resolve
    })
    let sleepMs: number
    try {
      sleepMs = await step(worker)
    } catch (error) {
      // The database does not answer. It is asked again; nothing is lost, for it is there that everything is owed.
      worker.settings.report?.({ what: 'bug', error })
      sleepMs = worker.settings.pollMs
    }
    await nap(woken, sleepMs)
  }
}

/** One look; how long to sleep after it, in milliseconds. */
async function step(worker: Worker): Promise<number> {
  const { settings, archive, inFlight, breaker } = worker
  if (breaker.pause) {
    const left = breaker.pause.until - Date.now()
    if (left > 0) return left
    await look(worker)
    return 0
  }
  if (Date.now() - worker.revivedAt > HOUR_MS) {
    await reviveDead(worker, worker.revivedAt === 0 ? 0 : DAY_MS)
    worker.revivedAt = Date.now()
  }
  await reconcileIfDue(worker)
  const free = settings.concurrency - inFlight.size
  if (free <= 0) return settings.pollMs
  // A claim is a write: it is made only where a read has shown that there is something to claim.
  const due = await archive.database.outbox.nextDue()
  if (due === null || due > 0) return Math.min(due ?? settings.pollMs, settings.pollMs)
  const claims = await archive.database.outbox.claim(free, settings.leaseMs)
  for (const claim of claims) begin(worker, claim)
  return claims.length > 0 ? settings.pollMs : LOST_RACE_MS
}

/** Asks the server what it is, before the first push and after every pause. */
async function look(worker: Worker): Promise<void> {
  const { server, settings } = worker
  const wasStarting = worker.breaker.pause?.why === 'starting'
  try {
    const capabilities = await server.capabilities()
    worker.capabilities = capabilities
    const fault = releaseFault(capabilities.fhirVersion, settings.mapping.release)
    worker.problem = fault
    worker.breaker = fault === null ? CLOSED : pausedBy(worker, 'misconfigured')
    if (fault === null && !wasStarting) settings.report?.({ what: 'resumed' })
  } catch (error) {
    if (!isFhirError(error)) throw error
    worker.problem = error.message
    const failure = { kind: failureKind(error.kind), retryAfterMs: error.retryAfterMs }
    const next = afterFailure(worker.breaker, failure, Date.now(), settings.probeMs)
    worker.breaker =
      failure.kind === 'other' || !next.pause || next.pause.until <= Date.now()
        ? pausedBy(worker, 'unreachable')
        : next
    if (wasStarting) settings.report?.({ what: 'paused', error })
  }
}

function pausedBy({ breaker, settings }: Worker, why: PauseReason): Breaker {
  return { failures: breaker.failures, pause: { why, until: Date.now() + settings.probeMs } }
}

function failureKind(kind: string): 'transient' | 'auth' | 'misconfigured' | 'other' {
  return kind === 'transient' || kind === 'auth' || kind === 'misconfigured' ? kind : 'other'
}

function begin(worker: Worker, claim: Claim): void {
  const push = pushClaim(worker, claim)
    .then((error) => {
      if (error === null) {
        worker.breaker = worker.breaker.pause ? worker.breaker : CLOSED
        worker.problem = worker.breaker.pause ? worker.problem : null
        return
      }
      const failure = { kind: failureKind(error.kind), retryAfterMs: error.retryAfterMs }
      const before = worker.breaker
      worker.breaker = afterFailure(before, failure, Date.now(), worker.settings.probeMs)
      worker.problem = error.message
      if (worker.breaker.pause && !before.pause) worker.settings.report?.({ what: 'paused', error })
    })
    .catch((error: unknown) => worker.settings.report?.({ what: 'bug', study: claim.study, error }))
    .finally(() => {
      worker.inFlight.delete(claim.leaseToken)
      worker.wakeUp()
    })
  worker.inFlight.set(claim.leaseToken, push)
}

async function nap(woken: Promise<void>, ms: number): Promise<void> {
  if (ms <= 0) return
  let timer: NodeJS.Timeout | undefined
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([woken, slept])
  clearTimeout(timer)
}
