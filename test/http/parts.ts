/** Reads multipart answers as the strictest of the clients do (dicomweb.md MP-1 to MP-11), and fails where one would stumble. */
import { createHash } from 'node:crypto'
import type { Answer } from '../world.ts'

export interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly media: string
  readonly transferSyntax: string | undefined
  readonly bytes: Buffer
}

export interface Parts {
  /** `type` of the whole. */
  readonly type: string
  readonly boundary: string
  readonly transferSyntax: string | undefined
  readonly parts: readonly Part[]
}

const CONTENT_TYPE =
  /^multipart\/related; type="([\w.+-]+\/[\w.+-]+)"; boundary=([A-Za-z0-9-]{24,70})(?:; transfer-syntax=([\d.]+))?$/u
/** The JavaScript client looks for the end of the headers in the first thousand bytes of a part. */
const MOST_HEADER_BYTES = 900

/** Every part of an answer, byte for byte; throws where a client would lose or misread one. */
export function partsOf({ headers, body }: Answer): Parts {
  const [, type, boundary, transferSyntax] = CONTENT_TYPE.exec(String(headers['content-type'])) ?? []
  if (type === undefined || boundary === undefined) {
    throw new Error(
      `no multipart answer: ${String(headers['content-type'])} ${body.toString('latin1', 0, 200)}`,
    )
  }
  const delimiter = `--${boundary}`
  if (body.toString('latin1', 0, delimiter.length) !== delimiter)
    throw new Error('something stands before the first delimiter')
  const parts: Part[] = []
  let at = delimiter.length
  while (body.toString('latin1', at, at + 2) !== '--') {
    if (body.toString('latin1', at, at + 2) !== '\r\n') throw new Error('something stands behind a delimiter')
    const headEnd = body.indexOf('\r\n\r\n', at)
    if (headEnd < 0 || headEnd - at > MOST_HEADER_BYTES) throw new Error('headers of a part are too long')
    const bytesAt = headEnd + 4
    const end = body.indexOf(`\r\n${delimiter}`, bytesAt)
    if (end < 0) throw new Error('no delimiter closes the last part')
    parts.push(partOf(body.toString('latin1', at + 2, headEnd), body.subarray(bytesAt, end)))
    at = end + 2 + delimiter.length
  }
  if (body.toString('latin1', at) !== '--\r\n')
    throw new Error('something stands behind the closing delimiter')
  for (const part of parts) {
    if (part.media !== type) throw new Error(`a part of ${part.media} in an answer of ${type}`)
  }
  return { type, boundary, transferSyntax, parts }
}

function partOf(head: string, bytes: Buffer): Part {
  const headers = Object.fromEntries(
    head.split('\r\n').map((line) => {
      // Cornerstone minds the case of names.
      const [, name = '', value = ''] = /^([A-Z][A-Za-z]*(?:-[A-Z][A-Za-z]*)*): (.+)$/u.exec(line) ?? []
      if (name === '') throw new Error(`a header of a part that clients do not read: ${line}`)
      return [name, value]
    }),
  )
  const [media = '', ...parameters] = (headers['Content-Type'] ?? '').split('; ')
  const syntax = parameters
    .find((one) => one.startsWith('transfer-syntax='))
    ?.slice('transfer-syntax='.length)
  if (syntax !== undefined && !/^[\d.]+$/u.test(syntax))
    throw new Error(`a transfer syntax in quotes: ${syntax}`)
  return { headers, media, transferSyntax: syntax, bytes }
}

/** The bytes of the parts alone. */
export function bytesOf(answer: Answer): readonly Buffer[] {
  return partsOf(answer).parts.map(({ bytes }) => bytes)
}

/** What an answer is, in a line: its status, or how the bytes come, of which type and in which transfer syntax. */
export function shapeOf(answer: Answer): string {
  if (answer.status !== 200) return String(answer.status)
  const type = String(answer.headers['content-type'])
  if (!type.startsWith('multipart/')) {
    const [media = '', syntax = '-'] = type.split('; transfer-syntax=')
    return `single ${media} ${syntax}`
  }
  const { parts } = partsOf(answer)
  const kinds = parts.map(({ media, transferSyntax = '-' }) => `${media} ${transferSyntax}`)
  return `parts ${[...new Set(kinds)].join(', ')}`
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
