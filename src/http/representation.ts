/** What every answer with bytes in it needs: validators, ranges, bytes as they come. RFC 9110 §8.4, §8.8, §13, §14. */
import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { Request, Response } from 'express'
import type { Extent } from '../blobs/ports.ts'
import { Problem } from '../problem.ts'
import { freedWhenSent } from './sent-memory.ts'

/** Bytes of an instance never change; asking again after an hour tells who may still see them. */
export const IMMUTABLE = 'private, max-age=3600'
/** Of what changes with every instance that comes: kept, but asked for every time. */
export const CHECKED = 'private, no-cache'

/** A strong entity tag of a representation: what it is made of, and its form. */
export function entityTag(...of: readonly string[]): string {
  return tagOf(createHash('sha256').update(of.join('\n')))
}

/** The tag of a hash that has taken what the representation is made of. */
export function tagOf(hash: Hash): string {
  return `"${hash.digest('base64url').slice(0, 32)}"`
}

/**
 * Sets the validator, and answers 304 when the client has that representation already; true then. `cache`: how long a
 * browser may keep it without asking.
 */
export function isNotModified(request: Request, response: Response, tag: string, cache: string): boolean {
  response.setHeader('ETag', tag)
  response.setHeader('Cache-Control', cache)
  response.vary('Accept')
  const known = request.headers['if-none-match']
  if (known === undefined) return false
  // RFC 9110 §13.1.2: weak comparison.
  const tags = known.split(',').map((one) => one.trim().replace(/^W\//, ''))
  if (!tags.includes('*') && !tags.includes(tag)) return false
  response.status(304).end()
  return true
}

/**
 * The one range a client asks for, null for everything. Several ranges are answered with everything, as RFC 9110 §14.2
 * allows, and so is HEAD; one beyond the end is Problem `unsatisfiable-range`, with Content-Range set.
 */
export function rangeOf(request: Request, response: Response, size: number | null): Extent | null {
  const { range, 'if-range': condition } = request.headers
  if (size === null || range === undefined || request.method !== 'GET') return null
  if (condition !== undefined && condition !== response.getHeader('ETag')) return null
  const asked = oneRange(range, size)
  if (asked === null || asked.length > 0) return asked
  response.setHeader('Content-Range', `bytes */${size}`)
  throw new Problem('unsatisfiable-range', `The range is not within the ${size} bytes there are.`)
}

/** `a-b`, `a-` or `-n` within `size` bytes, of no length where it lies beyond; null for what is no single range. */
function oneRange(text: string, size: number): Extent | null {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(text) ?? []
  if (first === '' && last === '') return null
  if (first === '') {
    const length = Math.min(Number(last), size)
    return { offset: size - length, length }
  }
  const offset = Number(first)
  if (last !== '' && Number(last) < offset) return null
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  return { offset, length: Math.max(0, end - offset) }
}

export function contentRange({ offset, length }: Extent, size: number): string {
  return `bytes ${offset}-${offset + length - 1}/${size}`
}

/** A body of its own, and what is said of it. */
export interface Body {
  readonly media: string
  /** Null where it is known only when it has been read: then there are no ranges of it. */
  readonly length: number | null
  /** Nobody else has the bytes: their memory is freed when they are sent. */
  readonly isOwn?: boolean
  /** The bytes, or a range of them. */
  readonly open: (range?: Extent) => Promise<Readable>
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends one body, or the range of it that is asked for. Bytes that cannot be read are a Problem before any header. */
export async function sendOne(request: Request, response: Response, body: Body): Promise<void> {
  const { media, length, isOwn = false, headers = {} } = body
  const range = rangeOf(request, response, length)
  const size = range?.length ?? length
  const bytes =
    request.method === 'HEAD'
      ? null
      : await begun(
          response,
          exactly(() => body.open(range ?? undefined), size, isOwn ? freedWhenSent(response) : undefined),
        )
  response.setHeaders(new Map(Object.entries({ ...headers, 'Content-Type': media })))
  if (length !== null) {
    response.setHeader('Accept-Ranges', 'bytes')
    response.setHeader('Content-Length', size ?? 0)
    if (range !== null) response.status(206).setHeader('Content-Range', contentRange(range, length))
  }
  if (bytes === null) response.end()
  else await sendBegun(response, bytes)
}

/**
 * The bytes that `open` gives, of which there must be `length`: a client that was promised more would wait for ever, and
 * a part that is short would look whole. Closed when the reader stops. `spent` is told of each piece.
 */
export async function* exactly(
  open: () => Promise<Readable>,
  length: number | null,
  spent?: (piece: Buffer) => void,
): AsyncGenerator<Buffer> {
  if (length === 0) return
  let sent = 0
  for await (const chunk of (await open()) as AsyncIterable<Buffer>) {
    sent += chunk.length
    if (length !== null && sent > length) break
    spent?.(chunk)
    yield chunk
  }
  if (length === null || sent === length) return
  throw new Problem('unavailable', `There were ${sent} bytes to read where ${length} should be.`)
}

/** Bytes of which the first are there. */
interface Begun {
  readonly stream: Readable
  /** Why the bytes could not be read to their end. */
  failure?: Error
}

/**
 * Reads the first bytes, so that what cannot be read is told as a Problem and not by a broken connection. From here on
 * the bytes are closed when the client goes away, whatever is waited for.
 */
export async function begun(response: Response, bytes: AsyncIterable<Buffer | string>): Promise<Begun> {
  const stream = Readable.from(bytes, { objectMode: false })
  const start: Begun = { stream }
  stream.once('error', (error: Error) => {
    if (!response.destroyed) start.failure = error
  })
  if (response.destroyed) stream.destroy()
  else response.once('close', () => stream.destroy())
  await new Promise<void>((resolve, reject) => {
    stream.once('readable', resolve).once('end', resolve).once('close', resolve).once('error', reject)
  })
  return start
}

/**
 * Sends what was begun, with the headers that are set. A failure breaks the connection, so that no half is taken for a
 * whole, and is thrown; a client that goes away is no failure.
 */
export async function sendBegun(response: Response, start: Begun, gzipped = false): Promise<void> {
  try {
    // Level 1: DICOM JSON shrinks to a tenth, and the processor is what viewers wait for.
    const zip = gzipped ? [createGzip({ level: constants.Z_BEST_SPEED })] : []
    await pipeline([start.stream, ...zip, response])
  } catch (error) {
    if (start.failure !== undefined) throw start.failure
    if (!response.destroyed) throw error
  }
}

/** Whether an answer is to be compressed: `gzip`, or `*`, with a weight (RFC 9110 §12.5.3). */
export function takesGzip({ headers }: Request): boolean {
  const codings = (headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',')
    .map((one) => /^\s*(?:x-)?(gzip|\*)\s*(?:;\s*q=([\d.]+)\s*)?$/.exec(one))
  const named = codings.find((one) => one?.[1] === 'gzip') ?? codings.find((one) => one?.[1] === '*')
  return named !== undefined && named !== null && Number(named[2] ?? 1) > 0
}

const signals = new WeakMap<Response, AbortSignal>()

/** Aborts when the client goes away before the answer is complete. One signal an answer: Node warns of many who listen. */
export function abortedWith(response: Response): AbortSignal {
  const known = signals.get(response)
  if (known !== undefined) return known
  const controller = new AbortController()
  signals.set(response, controller.signal)
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Problem('timeout', 'The client has gone away.'))
  })
  return controller.signal
}
