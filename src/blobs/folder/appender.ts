import { close, open } from 'node:fs'
import { truncate, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { syncDirectory } from '../../folders.ts'
import type { BlobPlace } from '../ports.ts'
import { newUuid7 } from '../uuid7.ts'
import { CREATE_DURABLE, writeDurably } from './disk.ts'
import { recordKey } from './keys.ts'
import { HEADER, writeHeader } from './record.ts'

/** What one write to the disk may hold, in bytes; what is queued beyond waits for the next. */
const WRITE_BYTES = 16 * 1024 * 1024

export interface SmallBlob {
  readonly pieces: readonly Buffer[]
  readonly size: number
  readonly sha256: string
}

/** Appends records to the segment of this process. Segments of earlier processes are never written to. */
export interface Appender {
  /** Resolves when the record is durable. Rejects with what the file system says. */
  append(blob: SmallBlob): Promise<BlobPlace>
  /** The segment that may still grow, or null. */
  current(): string | null
  close(): Promise<void>
}

interface Segment {
  readonly id: string
  readonly fd: number
  readonly path: string
  position: number
}

interface Waiting extends SmallBlob {
  readonly resolve: (place: BlobPlace) => void
  readonly reject: (error: unknown) => void
}

/**
 * Opens the appender. Whatever is asked for in one turn of the event loop, or while a write is under way, is written
 * together: no timer, and one sync for all. `onClosed` hears of each segment that will not grow any more.
 */
export function openAppender(options: {
  readonly directory: string
  /** A segment is followed by a new one before it would grow beyond this, in bytes. */
  readonly segmentBytes: number
  readonly onClosed: (segment: string) => void
}): Appender {
  const { directory, segmentBytes } = options
  let segment: Segment | null = null
  const queue: Waiting[] = []
  let running: Promise<void> | null = null

  async function finishSegment(): Promise<void> {
    if (segment === null) return
    const { id, fd, path, position } = segment
    segment = null
    await promisify(close)(fd)
    if (position === 0) await unlink(path)
    else options.onClosed(id)
  }

  async function segmentFor(size: number): Promise<Segment> {
    if (segment !== null && segment.position > 0 && segment.position + size > segmentBytes)
      await finishSegment()
    if (segment !== null) return segment
    const id = newUuid7()
    const path = join(directory, `${id}.seg`)
    segment = { id, path, fd: await promisify(open)(path, CREATE_DURABLE, 0o600), position: 0 }
    await syncDirectory(directory)
    return segment
  }

  async function write(together: readonly Waiting[]): Promise<void> {
    try {
      const size = together.reduce((sum, blob) => sum + recordSize(blob), 0)
      const target = await segmentFor(size)
      const bytes = Buffer.allocUnsafe(size)
      let at = 0
      const laidOut = together.map((blob) => {
        const place = layOut(bytes.subarray(at), target.id, target.position + at, blob)
        at += recordSize(blob)
        return { place, resolve: blob.resolve }
      })
      await writeDurably(target.fd, [bytes], target.position)
      target.position += size
      for (const { resolve, place } of laidOut) resolve(place)
    } catch (error) {
      await leaveSegment()
      for (const { reject } of together) reject(error)
    }
  }

  /** After a fault nobody knows what the disk holds at the end of a segment: it is cut clean and left behind for good. */
  async function leaveSegment(): Promise<void> {
    if (segment !== null) await truncate(segment.path, segment.position).catch(() => undefined)
    await finishSegment().catch(() => undefined)
  }

  async function run(): Promise<void> {
    await Promise.resolve()
    while (queue.length > 0) await write(queue.splice(0, fitting(queue)))
    running = null
  }

  return {
    append(blob) {
      return new Promise((resolve, reject) => {
        queue.push({ ...blob, resolve, reject })
        running ??= run()
      })
    },
    current: () => segment?.id ?? null,
    async close() {
      await running
      await finishSegment()
    },
  }
}

function recordSize(blob: SmallBlob): number {
  return HEADER + blob.size
}

/** How many of the queue go into one write: one at least. */
function fitting(queue: readonly SmallBlob[]): number {
  let size = 0
  const end = queue.findIndex((blob) => (size += recordSize(blob)) > WRITE_BYTES)
  return end === -1 ? queue.length : Math.max(1, end)
}

function layOut(target: Buffer, segment: string, offset: number, blob: SmallBlob): BlobPlace {
  const { pieces, size, sha256 } = blob
  writeHeader(target, segment, offset, { length: size, sha256, writtenAt: Date.now() })
  let at = HEADER
  for (const piece of pieces) at += piece.copy(target, at)
  return { key: recordKey(segment, offset, size) }
}
