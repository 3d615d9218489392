import type { Readable } from 'node:stream'

/** Sum of the lengths of the pieces, in bytes. */
export function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** At most `length` bytes from `offset` of the pieces laid end to end: a view where one piece has them all. */
export function sliceOf(pieces: readonly Buffer[], offset: number, length: number): Buffer {
  const found: Buffer[] = []
  const end = offset + length
  let begin = 0
  for (const piece of pieces) {
    const [from, to] = [Math.max(offset - begin, 0), Math.min(end - begin, piece.length)]
    if (to > from) found.push(piece.subarray(from, to))
    begin += piece.length
    if (begin >= end) break
  }
  const [only] = found
  return found.length === 1 && only !== undefined ? only : Buffer.concat(found)
}

/** All bytes of a stream; those of a stream of one piece are that piece. `stream/consumers` takes them through a Blob. */
export async function bytesOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece)
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces)
}
