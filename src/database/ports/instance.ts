import type { InstanceUids, ParsedInstance, Uid } from '../../dicom/data-set.ts'
import type { Problem } from '../../problem.ts'

/** Bytes that are durable already, and where. */
export interface PlacedBlob {
  readonly store: string
  readonly key: string
  readonly versionId?: string
  readonly size: number
  /** Lower-case hexadecimal, of the file as received. */
  readonly sha256: string
}

/** A piece of an instance's file: a corrected instance is its own new header and a range of the original. */
export interface BlobExtent {
  readonly store: string
  readonly key: string
  readonly offset: number
  readonly length: number
}

/**
 * `staged`: a corrected instance that waits for the others of its study; nobody sees it. `discarded`: one of a correction
 * that was given up, or a row that another took the place of before anybody saw it; nobody ever will.
 */
export type InstanceState = 'active' | 'superseded' | 'rejected' | 'deleted' | 'staged' | 'discarded'

/** What the index knows of a SOP Instance UID before anything is read of its bytes. */
export interface KnownInstance {
  readonly id: number
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
  readonly TransferSyntaxUID: Uid
  readonly fileSha256: string
  readonly datasetSha256: string
  readonly state: InstanceState
}

/** One instance as retrieve, sync and verify see it. */
export interface IndexedInstance extends KnownInstance {
  /** The file, in order; together `size` bytes. */
  readonly extents: readonly BlobExtent[]
  readonly size: number
  readonly damaged: boolean
  readonly sender: string | null
  readonly receivedAt: Date
  /** JSON text (UTF-8) of the stored data set, group 0002 left out; only when asked for. */
  readonly tags?: Buffer
  /** As `dicom/pixel-map.ts` encodes it; null without pixel data; only when asked for. */
  readonly pixelMap?: Buffer | null
}

/** One instance to be indexed. Its bytes are durable before it gets here. */
export interface NewInstance {
  readonly parsed: ParsedInstance
  /** Its file; or what of its file is new, where `composed` says so. */
  readonly blob: PlacedBlob
  /** Its file is made of pieces of several blobs, all but `blob` known already. `sha256` as of a blob. */
  readonly composed?: {
    readonly size: number
    readonly sha256: string
    readonly extents: readonly BlobExtent[]
  }
  /** SHA-256 of the data set: the file without preamble and group 0002. */
  readonly datasetSha256: string
  /** Who sent it: name of the token, else Source AE Title; null if unknown. */
  readonly sender: string | null
  readonly receivedAt: Date
}

export type AddOutcome =
  | { readonly kind: 'added' }
  /** The SOP Instance UID is taken; nothing was written. */
  | { readonly kind: 'exists'; readonly kept: KnownInstance }
  | { readonly kind: 'failed'; readonly problem: Problem }

/** Outcomes of a batch whose bytes came with it, by what became of these (`blobs/ports.ts`). */
export type AddedWithBytes =
  | {
      readonly bytes: 'written' | 'untouched'
      /** null, of bytes that are untouched: nothing is known of this one, and it is to be tried again without the others. */
      readonly outcomes: readonly (AddOutcome | null)[]
    }
  | { readonly bytes: 'torn'; readonly code: string }
