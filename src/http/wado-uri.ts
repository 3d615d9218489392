/** Web Access to DICOM Objects by URI (PS3.18 §9): one instance, named by query parameters. */
import type { Request, Response } from 'express'
import { instanceOf } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import { isUid } from '../dicom/uid.ts'
import { Problem } from '../problem.ts'
import { parseAccept, type MediaRange } from './accept.ts'
import {
  annotationsOf,
  boxOf,
  decimalOf,
  only,
  otherSide,
  qualityOf,
  sideOf,
  widthOf,
  type PictureParams,
} from './picture-params.ts'
import { entityTag, IMMUTABLE, isNotModified } from './representation.ts'
import { queryString } from './scope.ts'
import { sendFile, type FileParts } from './wado-file.ts'
import { PART10 } from './wado-forms.ts'
import { sendRendered } from './wado-rendered.ts'

const UIDS = { study: 'studyUID', series: 'seriesUID', instance: 'objectUID' } as const
/** What would have to be done to the picture and is not: answering without it would tell a lie. */
const NOT_DONE = ['anonymize', 'presentationUID', 'presentationSeriesUID']

/** `GET /wado?requestType=WADO&studyUID=…&seriesUID=…&objectUID=…` */
export async function answerUri(parts: FileParts, request: Request, response: Response): Promise<void> {
  const params = new URLSearchParams(queryString(request))
  if (only(params, 'requestType') !== 'WADO') {
    throw new Problem('malformed', 'The parameter requestType wants WADO.')
  }
  const uids = {
    study: uidOf(params, UIDS.study),
    series: uidOf(params, UIDS.series),
    instance: uidOf(params, UIDS.instance),
  }
  const refused = NOT_DONE.find((name) => params.has(name))
  if (refused !== undefined) throw new Problem('not-acceptable', `The parameter ${refused} is not supported.`)
  const ranges = rangesOf(params, request)
  const picture = pictureParams(params)
  const isFile = takesFile(ranges)
  const instance = await instanceOf(parts.archive, uids, isFile ? {} : parts.viewer.needs(uids))
  if (isFile) {
    await sendWhole(parts, instance, params, request, response)
    return
  }
  if (params.has('transferSyntax')) {
    throw new Problem('malformed', `The parameter transferSyntax goes with contentType=${PART10}.`)
  }
  const frame = only(params, 'frameNumber')
  const frames = frame === undefined ? null : [frameOf(frame)]
  try {
    await sendRendered(parts, request, response, {
      instance,
      frames,
      params: picture,
      ranges,
      cache: IMMUTABLE,
    })
  } catch (error) {
    // PS3.18 §9.5.2: a frame that is not there is a fault of the request.
    if (frames !== null && error instanceof Problem && error.kind === 'not-found') {
      throw new Problem('malformed', error.message)
    }
    throw error
  }
}

function uidOf(params: URLSearchParams, name: string): string {
  const uid = only(params, name)
  if (uid === undefined || !isUid(uid)) throw new Problem('malformed', `The parameter ${name} wants a UID.`)
  return uid
}

/** `contentType` (§9.1.2.2.2), most wanted first, then the header; an image of JPEG where neither says anything. */
function rangesOf(params: URLSearchParams, request: Request): MediaRange[] {
  return parseAccept(request.headers.accept, params.getAll('contentType'))
}

/** A file is sent to whom names it first; who takes anything is shown a picture (§9.3). */
function takesFile(ranges: readonly MediaRange[]): boolean {
  return ranges.find(({ q }) => q > 0)?.media === PART10
}

async function sendWhole(
  parts: FileParts,
  instance: IndexedInstance,
  params: URLSearchParams,
  request: Request,
  response: Response,
): Promise<void> {
  const wanted = only(params, 'transferSyntax')
  if (wanted !== undefined && wanted !== '*' && !isUid(wanted)) {
    throw new Problem('malformed', 'The parameter transferSyntax wants a UID, or *.')
  }
  const tag = entityTag(instance.fileSha256, PART10, wanted ?? '')
  if (isNotModified(request, response, tag, IMMUTABLE)) return
  await sendFile(parts, instance, { wanted }, request, response)
}

function frameOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Problem('malformed', 'The parameter frameNumber wants a number from 1.')
  return Number(text)
}

function pictureParams(params: URLSearchParams): PictureParams {
  const [rows, columns] = [only(params, 'rows'), only(params, 'columns')]
  const isFitted = rows !== undefined || columns !== undefined
  return {
    quality: qualityOf('imageQuality', only(params, 'imageQuality')),
    window: windowOf(only(params, 'windowCenter'), only(params, 'windowWidth')),
    box: isFitted ? boxOfSides(rows, columns) : null,
    source: regionOf(only(params, 'region')),
    annotation: annotationsOf(params),
    profile: 'none',
  }
}

/** `xmin,ymin,xmax,ymax` as parts of the frame's sides (§9.1.2.2.6). */
function regionOf(text: string | undefined): PictureParams['source'] {
  if (text === undefined) return null
  const [left = -1, top = -1, right = -1, bottom = -1, ...more] = text
    .split(',')
    .map((one) => decimalOf('region', one))
  const isWithin = left >= 0 && top >= 0 && right <= 1 && bottom <= 1 && left < right && top < bottom
  if (!isWithin || more.length > 0) throw new Problem('malformed', 'The region is not within the frame.')
  return { left, top, width: right - left, height: bottom - top, isRelative: true }
}

function boxOfSides(rows: string | undefined, columns: string | undefined): PictureParams['box'] {
  const width = columns === undefined ? undefined : sideOf('columns', columns)
  const height = rows === undefined ? undefined : sideOf('rows', rows)
  if (width !== undefined && height !== undefined) return boxOf('rows', width, height)
  return { width: width ?? otherSide(height ?? 1), height: height ?? otherSide(width ?? 1) }
}

function windowOf(center: string | undefined, width: string | undefined): PictureParams['window'] {
  if (center === undefined && width === undefined) return null
  return {
    center: decimalOf('windowCenter', center),
    width: widthOf('windowWidth', width, 'linear'),
    shape: 'linear',
  }
}
