import { close, open } from 'node:fs'
import { truncate, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CREATE_DURABLE } from '../../durable-write.ts'
import { syncDirectory } from '../../folders.ts'
import type { BlobPlace, SmallBlob } from '../ports.ts'
import { newUuid7 } from '../uuid7.ts'
import { recordKey } from './keys.ts'
import { HEADER, writeHeader } from './record.ts'

export interface GrowingOptions {
  readonly directory: string
  /** A segment is followed by a new one before it would grow beyond this, in bytes. */
  readonly segmentBytes: number
  /** Hears of each segment that will not grow any more. */
  readonly onClosed: (segment: string) => void
}

/** The segment of this process that grows, one after the other. Segments of earlier processes are never written to. */
export interface Growing {
  /** Its name, or null. */
  current(): string | null
  /** Lays blobs out as records for the end of the segment; nothing is written yet. */
  layOut(blobs: readonly SmallBlob[]): Promise<LaidOut>
  /** It grows no more. */
  finish(): Promise<void>
  /** After a fault nobody knows what the disk holds at the end of a segment: it is cut clean and left behind for good. */
  leave(): Promise<void>
}

export interface Segment {
  readonly id: string
  readonly fd: number
  readonly path: string
  /** Where the next record goes; whoever has written some moves it on. */
  position: number
}

export interface LaidOut {
  readonly target: Segment
  /** Memory of its own, which can be moved to another thread. */
  readonly bytes: Buffer<ArrayBuffer>
  /** Of each blob, once the bytes are written at the target's position. */
  readonly places: readonly BlobPlace[]
}

export function openGrowing({ directory, segmentBytes, onClosed }: GrowingOptions): Growing {
  let segment: Segment | null = null

  async function finish(): Promise<void> {
    if (segment === null) return
    const { id, fd, path, position } = segment
    segment = null
    await promisify(close)(fd)
    if (position === 0) await unlink(path)
    else onClosed(id)
  }

  async function segmentFor(size: number): Promise<Segment> {
    if (segment !== null && segment.position > 0 && segment.position + size > segmentBytes) await finish()
    if (segment !== null) return segment
    const id = newUuid7()
    const path = join(directory, `${id}.seg`)
    segment = { id, path, fd: await promisify(open)(path, CREATE_DURABLE, 0o600), position: 0 }
    await syncDirectory(directory)
    return segment
  }

  return {
    current: () => segment?.id ?? null,
    async layOut(blobs) {
      const size = blobs.reduce((sum, blob) => sum + recordSize(blob), 0)
      const target = await segmentFor(size)
      const bytes = Buffer.from(new ArrayBuffer(size))
      let at = 0
      const places = blobs.map((blob) => {
        const place = layOut(bytes.subarray(at), target.id, target.position + at, blob)
        at += recordSize(blob)
        return place
      })
      return { target, bytes, places }
    },
    finish,
    async leave() {
      if (segment !== null) await truncate(segment.path, segment.position).catch(() => undefined)
      await finish().catch(() => undefined)
    },
  }
}

export function recordSize(blob: SmallBlob): number {
  return HEADER + blob.size
}

function layOut(target: Buffer, segment: string, offset: number, blob: SmallBlob): BlobPlace {
  const { pieces, size, sha256, arrivedAt } = blob
  writeHeader(target, segment, offset, { length: size, sha256, writtenAt: arrivedAt })
  let at = HEADER
  for (const piece of pieces) at += piece.copy(target, at)
  return { key: recordKey(segment, offset, size) }
}
