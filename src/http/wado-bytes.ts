import type { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { bulkDataOf, frameOf, instanceOf, pixelsOf, wholePixelData, type Piece } from '../archive/retrieve.ts'
import type { IndexedInstance, Scope } from '../database/ports.ts'
import type { DataSet } from '../dicom/data-set.ts'
import type { PixelMap } from '../dicom/pixel-map.ts'
import { Problem } from '../problem.ts'
import type { MediaRange } from './accept.ts'
import {
  contentRange,
  entityTag,
  IMMUTABLE,
  isNotModified,
  multipartLength,
  rangeOf,
  sendOne,
  sendParts,
  type BodyPart,
} from './representation.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { covers, frameForm, MULTIPART, OCTETS, type FrameForm } from './wado-forms.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

const MOST_FRAMES = 1000
const PIXEL_DATA = new Set(['7FE00008', '7FE00009', '7FE00010'])

/** Frames, in the order asked for, one part each (PS3.18 §10.4.1.1.6). */
export async function answerFrames(archive: Archive, request: Request, response: Response): Promise<void> {
  const numbers = frameList(String(request.params['frames']))
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>, { pixelMap: true })
  const map = pixelsOf(instance)
  const form = frameForm(acceptOf(request), instance, numbers.length === 1)
  if (form === null) throw notAcceptable(instance)
  const pieces = numbers.map((n) => frameOf(archive.blobs, instance, map, n))
  if (isNotModified(request, response, tagOf(instance, form, `frames ${numbers.join()}`), IMMUTABLE)) return
  await sendPieces(request, response, form, pieces)
}

/** All pixel data: every frame in a part of its own (PS3.18 §10.4.1.1.7). */
export async function answerPixelData(archive: Archive, request: Request, response: Response): Promise<void> {
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>, { pixelMap: true })
  await sendPixelData(archive, instance, request, response)
}

/**
 * What stands behind a BulkDataURI (PS3.18 §10.4.1.1.5). The path is a tag, or tags and item numbers into sequences.
 * A single body unless parts are asked for: that is what a link in a page needs.
 */
export async function answerBulkData(
  archive: Archive,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const path = (request.params['path'] as unknown as string[]).map((segment) => segment.toUpperCase())
  if (!path.every((segment, depth) => (depth % 2 === 0 ? /^[\dA-F]{8}$/ : /^[1-9]\d{0,8}$/).test(segment))) {
    throw new Problem(
      'malformed',
      'The path of bulk data is a tag, or tags with the number of an item between them.',
    )
  }
  const uids = scopeOf(request) as Required<Scope>
  const [tag = ''] = path
  if (path.length === 1 && PIXEL_DATA.has(tag)) {
    const instance = await instanceOf(archive, uids, { pixelMap: true })
    if (pixelsOf(instance).tag !== tag) throw new Problem('not-found', 'The instance has no bulk data there.')
    await sendPixelData(archive, instance, request, response)
    return
  }
  const instance = await instanceOf(archive, uids, { tags: true })
  const { dataSet, ...piece } = bulkDataOf(archive.blobs, instance, path)
  const own = path.length === 1 && tag === '00420011' ? documentType(dataSet) : OCTETS
  const form = bulkForm(acceptOf(request), own)
  if (isNotModified(request, response, tagOf(instance, { ...form, syntax: '' }, path.join('/')), IMMUTABLE))
    return
  if (form.isMultipart) {
    const address = `${retrieveUrl(settings, uids.study, uids.series, uids.instance)}/bulkdata/${path.join('/')}`
    await sendOnePart(request, response, form.media, piece, address)
  } else {
    await sendOne(request, response, { ...piece, media: form.media })
  }
}

/** Of an encapsulated document: what its MIME Type (0042,0012) says, where that can be one. */
function documentType(dataSet: DataSet): string {
  const own = dataSet['00420012']?.Value?.[0]
  return typeof own === 'string' && /^[\w.+-]+\/[\w.+-]+$/.test(own) ? own.toLowerCase() : OCTETS
}

