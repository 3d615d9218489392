/** A picture of every instance of a study or series (PS3.18 §10.4.1.1.3). */
import { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import { instancesOf } from '../archive/retrieve.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import { transferSyntax } from '../dicom/transfer-syntax.ts'
import { isProblem, Problem } from '../problem.ts'
import { sendParts, type BodyPart } from './parts.ts'
import type { PictureParams } from './picture-params.ts'
import { abortedWith, CHECKED, entityTag, isNotModified, type Body } from './representation.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import type { FileParts } from './wado-file.ts'
import type { PictureForm } from './wado-forms.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

/** What is wanted of how many. */
interface Every {
  readonly scope: Scope
  readonly form: PictureForm
  readonly params: PictureParams
}

/**
 * The first frame of each instance that can be shown. Of the others the answer tells how many they are: 206 and Warning,
 * and a Warning behind the body (RFC 9110 §6.5) of those that turned out to be broken when that had begun.
 */
export async function sendEvery(
  { archive, viewer }: FileParts,
  settings: Settings,
  request: Request,
  response: Response,
  { scope, form, params }: Every,
): Promise<void> {
  const { media } = form
  const signal = abortedWith(response)
  const isShown = (one: IndexedInstance) => Boolean(one.pixelMap) && !isVideo(one) && isDecodable(viewer, one)
  const digests: string[] = []
  let hidden = 0
  for await (const page of instancesOf(archive, scope, { pixelMap: true, signal })) {
    for (const instance of page) {
      if (isShown(instance)) digests.push(instance.fileSha256)
      else hidden++
    }
  }
  if (digests.length === 0) throw nothingToShow()
  const tag = entityTag(...digests, `pictures ${media}`, JSON.stringify(params))
  if (isNotModified(request, response, tag, CHECKED)) return
  const left = leavingOut(settings, request, response)
  left.add(hidden)
  if (request.method === 'HEAD') left.begin()
  const pictures = async function* (): AsyncGenerator<BodyPart> {
    for await (const page of instancesOf(archive, scope, { pixelMap: true, signal })) {
      for (const instance of page.filter(isShown)) {
        const { study, series, instance: uid } = instance.uids
        const bytes = await viewer
          .picture(instance, { ...params, media, frame: 1 }, signal)
          .catch(nullIfBroken)
        left.add(bytes === null ? 1 : 0)
        if (bytes === null) continue
        left.begin()
        yield { media, location: `${retrieveUrl(settings, study, series, uid)}/rendered`, ...pieceOf(bytes) }
      }
    }
    left.end()
  }
  await sendParts(request, response, { media }, pictures())
}

/** Pixels that cannot be decoded, or are not there: what else may be wrong is not of that instance alone. */
function nullIfBroken(error: unknown): null {
  if (isProblem(error, 'not-acceptable', 'not-found')) return null
  throw error
}

function nothingToShow(): Problem {
  return new Problem('not-acceptable', 'There is nothing here to make a picture of.')
}

/** Tells what an answer leaves out. */
interface LeavingOut {
  add(count: number): void
  /** Before each part; the headers leave with the first. */
  begin(): void
  /** Behind the last part; throws Problem `not-acceptable` where there was none. */
  end(): void
}

function leavingOut({ publicUrl }: Settings, request: Request, response: Response): LeavingOut {
  // Trailers go with chunks alone.
  const hasTrailers = request.method === 'GET' && request.httpVersion === '1.1'
  const warning = (count: number) => `299 ${publicUrl} "${count} instances cannot be shown as pictures."`
  let count = 0
  let told: number | null = null
  return {
    add: (more) => {
      count += more
    },
    begin: () => {
      if (told !== null) return
      told = count
      if (hasTrailers) response.setHeader('Trailer', 'Warning')
      if (count > 0) response.status(206).append('Warning', warning(count))
    },
    end: () => {
      if (told === null) throw nothingToShow()
      if (hasTrailers && count > told) response.addTrailers({ Warning: warning(count) })
    },
  }
}

export function isVideo({ pixelMap, TransferSyntaxUID }: IndexedInstance): boolean {
  return Boolean(pixelMap) && transferSyntax(TransferSyntaxUID)?.video === true
}

function isDecodable(viewer: FileParts['viewer'], instance: IndexedInstance): boolean {
  const syntax = transferSyntax(instance.TransferSyntaxUID)
  return syntax?.encapsulated !== true || viewer.decodes(instance)
}

/** Bytes that are at hand, as a body or part. */
export function pieceOf(bytes: Buffer): Pick<Body, 'open'> & { readonly length: number } {
  return {
    length: bytes.length,
    open: ({ offset, length } = { offset: 0, length: bytes.length }) =>
      Promise.resolve(Readable.from([bytes.subarray(offset, offset + length)], { objectMode: false })),
  }
}
