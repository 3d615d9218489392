import { Problem } from '../problem.ts'

/** Headers of one part, names in lower case; a name given twice keeps its first value. */
export type PartHeaders = ReadonlyMap<string, string>

/** What a splitter tells, in order: `begin`, any number of `data`, `end`, and so on for each part. */
export interface PartSink {
  begin(headers: PartHeaders): void
  /** The next bytes of the part: a view on the chunk that was pushed, never a copy of it. */
  data(bytes: Buffer): void
  /** The part is whole: its closing delimiter has been seen. */
  end(): void
}

/** Cuts a multipart body (RFC 2046 §5.1) into parts while it arrives. */
export interface Splitter {
  /** Feeds the next bytes; calls the sink before it returns. Throws Problem `malformed` or `too-large`: give up then. */
  push(chunk: Buffer): void
  /**
   * Says that the body is over. `cut` when its closing delimiter never came: a part that was begun and not ended is
   * then incomplete (the transport cut it), whatever it looks like. `none` when it has no delimiter at all.
   */
  finish(): 'whole' | 'cut' | 'none'
}

export interface SplitterLimits {
  readonly maxParts: number
}

/** All headers of a part together. Ours and those of every client known are under 1,000 bytes. */
const MAX_HEADER_BYTES = 8192
/** Blanks that may follow a boundary on its line (RFC 2046 §5.1.1, transport-padding). */
const MAX_PADDING = 256

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const NOTHING = Buffer.alloc(0)

/** What follows a boundary where it was found. */
type Delimiter =
  | { readonly kind: 'open'; readonly end: number; readonly crlf: boolean }
  | { readonly kind: 'close' }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'data' }

const UNFINISHED: Delimiter = { kind: 'unfinished' }
const NO_DELIMITER: Delimiter = { kind: 'data' }

/** Where a splitter is in its body. */
interface Cursor {
  readonly boundary: string
  readonly sink: PartSink
  readonly maxParts: number
  /** `--boundary`, and what begins it inside a part: with the line end that belongs to the delimiter. */
  readonly dashed: Buffer
  needle: Buffer
  state: 'preamble' | 'headers' | 'body-start' | 'body' | 'epilogue'
  /** Bytes kept back because they may begin a delimiter, or are headers not yet complete. */
  carry: Buffer
  /** Whether the byte before `carry` ends a line, or there is none. */
  atLineStart: boolean
  parts: number
  /** Of the part before: the parts of one body nearly always have the same headers. */
  headerText: string | undefined
  headers: PartHeaders
}

/**
 * A splitter for this boundary (RFC 2046: 1 to 70 characters, and more are no harm; without the two dashes).
 *
 * Lenient where real senders are odd: a preamble or an empty line before the first delimiter, blanks behind a
 * delimiter, a missing line end after the last one, and bodies whose lines end with a bare LF. The line end of the
 * first delimiter decides: in a body with CRLF, an LF before `--boundary` is data. A boundary that is followed by
 * anything but `--`, or blanks and a line end, is data too.
 */
export function createSplitter(boundary: string, sink: PartSink, limits: SplitterLimits): Splitter {
  const cursor: Cursor = {
    boundary,
    sink,
    maxParts: limits.maxParts,
    dashed: Buffer.from(`--${boundary}`, 'latin1'),
    needle: Buffer.from(`\r\n--${boundary}`, 'latin1'),
    state: 'preamble',
    carry: NOTHING,
    atLineStart: true,
    parts: 0,
    headerText: undefined,
    headers: new Map(),
  }
  return {
    push(chunk) {
      if (chunk.length === 0 || cursor.state === 'epilogue') return
      const bytes = cursor.carry.length === 0 ? chunk : Buffer.concat([cursor.carry, chunk])
      cursor.carry = NOTHING
      for (let at = 0; at >= 0 && at < bytes.length;) at = STEPS[cursor.state](cursor, bytes, at)
    },
    finish() {
      if (cursor.state === 'preamble') return 'none'
      return cursor.state === 'epilogue' ? 'whole' : 'cut'
    },
  }
}

/** Consumes bytes from `at`; where the next step begins, or -1 to wait for more. */
type ReadOn = (cursor: Cursor, bytes: Buffer, at: number) => number

const STEPS: Readonly<Record<Cursor['state'], ReadOn>> = {
  preamble: readPreamble,
  headers: readHeaders,
  'body-start': readBodyStart,
  body: readBody,
  epilogue: () => -1,
}

function readPreamble(cursor: Cursor, bytes: Buffer, at: number): number {
  for (let from = at; ;) {
    const found = bytes.indexOf(cursor.dashed, from)
    if (found < 0) return keep(cursor, bytes, tailThatMayBegin(bytes, at, cursor.dashed))
    const begins = found === 0 ? cursor.atLineStart : bytes[found - 1] === LF
    const delimiter = begins ? delimiterAt(bytes, found + cursor.dashed.length) : NO_DELIMITER
    if (delimiter.kind === 'unfinished') return keep(cursor, bytes, found)
    if (delimiter.kind === 'close') return close(cursor)
    if (delimiter.kind === 'open') {
      if (!delimiter.crlf) cursor.needle = Buffer.from(`\n--${cursor.boundary}`, 'latin1')
      return open(cursor, delimiter.end)
    }
    from = found + 1
  }
}

