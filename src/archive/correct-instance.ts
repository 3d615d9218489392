import { buffer } from 'node:stream/consumers'
import type { NewBlob } from '../blobs/ports.ts'
import type { BlobExtent, IndexedInstance, NewInstance } from '../database/ports/instance.ts'
import { correctionPatch, type Correction } from '../dicom/correction.ts'
import type { Uid } from '../dicom/data-set.ts'
import { within } from '../dicom/frames.ts'
import { patchFile, type PatchedPiece } from '../dicom/patch.ts'
import { scanFile } from '../dicom/patch-scan.ts'
import type { Extent } from '../dicom/pixel-map.ts'
import { Unreadable, type ReaderLimits } from '../dicom/reader.ts'
import type { Archive } from './archive.ts'
import { composedBlob, composedExtents, sha256Of, type Composition } from './composed.ts'
import { readStored } from './read-stored.ts'
import { originalOf } from './retrieve.ts'

export interface CorrectedInstance {
  readonly blob: NewBlob
  /** The row, once its blob has a place. */
  readonly instance: (place: { readonly key: string; readonly versionId?: string }) => NewInstance
}

/** How one instance is corrected. */
export interface CorrectionOfOne {
  readonly id: string
  readonly correction: Correction
  /** Old and new UIDs of everything that is corrected together. */
  readonly uids: ReadonlyMap<Uid, Uid>
  readonly limits: Partial<ReaderLimits>
}

/** Ranges below this are copied: a read more costs as much as so many bytes. */
const SHARED_AT_LEAST = 64 * 1024

/**
 * Makes the corrected file of an instance, as new bytes and ranges of the blobs of its original, and reads it once from
 * beginning to end as it will be read. Rejects with `Unreadable` where the file cannot be patched, with Problem `corrupt`
 * where the original has rotted, and with Problem `unavailable`.
 */
export async function correctInstance(
  archive: Archive,
  original: IndexedInstance,
  { id, correction, uids, limits }: CorrectionOfOne,
): Promise<CorrectedInstance> {
  const { open } = originalOf(archive, original)
  const file = await scanFile(open, limits)
  const patch = correctionPatch(file.parsed, uids, correction, original.sender)
  const { own, pieces } = await gathered(await patchFile(file, patch), async (extent) =>
    buffer(await open(extent)),
  )
  const ranges = pieces.flatMap((piece) =>
    piece.isOwn ? [piece.extent] : within(original.extents, piece.extent),
  )
  const read = async function* (): AsyncGenerator<Buffer> {
    for (const { isOwn, extent } of pieces)
      if (isOwn) yield own.subarray(extent.offset, extent.offset + extent.length)
      else yield* (await open(extent)) as AsyncIterable<Buffer>
  }
  const { parsed, size, sha256, datasetSha256 } = await readStored(read(), limits)
  if (parsed instanceof Unreadable) throw parsed
  if (parsed.uids.instance !== uids.get(original.uids.instance))
    throw new Unreadable('would not be the instance that it should be')
  const composition: Composition = {
    correction: id,
    source: original.uids.instance,
    size,
    sha256,
    pieces: ranges,
  }
  const bytes = composedBlob(composition, own)
  const blob = { bytes: [bytes], size: bytes.length, sha256: sha256Of(bytes) }
  return {
    blob,
    instance: (place) => {
      const at = { store: archive.blobs.name, ...place }
      const extents: readonly BlobExtent[] = composedExtents(composition, bytes, {
        store: at.store,
        key: at.key,
      })
      return {
        parsed,
        blob: { ...at, size: blob.size, sha256: blob.sha256 },
        composed: { size, sha256, extents },
        datasetSha256,
        sender: original.sender,
        receivedAt: correction.now,
      }
    },
  }
}

interface Gathered {
  /** Everything that is not shared, one after the other. */
  readonly own: Buffer
  readonly pieces: readonly { readonly isOwn: boolean; readonly extent: Extent }[]
}

/** Tells what is copied from what is shared, and joins what is copied. */
async function gathered(
  patched: readonly PatchedPiece[],
  read: (extent: Extent) => Promise<Buffer>,
): Promise<Gathered> {
  const chunks: Buffer[] = []
  const pieces: { isOwn: boolean; extent: Extent }[] = []
  let size = 0
  for (const piece of patched) {
    if (!Buffer.isBuffer(piece) && piece.length >= SHARED_AT_LEAST) {
      pieces.push({ isOwn: false, extent: piece })
      continue
    }
    const bytes = Buffer.isBuffer(piece) ? piece : await read(piece)
    const last = pieces.at(-1)
    if (last?.isOwn === true) last.extent = { ...last.extent, length: last.extent.length + bytes.length }
    else pieces.push({ isOwn: true, extent: { offset: size, length: bytes.length } })
    chunks.push(bytes)
    size += bytes.length
  }
  return { own: Buffer.concat(chunks), pieces }
}
