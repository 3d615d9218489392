import type { InstanceUids } from '../../dicom/data-set.ts'

export interface FeedRow {
  readonly seq: number
  readonly at: Date
  readonly action: 'create' | 'supersede' | 'reject' | 'delete' | 'restore'
  readonly uids: InstanceUids
}

/** THE FEED AND THE AUDIT TRAIL: rows are written with the change, numbered and chained after commit by one leased sequencer. */
export interface Ledger {
  /** Numbers what has been committed and not yet numbered; how many rows that was. Harmless from several processes. */
  sequence(): Promise<number>
  /** Feed rows with a number above `after`, in order, without gaps that could still be filled. */
  feed(after: number, limit: number): Promise<readonly FeedRow[]>
  /** Walks the audit chain; the number of the first row that does not fit, or null. */
  brokenAuditRow(): Promise<number | null>
}
