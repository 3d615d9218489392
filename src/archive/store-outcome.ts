import type { InstanceUids, Uid } from '../dicom/data-set.ts'
import { Unreadable } from '../dicom/reader.ts'
import { FAILURE } from '../dicom/reasons.ts'
import { isProblem } from '../problem.ts'

/** What became of one part of an upload; comments are for people, and never have a value of a data set in them. */
export type StoreOutcome = Stored | Refused

/** It is kept: these bytes, or the same instance that was there already. */
export interface Stored {
  readonly kind: 'stored'
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
  /** False when the same instance was there already and nothing was written. */
  readonly isNew: boolean
  /** Warning Reason (0008,1196) and why. */
  readonly warning?: { readonly reason: number; readonly comment: string }
}

export interface Refused {
  readonly kind: 'refused'
  /** Failure Reason (0008,1197). */
  readonly reason: number
  readonly comment: string
  /** As far as the part told them. */
  readonly SOPClassUID?: Uid
  readonly SOPInstanceUID?: Uid
  /** Trying again makes sense: disk, database or object store were at fault. */
  readonly again?: true
}

/**
 * What an error comes to for one instance. One that is neither a file that cannot be read nor a Problem of an engine is
 * a bug: it is told to `onBug`, and refuses that one instance, as others of the same upload may be stored by then.
 */
export function refusedBecause(error: unknown, onBug: (error: unknown) => void): Refused {
  if (error instanceof Unreadable) return refusal(error.reason, error.message)
  if (isProblem(error, 'unavailable')) {
    return {
      ...refusal(FAILURE.outOfResources.code, 'The archive cannot store now; send it again later'),
      again: true,
    }
  }
  if (!isProblem(error)) onBug(error)
  return refusal(FAILURE.processingFailure.code, 'The archive could not process it')
}

/** A refusal with a Failure Reason. */
export function refusal(reason: number, comment: string): Refused {
  return { kind: 'refused', reason, comment }
}
