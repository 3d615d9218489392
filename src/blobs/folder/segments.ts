import type { BlobPlace, StoredBlob } from '../ports.ts'
import { openAppender, type SmallBlob } from './appender.ts'
import { openHandles } from './handles.ts'
import { recordKey, type FolderPlace } from './keys.ts'
import { HEADER, readHeader } from './record.ts'
import { openRemovals, segmentPath, segmentsIn } from './removals.ts'
import { walkRecords } from './walk.ts'

export type RecordPlace = Extract<FolderPlace, { kind: 'record' }>

/** Small blobs, as records of segment files. Errors of the file system come through as they are. */
export interface Segments {
  append(blob: SmallBlob): Promise<BlobPlace>
  /** The payload, or null where there is no such record (any more). */
  read(place: RecordPlace): Promise<Buffer | null>
  has(place: RecordPlace): Promise<boolean>
  list(): AsyncIterable<StoredBlob>
  remove(place: RecordPlace): Promise<void>
  close(): Promise<void>
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

  /** Where this fails, the next opening makes it good. */
  function sweepLater(segment: string): void {
    removals.sweep(segment).catch(() => undefined)
  }

  /** The first `length` bytes of a record with its header, or null where there is no such record. */
  async function readRecord(place: RecordPlace, length: number): Promise<Buffer | null> {
    if (removals.has(place.segment, place.offset)) return null
    const bytes = await handles.read(place.segment, place.offset, length)
    const header = bytes && readHeader(bytes, place.segment, place.offset)
    return header?.length === place.length && bytes?.length === length ? bytes : null
  }

  return {
    append: (blob) => appender.append(blob),
    read: async (place) => (await readRecord(place, HEADER + place.length))?.subarray(HEADER) ?? null,
    has: async (place) => (await readRecord(place, HEADER)) !== null,
    async *list() {
      for (const segment of await segmentsIn(directory, 'seg')) {
        for await (const { offset, header } of walkRecords(segmentPath(directory, segment), segment)) {
          if (removals.has(segment, offset)) continue
          const key = recordKey(segment, offset, header.length)
          yield { key, size: header.length, modifiedAt: new Date(header.writtenAt), sha256: header.sha256 }
        }
      }
    },
    async remove(place) {
      if (await readRecord(place, HEADER)) await removals.add(place.segment, place.offset)
    },
    async close() {
      await appender.close()
      await removals.close()
      await handles.close()
    },
  }
}
