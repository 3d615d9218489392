import { createHash } from 'node:crypto'
import type { Client } from 'minio'
import { Problem } from '../../problem.ts'
import { openGate } from '../gate.ts'
import type { BlobPlace, NewBlob } from '../ports.ts'
import { newUuid7 } from '../uuid7.ts'
import { isMissing, type Attempts } from './attempts.ts'
import { objectKey } from './keys.ts'
import type { Source } from './source.ts'

const MIB = 1024 * 1024
/** A blob up to this size is one PUT; a larger one goes in parts of it. */
export const PART_BYTES = 8 * MIB
/** The largest number of parts of one object (Amazon S3 API, UploadPart). */
const MAX_PARTS = 10_000
/** Parts in memory and on the way at once, over all blobs. */
const PARTS_AT_ONCE = 4
/** Up to this size the MD5 of what was sent is compared with the ETag rather than asking for the size. */
const ETAG_CHECK_BYTES = 64 * 1024

export interface S3Bucket {
  readonly client: Client
  readonly bucket: string
  /** Over plain HTTP requests are signed with the SHA-256 of their body, which the server checks. */
  readonly isSigned: boolean
  readonly attempts: Attempts
}

interface Kept {
  readonly etag: string
  readonly versionId: string | null
}

/** Writes one blob under a new key. Rejects with whatever the store or the disk says. */
export type ObjectWriter = (blob: NewBlob, source: Source) => Promise<BlobPlace>

export function openWriter(store: S3Bucket): ObjectWriter {
  const gate = openGate(PARTS_AT_ONCE)
  return async (blob, source) => {
    const key = objectKey(newUuid7())
    const isOnePut = source.size <= PART_BYTES
    const bytes = isOnePut ? await source.read(0, source.size) : null
    const kept = bytes
      ? await putWhole(store, key, bytes, blob.sha256)
      : await putInParts(store, key, blob, { source, gate })
    // A proxy may cut a body short and still answer 200.
    const isProven =
      bytes !== null && bytes.length <= ETAG_CHECK_BYTES && kept.etag === md5(bytes).toString('hex')
    if (!isProven) await requireKeptSize(store, key, source.size)
    return kept.versionId === null || kept.versionId === 'null' ? { key } : { key, versionId: kept.versionId }
  }
}

/**
 * One PUT, by the package's own primitive: its putObject copies the buffer and hashes it twice, and what it needs, the
 * SHA-256, is known already. Sent again after a lost answer it writes the same bytes under the same, unshared key.
 */
async function putWhole(store: S3Bucket, key: string, bytes: Buffer, sha256: string): Promise<Kept> {
  const { client, bucket, isSigned, attempts } = store
  const headers = {
    'content-length': bytes.length,
    'content-type': 'application/octet-stream',
    'x-amz-meta-sha256': sha256,
    'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64'),
  }
  const response = await attempts(() => {
    const request = { method: 'PUT', bucketName: bucket, objectName: key, headers: { ...headers } }
    return client.makeRequestStreamAsync(request, bytes, isSigned ? sha256 : '', [200], '')
  })
  response.resume()
  const versionId = response.headers['x-amz-version-id']
  return {
    etag: unquoted(response.headers.etag ?? ''),
    versionId: typeof versionId === 'string' ? versionId : null,
  }
}

/** A multipart upload, aborted where it fails. */
async function putInParts(
  store: S3Bucket,
  key: string,
  blob: NewBlob,
  { source, gate }: { readonly source: Source; readonly gate: ReturnType<typeof openGate> },
): Promise<Kept> {
  const { client, bucket, attempts } = store
  const uploadId = await attempts(() =>
    client.initiateNewMultipartUpload(bucket, key, { 'x-amz-meta-sha256': blob.sha256 }),
  )
  try {
    const partBytes = Math.max(PART_BYTES, Math.ceil(source.size / MAX_PARTS))
    const offsets = Array.from({ length: Math.ceil(source.size / partBytes) }, (_, i) => i * partBytes)
    const failed = new AbortController()
    // Used again for the next part: buffers that wait for the garbage collector are memory too.
    const spare: Buffer[] = []
    const parts = await Promise.all(
      offsets.map((offset, i) =>
        gate(async () => {
          // After one part has failed for good the others need not be sent.
          failed.signal.throwIfAborted()
          const into = spare.pop() ?? Buffer.allocUnsafeSlow(partBytes)
          const bytes = await source.read(offset, Math.min(partBytes, source.size - offset), into)
          const kept = await putPart(store, { key, uploadId, part: i + 1 }, bytes)
          spare.push(into)
          return kept
        }).catch((error: unknown) => {
          failed.abort(error)
          throw error
        }),
      ),
    )
    return await complete(store, key, uploadId, parts)
  } catch (error) {
    await client.abortMultipartUpload(bucket, key, uploadId).catch(() => undefined)
    throw error
  }
}

interface PartPlace {
  readonly key: string
  readonly uploadId: string
  readonly part: number
}

async function putPart(
  store: S3Bucket,
  { key, uploadId, part }: PartPlace,
  bytes: Buffer,
): Promise<{ part: number; etag: string }> {
  const config = {
    bucketName: store.bucket,
    objectName: key,
    uploadID: uploadId,
    partNumber: part,
    headers: store.isSigned ? {} : { 'content-md5': md5(bytes).toString('base64') },
  }
  const { etag } = await store.attempts(() =>
    store.client.uploadPart({ ...config, headers: { ...config.headers } }, bytes),
  )
  return { part, etag }
}

/** Completing again after a lost answer finds no upload any more; the object then tells whether it was made. */
async function complete(
  { client, bucket, attempts }: S3Bucket,
  key: string,
  uploadId: string,
  parts: { part: number; etag: string }[],
): Promise<Kept> {
  try {
    const { etag, versionId } = await attempts(() =>
      client.completeMultipartUpload(bucket, key, uploadId, parts),
    )
    return { etag, versionId }
  } catch (error) {
    if (!isMissing(error)) throw error
    const { etag, versionId } = await attempts(() => client.statObject(bucket, key))
    return { etag, versionId: versionId ?? null }
  }
}

async function requireKeptSize(
  { client, bucket, attempts }: S3Bucket,
  key: string,
  size: number,
): Promise<void> {
  const kept = await attempts(() => client.statObject(bucket, key))
  if (kept.size === size) return
  throw new Problem('unavailable', `The object store kept ${kept.size} of ${size} bytes.`, { retryAfter: 10 })
}

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest()
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', '')
}
