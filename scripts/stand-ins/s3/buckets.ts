import { createHash, randomUUID } from 'node:crypto'

/** What S3 says when it refuses. */
export class S3Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface S3Object {
  readonly key: string
  readonly bytes: Buffer
  readonly etag: string
  readonly modifiedAt: Date
  /** Headers `x-amz-meta-…`. */
  readonly metadata: Record<string, string>
}

export interface S3Upload {
  readonly id: string
  readonly bucket: string
  readonly key: string
  readonly startedAt: Date
  readonly metadata: Record<string, string>
  readonly parts: Map<number, Buffer>
}

/** Buckets in memory. Everything refused throws {@link S3Refusal}. */
export interface S3Buckets {
  make(bucket: string): void
  require(bucket: string): void
  put(
    bucket: string,
    key: string,
    object: { readonly bytes: Buffer; readonly metadata: Record<string, string>; readonly onlyNew?: boolean },
  ): S3Object
  get(bucket: string, key: string): S3Object
  remove(bucket: string, key: string): void
  /** In order of the keys. */
  list(bucket: string): S3Object[]
  startUpload(bucket: string, key: string, metadata: Record<string, string>, startedAt?: Date): string
  /** Returns the ETag. */
  putPart(uploadId: string, part: number, bytes: Buffer): string
  completeUpload(uploadId: string, parts: readonly number[]): S3Object
  abortUpload(uploadId: string): void
  uploads(bucket: string): S3Upload[]
}

/** The least size of a part that is not the last (Amazon S3 API, CompleteMultipartUpload: EntityTooSmall). */
const LEAST_PART = 5 * 1024 * 1024

export function createS3Buckets(): S3Buckets {
  const buckets = new Map<string, Map<string, S3Object>>()
  const uploads = new Map<string, S3Upload>()

  function objectsOf(bucket: string): Map<string, S3Object> {
    const objects = buckets.get(bucket)
    if (objects === undefined) throw new S3Refusal(404, 'NoSuchBucket', 'There is no such bucket.')
    return objects
  }

  function uploadOf(id: string): S3Upload {
    const upload = uploads.get(id)
    if (upload === undefined) throw new S3Refusal(404, 'NoSuchUpload', 'There is no such upload.')
    return upload
  }

  function keep(bucket: string, object: Omit<S3Object, 'modifiedAt'>): S3Object {
    const kept = { ...object, modifiedAt: new Date() }
    objectsOf(bucket).set(object.key, kept)
    return kept
  }

  return {
    make(bucket) {
      if (buckets.has(bucket))
        throw new S3Refusal(409, 'BucketAlreadyOwnedByYou', 'The bucket is there already.')
      buckets.set(bucket, new Map())
    },
    require: (bucket) => void objectsOf(bucket),
    put(bucket, key, { bytes, metadata, onlyNew }) {
      if (onlyNew && objectsOf(bucket).has(key))
        throw new S3Refusal(412, 'PreconditionFailed', 'The key is taken.')
      return keep(bucket, { key, bytes: Buffer.from(bytes), etag: md5(bytes).toString('hex'), metadata })
    },
    get(bucket, key) {
      const object = objectsOf(bucket).get(key)
      if (object === undefined) throw new S3Refusal(404, 'NoSuchKey', 'There is no such key.')
      return object
    },
    remove: (bucket, key) => void objectsOf(bucket).delete(key),
    list: (bucket) => [...objectsOf(bucket).values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    startUpload(bucket, key, metadata, startedAt = new Date()) {
      objectsOf(bucket)
      const id = randomUUID()
      uploads.set(id, { id, bucket, key, metadata, startedAt, parts: new Map() })
      return id
    },
    putPart(uploadId, part, bytes) {
      uploadOf(uploadId).parts.set(part, Buffer.from(bytes))
      return md5(bytes).toString('hex')
    },
    completeUpload(uploadId, numbers) {
      const { bucket, key, metadata, parts } = uploadOf(uploadId)
      const bytes = numbers.map((number) => parts.get(number) ?? Buffer.alloc(0))
      if (bytes.slice(0, -1).some((part) => part.length < LEAST_PART)) {
        throw new S3Refusal(400, 'EntityTooSmall', 'A part that is not the last is smaller than 5 MiB.')
      }
      uploads.delete(uploadId)
      const etag = `${md5(Buffer.concat(bytes.map(md5))).toString('hex')}-${bytes.length}`
      return keep(bucket, { key, bytes: Buffer.concat(bytes), etag, metadata })
    },
    abortUpload(uploadId) {
      uploadOf(uploadId)
      uploads.delete(uploadId)
    },
    uploads: (bucket) => [...uploads.values()].filter((upload) => upload.bucket === bucket),
  }
}

function md5(bytes: Buffer): Buffer {
  return createHash('md5').update(bytes).digest()
}
