/** Frames decoded, and pictures of them. */
import { Readable } from 'node:stream'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { InstancesOptions } from '../database/ports/instance-index.ts'
import type { Annotations } from '../dicom/annotation.ts'
import type { InstanceUids } from '../dicom/data-set.ts'
import { displayOf } from '../dicom/display.ts'
import { pixelExtents, type PixelMap } from '../dicom/pixel-map.ts'
import { decodedFormat, frameBytes, type PixelFormat } from '../dicom/pixel-format.ts'
import { fitsNative, rewriteNative } from '../dicom/rewrite-pixels.ts'
import type {
  ColourProfile,
  Look,
  PictureType,
  PictureWish,
  PixelEngine,
  StoredFrame,
  Window,
} from '../pixels/ports.ts'
import { bytesOf } from '../pieces.ts'
import { isProblem, Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { fileOf, frameOf, pixelsOf, type Piece } from './retrieve.ts'
import { rememberFacts, type RememberedFacts } from './viewing-facts.ts'
import { lookOf, rememberTables, type Tables } from './viewing-look.ts'

/** A picture that a client asks for. */
export interface PictureRequest {
  /** Counted from 1. */
  readonly frame: number
  readonly media: PictureType
  readonly quality: number
  readonly window: Window | null
  readonly box: PictureWish['box']
  /** Negative sizes turn the picture round; null: to the edge of the frame. */
  readonly source: {
    readonly left: number
    readonly top: number
    readonly width: number | null
    readonly height: number | null
    /** Numbers are parts of the frame's sides, from 0 to 1. */
    readonly isRelative?: boolean
  } | null
  readonly profile: ColourProfile
  /** What is burnt in: whose the picture is, and how it was made. */
  readonly annotation: readonly (keyof Annotations)[]
}

/** What is made of pixels. `pixelMap` of the instance must have been asked for. */
export interface Viewer {
  /** What to ask the index for, so that a picture of the instance takes no second look. */
  needs(uids: Pick<InstanceUids, 'instance'>): Pick<InstancesOptions, 'tags' | 'pixelMap'>
  /** Whether frames of the instance's transfer syntax can be decoded. */
  decodes(instance: Pick<IndexedInstance, 'TransferSyntaxUID'>): boolean
  /** Problem `not-acceptable` where there is nothing to see, `not-found` for a frame that is not there. */
  picture(instance: IndexedInstance, request: PictureRequest, signal?: AbortSignal): Promise<Buffer>
  /** A frame as native bytes. */
  decodedFrames(
    instance: IndexedInstance,
    map: PixelMap,
    frames: readonly number[],
    signal?: AbortSignal,
  ): Promise<readonly Piece[]>
  /** The file in Explicit VR Little Endian; null where it cannot be had in it. */
  decodedFile(instance: IndexedInstance, signal?: AbortSignal): Promise<Piece | null>
}

interface Context {
  readonly archive: Archive
  readonly pixels: PixelEngine
  readonly facts: RememberedFacts
  readonly tables: Tables
}

export function createViewer(archive: Archive, pixels: PixelEngine): Viewer {
  const context: Context = { archive, pixels, facts: rememberFacts(archive), tables: rememberTables(archive) }
  return {
    needs: ({ instance }) => ({ pixelMap: true, tags: !context.facts.has(instance) }),
    decodes: ({ TransferSyntaxUID }) => pixels.decodes(TransferSyntaxUID),
    picture: (instance, request, signal) => pictureOf(context, instance, request, signal),
    decodedFrames: (instance, map, frames, signal) =>
      decodedFrames(context, instance, { map, frames, signal }),
    decodedFile: (instance, signal) => decodedFile(context, instance, signal),
  }
}

async function pictureOf(
  context: Context,
  instance: IndexedInstance,
  request: PictureRequest,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { archive, pixels } = context
  if (!instance.pixelMap)
    throw new Problem('not-acceptable', 'The instance has no pixel data to make a picture of.')
  const map = pixelsOf(instance)
  const { format, elements, annotations } = await context.facts.of(instance, map)
  if (format === null || (map.encapsulated && !pixels.decodes(instance.TransferSyntaxUID))) {
    throw new Problem('not-acceptable', 'No picture can be made of such pixel data.')
  }
  const { frame: n, media, quality, box, window, profile } = request
  const frame = storedFrame(archive, instance, map, { n, format })
  const look = await lookOf(context, instance, displayOf(elements, n), { withProfile: profile !== 'none' })
  const asked: Look = window === null ? look : { ...look, voi: { kind: 'window', ...window } }
  const region = request.source === null ? null : regionOf(request.source, format)
  const annotation = burntIn(annotations, request, map)
  return pixels.picture(frame, asked, { media, quality, region, box, profile, annotation }, signal)
}

function burntIn(
  { patient, technique }: Annotations,
  { annotation, frame }: PictureRequest,
  { frames }: PixelMap,
): PictureWish['annotation'] {
  const which = frames > 1 ? [`frame ${frame} of ${frames}`] : []
  return {
    top: annotation.includes('patient') ? patient : [],
    bottom: annotation.includes('technique') ? [...technique, ...which] : [],
  }
}

function storedFrame(
  archive: Archive,
  instance: IndexedInstance,
  map: PixelMap,
  { n, format }: { readonly n: number; readonly format: PixelFormat },
): StoredFrame {
  const { open } = frameOf(archive, instance, map, n)
  return {
    key: `${instance.fileSha256} ${n}`,
    TransferSyntaxUID: instance.TransferSyntaxUID,
    format,
    read: async () => bytesOf(await open()),
  }
}

/** PS3.18 §8.3.5.1.3; Problem `malformed` where it is not within the frame. */
function regionOf(
  source: NonNullable<PictureRequest['source']>,
  { Rows, Columns }: PixelFormat,
): NonNullable<PictureWish['region']> {
  const { left, top, width, height } = source.isRelative === true ? inPixels(source, Rows, Columns) : source
  const across = Math.abs(width ?? Columns - left)
  const down = Math.abs(height ?? Rows - top)
  if (across < 1 || down < 1 || left + across > Columns || top + down > Rows) {
    throw new Problem('malformed', 'The region is not within the frame.')
  }
  return {
    left,
    top,
    width: across,
    height: down,
    isMirrored: (width ?? 1) < 0,
    isUpsideDown: (height ?? 1) < 0,
  }
}

function inPixels(
  { left, top, width, height }: NonNullable<PictureRequest['source']>,
  Rows: number,
  Columns: number,
): NonNullable<PictureRequest['source']> {
  const [x, y] = [Math.floor(left * Columns), Math.floor(top * Rows)]
  return {
    left: x,
    top: y,
    width: width === null ? null : Math.max(1, Math.round((left + width) * Columns) - x),
    height: height === null ? null : Math.max(1, Math.round((top + height) * Rows) - y),
  }
}

async function decodedFrames(
  context: Context,
  instance: IndexedInstance,
  wanted: {
    readonly map: PixelMap
    readonly frames: readonly number[]
    readonly signal: AbortSignal | undefined
  },
): Promise<readonly Piece[]> {
  const { map, frames, signal } = wanted
  const { format } = await context.facts.of(instance, map)
  if (format === null)
    throw new Problem('not-acceptable', 'The frames cannot be decoded: their size is not told.')
  const length = frameBytes(decodedFormat(format, instance.TransferSyntaxUID))
  return frames.map((n) => {
    const frame = storedFrame(context.archive, instance, map, { n, format })
    return {
      length,
      open: async (range = { offset: 0, length }) => {
        const bytes = await context.pixels.decode(frame, signal)
        return Readable.from([bytes.subarray(range.offset, range.offset + range.length)], {
          objectMode: false,
        })
      },
    }
  })
}

async function decodedFile(
  context: Context,
  instance: IndexedInstance,
  signal: AbortSignal | undefined,
): Promise<Piece | null> {
  const { archive, pixels } = context
  if (!instance.pixelMap || !pixels.decodes(instance.TransferSyntaxUID)) return null
  const map = pixelsOf(instance)
  const { format } = await context.facts.of(instance, map)
  if (format === null || !fitsNative(format, map.frames)) return null
  const frames = Array.from({ length: map.frames }, (_, index) => index + 1)
  try {
    // The first frame tells whether the others can be had, and is needed next.
    await pixels.decode(storedFrame(archive, instance, map, { n: 1, format }), signal)
    frameOf(archive, instance, map, map.frames)
  } catch (error) {
    if (isProblem(error, 'not-acceptable', 'not-found')) return null
    throw error
  }
  const read = async function* () {
    for (const n of frames) yield pixels.decode(storedFrame(archive, instance, map, { n, format }), signal)
  }
  const end = pixelExtents(map).reduce((last, { offset, length }) => Math.max(last, offset + length), 0)
  const native = {
    format: decodedFormat(format, instance.TransferSyntaxUID),
    frames: map.frames,
    read,
    isLast: map.complete && end + DELIMITER + 1 >= instance.size,
  }
  const names = { SOPClassUID: instance.SOPClassUID, SOPInstanceUID: instance.uids.instance }
  return {
    length: null,
    open: async () => rewriteNative(await fileOf(archive, instance)(), native, names),
  }
}

/** Bytes of a sequence delimiter. */
const DELIMITER = 8
