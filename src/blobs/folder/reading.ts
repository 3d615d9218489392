import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Problem } from '../../problem.ts'
import type { Extent } from '../ports.ts'
import { streamOf } from '../streams.ts'
import type { Files } from './files.ts'
import type { RecordPlace, SegmentReading } from './segments.ts'

/** Up to this many bytes of a file are read in one go rather than streamed: a frame of CT, 512 × 512 of 16 bits. */
const ONE_READ = 512 * 1024

/** The bytes of a record, or a range of them. Rejects with Problem `unavailable` where they are not all there. */
export async function readRecord(
  segments: SegmentReading,
  place: RecordPlace,
  extent?: Extent,
): Promise<Readable> {
  const bytes = await segments.read(place)
  if (bytes === null) throw missing()
  const { offset, length } = extent ?? { offset: 0, length: place.length }
  requireWithin(offset, length, place.length)
  return streamOf(bytes.subarray(offset, offset + length))
}

/** The bytes of a file, or a range of them. Rejects with Problem `unavailable` where they are not all there. */
export async function readFileBlob(files: Files, id: string, extent?: Extent): Promise<Readable> {
  const handle = await files.open(id)
  if (handle === null) throw missing()
  try {
    const { size } = await handle.stat()
    const { offset, length } = extent ?? { offset: 0, length: size }
    requireWithin(offset, length, size)
    if (length > ONE_READ) {
      // The stream closes the handle, also when it is destroyed half-way.
      return handle.createReadStream({ start: offset, end: offset + length - 1, highWaterMark: ONE_READ })
    }
    const bytes = await readWhole(handle, offset, length)
    await handle.close()
    return streamOf(bytes)
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function readWhole(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done)
    if (bytesRead === 0) throw new Problem('unavailable', 'A blob ended while it was being read.')
    done += bytesRead
  }
  return bytes
}

function missing(): Problem {
  return new Problem('unavailable', 'A blob that should be there is not.', { retryAfter: 60 })
}

function requireWithin(offset: number, length: number, size: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return
  throw new Problem('unavailable', `A blob of ${size} bytes has no bytes ${offset} to ${offset + length}.`)
}
