import { open, type FileHandle } from 'node:fs/promises'
import { systemCode } from '../faults.ts'

const KEPT_OPEN = 64

/** Segment files kept open for reading, the least recently used closed first. */
export interface Handles {
  /** Up to `length` bytes from `offset` of a segment, fewer at its end; null where the file is not there. */
  read(segment: string, offset: number, length: number): Promise<Buffer | null>
  /** Closes one, when what is being read from it has been read. */
  drop(segment: string): Promise<void>
  close(): Promise<void>
}

export function openHandles(pathOf: (segment: string) => string): Handles {
  const kept = new Map<string, Promise<FileHandle>>()

  function handleOf(segment: string): Promise<FileHandle> {
    const known = kept.get(segment)
    const handle = known ?? open(pathOf(segment), 'r')
    kept.delete(segment)
    kept.set(segment, handle)
    if (known === undefined) {
      handle.catch(() => kept.delete(segment))
      const [oldest] = kept.keys()
      if (kept.size > KEPT_OPEN && oldest !== undefined) drop(oldest).catch(() => undefined)
    }
    return handle
  }

  /** FileHandle.close waits for the reads that are under way, so no descriptor is used again under one of them. */
  async function drop(segment: string): Promise<void> {
    const handle = kept.get(segment)
    kept.delete(segment)
    await (await handle)?.close()
  }

  async function read(segment: string, offset: number, length: number): Promise<Buffer | null> {
    const bytes = Buffer.allocUnsafe(length)
    for (;;) {
      try {
        const handle = await handleOf(segment)
        const { bytesRead } = await handle.read(bytes, 0, length, offset)
        return bytes.subarray(0, bytesRead)
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return null
        // Closed by drop between the two lines above: open it again.
        if (systemCode(error) !== 'EBADF') throw error
      }
    }
  }

  return {
    read,
    drop,
    async close() {
      await Promise.allSettled([...kept.keys()].map(drop))
    },
  }
}
