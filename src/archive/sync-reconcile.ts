import { isFhirError } from '../fhir/ports.ts'
import { compareStudies, type Comparison, type Drift, PAGE } from './reconcile-drift.ts'
import { findStrays, ORPHANED } from './reconcile-orphans.ts'
import type { Worker } from './sync.ts'

/** How far the comparison of all that was pushed with what is there has come, for people. Never with patient data. */
export interface ReconcileState {
  readonly status: 'never' | 'running' | 'done' | 'failed'
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  /** Studies compared so far. */
  readonly studies: number
  /** What was found, in studies. All but orphans are owed once more, and mended or left alone by the push. */
  readonly found: Readonly<Partial<Record<Drift, number>>>
  /** Why it stopped; it goes on from there. */
  readonly problem: string | null
}

/** What is kept of it in the database, so that a process that dies goes on, and two do not do the same. */
interface Run {
  readonly startedAt: number
  readonly endedAt: number | null
  /** When it last made progress. */
  readonly at: number
  /** The last study compared; null: none yet. */
  readonly after: string | null
  readonly studies: number
  readonly found: Partial<Record<Drift, number>>
}

/** A part of the worker: the run, and whether it is under way in this process. */
export interface Reconciling {
  run: Run | null
  problem: string | null
  isWanted: boolean
  /** Not before, in milliseconds since 1970. */
  notBefore: number
  running: Promise<void> | null
}

const FACT = 'reconcile'
/** A run that made no progress for so long has no process any more; and so long is waited after a failure. */
const STALLED_MS = 600_000

export const NOT_RECONCILING: Readonly<Reconciling> = {
  run: null,
  problem: null,
  isWanted: false,
  notBefore: 0,
  running: null,
}

export function reconcileState({ run, problem, running }: Reconciling): ReconcileState {
  const ended = run?.endedAt ?? null
  const status = running ? 'running' : run === null ? 'never' : ended === null ? 'failed' : 'done'
  return {
    status,
    startedAt: run && new Date(run.startedAt),
    endedAt: ended === null ? null : new Date(ended),
    studies: run?.studies ?? 0,
    found: run?.found ?? {},
    problem,
  }
}

/** Begins a run where one is due or wanted and none is under way; pushes go on meanwhile. */
export async function reconcileIfDue(worker: Worker): Promise<void> {
  const { reconciling, archive, settings } = worker
  const now = Date.now()
  if (reconciling.running || (!reconciling.isWanted && now < reconciling.notBefore)) return
  const text = await archive.database.fhir.fact(FACT)
  const last = text === null ? null : (JSON.parse(text) as Run)
  reconciling.run = last
  const begins = runToDo(last, { isWanted: reconciling.isWanted, everyMs: settings.reconcileMs, now })
  if (begins === null) {
    reconciling.notBefore = now + Math.min(STALLED_MS, settings.reconcileMs || STALLED_MS)
    return
  }
  reconciling.isWanted = false
  reconciling.problem = null
  reconciling.run = begins
  reconciling.running = runAll(worker, begins).finally(() => {
    reconciling.running = null
  })
}

/** The run to begin or to go on with now; null: none. */
function runToDo(
  last: Run | null,
  { isWanted, everyMs, now }: { readonly isWanted: boolean; readonly everyMs: number; readonly now: number },
): Run | null {
  const fresh: Run = { startedAt: now, endedAt: null, at: now, after: null, studies: 0, found: {} }
  if (isWanted) return fresh
  if (everyMs === 0) return null
  if (last === null) return fresh
  if (last.endedAt === null) return now - last.at > STALLED_MS ? last : null
  return now - last.startedAt >= everyMs ? fresh : null
}

async function runAll(worker: Worker, from: Run): Promise<void> {
  const { reconciling, settings } = worker
  try {
    await run(worker, from)
    settings.report?.({ what: 'reconciled' })
  } catch (error) {
    reconciling.problem = isFhirError(error) ? error.message : 'internal'
    reconciling.notBefore = Date.now() + STALLED_MS
    settings.report?.({ what: isFhirError(error) ? 'not-reconciled' : 'bug', error })
  }
}

async function run(worker: Worker, from: Run): Promise<void> {
  const { archive, server, settings, reconciling } = worker
  const comparison: Comparison = { database: archive.database, server, settings }
  let current = from
  const keep = async (more: Partial<Run>): Promise<void> => {
    current = { ...current, ...more, at: Date.now() }
    reconciling.run = current
    await archive.database.fhir.saveFact(FACT, JSON.stringify(current))
  }
  await keep({})
  for (let more = true; more && !worker.isStopped;) {
    const links = await archive.database.fhir.links('study', current.after, PAGE)
    const drifts = await compareStudies(comparison, links)
    more = links.length === PAGE
    const after = links.at(-1)?.key ?? current.after
    await keep({ after, studies: current.studies + links.length, found: counted(current.found, drifts) })
    if (drifts.length > 0) worker.wakeUp()
  }
  const orphans = new Set<string>()
  for await (const [study, drift] of findStrays(comparison)) {
    if (worker.isStopped) return
    if (drift === 'orphaned') orphans.add(study)
    await keep({ found: counted(current.found, [[study, drift]]) })
    if (drift !== 'orphaned') worker.wakeUp()
  }
  if (worker.isStopped) return
  await clearFound(comparison, orphans)
  await keep({ endedAt: Date.now() })
}

/** Rows of orphans that are none any more: the cause is gone. */
async function clearFound({ database }: Comparison, orphans: ReadonlySet<string>): Promise<void> {
  for (const { reason, study } of await database.attention.list({ open: true, limit: 10_000 })) {
    if (reason === ORPHANED && study !== null && !orphans.has(study)) {
      await database.attention.clear(ORPHANED, study)
    }
  }
}

function counted(found: Run['found'], drifts: readonly (readonly [string, Drift])[]): Run['found'] {
  const counts = { ...found }
  for (const [, drift] of drifts) counts[drift] = (counts[drift] ?? 0) + 1
  return counts
}