function readHeaders(cursor: Cursor, bytes: Buffer, at: number): number {
  for (let line = at; ;) {
    const end = bytes.indexOf(LF, line)
    if ((end < 0 ? bytes.length : end) - at > MAX_HEADER_BYTES) {
      throw new Problem(
        'malformed',
        `The headers of part ${cursor.parts} are longer than ${MAX_HEADER_BYTES} bytes.`,
      )
    }
    if (end < 0) return keep(cursor, bytes, at)
    if (end === line || (end === line + 1 && bytes[line] === CR)) {
      const text = bytes.toString('latin1', at, line)
      if (text !== cursor.headerText) cursor.headers = parseHeaders(text, cursor.parts)
      cursor.headerText = text
      cursor.sink.begin(cursor.headers)
      cursor.state = 'body-start'
      return end + 1
    }
    line = end + 1
  }
}

/** A delimiter right behind the headers: an empty part of a sender that wrote one line end for two. */
function readBodyStart(cursor: Cursor, bytes: Buffer, at: number): number {
  const { dashed } = cursor
  const length = Math.min(dashed.length, bytes.length - at)
  if (bytes.compare(dashed, 0, length, at, at + length) === 0) {
    if (length < dashed.length) return keep(cursor, bytes, at)
    const delimiter = delimiterAt(bytes, at + length)
    if (delimiter.kind === 'unfinished') return keep(cursor, bytes, at)
    if (delimiter.kind !== 'data') return endPart(cursor, delimiter)
  }
  cursor.state = 'body'
  return at
}

function readBody(cursor: Cursor, bytes: Buffer, at: number): number {
  for (let from = at; ;) {
    const found = bytes.indexOf(cursor.needle, from)
    const end = found < 0 ? tailThatMayBegin(bytes, from, cursor.needle) : found
    const delimiter = found < 0 ? UNFINISHED : delimiterAt(bytes, found + cursor.needle.length)
    if (delimiter.kind === 'data') {
      from = found + 1
      continue
    }
    if (end > at) cursor.sink.data(bytes.subarray(at, end))
    return delimiter.kind === 'unfinished' ? keep(cursor, bytes, end) : endPart(cursor, delimiter)
  }
}

function keep(cursor: Cursor, bytes: Buffer, from: number): number {
  // A copy, for it is small, and a view would hold the whole chunk.
  cursor.carry = from < bytes.length ? Buffer.from(bytes.subarray(from)) : NOTHING
  if (from > 0) cursor.atLineStart = bytes[from - 1] === LF
  return -1
}

function endPart(cursor: Cursor, delimiter: Delimiter): number {
  cursor.sink.end()
  return delimiter.kind === 'open' ? open(cursor, delimiter.end) : close(cursor)
}

function open(cursor: Cursor, end: number): number {
  if (cursor.parts >= cursor.maxParts) {
    throw new Problem('too-large', `More than ${cursor.maxParts} parts in one request.`)
  }
  cursor.parts++
  cursor.state = 'headers'
  return end
}

function close(cursor: Cursor): number {
  cursor.state = 'epilogue'
  return -1
}

function delimiterAt(bytes: Buffer, after: number): Delimiter {
  const first = bytes[after]
  const second = bytes[after + 1]
  if (first === DASH) {
    if (second === undefined) return UNFINISHED
    return second === DASH ? { kind: 'close' } : NO_DELIMITER
  }
  let at = after
  while (at - after < MAX_PADDING && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++
  if (at >= bytes.length) return UNFINISHED
  if (bytes[at] === LF) return { kind: 'open', end: at + 1, crlf: false }
  if (bytes[at] !== CR) return NO_DELIMITER
  if (at + 1 >= bytes.length) return UNFINISHED
  return bytes[at + 1] === LF ? { kind: 'open', end: at + 2, crlf: true } : NO_DELIMITER
}

/** Where the longest tail of `bytes` (not before `from`) begins that is a beginning of `needle`; else the end. */
function tailThatMayBegin(bytes: Buffer, from: number, needle: Buffer): number {
  let at = Math.max(from, bytes.length - needle.length + 1)
  for (; at < bytes.length; at++) {
    at = bytes.indexOf(needle[0] ?? 0, at)
    if (at < 0) return bytes.length
    if (bytes.compare(needle, 0, bytes.length - at, at) === 0) return at
  }
  return bytes.length
}

function parseHeaders(text: string, part: number): PartHeaders {
  const headers = new Map<string, string>()
  if (text === '') return headers
  // A line that begins with a blank goes on with the one before it (RFC 5322 §2.2.3).
  for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    if (line === '') continue
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (colon < 1 || /[^!-~]/.test(name))
      throw new Problem('malformed', `Part ${part} has a line in its headers that is no header.`)
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}
