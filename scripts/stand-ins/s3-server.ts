// A small S3 server in memory, for tests and for trying things out: what the minio package needs of the S3 API (buckets,
// PUT, GET with ranges, HEAD, DELETE, uploads in parts, lists, conditional PUT, checksums) and faults on demand.
// It is no store: bytes are gone when it ends, and signatures are not checked, so it listens on the loopback alone.
//   node scripts/stand-ins/s3-server.ts [PORT]
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createS3Buckets, type S3Buckets, S3Refusal } from './s3/buckets.ts'
import { listObjectsXml, listUploadsXml, xml } from './s3/xml.ts'

/** What goes wrong with the next requests of a kind. */
export type S3Fault = {
  /** Methods that it befalls; all unless said. */
  readonly method?: string
  /** Only requests whose URL this matches. */
  readonly url?: RegExp
  /** How many requests; 1 unless said. */
  readonly times?: number
} & (
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Cuts the connection after so many bytes of the answer's body. */
  | { readonly kind: 'drop'; readonly afterBytes: number }
  /** Stops sending after so many bytes of the answer's body, but keeps the connection. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** Keeps only so many bytes of what is put, and says that all is well. */
  | { readonly kind: 'truncate'; readonly keep: number }
  /** Does as asked, then cuts the connection instead of answering. */
  | { readonly kind: 'ack-lost' }
)

export interface S3StandIn {
  readonly endpoint: string
  readonly accessKey: string
  readonly secretKey: string
  readonly region: string
  readonly buckets: S3Buckets
  /** Every request so far, as `PUT /bucket/key?query`. */
  readonly requests: readonly string[]
  /** Arranges a fault; those of one request are taken in the order arranged. */
  fail(fault: S3Fault): void
  /** Forgets the faults that have not come yet. */
  heal(): void
  stop(): Promise<void>
}

interface Armed {
  readonly fault: S3Fault
  left: number
}

/** Starts the server on a port of 127.0.0.1; 0 takes a free one. */
export async function startS3StandIn({ port = 0 }: { readonly port?: number } = {}): Promise<S3StandIn> {
  const buckets = createS3Buckets()
  const requests: string[] = []
  let armed: Armed[] = []

  function nextFault(request: IncomingMessage): S3Fault | undefined {
    const found = armed.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method ?? request.method) === request.method &&
        (fault.url?.test(request.url ?? '') ?? true),
    )
    if (found) found.left--
    return found?.fault
  }

  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    serve(buckets, request, response, nextFault(request)).catch((error: unknown) => {
      if (error instanceof S3Refusal) {
        refuse(response, error)
      } else {
        process.stderr.write(`s3 stand-in: ${String(error)}\n`)
        response.destroy()
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessKey: 'stand-in',
    secretKey: 'stand-in-secret',
    region: 'us-east-1',
    buckets,
    requests,
    fail: (fault) => void armed.push({ fault, left: fault.times ?? 1 }),
    heal: () => void (armed = []),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
}

async function serve(
  buckets: S3Buckets,
  request: IncomingMessage,
  response: ServerResponse,
  fault: S3Fault | undefined,
): Promise<void> {
  const received = await buffer(request)
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'status') {
    const later = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
    response.writeHead(fault.status, later).end()
    return
  }
  requireWhole(request, received)
  const answer = answerTo(
    buckets,
    request,
    fault?.kind === 'truncate' ? received.subarray(0, fault.keep) : received,
  )
  if (fault?.kind === 'ack-lost') response.destroy()
  else send(response, answer, fault)
}

function send(response: ServerResponse, answer: Answer, fault: S3Fault | undefined): void {
  const bytes = Buffer.from(answer.body ?? '')
  const length = answer.headers?.['content-length'] ?? String(bytes.length)
  response.writeHead(answer.status, { ...answer.headers, 'content-length': length })
  if (fault?.kind === 'drop' || fault?.kind === 'stall') {
    response.write(bytes.subarray(0, fault.afterBytes), () => {
      if (fault.kind === 'drop') response.destroy()
    })
  } else {
    response.end(bytes)
  }
}

function refuse(response: ServerResponse, { status, code, message }: S3Refusal): void {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(xml('Error', { Code: code, Message: message }))
}

/** The digests that a real server checks before it keeps anything. */
function requireWhole({ headers }: IncomingMessage, body: Buffer): void {
  const digests: [given: string | string[] | undefined, algorithm: string, encoding: 'hex' | 'base64'][] = [
    [headers['x-amz-content-sha256'], 'sha256', 'hex'],
    [headers['x-amz-checksum-sha256'], 'sha256', 'base64'],
    [headers['content-md5'], 'md5', 'base64'],
  ]
  for (const [given, algorithm, encoding] of digests) {
    if (given === undefined || given === 'UNSIGNED-PAYLOAD') continue
    if (createHash(algorithm).update(body).digest(encoding) === given) continue
    throw new S3Refusal(400, 'BadDigest', `The ${algorithm} that was sent is not that of the body.`)
  }
}

function answerTo(buckets: S3Buckets, request: IncomingMessage, body: Buffer): Answer {
  const url = new URL(request.url ?? '/', 'http://s3')
  const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  const key = rest.join('/')
  if (bucket === '') throw new S3Refusal(501, 'NotImplemented', 'Name a bucket.')
  if (key === '') return answerForBucket(buckets, bucket, request, url.searchParams)
  if (url.searchParams.has('uploads') || url.searchParams.has('uploadId')) {
    return answerForUpload(buckets, { bucket, key }, request, { query: url.searchParams, body })
  }
  return answerForObject(buckets, { bucket, key }, request, body)
}

function answerForBucket(
  buckets: S3Buckets,
  bucket: string,
  { method }: IncomingMessage,
  query: URLSearchParams,
): Answer {
  if (method === 'PUT') {
    buckets.make(bucket)
    return { status: 200 }
  }
  buckets.require(bucket)
  if (method === 'HEAD') return { status: 200 }
  if (method !== 'GET') throw new S3Refusal(501, 'NotImplemented', 'The stand-in keeps its buckets.')
  if (query.has('location')) return { status: 200, body: xml('LocationConstraint', {}) }
  if (query.has('uploads')) return { status: 200, body: listUploadsXml(buckets, bucket, query) }
  return { status: 200, body: listObjectsXml(buckets, bucket, query) }
}

interface Place {
  readonly bucket: string
  readonly key: string
}

function answerForUpload(
  buckets: S3Buckets,
  place: Place,
  request: IncomingMessage,
  { query, body }: { readonly query: URLSearchParams; readonly body: Buffer },
): Answer {
  const uploadId = query.get('uploadId') ?? ''
  if (request.method === 'POST' && query.has('uploads')) {
    const id = buckets.startUpload(place.bucket, place.key, metadataOf(request))
    return { status: 200, body: xml('InitiateMultipartUploadResult', { ...named(place), UploadId: id }) }
  }
  if (request.method === 'POST') {
    const parts = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) =>
      Number(number),
    )
    const { etag } = buckets.completeUpload(uploadId, parts)
    return {
      status: 200,
      body: xml('CompleteMultipartUploadResult', {
        Location: request.url ?? '',
        ...named(place),
        ETag: `"${etag}"`,
      }),
    }
  }
  if (request.method === 'PUT') {
    const etag = buckets.putPart(uploadId, Number(query.get('partNumber')), body)
    return { status: 200, headers: { etag: `"${etag}"` } }
  }
  if (request.method === 'DELETE') {
    buckets.abortUpload(uploadId)
    return { status: 204 }
  }
  throw new S3Refusal(501, 'NotImplemented', 'The stand-in does not list parts.')
}

