import type { BlobVault, StoredBlob } from '../blobs/ports.ts'
import type { Finding } from '../database/ports/inspection.ts'
import type { KeptArchive } from './archive.ts'
import { COMPLETION_SIZE, readCompletion } from './composed.ts'
import { inGroups } from './in-order.ts'
import { bytesIfThere } from './read-stored.ts'
import type { Tally, VerifyOptions } from './verify.ts'

const GROUP = 500

/**
 * Blobs that no row names, in order of their keys. A blob is durable before its row is (design §4), so that a young one
 * may be about to get it.
 */
export async function* orphans(
  { blobs, database }: KeptArchive,
  onListed?: (found: number) => void,
): AsyncGenerator<StoredBlob> {
  for await (const group of inGroups(blobs.list(), GROUP)) {
    onListed?.(group.length)
    const named = await database.inspection.referenced(
      blobs.name,
      group.map(({ key }) => key),
    )
    for (const blob of group) if (!named.has(blob.key) && !(await isCompletion(blobs, blob))) yield blob
  }
}

/** No row names it, and it is what `reindex` knows by that a correction was carried out. */
async function isCompletion(blobs: BlobVault, { key, size }: StoredBlob): Promise<boolean> {
  if (size > COMPLETION_SIZE) return false
  const bytes = await bytesIfThere(blobs, () => blobs.get(key))
  return bytes !== null && readCompletion(bytes) !== null
}

/** Blobs without a row, and rows of blobs without an instance. */
export async function* checkOrphans(
  archive: KeptArchive,
  { graceMs, since, progress }: VerifyOptions,
  tally: Tally,
): AsyncGenerator<Finding> {
  for (const { key, size } of await archive.database.inspection.unusedBlobs())
    yield { check: 'orphans', what: `blob ${key} (${size} bytes) has a row, and no instance is made of it` }
  const count = (found: number): void => {
    tally.blobs += found
    progress?.tick(found)
  }
  for await (const { key, size, modifiedAt } of orphans(archive, count)) {
    const ageMs = archive.now().getTime() - modifiedAt.getTime()
    if (ageMs < graceMs) tally.young++
    else if (since === undefined || modifiedAt >= since)
      yield { check: 'orphans', what: `blob ${key} (${size} bytes, ${ageInWords(ageMs)} old) has no row` }
  }
}

/** `5 h`, `3 d`. */
export function ageInWords(ms: number): string {
  const hours = ms / 3_600_000
  if (hours < 1) return `${Math.max(0, Math.floor(ms / 60_000))} min`
  return hours < 48 ? `${Math.floor(hours)} h` : `${Math.floor(hours / 24)} d`
}
