import type { Request, Response } from 'express'
import type { Archive } from '../archive/archive.ts'
import { bulkDataOf, frameOf, instanceOf, pixelsOf, wholePixelData, type Piece } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import type { DataSet } from '../dicom/data-set.ts'
import type { PixelMap } from '../dicom/pixel-map.ts'
import { isProblem, Problem } from '../problem.ts'
import { sendKnownParts, sendParts, type BodyPart } from './parts.ts'
import {
  abortedWith,
  contentRange,
  entityTag,
  IMMUTABLE,
  isNotModified,
  rangeOf,
  sendOne,
} from './representation.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import type { FileParts } from './wado-file.ts'
import { bulkForm, frameForm, OCTETS, type BulkForm, type FrameForm } from './wado-forms.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/** Frames in one request, and in one answer whose length is told. */
const MOST_FRAMES = 1000
const PIXEL_DATA = new Set(['7FE00008', '7FE00009', '7FE00010'])

/** Frames, in the order asked for, one part each (PS3.18 §10.4.1.1.6). */
export async function answerFrames(
  { archive, viewer }: FileParts,
  request: Request,
  response: Response,
): Promise<void> {
  const numbers = frameList(String(request.params['frames']))
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>, { pixelMap: true })
  const map = pixelsOf(instance)
  const isOne = numbers.length === 1
  const isDecodable = viewer.decodes(instance)
  const form = frameForm(acceptOf(request), instance.TransferSyntaxUID, { isOne, isDecodable })
  if (form === null) throw notDecoded(instance)
  const pieces = form.isDecoded
    ? await viewer.decodedFrames(instance, map, numbers, abortedWith(response))
    : numbers.map((n) => frameOf(archive, instance, map, n))
  if (isNotModified(request, response, tagFor(instance, form, `frames ${numbers.join()}`), IMMUTABLE)) return
  await sendFrames(request, response, form, pieces, 'body')
}

/** Numbers from 1 with commas between; Problem `malformed` otherwise. */
export function frameList(text: string): number[] {
  const numbers = text.split(',').map((one) => (/^\d{1,9}$/.test(one) ? Number(one) : 0))
  if (numbers.some((n) => n < 1)) {
    throw new Problem('malformed', 'Frames are named by numbers from 1, with commas between them.')
  }
  if (numbers.length > MOST_FRAMES) {
    throw new Problem('malformed', `At most ${MOST_FRAMES} frames in one request.`)
  }
  return numbers
}

/** All pixel data: every frame in a part of its own (PS3.18 §10.4.1.1.7). */
export async function answerPixelData(
  parts: FileParts,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const instance = await instanceOf(parts.archive, scopeOf(request) as Required<Scope>, { pixelMap: true })
  await sendPixelData(parts, settings, instance, request, response)
}

/** What stands behind a BulkDataURI (PS3.18 §10.4.1.1.5). The path is a tag, or tags and item numbers into sequences. */
export async function answerBulkData(
  parts: FileParts,
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
  const { archive } = parts
  const uids = scopeOf(request) as Required<Scope>
  const [tag = ''] = path
  if (path.length === 1 && PIXEL_DATA.has(tag)) {
    const instance = await instanceOf(archive, uids, { pixelMap: true })
    if (pixelsOf(instance).tag !== tag) throw new Problem('not-found', 'The instance has no bulk data there.')
    await sendPixelData(parts, settings, instance, request, response)
    return
  }
  const instance = await instanceOf(archive, uids, { tags: true })
  const { dataSet, ...piece } = bulkDataOf(archive, instance, path)
  const own = path.length === 1 && tag === '00420011' ? documentType(dataSet) : OCTETS
  await sendValue(request, response, {
    ...piece,
    own,
    instance,
    address: addressOf(settings, instance, path),
  })
}

/** Of an encapsulated document: what its MIME Type (0042,0012) says, where that can be one. */
export function documentType(dataSet: DataSet): string {
  const own = dataSet['00420012']?.Value?.[0]
  return typeof own === 'string' && /^[\w.+-]+\/[\w.+-]+$/.test(own) ? own.toLowerCase() : OCTETS
}

function addressOf(settings: Settings, { uids }: IndexedInstance, path: readonly string[]): string {
  return `${retrieveUrl(settings, uids.study, uids.series, uids.instance)}/bulkdata/${path.join('/')}`
}

/** Native pixel data is one value; compressed frames joined would be of no use, so that they come in parts. */
async function sendPixelData(
  { archive, viewer }: FileParts,
  settings: Settings,
  instance: IndexedInstance,
  request: Request,
  response: Response,
): Promise<void> {
  const map = pixelsOf(instance)
  if (!map.encapsulated) {
    const address = addressOf(settings, instance, [map.tag])
    await sendValue(request, response, {
      ...wholePixelData(archive, instance, map),
      own: OCTETS,
      instance,
      address,
    })
    return
  }
  const isOne = map.frames === 1
  const isDecodable = viewer.decodes(instance)
  const form = frameForm(acceptOf(request), instance.TransferSyntaxUID, { isOne, isDecodable })
  if (form === null) throw notDecoded(instance)
  // Where the last frame is there, so are the others: a file loses its end.
  frameOf(archive, instance, map, map.frames)
  if (isNotModified(request, response, tagFor(instance, form, 'pixel data'), IMMUTABLE)) return
  const pieces = form.isDecoded
    ? await viewer.decodedFrames(instance, map, [...numbersTo(map.frames)], abortedWith(response))
    : everyFrame(archive, instance, map)
  if (map.frames <= MOST_FRAMES) {
    await sendFrames(request, response, form, [...pieces], 'value')
    return
  }
  const { media, syntax } = form
  const parts = partsAsTheyCome(pieces, form)
  await sendParts(request, response, { media, transferSyntax: syntax }, parts)
}

