import type { Uid } from '../../dicom/data-set.ts'

export type LevelName = 'patient' | 'study' | 'series'

/** A row that is derived from instances, the postings of a series, or the numbers of the whole archive. */
export interface DerivedRow {
  readonly level: LevelName | 'postings' | 'archive'
  /** Of the row of patient, study or series; 0 of the archive. */
  readonly id: number
}

export interface Finding {
  readonly check: string
  /** In plain words: UIDs, numbers of rows, keys and hashes, never a value of a data set. */
  readonly what: string
  /** What is to be derived anew, where that is the remedy. */
  readonly entity?: DerivedRow
  /** The study to be owed once more, where that is the remedy. */
  readonly study?: Uid
}

export interface BlobRow {
  readonly id: number
  readonly store: string
  readonly key: string
  readonly size: number
  readonly sha256: string
  readonly state: 'live' | 'quarantined' | 'doomed'
}

/** What `verify` and `repair` ask. */
export interface Inspection {
  /**
   * Rows of patient, study and series that differ from the GROUP BY views that define them, or in their attributes from
   * their instances; postings that miss a value; whole-archive numbers that are not those of the instances.
   */
  levels(): AsyncIterable<Finding>
  /** Rows that point to rows which are not there, or that contradict each other. */
  relations(): Promise<readonly Finding[]>
  /** Blob rows that no instance and no quarantine names, the first thousand; without doomed ones. */
  unusedBlobs(): Promise<readonly BlobRow[]>
  /** Blob rows by id, in pages. */
  blobs(afterId: number, limit: number): Promise<readonly BlobRow[]>
  /** Those of the keys that some row names. */
  referenced(store: string, keys: readonly string[]): Promise<ReadonlySet<string>>
  /** Outbox rows and links that contradict each other or the index. */
  outbox(): AsyncIterable<Finding>
  /** The engine's own integrity check. */
  integrity(): Promise<readonly Finding[]>
  /** Whole-archive numbers. */
  counts(): Promise<{ patients: number; studies: number; series: number; instances: number; bytes: number }>
}
