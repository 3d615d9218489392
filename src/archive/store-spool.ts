import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { NewBlob } from '../blobs/ports.ts'
import { uuidv7 } from '../dicom/uid.ts'
import { Problem } from '../problem.ts'
import { digestPieces, runDigests, type RunningDigests } from './store-digests.ts'

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
/** Up to this size a part in memory is hashed in one go, once it is whole; any other while it arrives. */
const ONE_GO = 64 * 1024
/** A staging file is written in pieces of about this size. */
const WRITE_SIZE = 256 * 1024
/** By which the blob store knows what a crash left. */
const SUFFIX = '.part'

/**
 * A spool for one part: in memory while it is small and there is room, else in a staging file, which the blob store
 * may take over. In memory the bytes stay the pieces they came in: only small parts are worth a copy.
 * @param dataSetOffset where the data set begins (behind preamble and group 0002), once the reader knows
 */
export function createSpool(room: SpoolRoom, dataSetOffset: () => number | undefined): Spool {
  let pieces: Buffer[] = []
  let size = 0
  let digests: RunningDigests | undefined
  let staged: Staging | undefined
  /** Bytes of this part that are booked in the room. */
  let booked = 0

  const book = (bytes: number) => {
    booked += bytes
    room.used += bytes
  }

  /** From now on bytes are hashed as they come. */
  function hashEarly(): RunningDigests {
    const running = runDigests(dataSetOffset)
    for (const piece of pieces) running.update(piece)
    return running
  }

  function toFile(): Staging {
    const staging = openStaging(room.folder, (digests ??= hashEarly()))
    for (const piece of pieces) stage(staging, piece)
    pieces = []
    book(-booked)
    return staging
  }

  return {
    write(bytes) {
      size += bytes.length
      digests?.update(bytes)
      if (staged !== undefined) {
        stage(staged, bytes)
        return
      }
      pieces.push(bytes)
      book(bytes.length)
      if (size > ONE_GO) digests ??= hashEarly()
      if (size > MEMORY_PART || room.used > room.memory) staged = toFile()
    },
    ready() {
      if (staged === undefined || staged.pendingSize < WRITE_SIZE) return undefined
      return staged.writing?.catch((error: unknown) => {
        throw spoolProblem(error)
      })
    },
    async finish(offset) {
      if (staged !== undefined) return await finishStaging(staged, size, offset)
      const bytes = pieces
      pieces = []
      const { sha256, datasetSha256 } = digests?.end(offset) ?? digestPieces(bytes, offset)
      return {
        blob: { bytes, size, sha256 },
        datasetSha256: datasetSha256 ?? digestPieces(bytes, offset).datasetSha256,
      }
    },
    async discard() {
      pieces = []
      book(-booked)
      if (staged !== undefined) await removeStaging(staged)
    },
  }
}

interface Staging {
  readonly path: string
  readonly handle: Promise<FileHandle>
  readonly digests: RunningDigests
  pending: Buffer[]
  pendingSize: number
  /** Settles when nothing is pending; rejects for good when the disk is at fault. */
  writing: Promise<void> | undefined
}

function openStaging(folder: string, digests: RunningDigests): Staging {
  const path = join(folder, `${uuidv7()}${SUFFIX}`)
  const handle = open(path, 'wx', 0o600)
  // Whoever writes next meets the error.
  handle.catch(() => undefined)
  return { path, handle, digests, pending: [], pendingSize: 0, writing: undefined }
}

function stage(staging: Staging, bytes: Buffer): void {
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

async function finishStaging(staging: Staging, size: number, offset: number): Promise<Spooled> {
  const { path, digests } = staging
  try {
    await staging.writing
    await writePending(staging)
    await (await staging.handle).close()
    const { sha256, datasetSha256 } = digests.end(offset)
    return {
      blob: { bytes: { path }, size, sha256 },
      datasetSha256: datasetSha256 ?? (await hashFrom(path, offset)),
    }
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
