/**
 * The bytes of one file as they come in, and the window of them that is parsed. What is skipped is never held; what is
 * held grows by what has arrived, never by what a length field claims.
 */
export interface Input {
  /** Bytes `at` to `end` are there and not yet parsed. */
  buffer: Buffer
  /** The bytes of `buffer`, for numbers in either byte order. */
  view: DataView
  at: number
  end: number
  /** Offset of `buffer[0]` in the file. */
  base: number
  /** Bytes from `at` on without which the parser cannot go on. */
  need: number
  /** Bytes still to come that nobody wants to see. */
  skip: number
  /** The last bytes that were skipped, for the trailer of a fragment whose end never comes. */
  skipped: Buffer
  /** `buffer` was made here, so that chunks may be appended to it. */
  own: boolean
  /** Of `buffer`, as text: see {@link latin1}. */
  page: { readonly from: number; readonly to: number; readonly text: string }
}

const TAIL = 16
const EMPTY = Buffer.alloc(0)
const NO_BYTES = new DataView(EMPTY.buffer, 0, 0)
const NO_PAGE: Input['page'] = { from: 0, to: 0, text: '' }
const PAGE_SIZE = 2048

export function createInput(): Input {
  return {
    ...{ buffer: EMPTY, view: NO_BYTES, at: 0, end: 0, base: 0 },
    ...{ need: 0, skip: 0, skipped: EMPTY, own: false, page: NO_PAGE },
  }
}

/**
 * `buffer[start, end)` of the window with a character for each byte. Short texts are cut out of a page of text, which
 * takes a tenth of the time of a call into C++ for each.
 */
export function latin1(input: Input, start: number, end: number): string {
  const { buffer } = input
  if (end - start > PAGE_SIZE / 4) return buffer.toString('latin1', start, end)
  if (start < input.page.from || end > input.page.to) {
    const to = Math.min(input.end, start + PAGE_SIZE)
    input.page = { from: start, to, text: buffer.toString('latin1', start, to) }
  }
  const { from, text } = input.page
  return text.slice(start - from, end - from)
}

/** Offset in the file of the next byte to parse. */
export function offsetOf(input: Input): number {
  return input.base + input.at
}

/** Takes a chunk in; true when there is enough for the parser to go on. */
export function feed(input: Input, chunk: Buffer): boolean {
  let rest = chunk
  if (input.skip > 0) {
    const length = Math.min(input.skip, chunk.length)
    dropWindow(input, length)
    remember(input, length === chunk.length ? chunk : chunk.subarray(0, length))
    input.skip -= length
    if (length === chunk.length) return input.skip === 0
    rest = chunk.subarray(length)
  }
  if (input.at === input.end) {
    dropWindow(input, 0)
    setBuffer(input, rest)
    input.end = rest.length
  } else {
    append(input, rest)
  }
  return input.end - input.at >= input.need
}

/** Passes over `length` bytes, wherever they are: in the window or still to come. */
export function skipBytes(input: Input, length: number): void {
  const here = Math.min(length, input.end - input.at)
  if (here > 0) {
    input.skipped = input.buffer.subarray(Math.max(input.at, input.at + here - TAIL), input.at + here)
    input.at += here
  } else {
    input.skipped = EMPTY
  }
  input.skip = length - here
  input.need = 0
  if (input.skip > 0) input.skipped = Buffer.from(input.skipped)
}

/** The parser needs `length` bytes from `at` on: true when they are there. */
export function has(input: Input, length: number): boolean {
  if (input.end - input.at >= length) return true
  input.need = length
  return false
}

/** Empties the window, which is wholly parsed, and moves on by `more` bytes. */
function dropWindow(input: Input, more: number): void {
  input.base += input.end + more
  input.buffer = EMPTY
  input.view = NO_BYTES
  input.page = NO_PAGE
  input.at = 0
  input.end = 0
  input.own = false
}

function remember(input: Input, bytes: Buffer): void {
  input.skipped =
    bytes.length >= TAIL
      ? Buffer.from(bytes.subarray(-TAIL))
      : Buffer.concat([input.skipped, bytes]).subarray(-TAIL)
}

/** Puts a chunk behind what is left; the room doubles, so that single bytes cost no more than a few copies each. */
function append(input: Input, chunk: Buffer): void {
  const left = input.end - input.at
  if (!input.own || input.buffer.length - input.end < chunk.length) {
    const room = Buffer.allocUnsafeSlow(Math.max(1024, 2 * (left + chunk.length)))
    input.buffer.copy(room, 0, input.at, input.end)
    input.base += input.at
    setBuffer(input, room)
    input.at = 0
    input.end = left
    input.own = true
  }
  chunk.copy(input.buffer, input.end)
  input.end += chunk.length
}

function setBuffer(input: Input, buffer: Buffer): void {
  input.buffer = buffer
  input.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  input.page = NO_PAGE
}
