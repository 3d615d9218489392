import { open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectory } from '../../folders.ts'
import { systemCode } from '../faults.ts'
import { DURABLE, writeDurably } from '../../durable-write.ts'

const ENTRY = 8

/** The records of one segment that were removed, by offset, kept in a file beside the segment. */
export interface DeadRecords {
  has(offset: number): boolean
  count(): number
  /** Resolves when the removal is durable. */
  add(offset: number): Promise<void>
}

/**
 * Reads the file of removed records. An entry is the offset and its complement (u32 each, little endian); a torn
 * entry at the end, whose removal was never confirmed, ends the reading and is written over by the next one.
 */
export async function openDeadRecords(path: string): Promise<DeadRecords> {
  const offsets = new Set<number>()
  const bytes = await readFile(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  for (let at = 0; at + ENTRY <= bytes.length; at += ENTRY) {
    const offset = bytes.readUInt32LE(at)
    if (bytes.readUInt32LE(at + 4) !== ~offset >>> 0) break
    offsets.add(offset)
  }
  return {
    has: (offset) => offsets.has(offset),
    count: () => offsets.size,
    async add(offset) {
      const entry = Buffer.alloc(ENTRY)
      entry.writeUInt32LE(offset, 0)
      entry.writeUInt32LE(~offset >>> 0, 4)
      const handle = await open(path, DURABLE, 0o600)
      try {
        await writeDurably(handle.fd, [entry], offsets.size * ENTRY)
      } finally {
        await handle.close()
      }
      if (offsets.size === 0) await syncDirectory(dirname(path))
      offsets.add(offset)
    },
  }
}
