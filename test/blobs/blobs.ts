import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { isProblem } from '../../src/problem.ts'
import type { BlobPlace, BlobStore, BlobVault, NewBlob, StoredBlob } from '../../src/blobs/ports.ts'
import type { Problem } from '../../src/problem.ts'

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A blob in memory. */
export function blobOf(bytes: Buffer): NewBlob {
  return { bytes: [bytes], size: bytes.length, sha256: sha256Of(bytes) }
}

/** The same blob in a staging file of its own in `directory`. */
export async function stagedBlob(directory: string, bytes: Buffer): Promise<NewBlob> {
  const path = join(directory, `${randomBytes(8).toString('hex')}.part`)
  await writeFile(path, bytes)
  return { bytes: { path }, size: bytes.length, sha256: sha256Of(bytes) }
}

/** The key of a blob that was stored; throws the Problem if it was not. */
export function keyOf(answer: BlobPlace | Problem | undefined): string {
  if (answer === undefined) throw new Error('no answer')
  if (isProblem(answer)) throw answer
  return answer.key
}

/** Stores one blob and returns its key. */
export async function putOne(store: BlobStore, blob: NewBlob): Promise<string> {
  const [answer] = await store.put([blob])
  return keyOf(answer)
}

export async function readAll(
  store: BlobStore,
  key: string,
  offset?: number,
  length?: number,
): Promise<Buffer> {
  return buffer(await store.get(key, offset === undefined ? undefined : { offset, length: length ?? 0 }))
}

export async function listAll(vault: BlobVault): Promise<StoredBlob[]> {
  const found: StoredBlob[] = []
  for await (const blob of vault.list()) found.push(blob)
  return found
}
