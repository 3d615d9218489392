import { close, open as openFd } from 'node:fs'
import { copyFile, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeFolder, syncDirectory } from '../../folders.ts'
import { Problem } from '../../problem.ts'
import { systemCode } from '../faults.ts'
import type { NewBlob, StoredBlob } from '../ports.ts'
import { newUuid7, UUID7, uuid7Time } from '../uuid7.ts'
import { CREATE_DURABLE, writeDurably } from '../../durable-write.ts'
import { openHandles } from './handles.ts'
import { fileKey } from './keys.ts'

/** Blobs that have a file each. Errors of the file system come through as they are. */
export interface Files {
  /** Writes one blob; it is durable once `directory` was synced, which a batch does once for all. */
  write(blob: NewBlob): Promise<{ readonly key: string; readonly directory: string }>
  /** Up to `length` bytes from `offset` of a blob, fewer at its end; null where it is not there. */
  read(id: string, offset: number, length: number): Promise<Buffer | null>
  /** Opens a blob for reading; null where it is not there. The caller closes it. */
  open(id: string): Promise<FileHandle | null>
  size(id: string): Promise<number | null>
  list(): AsyncIterable<StoredBlob>
  remove(id: string): Promise<void>
  /** Closes what is kept open. */
  close(): Promise<void>
}

/** How many directories are remembered as durable; time needs a new one every 17.5 minutes. */
const READY_DIRECTORIES = 16

/** Blobs are for reading only, whoever looks into the folder. */
const READ_ONLY = 0o400

/**
 * Opens the files below `root`, which must exist; `incoming` is a directory on the same file system for what is being
 * written. A file lies in `<5 digits>/<2 digits>/`, the first digits of its UUID, which are the time in steps of 17.5
 * minutes: the blobs of a batch share a directory, so that one sync does for all of them, and old directories rest.
 */
export function openFiles(root: string, incoming: string): Files {
  const ready = new Map<string, Promise<void>>()

  const directoryOf = (id: string): string => join(root, id.slice(0, 5), id.slice(5, 7))
  const pathOf = (id: string): string => join(directoryOf(id), id)
  const handles = openHandles(pathOf)

  /** Makes a directory and its parent durable, once in the life of this process. */
  async function makeDirectory(directory: string): Promise<void> {
    await makeFolder(directory)
    await syncDirectory(join(directory, '..'))
    await syncDirectory(root)
  }

  function directoryFor(id: string): Promise<void> {
    const directory = directoryOf(id)
    const known = ready.get(directory)
    if (known !== undefined) return known
    const made = makeDirectory(directory)
    if (ready.size >= READY_DIRECTORIES) ready.clear()
    ready.set(directory, made)
    made.catch(() => ready.delete(directory))
    return made
  }

  return {
    async write(blob) {
      const id = newUuid7()
      await directoryFor(id)
      const { bytes } = blob
      if ('path' in bytes) await takeOver(bytes.path, blob.size, join(incoming, `${id}.part`), pathOf(id))
      else await writePieces(bytes, join(incoming, `${id}.part`), pathOf(id))
      return { key: fileKey(id), directory: directoryOf(id) }
    },
    read: (id, offset, length) => handles.read(id, offset, length),
    open: (id) => nullIfMissing(open(pathOf(id), 'r')),
    size: async (id) => (await nullIfMissing(stat(pathOf(id))))?.size ?? null,
    async *list() {
      for (const first of await namesIn(root, /^[0-9a-f]{5}$/)) {
        for (const second of await namesIn(join(root, first), /^[0-9a-f]{2}$/)) {
          for (const id of await namesIn(join(root, first, second), new RegExp(`^${UUID7}$`))) {
            const found =
              directoryOf(id) === join(root, first, second) && (await nullIfMissing(stat(pathOf(id))))
            if (!found) continue
            yield {
              key: fileKey(id),
              size: found.size,
              modifiedAt: found.mtime,
              arrivedAt: uuid7Time(id),
              arrival: id,
            }
          }
        }
      }
    },
    async remove(id) {
      const isThere = (await nullIfMissing(unlink(pathOf(id)).then(() => true))) !== null
      await handles.drop(id)
      if (isThere) await syncDirectory(directoryOf(id))
    },
    close: () => handles.close(),
  }
}

async function writePieces(pieces: readonly Buffer[], part: string, path: string): Promise<void> {
  const fd = await promisify(openFd)(part, CREATE_DURABLE, READ_ONLY)
  try {
    await writeDurably(fd, pieces, 0)
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  } finally {
    await promisify(close)(fd)
  }
  await rename(part, path)
}

/** Moves a staging file in, or copies it where it lies on another file system. */
async function takeOver(staged: string, size: number, part: string, path: string): Promise<void> {
  await makeDurable(staged, size)
  try {
    await rename(staged, path)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await copyOver(staged, size, part, path)
  }
}

async function copyOver(staged: string, size: number, part: string, path: string): Promise<void> {
  try {
    await copyFile(staged, part)
    await makeDurable(part, size)
    await rename(part, path)
  } catch (error) {
    await unlink(part).catch(() => undefined)
    throw error
  }
  await unlink(staged).catch(() => undefined)
}

async function makeDurable(path: string, size: number): Promise<void> {
  const handle = await open(path, 'r')
  try {
    const found = (await handle.stat()).size
    if (found !== size)
      throw new Problem('unavailable', `The staging file has ${found} bytes instead of ${size}.`)
    await handle.chmod(READ_ONLY)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

async function nullIfMissing<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
}

async function namesIn(directory: string, pattern: RegExp): Promise<string[]> {
  const names = (await nullIfMissing(readdir(directory))) ?? []
  return names.filter((name) => pattern.test(name)).sort()
}
