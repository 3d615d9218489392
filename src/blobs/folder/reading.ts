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
  if (extent !== undefined && extent.length <= ONE_READ) return streamOf(await readOnce(files, id, extent))
  const handle = await files.open(id)
  if (handle === null) throw missing()
  try {
    const { size } = await handle.stat()
    const { offset, length } = extent ?? { offset: 0, length: size }
    requireWithin(offset, length, size)
    if (length === 0) {
      await handle.close()
      return streamOf(Buffer.alloc(0))
    }
    // The stream closes the handle, also when it is destroyed half-way.
    return handle.createReadStream({ start: offset, end: offset + length - 1, highWaterMark: ONE_READ })
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** From a file that is kept open: viewers ask for one frame after the other. */
async function readOnce(files: Files, id: string, { offset, length }: Extent): Promise<Buffer> {
  requireWithin(offset, length, Infinity)
  const bytes = await files.read(id, offset, length)
  if (bytes === null) throw missing()
  requireWithin(offset, length, offset + bytes.length)
  return bytes
}

function missing(): Problem {
  return new Problem('unavailable', 'A blob that should be there is not.', { retryAfter: 60 })
}

function requireWithin(offset: number, length: number, size: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= size) return
  throw new Problem('unavailable', `A blob of ${size} bytes has no bytes ${offset} to ${offset + length}.`)
}
