import type { Readable } from 'node:stream'
import type { DurableWrite } from '../durable-write.ts'
import type { Problem } from '../problem.ts'

/**
 * Bytes to keep: in memory, in the pieces in which they came, or in a staging file that the store may move or must
 * delete when they are durable.
 */
export interface NewBlob {
  readonly bytes: readonly Buffer[] | { readonly path: string }
  readonly size: number
  /** Lower-case hexadecimal SHA-256 of the bytes. */
  readonly sha256: string
}

/** Where durable bytes lie. `key` is opaque, made per attempt, never derived from UIDs and never used again. */
export interface BlobPlace {
  readonly key: string
  /** Version of the object, from stores that keep versions. */
  readonly versionId?: string
}

/** A range of bytes: `length` bytes from `offset`. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** A small blob that is in memory. */
export interface SmallBlob {
  readonly pieces: readonly Buffer[]
  readonly size: number
  /** Lower-case hexadecimal SHA-256 of the bytes. */
  readonly sha256: string
  /** Milliseconds since 1970 at which it was handed on: blobs sort by that (`arrival`). */
  readonly arrivedAt: number
}

/**
 * What became of bytes that somebody else was given to write: `written`; `untouched`, as there was no need of them; or
 * `torn`, so that nobody was told of them, and what the system said (`ENOSPC`).
 */
export type Handed<Result> =
  | { readonly bytes: 'written' | 'untouched'; readonly result: Result }
  | { readonly bytes: 'torn'; readonly code: string }

/**
 * Small blobs, written by whoever writes the index: one thread then makes the bytes durable and tells of them, where
 * otherwise three would wait for each other.
 */
export interface SmallBlobs {
  /** Bytes of a blob at most. */
  readonly mostBytes: number
  /**
   * Hands the bytes of a batch, laid out as one piece, to `write`, with the place that each blob has once they are
   * durable. Nothing else is written there meanwhile. Where `write` rejects the places are never used again, for nobody knows
   * whether it has written and told of them. Rejects as `write` does, and with Problem `unavailable`, also for torn bytes.
   */
  lend<Result>(
    batch: readonly SmallBlob[],
    write: (todo: DurableWrite, places: readonly BlobPlace[]) => Promise<Handed<Result>>,
  ): Promise<Result>
}

/** What requests may do with bytes: nothing here overwrites or deletes (design law). */
export interface BlobStore {
  /** Kept in the index beside each key: `folder`, or `s3:<bucket>`. */
  readonly name: string
  /**
   * Makes a batch durable; when it resolves, every place in the answer survives a power cut. Order as given; the
   * failure of one item is a value and leaves the others alone.
   */
  put(batch: readonly NewBlob[]): Promise<readonly (BlobPlace | Problem)[]>
  /** Where the store has them; {@link put} takes small blobs too. */
  readonly small?: SmallBlobs
  /**
   * The bytes, or `length` bytes from `offset`; their memory is the reader's from then on. Rejects with Problem
   * `unavailable` where the bytes should be but are not.
   */
  get(key: string, extent?: Extent): Promise<Readable>
  /** Size in bytes, or null where there is no such blob. */
  stat(key: string): Promise<{ readonly size: number } | null>
  /** Rejects with Problem `unavailable` when the store cannot be used now. */
  check(): Promise<void>
  close(): Promise<void>
}

export interface StoredBlob {
  readonly key: string
  readonly size: number
  readonly modifiedAt: Date
  /** When its key was made: that stays when the whole store is copied elsewhere. */
  readonly arrivedAt: Date
  /** Text that sorts blobs by their arrival, finer than milliseconds where one process stored them. */
  readonly arrival: string
  /** Where the store itself knows it (segment records do). */
  readonly sha256?: string
}

/** What verify, repair and reindex may do besides; requests never see this port. */
export interface BlobVault extends BlobStore {
  /** Every blob there is, referenced or not, in order of the keys. */
  list(): AsyncIterable<StoredBlob>
  /** Removes a blob that the caller has shown to be unreferenced; a blob that is gone already is no error. */
  remove(key: string): Promise<void>
}