function named({ bucket, key }: Place): { Bucket: string; Key: string } {
  return { Bucket: bucket, Key: key }
}

function answerForObject(buckets: S3Buckets, place: Place, request: IncomingMessage, body: Buffer): Answer {
  if (request.method === 'PUT') {
    const onlyNew = request.headers['if-none-match'] === '*'
    const { etag } = buckets.put(place.bucket, place.key, {
      bytes: body,
      metadata: metadataOf(request),
      onlyNew,
    })
    return { status: 200, headers: { etag: `"${etag}"` } }
  }
  if (request.method === 'DELETE') {
    buckets.remove(place.bucket, place.key)
    return { status: 204 }
  }
  const object = buckets.get(place.bucket, place.key)
  const headers = {
    etag: `"${object.etag}"`,
    'last-modified': object.modifiedAt.toUTCString(),
    'accept-ranges': 'bytes',
    ...object.metadata,
  }
  const size = object.bytes.length
  if (request.method === 'HEAD')
    return { status: 200, headers: { ...headers, 'content-length': String(size) } }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (from === undefined) return { status: 200, headers, body: object.bytes }
  if (Number(from) >= size) throw new S3Refusal(416, 'InvalidRange', 'The range cannot be satisfied.')
  const last = to ? Math.min(Number(to), size - 1) : size - 1
  const range = { 'content-range': `bytes ${from}-${last}/${size}` }
  return {
    status: 206,
    headers: { ...headers, ...range },
    body: object.bytes.subarray(Number(from), last + 1),
  }
}

function metadataOf({ headers }: IncomingMessage): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-'))
  return Object.fromEntries(own.map(([name, value]) => [name, String(value)]))
}

if (import.meta.main) {
  const { endpoint, accessKey, secretKey } = await startS3StandIn({ port: Number(process.argv[2] ?? 9000) })
  process.stdout.write(`S3_ENDPOINT=${endpoint} S3_ACCESS_KEY=${accessKey} S3_SECRET_KEY=${secretKey}\n`)
}
