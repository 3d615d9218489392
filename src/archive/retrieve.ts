import { Readable } from 'node:stream'
import type { BlobStore, Extent } from '../blobs/ports.ts'
import type {
  BlobExtent,
  IndexedInstance,
  InstancesOptions,
  InstanceState,
  Scope,
} from '../database/ports.ts'
import { bulkValue, frameLength, frameStream, pixelStream, type OpenFile } from '../dicom/frames.ts'
import type { DataElement, DataSet, InstanceUids } from '../dicom/data-set.ts'
import { findBulk, type BulkPath } from '../dicom/dicom-json.ts'
import { pixelExtents, readPixelMap, type PixelMap } from '../dicom/pixel-map.ts'
import { rewriteExplicitLittleEndian } from '../dicom/rewrite.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'

/** By its own UID an instance is retrieved as long as it is kept, whatever has replaced it since (design §7). */
const KEPT: readonly InstanceState[] = ['active', 'superseded', 'rejected']

/**
 * The instances of a study, a series or an instance, in pages. Without any: Problem `not-found`, or `gone` for one that
 * was deleted; so the first page has an instance.
 */
export async function* instancesOf(
  archive: Archive,
  scope: Scope,
  options: InstancesOptions = {},
): AsyncGenerator<readonly IndexedInstance[]> {
  const states = scope.instance === undefined ? {} : { states: KEPT }
  let isEmpty = true
  for await (const page of archive.database.index.instances(scope, { ...states, ...options })) {
    if (page.length === 0) continue
    isEmpty = false
    yield page
  }
  if (isEmpty) throw await absence(archive, scope)
}

async function absence(archive: Archive, { instance }: Scope): Promise<Problem> {
  const known =
    instance === undefined ? undefined : (await archive.database.index.known([instance])).get(instance)
  if (known?.state === 'deleted') return new Problem('gone', 'The instance was deleted.')
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

/** Opens the file of an instance as it was received, or a range of it, wherever its pieces lie. */
export function fileOf(
  blobs: BlobStore,
  { extents, size }: Pick<IndexedInstance, 'extents' | 'size'>,
): OpenFile {
  return async (range = { offset: 0, length: size }) => {
    const pieces = within(extents, range)
    const [only] = pieces
    if (only === undefined) return Readable.from([], { objectMode: false })
    if (pieces.length === 1) return openPiece(blobs, only)
    return Readable.from(readPieces(blobs, pieces), { objectMode: false })
  }
}

/** The parts of the pieces that a range of their whole covers. */
function within(extents: readonly BlobExtent[], { offset, length }: Extent): BlobExtent[] {
  const pieces: BlobExtent[] = []
  let start = 0
  for (const extent of extents) {
    const from = Math.max(offset, start)
    const to = Math.min(offset + length, start + extent.length)
    if (from < to) pieces.push({ ...extent, offset: extent.offset + from - start, length: to - from })
    start += extent.length
  }
  return pieces
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
 * The instance as Part 10 file. `isExplicit`: in Explicit VR Little Endian, inflated where it is deflated; nothing is
 * decoded, compressed pixel data passes as it is. Otherwise the bytes as received, but for those that PS3.10 does not
 * allow: no preamble or group 0002, or a preamble that is a program.
 */
export async function part10Of(
  blobs: BlobStore,
  instance: IndexedInstance,
  { isExplicit }: { readonly isExplicit: boolean },
): Promise<Readable> {
  const { SOPClassUID, uids } = instance
  const names = { SOPClassUID, SOPInstanceUID: uids.instance }
  const stored = await fileOf(blobs, instance)()
  if (isExplicit) return rewriteExplicitLittleEndian(stored, names)
  const { head, whole } = await peek(stored, 132)
  const isPart10 =
    head.subarray(128).toString('latin1') === 'DICM' && head.subarray(0, 2).toString('latin1') !== 'MZ'
  return isPart10 ? whole : rewriteExplicitLittleEndian(whole, names)
}

/** The first `length` bytes of a stream, and the stream from its beginning. */
async function peek(stream: Readable, length: number): Promise<{ head: Buffer; whole: Readable }> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const seen: Buffer[] = []
  let bytes = 0
  while (bytes < length) {
    const next = await chunks.next()
    if (next.done === true) break
    seen.push(next.value)
    bytes += next.value.length
  }
  const head = Buffer.concat(seen)
  const rest = async function* () {
    yield head
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  const whole = Readable.from(rest(), { objectMode: false })
  whole.once('close', () => stream.destroy())
  return { head: head.subarray(0, length), whole }
}

/** Bytes of an instance that stand for themselves: a frame, a piece of bulk data. */
export interface Piece {
  /** Null where it is known only when it has been read. */
  readonly length: number | null
  /** The bytes, or a range of them. */
  readonly open: (range?: Extent) => Promise<Readable>
}

/** The pixel map of an instance that was asked for with `pixelMap`; Problem `not-found` without pixel data. */
export function pixelsOf({ pixelMap }: IndexedInstance): PixelMap {
  if (!pixelMap) throw new Problem('not-found', 'The instance has no pixel data.')
  return readPixelMap(pixelMap)
}

/** Frame `n`, from 1; Problem `not-found` where it is not there, because there are fewer or the file is damaged. */
export function frameOf(blobs: BlobStore, instance: IndexedInstance, map: PixelMap, n: number): Piece {
  const length = frameLength(map, n)
  if (length === null) throw new Problem('not-found', `The instance has no frame ${n}.`)
  const open = async () => {
    const stream = await frameStream(fileOf(blobs, instance), map, n)
    if (stream === null) throw new Problem('not-found', `The instance has no frame ${n}.`)
    return stream
  }
  return { length, open }
}

/** All pixel data as one piece. */
export function wholePixelData(blobs: BlobStore, instance: IndexedInstance, map: PixelMap): Piece {
  const length = pixelExtents(map).reduce((sum, extent) => sum + extent.length, 0)
  return { length, open: () => pixelStream(fileOf(blobs, instance), map) }
}

/** The value at a path into the data set; Problem `not-found` where no bytes are. `tags` must have been asked for. */
export function bulkDataOf(
  blobs: BlobStore,
  instance: IndexedInstance,
  path: BulkPath,
): Piece & { readonly dataSet: DataSet } {
  const dataSet = JSON.parse(instance.tags?.toString('utf8') ?? '{}') as DataSet
  const element = findBulk(dataSet, path)
  if (element === undefined) throw new Problem('not-found', 'The instance has no bulk data there.')
  return { dataSet, ...valueOf(blobs, instance, element) }
}

function valueOf(blobs: BlobStore, instance: IndexedInstance, element: DataElement): Piece {
  const { offset, length } = element
  if (offset === undefined || length === undefined) {
    const bytes = Buffer.from(element.InlineBinary ?? '', 'base64')
    const open = (range: Extent = { offset: 0, length: bytes.length }) =>
      Promise.resolve(
        Readable.from([bytes.subarray(range.offset, range.offset + range.length)], { objectMode: false }),
      )
    return { length: bytes.length, open }
  }
  return {
    length,
    open: (range = { offset: 0, length }) =>
      bulkValue(
        fileOf(blobs, instance),
        { vr: element.vr, offset, length },
        instance.TransferSyntaxUID,
        range,
      ),
  }
}