async function sendPixelData(
  archive: Archive,
  instance: IndexedInstance,
  request: Request,
  response: Response,
): Promise<void> {
  const map = pixelsOf(instance)
  const ranges = acceptOf(request)
  if (!map.encapsulated) {
    const form = bulkForm(ranges, OCTETS)
    if (isNotModified(request, response, tagOf(instance, { ...form, syntax: '' }, 'pixel data'), IMMUTABLE))
      return
    const piece = wholePixelData(archive.blobs, instance, map)
    if (form.isMultipart) await sendOnePart(request, response, OCTETS, piece)
    else await sendOne(request, response, { ...piece, media: OCTETS })
    return
  }
  const form = frameForm(withParts(ranges), instance, map.frames === 1)
  if (form === null) throw notAcceptable(instance)
  if (isNotModified(request, response, tagOf(instance, form, 'pixel data'), IMMUTABLE)) return
  await sendPieces(request, response, form, everyFrame(archive, instance, map))
}

/** A client that leaves everything open gets compressed frames in parts: joined they would be of no use. */
function withParts(ranges: readonly MediaRange[]): MediaRange[] {
  return ranges.flatMap((range) => (range.media === '*/*' ? [{ ...range, media: MULTIPART }] : [range]))
}

function everyFrame({ blobs }: Archive, instance: IndexedInstance, map: PixelMap): Piece[] {
  return Array.from({ length: map.frames }, (_, index) => frameOf(blobs, instance, map, index + 1))
}

async function sendPieces(
  request: Request,
  response: Response,
  form: FrameForm,
  pieces: readonly Piece[],
): Promise<void> {
  const { media, syntax } = form
  const [only] = pieces
  if (!form.isMultipart && only !== undefined) {
    await sendOne(request, response, {
      ...only,
      open: wholeOnly(only),
      media: `${media}; transfer-syntax=${syntax}`,
      length: null,
    })
    return
  }
  const parts = pieces.map((piece): BodyPart => ({
    media,
    transferSyntax: syntax,
    length: piece.length,
    open: () => piece.open(),
  }))
  await sendParts(request, response, { media, transferSyntax: syntax }, each(parts), (boundary) =>
    multipartLength(boundary, parts),
  )
}

function wholeOnly(piece: Piece): () => Promise<Readable> {
  return () => piece.open()
}

/** One value in one part; a range applies to the value (PS3.18 §8.7.8). */
async function sendOnePart(
  request: Request,
  response: Response,
  media: string,
  piece: Piece,
  location?: string,
): Promise<void> {
  const range = rangeOf(request, response, piece.length)
  const part: BodyPart = {
    media,
    ...(location !== undefined && { location }),
    ...(range !== null && piece.length !== null && { range: contentRange(range, piece.length) }),
    length: range?.length ?? piece.length,
    open: () => piece.open(range ?? undefined),
  }
  if (range !== null) response.status(206)
  response.setHeader('Accept-Ranges', 'bytes')
  await sendParts(request, response, { media }, each([part]), (boundary) => multipartLength(boundary, [part]))
}

async function* each(parts: readonly BodyPart[]): AsyncGenerator<BodyPart> {
  await Promise.resolve()
  yield* parts
}

/** How a value leaves: in a part, or alone; as octets, or as the document it is. */
function bulkForm(ranges: readonly MediaRange[], own: string): { isMultipart: boolean; media: string } {
  for (const range of ranges) {
    if (range.q === 0) continue
    if (range.media === MULTIPART) {
      const media = [OCTETS, own].find((one) => covers(range.part ?? '*/*', one))
      if (media !== undefined) return { isMultipart: true, media }
    }
    const media = [own, OCTETS].find((one) => covers(range.media, one))
    if (media !== undefined) return { isMultipart: false, media }
  }
  throw new Problem(
    'not-acceptable',
    `Bulk data is sent as ${own === OCTETS ? OCTETS : `${own} or ${OCTETS}`}, alone or in a part.`,
  )
}

function tagOf(instance: IndexedInstance, form: FrameForm, what: string): string {
  return entityTag(instance.fileSha256, form.media, form.syntax, String(form.isMultipart), what)
}

function frameList(text: string): number[] {
  const numbers = text.split(',').map((one) => (/^\d{1,9}$/.test(one) ? Number(one) : 0))
  if (numbers.some((n) => n < 1)) {
    throw new Problem('malformed', 'Frames are named by numbers from 1, with commas between them.')
  }
  if (numbers.length > MOST_FRAMES)
    throw new Problem('malformed', `At most ${MOST_FRAMES} frames in one request.`)
  return numbers
}

function notAcceptable({ TransferSyntaxUID }: IndexedInstance): Problem {
  return new Problem(
    'not-acceptable',
    `Frames of this instance are stored in transfer syntax ${TransferSyntaxUID} and are not decoded: ask for them with ` +
      'multipart/related; type="application/octet-stream"; transfer-syntax=*.',
  )
}
