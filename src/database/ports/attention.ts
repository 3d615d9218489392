import type { Uid } from '../../dicom/data-set.ts'

export interface AttentionRow {
  readonly id: number
  /** e.g. `quarantined`, `mixed-patients`, `ambiguous-patient`, `identity-conflict`, `hand-edited`, `dead`. */
  readonly reason: string
  readonly study: Uid | null
  readonly instance: Uid | null
  /** Plain facts without patient data: tags, ids, hashes, old versions. */
  readonly detail: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  readonly resolvedAt: Date | null
}

/** WHAT A PERSON SHOULD LOOK AT. */
export interface Attention {
  /** Raises once for (reason, study, instance): an open row like it is refreshed, not doubled. */
  raise(row: {
    reason: string
    study?: Uid
    instance?: Uid
    detail?: Readonly<Record<string, unknown>>
  }): Promise<void>
  /** Resolves the open rows of (reason, study): the cause is gone. */
  clear(reason: string, study: Uid): Promise<void>
  resolve(id: number): Promise<boolean>
  list(options: { open: boolean; after?: number; limit: number }): Promise<readonly AttentionRow[]>
  /** Open rows by reason. */
  counts(): Promise<ReadonlyMap<string, number>>
}
