/** Rendered instances and thumbnails (PS3.18 §10.4.1.1.3, §10.4.1.1.4). */
import type { Request, Response } from 'express'
import { representativeOf } from '../archive/representative.ts'
import { bulkDataOf, instanceOf, pixelsOf, wholePixelData, withTags } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { reportHtml, reportText } from '../dicom/report.ts'
import { transferSyntax } from '../dicom/transfer-syntax.ts'
import { isProblem, Problem } from '../problem.ts'
import { selectMedia, type MediaRange } from './accept.ts'
import { sendParts, type BodyPart } from './parts.ts'
import { readPictureParams, unknownAnnotations, type PictureParams } from './picture-params.ts'
import { abortedWith, CHECKED, entityTag, IMMUTABLE, isNotModified, sendOne } from './representation.ts'
import { acceptOf, queryString, scopeOf } from './scope.ts'
import type { HttpSettings } from './settings.ts'
import { dispositionOf, documentType, frameList } from './wado-bytes.ts'
import type { FileParts } from './wado-file.ts'
import { isVideo, pieceOf, sendEvery } from './wado-every.ts'
import { pictureForm, type PictureForm } from './wado-forms.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/** Of a thumbnail whose size the client leaves open. */
const THUMBNAIL = { width: 256, height: 256 }
/** Values in a warning: clients take headers of some kilobytes. */
const MOST_NAMED = 8
const REPORTS = '1.2.840.10008.5.1.4.1.1.88.'
const DOCUMENTS = '1.2.840.10008.5.1.4.1.1.104.'
const ENCAPSULATED_DOCUMENT = '00420011'

/** A study, series, instance or frames as something to look at: pictures; video, documents and reports as what they are. */
export async function answerRendered(
  parts: FileParts,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const ranges = acceptOf(request)
  const params = readPictureParams(queryString(request))
  const frames = framesOf(request)
  warnOfAnnotations(settings, request, response)
  if (scope.instance !== undefined) {
    const uids = scope as Required<Scope>
    const instance = await instanceOf(parts.archive, uids, parts.viewer.needs(uids))
    await sendRendered(parts, request, response, { instance, frames, params, ranges, cache: IMMUTABLE })
    return
  }
  const form = pictureForm(ranges)
  if (form?.isMultipart === true) {
    await sendEvery(parts, settings, request, response, { scope, form, params })
    return
  }
  const instance = await representativeOf(parts.archive, scope, abortedWith(response))
  await sendRendered(parts, request, response, { instance, frames, params, ranges, cache: CHECKED })
}

/** PS3.18 §8.3.5.1.1: what is not known is passed over, and told; only words come back in the header. */
function warnOfAnnotations({ publicUrl }: Settings, request: Request, response: Response): void {
  const unknown = unknownAnnotations(queryString(request))
  if (unknown.length === 0) return
  const words = unknown.slice(0, MOST_NAMED).map((one) => one.replace(/[^\w-]/g, '').slice(0, 32))
  const more = unknown.length > words.length ? ` and ${unknown.length - words.length} more` : ''
  const text = `The following annotation values are not supported: ${words.join(', ')}${more}`
  response.append('Warning', `299 ${publicUrl} "${text}"`)
}

function framesOf(request: Request): readonly number[] | null {
  const { frames } = request.params
  return frames === undefined ? null : frameList(String(frames))
}

/** One instance that is to be shown, and how. */
interface Showing {
  readonly instance: IndexedInstance
  /** Null: none is named. */
  readonly frames: readonly number[] | null
  readonly params: PictureParams
  readonly ranges: readonly MediaRange[]
  readonly cache: string
}

/** One instance as what it is: picture, video, document or report. */
export async function sendRendered(
  parts: FileParts,
  request: Request,
  response: Response,
  showing: Showing,
): Promise<void> {
  const { instance, frames, params, ranges, cache } = showing
  if (isVideo(instance)) await sendVideo(parts, request, response, showing)
  else if (instance.SOPClassUID.startsWith(REPORTS)) await sendReport(parts, request, response, showing)
  else if (instance.SOPClassUID.startsWith(DOCUMENTS)) await sendDocument(parts, request, response, showing)
  else {
    const form = pictureForm(ranges)
    if (form === null) throw notOffered('image/jpeg, image/png or image/gif')
    const isMultipart = form.isMultipart || (frames?.length ?? 1) > 1
    await sendPictures(parts, request, response, {
      form: { ...form, isMultipart },
      instance,
      frames: frames ?? [1],
      params,
      cache,
    })
  }
}

interface Pictures {
  readonly form: PictureForm
  readonly instance: IndexedInstance
  readonly frames: readonly number[]
  readonly params: PictureParams
  readonly cache: string
}