function* everyFrame(archive: Archive, instance: IndexedInstance, map: PixelMap): Generator<Piece> {
  for (const n of numbersTo(map.frames)) yield frameOf(archive, instance, map, n)
}

function* numbersTo(last: number): Generator<number> {
  for (let n = 1; n <= last; n++) yield n
}

async function* partsAsTheyCome(pieces: Iterable<Piece>, form: FrameForm): AsyncGenerator<BodyPart> {
  await Promise.resolve()
  for (const piece of pieces) yield partOf(piece, form)
}

/** Ranges of frames are of the body, as Cornerstone asks for them; of bulk data of the value, where it is in one part. */
async function sendFrames(
  request: Request,
  response: Response,
  form: FrameForm,
  pieces: readonly Piece[],
  ranged: 'body' | 'value',
): Promise<void> {
  const { media, syntax, isMultipart } = form
  const [only, ...more] = pieces
  try {
    if (isMultipart && ranged === 'value' && only !== undefined && more.length === 0) {
      await sendInPart(request, response, only, { media, transferSyntax: syntax })
    } else if (isMultipart || only === undefined) {
      const parts = pieces.map((piece) => partOf(piece, form))
      const isRanged = ranged === 'body'
      await sendKnownParts(request, response, { media, transferSyntax: syntax, isRanged }, parts)
    } else {
      await sendOne(request, response, { ...only, media: `${media}; transfer-syntax=${syntax}` })
    }
  } catch (error) {
    if (!form.isDecoded || !isProblem(error, 'not-acceptable')) throw error
    throw new Problem('not-acceptable', `${error.message} ${AS_STORED}`, { cause: error })
  }
}

function partOf({ length, isOwn = false, open }: Piece, { media, syntax }: FrameForm): BodyPart {
  return { media, transferSyntax: syntax, length, isOwn, open: () => open() }
}

/** A value, of which instance it is, and its BulkDataURI. */
interface OneValue extends Piece {
  readonly own: string
  readonly instance: IndexedInstance
  readonly address: string
}

/** Alone, or in one part. */
async function sendValue(request: Request, response: Response, value: OneValue): Promise<void> {
  const { own, instance, address, length, isOwn = false, open } = value
  const form = bulkForm(acceptOf(request), own)
  if (form === null) {
    const names = own === OCTETS ? OCTETS : `${own} or ${OCTETS}`
    throw new Problem('not-acceptable', `Bulk data is sent as ${names}, alone or in a part.`)
  }
  if (isNotModified(request, response, tagFor(instance, form, address), IMMUTABLE)) return
  const { media } = form
  if (!form.isMultipart) {
    await sendOne(request, response, { media, length, isOwn, open, headers: dispositionOf(media) })
    return
  }
  await sendInPart(request, response, value, { media, location: address })
}

/** One part, of which a range applies to the value (PS3.18 §8.7.8) and not to the body. */
async function sendInPart(
  request: Request,
  response: Response,
  { length, isOwn = false, open }: Piece,
  type: Pick<BodyPart, 'media' | 'transferSyntax' | 'location'>,
): Promise<void> {
  const range = rangeOf(request, response, length)
  const part: BodyPart = {
    ...type,
    ...(range !== null && length !== null && { range: contentRange(range, length) }),
    length: range?.length ?? length,
    isOwn,
    open: () => open(range ?? undefined),
  }
  if (length !== null) response.setHeader('Accept-Ranges', 'bytes')
  if (range !== null) response.status(206)
  await sendKnownParts(request, response, { ...type, isRanged: false }, [part])
}

/** Documents of other types than these might be pages, and no page of a stranger may look like one of ours. */
export function dispositionOf(media: string): Readonly<Record<string, string>> {
  return media === OCTETS || media === 'application/pdf' ? {} : { 'Content-Disposition': 'attachment' }
}

function tagFor(instance: IndexedInstance, form: FrameForm | BulkForm, what: string): string {
  const syntax = 'syntax' in form ? form.syntax : ''
  return entityTag(instance.fileSha256, form.media, syntax, String(form.isMultipart), what)
}

function notDecoded({ TransferSyntaxUID }: IndexedInstance): Problem {
  return new Problem(
    'not-acceptable',
    `Frames of this instance are stored in transfer syntax ${TransferSyntaxUID} and leave in no other that is asked for. ${AS_STORED}`,
  )
}

const AS_STORED =
  'As they are stored they are had with multipart/related; type="application/octet-stream"; transfer-syntax=*.'
