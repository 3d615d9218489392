/** What every answer with bytes in it needs: validators, ranges, parts. RFC 9110 §8.8, §13, §14; RFC 2046 §5.1. */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Request, Response } from 'express'
import type { Extent } from '../blobs/ports.ts'
import type { Uid } from '../dicom/data-set.ts'
import { Problem } from '../problem.ts'

/** Bytes of an instance never change; asking again after an hour tells who may still see them. */
export const IMMUTABLE = 'private, max-age=3600'

/** One part of a multipart body. */
export interface BodyPart {
  readonly media: string
  readonly transferSyntax?: Uid
  readonly location?: string
  readonly range?: string
  /** Null where it is known only when it has been read. */
  readonly length: number | null
  readonly open: () => Promise<Readable>
}

/** A strong entity tag of a representation: what it is made of, and its form. */
export function entityTag(...of: readonly string[]): string {
  return `"${createHash('sha256').update(of.join('\n')).digest('base64url').slice(0, 32)}"`
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
 * allows; one beyond the end is Problem `unsatisfiable-range`, with Content-Range set.
 */
export function rangeOf(request: Request, response: Response, size: number | null): Extent | null {
  const { range, 'if-range': condition } = request.headers
  if (size === null || range === undefined) return null
  if (condition !== undefined && condition !== response.getHeader('ETag')) return null
  const asked = oneRange(range, size)
  if (asked === null || asked.length > 0) return asked
  response.setHeader('Content-Range', `bytes */${size}`)
  throw new Problem('unsatisfiable-range', `The range is not within the ${size} bytes there are.`)
}

/** `a-b`, `a-` or `-n` within `size` bytes, of no length where it lies beyond; null for what is no single range. */
function oneRange(text: string, size: number): Extent | null {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/.exec(text) ?? []
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

/** Sends one body, or the range of it that is asked for. Bytes that cannot be opened are a Problem before any header. */
export async function sendOne(
  request: Request,
  response: Response,
  body: { media: string; length: number | null; open: (range?: Extent) => Promise<Readable> },
): Promise<void> {
  const range = rangeOf(request, response, body.length)
  const isHead = request.method === 'HEAD'
  const stream = isHead ? null : await body.open(range ?? undefined)
  response.setHeader('Content-Type', body.media)
  if (body.length !== null) {
    response.setHeader('Accept-Ranges', 'bytes')
    response.setHeader('Content-Length', range?.length ?? body.length)
    if (range !== null) response.status(206).setHeader('Content-Range', contentRange(range, body.length))
  }
  if (stream === null) response.end()
  else await sendStream(response, stream)
}

/**
 * Sends parts as they come. The first is opened before any header is sent, so that what is missing is told as such; a
 * failure later breaks the connection, and the closing delimiter never comes.
 */
export async function sendParts(
  request: Request,
  response: Response,
  type: { media: string; transferSyntax?: Uid | undefined },
  parts: AsyncIterable<BodyPart>,
  length: ((boundary: string) => number | null) | null = null,
): Promise<void> {
  const boundary = randomBytes(16).toString('hex')
  const syntax = type.transferSyntax === undefined ? '' : `; transfer-syntax=${type.transferSyntax}`
  const contentType = `multipart/related; type="${type.media}"; boundary=${boundary}${syntax}`
  const total = length?.(boundary) ?? null
  const body = multipart(boundary, parts)
  const first = request.method === 'HEAD' ? null : await body.next()
  response.setHeader('Content-Type', contentType)
  if (total !== null) response.setHeader('Content-Length', total)
  if (first === null) {
    response.end()
    return
  }
  const rest = async function* () {
    if (first.done !== true) yield first.value
    yield* body
  }
  await sendStream(response, Readable.from(rest(), { objectMode: false }))
}

/** Length of a multipart body whose parts have known lengths; null where one has not. */
export function multipartLength(boundary: string, parts: readonly BodyPart[]): number | null {
  let sum = closing(boundary, parts.length === 0).length
  for (const [index, part] of parts.entries()) {
    if (part.length === null) return null
    sum += partHead(boundary, part, index === 0).length + part.length
  }
  return sum
}

/** Opened before the first byte is given: the caller's first `next()` meets what is wrong with the first part. */
async function* multipart(boundary: string, parts: AsyncIterable<BodyPart>): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const part of parts) {
    const stream = await part.open()
    yield partHead(boundary, part, isFirst)
    yield* stream as AsyncIterable<Buffer>
    isFirst = false
  }
  yield closing(boundary, isFirst)
}

/** Spelt and without quotation marks as clients look for it: cornerstone minds the case, dicomweb-client keeps the marks. */
function partHead(boundary: string, part: BodyPart, isFirst: boolean): Buffer {
  const syntax = part.transferSyntax === undefined ? '' : `; transfer-syntax=${part.transferSyntax}`
  const lines = [`${isFirst ? '' : '\r\n'}--${boundary}`, `Content-Type: ${part.media}${syntax}`]
  if (part.location !== undefined) lines.push(`Content-Location: ${part.location}`)
  if (part.range !== undefined) lines.push(`Content-Range: ${part.range}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}

function closing(boundary: string, isEmpty: boolean): Buffer {
  return Buffer.from(`${isEmpty ? '' : '\r\n'}--${boundary}--\r\n`)
}

/** A client that goes away ends the reading, and is no fault. */
export async function sendStream(response: Response, stream: Readable): Promise<void> {
  try {
    await pipeline(stream, response)
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
    if (!isGone || !response.destroyed) throw error
  }
}

/** Aborts when the client goes away before the answer is complete. */
export function abortedWith(response: Response): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Problem('timeout', 'The client has gone away.'))
  })
  return controller.signal
}
