import { open, type FileHandle } from 'node:fs/promises'
import { systemCode } from '../faults.ts'

const KEPT_OPEN = 64

/** Files kept open for reading, the least recently used closed first. */
export interface Handles {
  /** Up to `length` bytes from `offset` of a file, fewer at its end; null where the file is not there. */
  read(name: string, offset: number, length: number): Promise<Buffer | null>
  /** Closes one, when what is being read from it has been read. */
  drop(name: string): Promise<void>
  close(): Promise<void>
}

export function openHandles(pathOf: (name: string) => string): Handles {
  const kept = new Map<string, Promise<FileHandle>>()

  function handleOf(name: string): Promise<FileHandle> {
    const known = kept.get(name)
    const handle = known ?? open(pathOf(name), 'r')
    kept.delete(name)
    kept.set(name, handle)
    if (known === undefined) {
      handle.catch(() => kept.delete(name))
      const [oldest] = kept.keys()
      if (kept.size > KEPT_OPEN && oldest !== undefined) drop(oldest).catch(() => undefined)
    }
    return handle
  }

  /** FileHandle.close waits for the reads that are under way, so no descriptor is used again under one of them. */
  async function drop(name: string): Promise<void> {
    const handle = kept.get(name)
    kept.delete(name)
    await (await handle?.catch(() => undefined))?.close()
  }

  async function read(name: string, offset: number, length: number): Promise<Buffer | null> {
    const bytes = Buffer.allocUnsafe(length)
    for (;;) {
      try {
        const handle = await handleOf(name)
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
