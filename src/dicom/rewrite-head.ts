import type { Readable } from 'node:stream'
import type { Tag, Vr } from './data-set.ts'
import { tagText } from './dictionary.ts'
import { encodingOf, findMeta, SNIFFED, type Encoding } from './reader-detect.ts'
import { readHeader } from './reader-header.ts'
import { createInput, feed, has, offsetOf } from './reader-input.ts'
import { newParse, UNDEFINED_LENGTH, type Parse } from './reader-state.ts'
import { Unreadable } from './reader-unreadable.ts'

/** An element of group 0002 as it lies in the file. */
export interface MetaElement {
  readonly tag: Tag
  readonly vr: Vr
  readonly value: Buffer
}

/** What comes before the data set, and how that is encoded. */
export interface FileHead {
  /** 128 bytes; null where the file has none. */
  readonly preamble: Buffer | null
  /** Without the group's length. */
  readonly meta: readonly MetaElement[]
  /** First byte of the data set. */
  readonly dataSetOffset: number
  readonly encoding: Encoding
}

const PREAMBLE = 128
const MOST_HEAD = 16 * 1024 * 1024

/**
 * Reads a file up to its data set: the head, and the bytes that follow as an iterable that reads on from the source.
 * Closing the source is left to the caller. Rejects with {@link Unreadable} for what the reader would not take either.
 */
export async function splitHead(source: Readable): Promise<{ head: FileHead; rest: AsyncGenerator<Buffer> }> {
  const iterator = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  let bytes: Buffer = Buffer.alloc(0)
  for (;;) {
    const next = await iterator.next()
    if (next.done !== true) bytes = bytes.length === 0 ? next.value : Buffer.concat([bytes, next.value])
    const head = fileHead(bytes, next.done === true)
    if (head !== null) return { head, rest: following(bytes.subarray(head.dataSetOffset), iterator) }
    if (next.done === true || bytes.length > MOST_HEAD)
      throw new Unreadable('the file ends within group 0002')
  }
}

async function* following(first: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
}

/** The head of the file that begins with `bytes`; null when more of them are needed. `over`: there are no more. */
function fileHead(bytes: Buffer, over: boolean): FileHead | null {
  if (bytes.length < SNIFFED && !over) return null
  const input = createInput()
  feed(input, bytes)
  const parse = newParse(input)
  const { at, hasMeta } = findMeta(bytes, parse.oddities)
  input.at = at
  const meta: MetaElement[] = []
  while (hasMeta) {
    if (!has(input, 12) && !over) return null
    if (input.end - input.at < 2 || bytes.readUInt16LE(input.at) !== 2) break
    const element = readHeader(parse, parse.scope) ? metaElement(parse) : null
    if (element === null) return null
    if (!element.tag.endsWith('0000')) meta.push(element)
  }
  if (!has(input, 8) && !over) return null
  const declared = meta
    .find(({ tag }) => tag === '00020010')
    ?.value.toString('latin1')
    .replace(/[\0 ]+$/, '')
  return {
    preamble: at >= PREAMBLE ? bytes.subarray(0, PREAMBLE) : null,
    meta,
    dataSetOffset: offsetOf(input),
    encoding: encodingOf(bytes.subarray(input.at), declared, parse.oddities),
  }
}

function metaElement(parse: Parse): MetaElement | null {
  const { input, headerLength, length, rule } = parse
  const tag = tagText(parse.tag)
  if (length === UNDEFINED_LENGTH) throw new Unreadable('has no length', { tag })
  if (!has(input, headerLength + length)) return null
  const start = input.at + headerLength
  input.at = start + length
  return { tag, vr: rule.vr, value: input.buffer.subarray(start, start + length) }
}
