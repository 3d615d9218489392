/** Memory of bytes that were sent. */
import type { Response } from 'express'

/** Of smaller pieces the collector is quick, or others have a part in their memory. */
const LEAST = 64 * 1024
/** What one answer keeps till its end; of a longer one the rest is left to the collector. */
const MOST_HELD = 4 * 1024 * 1024

/**
 * Takes pieces of an answer that nobody else will read, and frees their memory when the answer has been handed to the
 * system. The collector would count them by their size: for every few dozen frames it would look through all of the heap.
 */
export function freedWhenSent(response: Response): (piece: Buffer) => void {
  const held: ArrayBuffer[] = []
  let bytes = 0
  return (piece) => {
    const { buffer } = piece
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== piece.length) return
    if (piece.length < LEAST || bytes + piece.length > MOST_HELD) return
    bytes += piece.length
    if (held.push(buffer) > 1) return
    // Nothing of an answer waits any more; one that is broken off never comes here.
    response.once('finish', () => {
      for (const memory of held) memory.transfer(0)
    })
  }
}
