import type { Uid } from '../../dicom/data-set.ts'
import type { Scope } from './instance-index.ts'
import type { AddOutcome, InstanceState, NewInstance } from './instance.ts'

/** Which instances change their state, and why. */
export interface StateChange {
  /** Of these, those of `instances`, if they are named. An empty scope is the whole archive, and then they must be. */
  readonly scope: Scope
  readonly instances?: readonly Uid[]
  /** Only those that are in one of these states are changed. */
  readonly from: readonly InstanceState[]
  readonly to: InstanceState
  /** What stands for them from now on, and the correction that made it. */
  readonly replacement?: { readonly instance: Uid; readonly correction: string }
  /** Name of the token, for the audit trail. */
  readonly actor: string | null
  /** In plain words, without patient data. */
  readonly reason: string
}

/**
 * WHAT IS SHOWN AND WHAT IS HIDDEN. Rows are never removed and bytes stay: an instance that is superseded, rejected or
 * deleted leaves lists, counts and levels, and can be brought back.
 */
export interface Lifecycle {
  /**
   * Moves instances from one state to another, in one transaction with level rows, tag index, counts, outbox, feed, audit
   * and tombstones; how many were moved. Again: none.
   */
  change(change: StateChange): Promise<number>
  /**
   * Stores a rejection note, which leaves lists and counts alone, and does the change that it asks for; both, or nothing
   * where the note is there already.
   */
  note(note: NewInstance, change: StateChange): Promise<AddOutcome>
}
