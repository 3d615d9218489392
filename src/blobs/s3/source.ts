import { open } from 'node:fs/promises'
import { Problem } from '../../problem.ts'
import { lengthOf, sliceOf } from '../../pieces.ts'
import type { NewBlob } from '../ports.ts'

/** The bytes of a blob in pieces, each a buffer that is whole. */
export interface Source {
  readonly size: number
  /**
   * Reads into the buffer that is given, or one of its own; bytes that are in memory are given as they lie there.
   * Rejects with Problem `unavailable` where there are fewer bytes than were promised.
   */
  read(offset: number, length: number, into?: Buffer): Promise<Buffer>
  close(): Promise<void>
}

/**
 * Opens a blob for reading in pieces. Streams are never handed to the minio package: one that fails on the way makes it
 * hang or crash the process, and one that ends early is stored short.
 */
export async function openSource(blob: NewBlob): Promise<Source> {
  const { bytes, size } = blob
  if (!('path' in bytes)) {
    requireSize(lengthOf(bytes), size)
    return {
      size,
      read: (offset, length) => Promise.resolve(sliceOf(bytes, offset, length)),
      close: () => Promise.resolve(),
    }
  }
  const handle = await open(bytes.path, 'r')
  try {
    requireSize((await handle.stat()).size, size)
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    size,
    async read(offset, length, into = Buffer.allocUnsafe(length)) {
      const piece = into.subarray(0, length)
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(piece, done, length - done, offset + done)
        if (bytesRead === 0)
          throw new Problem('unavailable', 'The staging file became shorter while it was read.')
        done += bytesRead
      }
      return piece
    },
    close: () => handle.close(),
  }
}

function requireSize(found: number, promised: number): void {
  if (found !== promised)
    throw new Problem('unavailable', `The bytes to keep are ${found} instead of ${promised}.`)
}
