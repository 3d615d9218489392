/** WHAT A BLOB IS, told from its bytes alone. */
import type { BlobVault, StoredBlob } from '../blobs/ports.ts'
import type { NewInstance } from '../database/ports/instance.ts'
import { type ReaderLimits, Unreadable } from '../dicom/reader.ts'
import { COMPOSITION_HEAD, readCompletion, readComposition, type Composition } from './composed.ts'
import { bytesIfThere, readIfThere } from './read-stored.ts'
import { fileOf } from './retrieve.ts'
import { sourceOf } from './store.ts'

/** An instance that can be added. */
export interface Ready {
  readonly kind: 'ready'
  readonly instance: NewInstance
  /** Of a corrected one: what it replaces. */
  readonly composition?: Composition
}

/** Made for a correction, which may not have been carried out. */
interface Made {
  readonly kind: 'made'
  readonly correction: string
  readonly blob: StoredBlob
}

/** All of a correction was made. */
interface Complete {
  readonly kind: 'complete'
  readonly correction: string
}

interface Refused {
  readonly kind: 'refused'
  readonly what: string
}

/** The file of an instance, something made for a correction, or the word that all of it was. */
export async function readBlob(
  blobs: BlobVault,
  stored: StoredBlob,
  limits: Partial<ReaderLimits>,
): Promise<Ready | Made | Complete | Refused> {
  const { key, arrivedAt } = stored
  const file = await readIfThere(blobs, limits, () => blobs.get(key))
  if (file === null) return refused(key, 'its bytes cannot be read')
  const { parsed, size, sha256, datasetSha256 } = file
  if (!(parsed instanceof Unreadable)) {
    const blob = { store: blobs.name, key, size, sha256 }
    const instance = { parsed, blob, datasetSha256, sender: sourceOf(parsed), receivedAt: arrivedAt }
    return { kind: 'ready', instance }
  }
  const head = await headOf(blobs, stored)
  if (head === null) return refused(key, 'its bytes cannot be read')
  const complete = readCompletion(head)
  if (complete !== null) return { kind: 'complete', correction: complete }
  const composed = readComposition(head, { store: blobs.name, key })
  if (composed === null) return refused(key, parsed.message)
  return { kind: 'made', correction: composed.composition.correction, blob: stored }
}

/** A corrected instance, put together from its pieces. */
export async function readMade(
  blobs: BlobVault,
  stored: StoredBlob,
  limits: Partial<ReaderLimits>,
): Promise<Ready | Refused> {
  const { key, arrivedAt: receivedAt } = stored
  const own = await readIfThere(blobs, limits, () => blobs.get(key))
  const head = await headOf(blobs, stored)
  const composed = head === null ? null : readComposition(head, { store: blobs.name, key })
  if (own === null || composed === null) return refused(key, 'its bytes cannot be read')
  const { composition, extents } = composed
  const { size, sha256 } = composition
  const file = await readIfThere(blobs, limits, fileOf({ blobs }, { extents, size }))
  if (file === null || file.parsed instanceof Unreadable || file.sha256 !== sha256)
    return refused(key, 'the pieces of its corrected instance are not what they were')
  const { parsed, datasetSha256 } = file
  const instance = {
    parsed,
    blob: { store: blobs.name, key, size: own.size, sha256: own.sha256 },
    composed: { size, sha256, extents },
    datasetSha256,
    sender: sourceOf(parsed),
    receivedAt,
  }
  return { kind: 'ready', instance, composition }
}

function headOf(blobs: BlobVault, { key, size }: StoredBlob): Promise<Buffer | null> {
  const extent = { offset: 0, length: Math.min(size, COMPOSITION_HEAD) }
  return bytesIfThere(blobs, () => blobs.get(key, extent))
}

function refused(key: string, why: string): Refused {
  return { kind: 'refused', what: `blob ${key}: ${why}` }
}
