import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { BlobStore, Extent } from '../blobs/ports.ts'
import type { BlobExtent, IndexedInstance, InstanceState } from '../database/ports/instance.ts'
import type {
  DigestedInstances,
  DigestedMetadata,
  InstancesOptions,
  MetadataOptions,
  Scope,
} from '../database/ports/instance-index.ts'
import { bulkValue, frameLength, frameStream, pixelStream, within, type OpenFile } from '../dicom/frames.ts'
import type { DataElement, DataSet, InstanceUids } from '../dicom/data-set.ts'
import { findBulk, type BulkPath } from '../dicom/dicom-json.ts'
import { pixelExtents, readPixelMap, type PixelMap } from '../dicom/pixel-map.ts'
import { rewriteExplicitLittleEndian, type RewriteOptions } from '../dicom/rewrite.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'

/** By its own UID an instance is retrieved as long as it is kept, whatever has replaced it since (design §7). */
const KEPT: readonly InstanceState[] = ['active', 'superseded', 'rejected']

function statesOf({ instance }: Scope): Pick<InstancesOptions, 'states'> {
  return instance === undefined ? {} : { states: KEPT }
}

/**
 * The instances of a study, a series or an instance, in pages. Without any: Problem `not-found`, or `gone` for one that
 * was deleted; so the first page has an instance.
 */
export async function* instancesOf(
  archive: Archive,
  scope: Scope,
  options: InstancesOptions = {},
): AsyncGenerator<readonly IndexedInstance[]> {
  let isEmpty = true
  for await (const page of archive.database.index.instances(scope, { ...statesOf(scope), ...options })) {
    if (page.length === 0) continue
    isEmpty = false
    yield page
  }
  if (isEmpty) throw await absence(archive, scope)
}

/**
 * {@link instancesOf}, with a text that tells them from those of any other time: another one as soon as one comes, goes or is
 * superseded.
 */
export async function digestedOf(
  archive: Archive,
  scope: Scope,
  options: InstancesOptions,
): Promise<Omit<DigestedInstances, 'count'>> {
  const { count, ...found } = await archive.database.index.digested(scope, { ...statesOf(scope), ...options })
  if (count === 0) throw await absence(archive, scope)
  return found
}

/** {@link digestedOf} as DICOM JSON. */
export async function metadataOf(
  archive: Archive,
  scope: Scope,
  options: MetadataOptions,
): Promise<Omit<DigestedMetadata, 'count'>> {
  const { count, ...found } = await archive.database.index.metadata(scope, { ...statesOf(scope), ...options })
  if (count === 0) throw await absence(archive, scope)
  return found
}

/** Why nothing of a scope is shown: Problem `gone` where some of it was deleted, else `not-found`. */
export async function absence({ database }: Archive, scope: Scope): Promise<Problem> {
  for await (const page of database.index.instances(scope, { states: ['deleted'], pageSize: 1 }))
    if (page.length > 0) return new Problem('gone', 'It was deleted.')
  return new Problem('not-found', 'There is no such study, series or instance here.')
}

/** One instance with what `options` ask for; Problem `not-found` or `gone` otherwise. */
export async function instanceOf(
  archive: Archive,
  uids: InstanceUids,
  options: InstancesOptions = {},
): Promise<IndexedInstance> {
  for await (const [found] of instancesOf(archive, uids, options)) if (found !== undefined) return found
  throw new Problem('not-found', 'There is no such instance here.')
}

/** The instance with its tags: read once more where they were not asked for. */
export async function withTags(archive: Archive, instance: IndexedInstance): Promise<IndexedInstance> {
  return instance.tags === undefined ? instanceOf(archive, instance.uids, { tags: true }) : instance
}

/** Opens the file of an instance as it was received, or a range of it, wherever its pieces lie. */
export function fileOf(
  { blobs }: Pick<Archive, 'blobs'>,
  { extents, size }: Pick<IndexedInstance, 'extents' | 'size'>,
): OpenFile {
  return async (range = { offset: 0, length: size }) => {
    const pieces = within(extents, range)
    const [only] = pieces
    if (only !== undefined && pieces.length === 1) return openPiece(blobs, only)
    return Readable.from(readPieces(blobs, pieces), { objectMode: false })
  }
}