async function sendPictures(
  { viewer }: FileParts,
  request: Request,
  response: Response,
  { form, instance, frames, params, cache }: Pictures,
): Promise<void> {
  const { media, isMultipart } = form
  const tag = entityTag(
    instance.fileSha256,
    `picture ${media} ${isMultipart} ${frames.join()}`,
    JSON.stringify(params),
  )
  if (isNotModified(request, response, tag, cache)) return
  const signal = abortedWith(response)
  const make = (frame: number) => viewer.picture(instance, { ...params, media, frame }, signal)
  const [first = 1] = frames
  if (!isMultipart) {
    await sendOne(request, response, { media, ...pieceOf(await make(first)) })
    return
  }
  const pictures = async function* (): AsyncGenerator<BodyPart> {
    for (const frame of frames) yield { media, ...pieceOf(await make(frame)) }
  }
  await sendParts(request, response, { media }, pictures())
}

/**
 * A small picture that stands for a study, series, instance or frame. What is there and cannot be shown is 406 and never
 * 404: after that Weasis would ask this server for no thumbnail any more.
 */
export async function answerThumbnail(parts: FileParts, request: Request, response: Response): Promise<void> {
  const scope = scopeOf(request)
  const form = pictureForm(acceptOf(request))
  if (form === null) throw notOffered('image/jpeg, image/png or image/gif')
  const params = readPictureParams(queryString(request))
  const named = framesOf(request)
  const instance =
    scope.instance === undefined
      ? await representativeOf(parts.archive, scope, abortedWith(response))
      : await instanceOf(
          parts.archive,
          scope as Required<Scope>,
          parts.viewer.needs(scope as Required<Scope>),
        )
  if (isVideo(instance)) throw new Problem('not-acceptable', 'No thumbnail can be made of video.')
  const [frame = middleOf(instance)] = named ?? []
  try {
    await sendPictures(parts, request, response, {
      form: { ...form, isMultipart: false },
      instance,
      frames: [frame],
      // It shows nothing of the patient but the pixels (PS3.18 §10.4.1.1.4).
      params: { ...params, annotation: [], box: params.box ?? THUMBNAIL },
      cache: scope.instance === undefined ? CHECKED : IMMUTABLE,
    })
  } catch (error) {
    if (named === null && isProblem(error, 'not-found')) throw new Problem('not-acceptable', error.message)
    throw error
  }
}

function middleOf(instance: IndexedInstance): number {
  return instance.pixelMap ? Math.ceil(pixelsOf(instance).frames / 2) : 1
}

/** The stream as it is stored, with ranges: browsers play nothing without (PS3.18 §8.7.3.4). */
async function sendVideo(
  { archive }: FileParts,
  request: Request,
  response: Response,
  { instance, ranges, cache }: Showing,
): Promise<void> {
  const media = transferSyntax(instance.TransferSyntaxUID)?.mediaType ?? 'video/mp4'
  if (selectMedia(ranges, [{ media }]) === null) throw notOffered(media)
  if (isNotModified(request, response, entityTag(instance.fileSha256, media), cache)) return
  await sendOne(request, response, { media, ...wholePixelData(archive, instance, pixelsOf(instance)) })
}

async function sendDocument(
  { archive }: FileParts,
  request: Request,
  response: Response,
  { instance: shown, ranges, cache }: Showing,
): Promise<void> {
  const instance = await withTags(archive, shown)
  const { dataSet, length, open } = bulkDataOf(archive, instance, [ENCAPSULATED_DOCUMENT])
  const media = documentType(dataSet)
  if (selectMedia(ranges, [{ media }]) === null) throw notOffered(media)
  if (isNotModified(request, response, entityTag(instance.fileSha256, media), cache)) return
  await sendOne(request, response, {
    media,
    length: ownLength(dataSet, length),
    open: (range) => open(range ?? { offset: 0, length: ownLength(dataSet, length) ?? 0 }),
    headers: dispositionOf(media),
  })
}

/** Without the pad byte, where Encapsulated Document Length (0042,0015) tells of one. */
function ownLength(dataSet: DataSet, length: number | null): number | null {
  return length !== null && Number(dataSet['00420015']?.Value?.[0]) === length - 1 ? length - 1 : length
}

async function sendReport(
  { archive }: FileParts,
  request: Request,
  response: Response,
  { instance: shown, ranges, cache }: Showing,
): Promise<void> {
  const media = selectMedia(ranges, [{ media: 'text/html' }, { media: 'text/plain' }])?.offer.media
  if (media === undefined) throw notOffered('text/html or text/plain')
  const instance = await withTags(archive, shown)
  if (isNotModified(request, response, entityTag(instance.fileSha256, media), cache)) return
  const dataSet = JSON.parse(instance.tags?.toString('utf8') ?? '{}') as DataSet
  const text = media === 'text/html' ? reportHtml(dataSet) : reportText(dataSet)
  await sendOne(request, response, { media: `${media}; charset=utf-8`, ...pieceOf(Buffer.from(text)) })
}

function notOffered(types: string): Problem {
  return new Problem('not-acceptable', `This is shown as ${types}.`)
}
