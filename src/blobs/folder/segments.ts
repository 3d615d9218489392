import type { BlobPlace, SmallBlob, SmallBlobs, StoredBlob } from '../ports.ts'
import { openAppender } from './appender.ts'
import { openDeadRecords, type DeadRecords } from './dead.ts'
import { openHandles, type Handles } from './handles.ts'
import { recordKey, type FolderPlace } from './keys.ts'
import { HEADER, readHeader } from './record.ts'
import { deadPath, openRemovals, segmentPath, segmentsIn } from './removals.ts'
import { uuid7Prefix } from '../uuid7.ts'
import { walkRecords } from './walk.ts'

export type RecordPlace = Extract<FolderPlace, { kind: 'record' }>

/** Reading small blobs, which are records of segment files. Errors of the file system come through as they are. */
export interface SegmentReading {
  /** The payload, or null where there is no such record (any more). */
  read(place: RecordPlace): Promise<Buffer | null>
  has(place: RecordPlace): Promise<boolean>
  list(): AsyncIterable<StoredBlob>
  close(): Promise<void>
}

export interface Segments extends SegmentReading {
  append(blob: SmallBlob): Promise<BlobPlace>
  readonly lend: SmallBlobs['lend']
  remove(place: RecordPlace): Promise<void>
}

/**
 * Opens the segment files of `directory`, which must exist. A removed record keeps its room until every record of its
 * segment is removed (folder/removals.ts).
 */
export async function openSegments(directory: string, segmentBytes: number): Promise<Segments> {
  const handles = openHandles((segment) => segmentPath(directory, segment))
  const appender = openAppender({ directory, segmentBytes, onClosed: sweepLater })
  const removals = await openRemovals({
    directory,
    mayGrow: (segment) => appender.current() === segment,
    release: (segment) => handles.drop(segment),
  })
  const records = recordsOf(directory, handles, (segment) => removals.of(segment))

  /** Where this fails, the next opening makes it good. */
  function sweepLater(segment: string): void {
    removals.sweep(segment).catch(() => undefined)
  }

  return {
    ...records,
    append: (blob) => appender.append(blob),
    lend: (batch, write) => appender.lend(batch, write),
    async remove(place) {
      if (await records.has(place)) await removals.add(place.segment, place.offset)
    },
    async close() {
      await appender.close()
      await removals.close()
      await handles.close()
    },
  }
}

/** Opens the segment files of `directory` for reading alone, while another process may be writing there. */
export function openSegmentsForReading(directory: string): SegmentReading {
  const handles = openHandles((segment) => segmentPath(directory, segment))
  const removed = new Map<string, Promise<DeadRecords>>()
  const removedOf = (segment: string): Promise<DeadRecords> => {
    const known = removed.get(segment) ?? openDeadRecords(deadPath(directory, segment))
    removed.set(segment, known)
    return known
  }
  return recordsOf(directory, handles, removedOf)
}

/** Records as the files have them, but for those that were removed. */
function recordsOf(
  directory: string,
  handles: Handles,
  removedOf: (segment: string) => DeadRecords | undefined | Promise<DeadRecords>,
): SegmentReading {
  /** The first `length` bytes of a record with its header, or null where there is no such record. */
  async function readRecord(place: RecordPlace, length: number): Promise<Buffer | null> {
    if ((await removedOf(place.segment))?.has(place.offset)) return null
    const bytes = await handles.read(place.segment, place.offset, length)
    const header = bytes && readHeader(bytes, place.segment, place.offset)
    return header?.length === place.length && bytes?.length === length ? bytes : null
  }

  return {
    read: async (place) => (await readRecord(place, HEADER + place.length))?.subarray(HEADER) ?? null,
    has: async (place) => (await readRecord(place, HEADER)) !== null,
    async *list() {
      for (const segment of await segmentsIn(directory, 'seg')) {
        for await (const { offset, header } of walkRecords(segmentPath(directory, segment), segment)) {
          if ((await removedOf(segment))?.has(offset)) continue
          const { length, sha256, writtenAt } = header
          const arrivedAt = new Date(writtenAt)
          yield {
            key: recordKey(segment, offset, length),
            size: length,
            modifiedAt: arrivedAt,
            arrivedAt,
            arrival: `${uuid7Prefix(writtenAt)}/${segment}/${offset.toString(16).padStart(8, '0')}`,
            sha256,
          }
        }
      }
    },
    close: () => handles.close(),
  }
}
