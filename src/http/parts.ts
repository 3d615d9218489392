/** Multipart answers: PS3.18 §8.6.1, RFC 2046 §5.1, RFC 2387. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import type { Uid } from '../dicom/data-set.ts'
import { cut } from '../dicom/frames.ts'
import { begun, contentRange, exactly, rangeOf, sendBegun } from './representation.ts'
import { freedWhenSent } from './sent-memory.ts'

/** One part of a multipart body. */
export interface BodyPart {
  readonly media: string
  readonly transferSyntax?: Uid
  readonly location?: string
  readonly range?: string
  /** Null where it is known only when it has been read. */
  readonly length: number | null
  /** Nobody else has the bytes: their memory is freed when they are sent. */
  readonly isOwn?: boolean
  readonly open: () => Promise<Readable>
}

/** What the whole is said to be. */
export interface PartsType {
  readonly media: string
  readonly transferSyntax?: Uid | undefined
}

/**
 * Sends parts as they come; ETag must be set. The first bytes are there before any header is sent, so that what is
 * missing is told as such; a failure later breaks the connection, and the closing delimiter never comes.
 */
export async function sendParts(
  request: Request,
  response: Response,
  type: PartsType,
  parts: AsyncIterable<BodyPart>,
): Promise<void> {
  const boundary = boundaryOf(response)
  const body = request.method === 'HEAD' ? null : await begun(response, multipart(response, boundary, parts))
  response.setHeader('Content-Type', contentType(type, boundary))
  if (body === null) response.end()
  else await sendBegun(response, body)
}

/**
 * As {@link sendParts}, but of parts that are known beforehand: with Content-Length where each has one, and then, with
 * `isRanged`, in a range of the whole body, as Cornerstone asks for it and puts frames together.
 */
export async function sendKnownParts(
  request: Request,
  response: Response,
  { isRanged, ...type }: PartsType & { readonly isRanged: boolean },
  parts: readonly BodyPart[],
): Promise<void> {
  const boundary = boundaryOf(response)
  const length = multipartLength(boundary, parts)
  const range = isRanged ? rangeOf(request, response, length) : null
  const whole = multipart(response, boundary, parts)
  const asked =
    range === null ? whole : cut(Readable.from(whole, { objectMode: false }), range.offset, range.length)
  const body = request.method === 'HEAD' ? null : await begun(response, asked)
  response.setHeader('Content-Type', contentType(type, boundary))
  if (length !== null) response.setHeader('Content-Length', range?.length ?? length)
  if (length !== null && isRanged) response.setHeader('Accept-Ranges', 'bytes')
  if (length !== null && range !== null)
    response.status(206).setHeader('Content-Range', contentRange(range, length))
  if (body === null) response.end()
  else await sendBegun(response, body)
}

/**
 * Made of the entity tag, so that the same answer has the same bytes, as a strong tag promises (RFC 9110 §8.8.1). No
 * file can hold its own boundary, since that hangs on the file's digest.
 */
function boundaryOf(response: Response): string {
  return createHash('sha256')
    .update(`boundary ${String(response.getHeader('ETag'))}`)
    .digest('hex')
    .slice(0, 32)
}

function contentType({ media, transferSyntax }: PartsType, boundary: string): string {
  const syntax = transferSyntax === undefined ? '' : `; transfer-syntax=${transferSyntax}`
  return `multipart/related; type="${media}"; boundary=${boundary}${syntax}`
}

/** Length of a multipart body whose parts have known lengths; null where one has not. */
function multipartLength(boundary: string, parts: readonly BodyPart[]): number | null {
  let sum = closing(boundary, parts.length === 0).length
  for (const [index, part] of parts.entries()) {
    if (part.length === null) return null
    sum += partHead(boundary, part, index === 0).length + part.length
  }
  return sum
}

/** The head of a part goes out when its first bytes are there, so that the caller's first read meets what is wrong with them. */
async function* multipart(
  response: Response,
  boundary: string,
  parts: AsyncIterable<BodyPart> | Iterable<BodyPart>,
): AsyncGenerator<Buffer> {
  const spent = freedWhenSent(response)
  let isFirst = true
  for await (const part of parts) {
    let head: Buffer | null = partHead(boundary, part, isFirst)
    for await (const chunk of exactly(part.open, part.length, part.isOwn === true ? spent : undefined)) {
      if (head !== null) yield head
      head = null
      yield chunk
    }
    if (head !== null) yield head
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
