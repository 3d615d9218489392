import { unlink } from 'node:fs/promises'
import { Client } from 'minio'
import { Problem } from '../problem.ts'
import { diskProblem, systemCode } from './faults.ts'
import { openGate } from './gate.ts'
import type { BlobPlace, BlobVault, NewBlob, StoredBlob } from './ports.ts'
import { isMissing, isTransient, openAttempts, storeProblem } from './s3/attempts.ts'
import { idOfKey, isObjectKey, PREFIX } from './s3/keys.ts'
import { readObject } from './s3/reading.ts'
import { openSource } from './s3/source.ts'
import { openTransport } from './s3/transport.ts'
import { openWriter, type S3Bucket } from './s3/writing.ts'
import { streamOf } from './streams.ts'
import { uuid7Time } from './uuid7.ts'

/** Objects written at once. */
const OBJECTS_AT_ONCE = 16
/** A multipart upload older than this was left by a crash. */
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000

export interface S3Options {
  /** `https://s3.example.org` or `http://127.0.0.1:9000`, without a path. */
  readonly endpoint: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
  /** Bucket in the path rather than in the host name; true unless said otherwise, as most servers other than Amazon's want it. */
  readonly pathStyle?: boolean
  /** A request fails after so many milliseconds without a byte either way; 30,000. */
  readonly idleMs?: number
  /** For looking only: no bucket is made, nothing is tidied up. */
  readonly readOnly?: boolean
  /** The pause before a second attempt, in milliseconds; later ones double it; 100. */
  readonly pauseMs?: number
}

/**
 * Opens a bucket of an S3 store as a vault of blobs, makes the bucket where it is missing, and aborts uploads in parts
 * that a crash left. Several processes may share a bucket.
 * @throws Problem `unavailable` when the store cannot be reached or refuses
 */
export async function openS3Blobs(options: S3Options): Promise<BlobVault> {
  const { bucket, idleMs = 30_000, pauseMs = 100 } = options
  const endpoint = readEndpoint(options.endpoint)
  const isSecure = endpoint.protocol === 'https:'
  const transport = openTransport(isSecure ? 'https:' : 'http:', idleMs)
  const client = new Client({
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ''),
    ...(endpoint.port === '' ? {} : { port: Number(endpoint.port) }),
    useSSL: isSecure,
    accessKey: options.accessKey,
    secretKey: options.secretKey,
    region: options.region,
    pathStyle: options.pathStyle ?? true,
    transport,
    transportAgent: transport.agent,
    retryOptions: { disableRetry: true },
  })
  const store: S3Bucket = { client, bucket, isSigned: !isSecure, attempts: openAttempts(pauseMs) }
  try {
    if (options.readOnly === true) await requireBucket(store)
    else {
      await makeBucket(store, options.region)
      await abortStaleUploads(store)
    }
  } catch (error) {
    transport.agent.destroy()
    throw storeProblem(error, 'The bucket cannot be opened')
  }
  return s3Vault(store, idleMs, () => transport.agent.destroy())
}

function readEndpoint(text: string): URL {
  const url = URL.parse(text)
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === ''
  if (!isPlain)
    throw new Problem('unavailable', 'The S3 endpoint must be http://host[:port] or https://host[:port].')
  return url
}

async function requireBucket({ client, bucket, attempts }: S3Bucket): Promise<void> {
  if (!(await attempts(() => client.bucketExists(bucket))))
    throw new Problem('unavailable', 'The bucket is not there.')
}

async function makeBucket({ client, bucket, attempts }: S3Bucket, region: string): Promise<void> {
  if (await attempts(() => client.bucketExists(bucket))) return
  try {
    await attempts(() => client.makeBucket(bucket, region))
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await attempts(() => client.bucketExists(bucket)))) throw error
  }
}

/** What this may not do is no reason not to start: a lifecycle rule of the bucket can do the same. */
async function abortStaleUploads({ client, bucket, attempts }: S3Bucket): Promise<void> {
  const isStale = (initiated: Date): boolean => Date.now() - initiated.getTime() > STALE_UPLOAD_MS
  try {
    let [keyMarker, uploadIdMarker] = ['', '']
    for (;;) {
      const page = await attempts(() =>
        client.listIncompleteUploadsQuery(bucket, PREFIX, keyMarker, uploadIdMarker, ''),
      )
      for (const { key, uploadId, initiated } of page.uploads) {
        if (isObjectKey(key) && isStale(initiated)) await client.abortMultipartUpload(bucket, key, uploadId)
      }
      if (!page.isTruncated) return
      ;[keyMarker, uploadIdMarker] = [page.nextKeyMarker, page.nextUploadIdMarker]
    }
  } catch (error) {
    if (isTransient(error)) throw error
  }
}

