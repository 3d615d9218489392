import { open, stat } from 'node:fs/promises'
import { systemCode } from '../faults.ts'
import { HEADER, nextMagic, readHeader, type RecordHeader } from './record.ts'

const WINDOW = 1024 * 1024

export interface WalkedRecord {
  readonly offset: number
  readonly header: RecordHeader
}

/**
 * Every whole record of a segment file, in order, read from the file alone. What is no record (a torn tail, damage) is
 * skipped until a header follows that was written for the very place where it lies. A file that is gone has none.
 */
export async function* walkRecords(path: string, segment: string): AsyncGenerator<WalkedRecord> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  })
  if (handle === null) return
  try {
    const { size } = await handle.stat()
    const window = Buffer.allocUnsafe(Math.min(WINDOW, size))
    for (let position = 0; position + HEADER <= size;) {
      const { bytesRead } = await handle.read(window, 0, window.length, position)
      const { records, next } = recordsIn(window.subarray(0, bytesRead), segment, position, size)
      yield* records
      if (next === position) return
      position = next
    }
  } finally {
    await handle.close()
  }
}

/** The records that begin in `bytes`, which lie at `position` of the file, and where to read on. */
function recordsIn(
  bytes: Buffer,
  segment: string,
  position: number,
  size: number,
): { readonly records: WalkedRecord[]; readonly next: number } {
  const records: WalkedRecord[] = []
  let at = 0
  while (at + HEADER <= bytes.length) {
    const offset = position + at
    const header = readHeader(bytes.subarray(at), segment, offset)
    if (header !== null && offset + HEADER + header.length <= size) {
      records.push({ offset, header })
      at += HEADER + header.length
    } else {
      const magic = nextMagic(bytes, at + 1)
      // Three bytes of a magic may stand at the end of what was read.
      at = magic === -1 ? bytes.length - 3 : magic
    }
  }
  return { records, next: position + at }
}

/** How many whole records a segment file has, and whether there is nothing else in it. */
export async function surveySegment(
  path: string,
  segment: string,
): Promise<{ readonly records: number; readonly isWhole: boolean }> {
  let records = 0
  let bytes = 0
  for await (const { header } of walkRecords(path, segment)) {
    records++
    bytes += HEADER + header.length
  }
  return { records, isWhole: bytes === (await stat(path)).size }
}