async function* readPieces(blobs: BlobStore, pieces: readonly BlobExtent[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield* (await openPiece(blobs, piece)) as AsyncIterable<Buffer>
}

function openPiece(blobs: BlobStore, { store, key, offset, length }: BlobExtent): Promise<Readable> {
  if (store !== blobs.name) {
    throw new Problem(
      'unavailable',
      `The bytes lie in the store "${store}", which is not the one of the settings.`,
    )
  }
  return blobs.get(key, { offset, length })
}

/**
 * The file as it was received, or a range of it. All of it is compared with its digest as it passes, and its last bytes
 * are kept back till then: a file that has rotted never looks whole. Somebody is told, and Problem `corrupt` ends it.
 */
export function originalOf(archive: Archive, instance: IndexedInstance): Piece {
  const open = fileOf(archive, instance)
  return {
    length: instance.size,
    open: async (range) => {
      const isWhole = range === undefined || range.length === instance.size
      const file = await open(range)
      return isWhole ? Readable.from(compared(archive, instance, file), { objectMode: false }) : file
    },
  }
}

async function* compared(
  { database }: Archive,
  { fileSha256, uids }: IndexedInstance,
  file: Readable,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let held: Buffer | null = null
  for await (const chunk of file as AsyncIterable<Buffer>) {
    if (held !== null) yield held
    hash.update(chunk)
    held = chunk
  }
  if (hash.digest('hex') !== fileSha256) {
    await database.attention.raise({ reason: 'corrupt-file', study: uids.study, instance: uids.instance })
    throw new Problem('corrupt', 'The stored file is not the one that was received: its digest is another.')
  }
  if (held !== null) yield held
}

/** How an instance leaves. */
export interface FileWish {
  /**
   * In Explicit VR Little Endian, inflated where it is deflated; nothing is decoded, compressed pixel data passes as it
   * is. Otherwise the bytes as received, but for those that PS3.10 does not allow: no preamble or group 0002, or a
   * preamble that is a program.
   */
  readonly isExplicit: boolean
}

/** The instance as Part 10 file, read once from beginning to end. */
export async function part10Of(
  archive: Archive,
  instance: IndexedInstance,
  { isExplicit }: FileWish,
): Promise<Readable> {
  const { head, whole } = await peek(await originalOf(archive, instance).open(), HEAD)
  return isExplicit || !isPart10(head) ? rewriteExplicitLittleEndian(whole, namesOf(instance)) : whole
}

/** The instance as Part 10 file, with length and ranges where it leaves as it was received. */
export async function part10PieceOf(
  archive: Archive,
  instance: IndexedInstance,
  wish: FileWish,
): Promise<Piece> {
  const head = async () => buffer(await fileOf(archive, instance)({ offset: 0, length: HEAD }))
  if (!wish.isExplicit && isPart10(await head())) return originalOf(archive, instance)
  return { length: null, open: () => part10Of(archive, instance, wish) }
}

/** Preamble and prefix, PS3.10 §7.1. */
const HEAD = 132

/** Whether a file that begins so may leave as it is. */
function isPart10(head: Buffer): boolean {
  return head.toString('latin1', 128, HEAD) === 'DICM' && head.toString('latin1', 0, 2) !== 'MZ'
}

function namesOf({ SOPClassUID, uids }: IndexedInstance): RewriteOptions {
  return { SOPClassUID, SOPInstanceUID: uids.instance }
}

/** The first `length` bytes of a stream, or all there are, and the stream from its beginning. */
async function peek(stream: Readable, length: number): Promise<{ head: Buffer; whole: Readable }> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let head: Buffer = Buffer.alloc(0)
  while (head.length < length) {
    const next = await chunks.next()
    if (next.done === true) break
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
  }
  const rest = async function* () {
    yield head
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  const whole = Readable.from(rest(), { objectMode: false })
  whole.once('close', () => stream.destroy())
  return { head, whole }
}

/** Bytes of an instance that stand for themselves: a frame, a piece of bulk data. */
export interface Piece {
  /** Null where it is known only when it has been read. */
  readonly length: number | null
  /** Nobody else has the bytes: whoever reads them may free their memory. */
  readonly isOwn?: boolean
  /** The bytes, or a range of them. */
  readonly open: (range?: Extent) => Promise<Readable>
}

/** The pixel map of an instance that was asked for with `pixelMap`; Problem `not-found` without pixel data. */
export function pixelsOf({ pixelMap }: IndexedInstance): PixelMap {
  if (!pixelMap) throw new Problem('not-found', 'The instance has no pixel data.')
  return readPixelMap(pixelMap)
}

/** Frame `n`, from 1; Problem `not-found` where it is not there, because there are fewer or the file is damaged. */
export function frameOf(archive: Archive, instance: IndexedInstance, map: PixelMap, n: number): Piece {
  const length = frameLength(map, n)
  if (length === null) throw noFrame(n)
  return {
    length,
    isOwn: true,
    open: async (range) => {
      const stream = await frameStream(fileOf(archive, instance), map, n, range)
      if (stream === null) throw noFrame(n)
      return stream
    },
  }
}

function noFrame(n: number): Problem {
  return new Problem('not-found', `The instance has no frame ${n}.`)
}

/** All pixel data as one piece. */
export function wholePixelData(archive: Archive, instance: IndexedInstance, map: PixelMap): Piece {
  const length = pixelExtents(map).reduce((sum, extent) => sum + extent.length, 0)
  return { length, isOwn: true, open: (range) => pixelStream(fileOf(archive, instance), map, range) }
}

/** The value at a path into the data set; Problem `not-found` where no bytes are. `tags` must have been asked for. */
export function bulkDataOf(
  archive: Archive,
  instance: IndexedInstance,
  path: BulkPath,
): Piece & { readonly dataSet: DataSet } {
  const dataSet = JSON.parse(instance.tags?.toString('utf8') ?? '{}') as DataSet
  const element = findBulk(dataSet, path)
  if (element === undefined) throw new Problem('not-found', 'The instance has no bulk data there.')
  return { dataSet, ...valueOf(archive, instance, element) }
}

/** The bytes of an element, wherever they are kept. */
export function valueOf(archive: Archive, instance: IndexedInstance, element: DataElement): Piece {
  const { vr, offset, length, InlineBinary = '' } = element
  if (offset !== undefined && length !== undefined) {
    const value = { vr, offset, length }
    const open = (range?: Extent) =>
      bulkValue(fileOf(archive, instance), value, instance.TransferSyntaxUID, range)
    return { length, open }
  }
  const bytes = Buffer.from(InlineBinary, 'base64')
  return {
    length: bytes.length,
    open: ({ offset: from, length: count } = { offset: 0, length: bytes.length }) =>
      Promise.resolve(Readable.from([bytes.subarray(from, from + count)], { objectMode: false })),
  }
}