function s3Vault(store: S3Bucket, idleMs: number, disconnect: () => void): BlobVault {
  const { client, bucket, attempts } = store
  const write = blobWriter(store)
  let isClosed = false

  function requireOpen(): void {
    if (isClosed) throw new Problem('unavailable', 'The bucket is being closed.', { retryAfter: 5 })
  }

  /** Runs work on an open bucket; whatever the store does wrong becomes a Problem. */
  async function working<Answer>(work: () => Promise<Answer>, failure: string): Promise<Answer> {
    requireOpen()
    try {
      return await work()
    } catch (error) {
      throw storeProblem(error, failure)
    }
  }

  return {
    name: `s3:${bucket}`,
    async put(batch) {
      requireOpen()
      return Promise.all(batch.map(write))
    },
    get: (key, extent) =>
      working(async () => {
        requireKey(key)
        if (extent?.length !== 0) return readObject(store, key, extent, idleMs)
        // HTTP has no range of no bytes (RFC 9110 §14.1.2).
        const { size } = await attempts(() => client.statObject(bucket, key))
        if (extent.offset >= 0 && extent.offset <= size) return streamOf(Buffer.alloc(0))
        throw new Problem('unavailable', `A blob of ${size} bytes has no byte ${extent.offset}.`)
      }, 'A blob cannot be read'),
    stat: (key) =>
      working(async () => {
        if (!isObjectKey(key)) return null
        try {
          return { size: (await attempts(() => client.statObject(bucket, key))).size }
        } catch (error) {
          if (isMissing(error)) return null
          throw error
        }
      }, 'A blob cannot be looked up'),
    check: () => working(() => requireBucket(store), 'The bucket cannot be used'),
    async *list() {
      requireOpen()
      yield* listObjects(store)
    },
    remove: (key) =>
      working(() => {
        requireKey(key)
        return attempts(() => client.removeObject(bucket, key))
      }, 'A blob cannot be removed'),
    close() {
      isClosed = true
      disconnect()
      return Promise.resolve()
    },
  }
}

function requireKey(key: string): void {
  if (!isObjectKey(key)) throw new Problem('unavailable', 'This is no key of the object store.')
}

/** Writes one blob; its failure is a value. */
function blobWriter(store: S3Bucket): (blob: NewBlob) => Promise<BlobPlace | Problem> {
  const gate = openGate(OBJECTS_AT_ONCE)
  const write = openWriter(store)

  async function writeBlob(blob: NewBlob): Promise<BlobPlace> {
    const source = await openSource(blob)
    try {
      const place = await write(blob, source)
      // The bytes are kept, whatever becomes of the copy.
      if ('path' in blob.bytes) await unlink(blob.bytes.path).catch(() => undefined)
      return place
    } finally {
      await source.close()
    }
  }

  return async (blob) => {
    try {
      return await gate(() => writeBlob(blob))
    } catch (error) {
      const isOfDisk = systemCode(error) !== undefined && !isTransient(error)
      return isOfDisk
        ? diskProblem(error, 'A blob was not written')
        : storeProblem(error, 'A blob was not written')
    }
  }
}

/** Every object that is a blob of ours; begins again after the last key where the store fails for a moment. */
async function* listObjects({ client, bucket, attempts }: S3Bucket): AsyncGenerator<StoredBlob> {
  let after = ''
  for (;;) {
    const page = await attempts(() => client.listObjectsV2Query(bucket, PREFIX, '', '', 1000, after)).catch(
      (error: unknown) => {
        throw storeProblem(error, 'The bucket cannot be listed')
      },
    )
    for (const { name, size, lastModified } of page.objects) {
      if (name === undefined) continue
      after = name
      if (!isObjectKey(name)) continue
      const arrival = idOfKey(name)
      yield { key: name, size, modifiedAt: lastModified, arrivedAt: uuid7Time(arrival), arrival }
    }
    if (!page.isTruncated) return
  }
}
