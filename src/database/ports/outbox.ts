import type { Uid } from '../../dicom/data-set.ts'

/** A study whose FHIR resources are owed, held under a lease. */
export interface Claim {
  readonly study: Uid
  /** The generation this push will settle. State read after the claim is at least as new. */
  readonly gen: number
  readonly attempts: number
  readonly firstDirtyAt: Date
  readonly leaseToken: string
}

export interface Owed {
  readonly study: Uid
  readonly gen: number
  readonly doneGen: number
  readonly firstDirtyAt: Date
  readonly dueAt: Date
  readonly attempts: number
  readonly holdReason: string | null
  readonly deadSince: Date | null
  /** HTTP status or error code of the last attempt, without data of the study. */
  readonly lastError: string | null
  readonly leased: boolean
}

/** WHAT IS OWED TO THE FHIR SERVER (design §7). Times are the database's own clock. */
export interface Outbox {
  /** Up to `limit` studies that are due and free, each for `leaseMs`. */
  claim(limit: number, leaseMs: number): Promise<readonly Claim[]>
  /** Prolongs the own lease; false when it was lost: stop then. */
  renew(claim: Claim, leaseMs: number): Promise<boolean>
  /**
   * `done_gen = gen`, under the own lease; clears attempts. With `againMs`, the study is owed once more after so long,
   * where nothing new is owed anyway. False when the lease was lost.
   */
  settle(claim: Claim, againMs?: number | null): Promise<boolean>
  /** Gives the lease back; due again after `retryMs`; nothing is ever dropped. */
  postpone(
    claim: Claim,
    why: { error: string; retryMs: number; hold?: string; dead?: boolean },
  ): Promise<void>
  /** Marks a study as owed once more (reconcile, release of a hold, an operator). */
  touch(study: Uid): Promise<void>
  /** Counts, and the oldest `limit` studies that are owed. */
  owed(limit: number): Promise<{
    readonly studies: number
    readonly held: number
    readonly dead: number
    readonly oldestDirtyAt: Date | null
    readonly rows: readonly Owed[]
  }>
  /** Milliseconds until something may be claimed, 0 if now, null if nothing is owed. */
  nextDue(): Promise<number | null>
}
