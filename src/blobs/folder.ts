import { open, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, syncDirectory } from '../folders.ts'
import { Problem } from '../problem.ts'
import { openGate } from './gate.ts'
import { diskProblem, systemCode } from './faults.ts'
import { openFiles, type Files } from './folder/files.ts'
import { parseKey, type FolderPlace } from './folder/keys.ts'
import { lockFolder } from './folder/lock.ts'
import { readFileBlob, readRecord } from './folder/reading.ts'
import { openSegments, type Segments } from './folder/segments.ts'
import { shareSync } from './folder/shared-sync.ts'
import { lengthOf } from '../pieces.ts'
import type { BlobPlace, BlobVault, NewBlob } from './ports.ts'
import { newUuid7 } from './uuid7.ts'

// What lies in the folder, and why:
//
//   lock                    held by the one process that may write here
//   segments/<uuid>.seg     blobs up to 64 KiB, as records (folder/record.ts); a file each would cost a sync each
//   segments/<uuid>.dead    which records of that segment were removed
//   files/01934/ab/<uuid>   larger blobs, a file each
//   incoming/               what is being written; emptied at the start
//
// A key says where its bytes lie, so there is no table to keep, and a record never moves: removing one marks it, and
// the segment goes when its last record does. Room held by the removed records of a segment that has others is won
// back by copying those (get, put, let the index point to the new key, remove the old one), which is the archive's to
// do, for it alone knows what is referenced.

/** How many large blobs are written at once. */
const FILES_AT_ONCE = 8
export interface FolderOptions {
  readonly path: string
  /** Where uploads are staged: files there whose names end in `.part` are what a crash left, and are deleted. */
  readonly stagingPath?: string
  /** Blobs up to this size go into segments, in bytes. */
  readonly segmentThreshold?: number
  /** A segment is followed by a new one before it would grow beyond this, in bytes. */
  readonly segmentBytes?: number
}

/**
 * Opens a folder as a vault of blobs, for this process alone, and creates it where it is missing.
 * @throws Problem `unavailable` when another process has it, or the disk is at fault
 */
export async function openFolderBlobs(options: FolderOptions): Promise<BlobVault> {
  const { path, stagingPath, segmentThreshold = 64 * 1024, segmentBytes = 256 * 1024 * 1024 } = options
  const incoming = join(path, 'incoming')
  const parts = { segments: join(path, 'segments'), files: join(path, 'files'), incoming }
  try {
    for (const directory of Object.values(parts)) await makeFolder(directory)
    const unlock = lockFolder(path)
    try {
      await syncDirectory(path)
      for (const directory of stagingPath === undefined ? [incoming] : [incoming, stagingPath]) {
        await deleteParts(directory)
      }
      const segments = await openSegments(parts.segments, segmentBytes)
      return folderVault({
        segments,
        files: openFiles(parts.files, incoming),
        incoming,
        segmentThreshold,
        unlock,
      })
    } catch (error) {
      unlock()
      throw error
    }
  } catch (error) {
    throw diskProblem(error, 'The blob folder cannot be opened')
  }
}

interface Opened {
  readonly segments: Segments
  readonly files: Files
  readonly incoming: string
  readonly segmentThreshold: number
  readonly unlock: () => void
}

function folderVault(opened: Opened): BlobVault {
  const { segments, files, incoming, segmentThreshold, unlock } = opened
  const write = folderWriter(opened)
  let closing: Promise<void> | null = null

  function requireOpen(): void {
    if (closing !== null)
      throw new Problem('unavailable', 'The blob folder is being closed.', { retryAfter: 5 })
  }

  /** Runs work on an open folder; a fault of the disk becomes a Problem. */
  async function working<Answer>(work: () => Promise<Answer>, failure: string): Promise<Answer> {
    requireOpen()
    try {
      return await work()
    } catch (error) {
      throw diskProblem(error, failure)
    }
  }

  async function close(): Promise<void> {
    try {
      await Promise.all([segments.close(), files.close()])
    } finally {
      unlock()
    }
  }

  return {
    name: 'folder',
    async put(batch) {
      requireOpen()
      return Promise.all(batch.map(write))
    },
    small: {
      mostBytes: segmentThreshold,
      lend: (batch, hand) => working(() => segments.lend(batch, hand), 'Blobs were not written'),
    },
    get: (key, extent) =>
      working(() => {
        const place = requireKey(key)
        if (place.kind === 'record') return readRecord(segments, place, extent)
        return readFileBlob(files, place.id, extent)
      }, 'A blob cannot be read'),
    stat: (key) =>
      working(async () => {
        const place = parseKey(key)
        if (place?.kind === 'record') return (await segments.has(place)) ? { size: place.length } : null
        const size = place && (await files.size(place.id))
        return size === null ? null : { size }
      }, 'A blob cannot be looked up'),
    check: () =>
      working(() => probe(join(incoming, `${newUuid7()}.part`)), 'The blob folder cannot be written to'),
    async *list() {
      requireOpen()
      try {
        yield* files.list()
        yield* segments.list()
      } catch (error) {
        throw diskProblem(error, 'The blob folder cannot be listed')
      }
    },
    remove: (key) =>
      working(() => {
        const place = requireKey(key)
        return place.kind === 'record' ? segments.remove(place) : files.remove(place.id)
      }, 'A blob cannot be removed'),
    close: () => (closing ??= close()),
  }
}

/** Writes blobs: the small ones into segments, each of the others into a file, in a directory that is synced for several. */
function folderWriter({
  segments,
  files,
  segmentThreshold,
}: Opened): (blob: NewBlob) => Promise<BlobPlace | Problem> {
  const gate = openGate(FILES_AT_ONCE)
  const syncShared = shareSync(syncDirectory)

  async function writeFile(blob: NewBlob): Promise<BlobPlace> {
    const { key, directory } = await gate(() => files.write(blob))
    await syncShared(directory)
    return { key }
  }

  async function appendRecord(blob: NewBlob): Promise<BlobPlace> {
    const arrivedAt = Date.now()
    const place = await segments.append({ ...blob, pieces: await piecesOf(blob), arrivedAt })
    // The bytes are kept, whatever becomes of the copy; the next start deletes it.
    if ('path' in blob.bytes) await unlink(blob.bytes.path).catch(() => undefined)
    return place
  }

  return async (blob) => {
    try {
      return await (blob.size > segmentThreshold ? writeFile(blob) : appendRecord(blob))
    } catch (error) {
      return diskProblem(error, 'A blob was not written')
    }
  }
}

/** Fails where nothing can be created or written. */
async function probe(path: string): Promise<void> {
  const handle = await open(path, 'w', 0o600)
  try {
    await handle.write('concord')
  } finally {
    await handle.close()
    await unlink(path)
  }
}

function requireKey(key: string): FolderPlace {
  const place = parseKey(key)
  if (place === null) throw new Problem('unavailable', 'This is no key of the blob folder.')
  return place
}

async function piecesOf(blob: NewBlob): Promise<readonly Buffer[]> {
  const pieces = 'path' in blob.bytes ? [await readFile(blob.bytes.path)] : blob.bytes
  const size = lengthOf(pieces)
  if (size === blob.size) return pieces
  throw new Problem('unavailable', `The bytes to keep are ${size} instead of ${blob.size}.`)
}

/** Deletes the files named `*.part` that a crash left in a directory; anything else is not ours. */
async function deleteParts(directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (name.endsWith('.part')) await unlink(join(directory, name))
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}
