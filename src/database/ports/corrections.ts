import type { DataSet, Uid } from '../../dicom/data-set.ts'
import type { AddOutcome, KnownInstance, NewInstance } from './instance.ts'

/** `done` stays in force; `failed` waits for a person. */
export type CorrectionState = 'proposed' | 'approved' | 'running' | 'done' | 'failed' | 'rejected'

/** Series as a whole, and single instances, of one study. */
export interface StudyPart {
  readonly series: readonly Uid[]
  readonly instances: readonly Uid[]
}

export interface CorrectionDetail {
  /** Reason for the Attribute Modification (0400,0565). */
  readonly reason: 'CORRECT' | 'COERCE'
  /** Where it comes from, for people, without values: `FHIR Patient/p1/_history/7`. */
  readonly description: string
  /** Name of the token, or `fhir`. */
  readonly proposedBy: string | null
  /** Only these are corrected, and leave for a study of their own: they were of another patient. */
  readonly part?: StudyPart
  /** The ImagingStudy was given another subject. */
  readonly isSubject?: boolean
  /** Instances that were made, over all runs. */
  readonly corrected?: number
  /** Why it failed, by instance; in plain words, without values. */
  readonly failures?: readonly { readonly instance: Uid | null; readonly why: string }[]
}

/** What is to be said of a study instead. */
export interface CorrectionRow {
  /** UUIDv5 of archive, study, from, to and ordinal, and of the part where it is about one. */
  readonly id: string
  readonly study: Uid
  /** Of the corrections of the study, from 1. */
  readonly ordinal: number
  /** What those instances said of the attributes of `to` when it was proposed: each set of values once. */
  readonly from: readonly DataSet[]
  readonly to: DataSet
  readonly state: CorrectionState
  readonly proposedAt: Date
  readonly decidedAt: Date | null
  readonly decidedBy: string | null
  readonly doneAt: Date | null
  readonly detail: CorrectionDetail
}

/** WHAT IS TO BE CORRECTED, AND WHAT HAS BEEN (design §7). Each method is one transaction. */
export interface Corrections {
  /** The same proposal again, with no other in between, is the one that is there. */
  propose(proposal: {
    readonly study: Uid
    readonly from: readonly DataSet[]
    readonly to: DataSet
    readonly detail: CorrectionDetail
    readonly approved: boolean
  }): Promise<{ readonly correction: CorrectionRow; readonly isNew: boolean }>
  /** False where there is nothing to be decided so. */
  decide(id: string, decision: 'approve' | 'reject' | 'retry', actor: string | null): Promise<boolean>
  get(id: string): Promise<CorrectionRow | null>
  /** The newest first. */
  list(filter: {
    readonly state?: CorrectionState
    readonly study?: Uid
    readonly limit: number
  }): Promise<readonly CorrectionRow[]>
  /** One that is approved, or whose worker is gone; in the order of their study. */
  claim(leaseMs: number): Promise<CorrectionRow | null>
  /** False when it was ended by somebody else: stop then. */
  renew(id: string, leaseMs: number): Promise<boolean>
  /** What it has made so far, and of what. */
  made(id: string): Promise<readonly (readonly [source: KnownInstance, made: KnownInstance])[]>
  /** SOP Instance UIDs of what was hidden when it came, and is still to be corrected. */
  waiting(id: string): Promise<readonly Uid[]>
  /** Adds instances that nobody sees until `finish`; each with the SOP Instance UID of its source. */
  stage(
    id: string,
    batch: readonly { readonly instance: NewInstance; readonly source: Uid }[],
  ): Promise<readonly AddOutcome[]>
  /**
   * Shows all that was staged and hides what it was made of. Null when the correction is not being carried out any more;
   * `more`: instances with the old values have come meanwhile, and it is to be carried out for them too.
   */
  finish(id: string): Promise<{ readonly corrected: number; readonly more: boolean } | null>
  fail(id: string, failures: CorrectionDetail['failures']): Promise<boolean>
}
