import { createHash, type Hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { BlobStore } from '../blobs/ports.ts'
import type { ParsedInstance } from '../dicom/data-set.ts'
import { createPart10Reader, type ReaderLimits, Unreadable } from '../dicom/reader.ts'
import { isProblem } from '../problem.ts'

/** What bytes that are kept say of themselves. Digests in lower-case hexadecimal. */
export interface StoredFile {
  readonly size: number
  readonly sha256: string
  /** Of the data set: the file without preamble and group 0002. */
  readonly datasetSha256: string
  /** What the reader makes of them, or why it cannot. */
  readonly parsed: ParsedInstance | Unreadable
}

/** Reads and hashes a file to its end, whatever it is. Rejects only where the bytes cannot be had. */
export async function readStored(
  chunks: AsyncIterable<Buffer>,
  limits: Partial<ReaderLimits>,
): Promise<StoredFile> {
  const reader = createPart10Reader(limits)
  const fileHash = createHash('sha256')
  const dataSetHash = createHash('sha256')
  /** Bytes from the beginning, as long as nobody knows where the data set begins. */
  let head: Buffer[] | undefined = []
  let refusal: Unreadable | undefined
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    fileHash.update(chunk)
    const answer = refusal ?? refused(() => reader.push(chunk))
    if (answer instanceof Unreadable) refusal = answer
    if (head === undefined) dataSetHash.update(chunk)
    else {
      head.push(chunk)
      head = beginDataSet(head, reader.dataSetOffset, dataSetHash)
      // It is not held in memory for the sake of a digest that nothing will be compared with.
      if (refusal !== undefined) head = undefined
    }
  }
  const parsed = refusal ?? refused(() => reader.end())
  if (head !== undefined) beginDataSet(head, reader.dataSetOffset ?? size, dataSetHash)
  return { size, sha256: fileHash.digest('hex'), datasetSha256: dataSetHash.digest('hex'), parsed }
}

/**
 * The same, but null where the store is there and yet cannot give these bytes. Rejects with Problem `unavailable` where
 * the store cannot be used at all: of its bytes nothing can be said then.
 */
export function readIfThere(
  store: BlobStore,
  limits: Partial<ReaderLimits>,
  open: () => Promise<AsyncIterable<Buffer>>,
): Promise<StoredFile | null> {
  return ifThere(store, async () => readStored(await open(), limits))
}

/** The bytes of something small, by the same rules. */
export function bytesIfThere(
  store: BlobStore,
  open: () => Promise<AsyncIterable<Buffer>>,
): Promise<Buffer | null> {
  return ifThere(store, async () => buffer(await open()))
}

async function ifThere<Result>(store: BlobStore, read: () => Promise<Result>): Promise<Result | null> {
  try {
    return await read()
  } catch (error) {
    if (!isProblem(error) && (error as NodeJS.ErrnoException).code === undefined) throw error
    await store.check()
    return null
  }
}

/** Hashes what of the head belongs to the data set once its beginning is known; then there is no head any more. */
function beginDataSet(head: Buffer[], offset: number | undefined, hash: Hash): Buffer[] | undefined {
  if (offset === undefined) return head
  hash.update(Buffer.concat(head).subarray(offset))
  return undefined
}

function refused<Result>(work: () => Result): Result | Unreadable {
  try {
    return work()
  } catch (error) {
    if (error instanceof Unreadable) return error
    throw error
  }
}
