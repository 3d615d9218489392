import type { Finding } from '../database/ports/inspection.ts'
import type { ReaderLimits } from '../dicom/reader.ts'
import { type FhirServer, isFhirError } from '../fhir/ports.ts'
import { isProblem, Problem } from '../problem.ts'
import type { KeptArchive } from './archive.ts'
import { checkInstances, checkSetAside } from './verify-bytes.ts'
import { checkFhir } from './verify-fhir.ts'
import { checkOrphans } from './verify-orphans.ts'

export interface VerifyOptions {
  /** Read every byte again: digests, and what the reader makes of the file against what the index says. */
  readonly deep: boolean
  /** Of the instances, so many are looked at, by chance: 1 is all of them. */
  readonly sample: number
  /** Only bytes that came since then. */
  readonly since?: Date | undefined
  /** A blob that nothing names is no finding while it is younger: its transaction may be under way. */
  readonly graceMs: number
  readonly limits: Partial<ReaderLimits>
  /** To compare what is there with what should be. */
  readonly fhir?: FhirServer | undefined
  readonly progress?: Progress | undefined
}

/** Told how far the work is. */
export interface Progress {
  /** A check begins; `total` of its steps, where that is known. */
  begin(check: string, total?: number): void
  tick(steps: number): void
}

/** What was looked at, counted. */
export interface Tally {
  findings: number
  instances: number
  bytes: number
  blobs: number
  /** Blobs that nothing names, younger than the grace period. */
  young: number
  quarantined: number
  /** Blobs whose removal was begun; `repair` ends it. */
  doomed: number
  /** Studies owed to the FHIR server, and since when the oldest of them is. */
  owed: number
  owedSince: Date | null
  fhir: number
}

export function emptyTally(): Tally {
  return {
    findings: 0,
    instances: 0,
    bytes: 0,
    blobs: 0,
    young: 0,
    quarantined: 0,
    doomed: 0,
    owed: 0,
    owedSince: null,
    fhir: 0,
  }
}

/**
 * Looks whether the archive is what it claims to be (design §8), and changes nothing. Every disagreement is a finding,
 * told as soon as it is met, without patient data. What is stored meanwhile makes no findings. Rejects with Problem
 * `unavailable` when database or blobs cannot be used now.
 */
export async function* verify(
  archive: KeptArchive,
  options: VerifyOptions,
  tally: Tally,
): AsyncGenerator<Finding> {
  const { inspection, ledger } = archive.database
  const { instances } = await inspection.counts()
  const checks: readonly (readonly [string, number | undefined, () => AsyncIterable<Finding>])[] = [
    ['integrity', undefined, () => listed(inspection.integrity())],
    ['relations', undefined, () => listed(inspection.relations())],
    ['levels', undefined, () => inspection.levels()],
    ['outbox', undefined, () => checkOwed(archive, tally)],
    ['audit', undefined, () => listed(brokenAudit(ledger.brokenAuditRow()))],
    ['bytes', instances, () => checkInstances(archive, options, tally)],
    ['quarantine', undefined, () => checkSetAside(archive, options, tally)],
    ['orphans', instances, () => checkOrphans(archive, options, tally)],
    ['fhir', undefined, () => checkFhir(archive, options, tally)],
  ]
  const told = new Set<string>()
  for (const [name, total, check] of checks) {
    options.progress?.begin(name, total)
    for await (const finding of finished(name, check())) {
      // Two ways of looking at one row may find the same.
      if (told.has(finding.what)) continue
      told.add(finding.what)
      tally.findings++
      yield finding
    }
  }
}

/** A check that trips over what it should look at has found something; the others go on. */
async function* finished(check: string, findings: AsyncIterable<Finding>): AsyncGenerator<Finding> {
  try {
    yield* findings
  } catch (error) {
    if (isProblem(error)) throw error
    if (isFhirError(error))
      throw new Problem('unavailable', `The FHIR server cannot be asked: ${error.message}`, { cause: error })
    const { name = 'Error', code } = error as { name?: string; code?: string }
    yield { check, what: `the check could not be ended (${code === undefined || code === '' ? name : code})` }
  }
}

async function* listed(findings: Promise<readonly Finding[]>): AsyncGenerator<Finding> {
  yield* await findings
}

async function* checkOwed({ database }: KeptArchive, tally: Tally): AsyncGenerator<Finding> {
  const { studies, oldestDirtyAt } = await database.outbox.owed(0)
  tally.owed = studies
  tally.owedSince = oldestDirtyAt
  yield* database.inspection.outbox()
}

async function brokenAudit(row: Promise<number | null>): Promise<Finding[]> {
  const broken = await row
  if (broken === null) return []
  return [{ check: 'audit', what: `the chain of the audit trail is broken at row ${broken}` }]
}
