import { createHash, hash, type Hash, subtle } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { NewBlob } from '../blobs/ports.ts'
import { uuidv7 } from '../dicom/uid.ts'
import { Problem } from '../problem.ts'

/** Memory that all uploads share, and where goes what does not fit. */
export interface SpoolRoom {
  readonly folder: string
  /** Bytes that may be held in memory by all parts together. */
  readonly memory: number
  used: number
}

/** Where the bytes of one part are gathered and hashed while they arrive. */
export interface Spool {
  /** Takes the next bytes; a view on them may be kept. */
  write(bytes: Buffer): void
  /** A promise while the disk is behind: wait for it before more is written. Rejects when the disk is at fault. */
  ready(): Promise<void> | undefined
  /** All bytes are there; `dataSetOffset` is where the data set begins. Rejects with Problem `unavailable`. */
  finish(dataSetOffset: number): Promise<Spooled>
  /** Forgets the bytes, whether they are finished or not. */
  discard(): Promise<void>
}

export interface Spooled {
  readonly blob: NewBlob
  /** SHA-256 of the data set, in lower-case hexadecimal. */
  readonly datasetSha256: string
}

/** Parts up to this size stay in memory while there is room. */
const MEMORY_PART = 1024 * 1024
/** Bytes from which a digest is left to the thread pool: about 60 µs of work. */
const POOLED = 64 * 1024
/** A staging file is written in pieces of about this size. */
const WRITE_SIZE = 256 * 1024
/** By which the blob store knows what a crash left. */
const SUFFIX = '.part'

/**
 * A spool for one part: in memory while it is small and there is room, else in a staging file, which the blob store
 * may take over.
 * @param dataSetOffset where the data set begins (behind preamble and group 0002), once the reader knows
 */
export function createSpool(room: SpoolRoom, dataSetOffset: () => number | undefined): Spool {
  let chunks: Buffer[] = []
  let size = 0
  let staged: Staging | undefined
  /** Bytes of this part that are booked in the room. */
  let booked = 0

  const book = (bytes: number) => {
    booked += bytes
    room.used += bytes
  }

  return {
    write(bytes) {
      size += bytes.length
      if (staged !== undefined) {
        stage(staged, bytes, dataSetOffset)
        return
      }
      chunks.push(bytes)
      book(bytes.length)
      if (size <= MEMORY_PART && room.used <= room.memory) return
      staged = openStaging(room.folder)
      for (const chunk of chunks) stage(staged, chunk, dataSetOffset)
      chunks = []
      book(-booked)
    },
    ready() {
      if (staged === undefined || staged.pendingSize < WRITE_SIZE) return undefined
      return staged.writing?.catch((error: unknown) => {
        throw spoolProblem(error)
      })
    },
    async finish(offset) {
      if (staged !== undefined) return await finishStaging(staged, offset)
      const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
      chunks = []
      const [sha256, datasetSha256] = await Promise.all([digest(bytes), digest(bytes.subarray(offset))])
      return { blob: { bytes, size, sha256 }, datasetSha256 }
    },
    async discard() {
      chunks = []
      book(-booked)
      if (staged !== undefined) await removeStaging(staged)
    },
  }
}

/** SHA-256 in lower-case hexadecimal: in the thread pool where hashing takes longer than going there and back. */
async function digest(bytes: Buffer): Promise<string> {
  if (bytes.length < POOLED) return hash('sha256', bytes, 'hex')
  return Buffer.from(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')
}

interface Staging {
  readonly path: string
  readonly handle: Promise<FileHandle>
  readonly fileHash: Hash
  /** From `dataSetFrom` on; undefined until that is known. */
  dataSetHash: Hash | undefined
  dataSetFrom: number
  /** Bytes taken in so far. */
  size: number
  pending: Buffer[]
  pendingSize: number
  /** Settles when nothing is pending; rejects for good when the disk is at fault. */
  writing: Promise<void> | undefined
}

function openStaging(folder: string): Staging {
  const path = join(folder, `${uuidv7()}${SUFFIX}`)
  const handle = open(path, 'wx', 0o600)
  // Whoever writes next meets the error.
  handle.catch(() => undefined)
  const fileHash = createHash('sha256')
  return {
    path,
    handle,
    fileHash,
    dataSetHash: undefined,
    dataSetFrom: 0,
    size: 0,
    pending: [],
    pendingSize: 0,
    writing: undefined,
  }
}

function stage(staging: Staging, bytes: Buffer, dataSetOffset: () => number | undefined): void {
  staging.fileHash.update(bytes)
  const offset = staging.dataSetHash === undefined ? dataSetOffset() : undefined
  if (offset !== undefined && offset >= staging.size) {
    staging.dataSetHash = createHash('sha256')
    staging.dataSetFrom = offset
  }
  staging.dataSetHash?.update(bytes.subarray(Math.max(0, staging.dataSetFrom - staging.size)))
  staging.size += bytes.length
  staging.pending.push(bytes)
  staging.pendingSize += bytes.length
  if (staging.pendingSize >= WRITE_SIZE) staging.writing ??= writePending(staging)
}

function writePending(staging: Staging): Promise<void> {
  const writing = (async () => {
    const handle = await staging.handle
    while (staging.pending.length > 0) {
      const bytes = Buffer.concat(staging.pending, staging.pendingSize)
      staging.pending = []
      staging.pendingSize = 0
      await handle.writeFile(bytes)
    }
    staging.writing = undefined
  })()
  writing.catch(() => undefined)
  return writing
}

async function finishStaging(staging: Staging, offset: number): Promise<Spooled> {
  try {
    await staging.writing
    await writePending(staging)
    await (await staging.handle).close()
    const datasetSha256 =
      staging.dataSetHash !== undefined && staging.dataSetFrom === offset
        ? staging.dataSetHash.digest('hex')
        : await hashFrom(staging.path, offset)
    const blob = { bytes: { path: staging.path }, size: staging.size, sha256: staging.fileHash.digest('hex') }
    return { blob, datasetSha256 }
  } catch (error) {
    throw spoolProblem(error)
  }
}

/** For a file whose data set began before anybody knew: only if group 0002 is longer than what memory holds of it. */
async function hashFrom(path: string, offset: number): Promise<string> {
  const dataSetHash = createHash('sha256')
  for await (const chunk of createReadStream(path, { start: offset })) dataSetHash.update(chunk as Buffer)
  return dataSetHash.digest('hex')
}

async function removeStaging(staging: Staging): Promise<void> {
  // The store may have moved the file; a disk at fault has told so already; and a start empties the folder.
  await staging.writing?.catch(() => undefined)
  await staging.handle.then((handle) => handle.close()).catch(() => undefined)
  await unlink(staging.path).catch(() => undefined)
}

/** What a disk says, as a Problem that names the error code alone. */
function spoolProblem(error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code ?? 'no code'
  return new Problem('unavailable', `The upload cannot be staged (${code}).`, {
    cause: error,
    retryAfter: 60,
  })
}

/**
 * Deletes staging files that nobody has written to for so long that their upload is no more. A folder of blobs does so
 * at its start with all of them; other stores may share the folder with processes that are at work.
 */
export async function clearSpool(folder: string, olderThan: Date): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(SUFFIX)) continue
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts !== undefined && facts.mtime < olderThan) await unlink(path).catch(() => undefined)
  }
}
