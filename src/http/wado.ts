import { createHash, type Hash } from 'node:crypto'
import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { instanceOf, instancesOf, originalOf } from '../archive/retrieve.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import type { Uid } from '../dicom/data-set.ts'
import { ExplicitVRLittleEndian } from '../dicom/transfer-syntax.ts'
import { sendParts, type BodyPart } from './parts.ts'
import { abortedWith, CHECKED, IMMUTABLE, isNotModified, sendOne, tagOf } from './representation.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import { answerBulkData, answerFrames, answerPixelData } from './wado-bytes.ts'
import { attachment, fileFor, notAcceptable, sendFile, type FileParts } from './wado-file.ts'
import { fileForms, fileSyntax, needsDecoding, PART10, takesZip, type FileForm } from './wado-forms.ts'
import { answerMetadata } from './wado-metadata.ts'
import { answerRendered, answerThumbnail } from './wado-rendered.ts'
import { answerUri } from './wado-uri.ts'
import { answerZip } from './wado-zip.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

const STUDY = '/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

/** The retrieve transaction, PS3.18 §10.4: to be mounted at the root of the DICOMweb services. */
export function wadoRoutes(parts: FileParts, settings: Settings): Router {
  const { archive } = parts
  const router = express.Router({ caseSensitive: true })
  for (const path of [STUDY, SERIES, INSTANCE]) {
    router.get(path, (request, response) => answerFiles(parts, settings, request, response))
    router.get(`${path}/metadata`, (request, response) =>
      answerMetadata(archive, settings, request, response),
    )
  }
  for (const path of [STUDY, SERIES, INSTANCE, `${INSTANCE}/frames/:frames`]) {
    router.get(`${path}/rendered`, (request, response) => answerRendered(parts, settings, request, response))
    router.get(`${path}/thumbnail`, (request, response) => answerThumbnail(parts, request, response))
  }
  router.get(`${INSTANCE}/original`, (request, response) => answerOriginal(archive, request, response))
  router.get(`${INSTANCE}/frames/:frames`, (request, response) => answerFrames(parts, request, response))
  router.get(`${INSTANCE}/pixeldata`, (request, response) =>
    answerPixelData(parts, settings, request, response),
  )
  router.get(`${INSTANCE}/bulkdata/*path`, (request, response) =>
    answerBulkData(parts, settings, request, response),
  )
  router.get('/wado', (request, response) => answerUri(parts, request, response))
  return router
}

/** What will be sent, found out before anything is. */
interface Plan {
  readonly form: FileForm
  readonly tag: string
  /** Instances that cannot be had in the form. */
  readonly left: number
  /** The one transfer syntax of all the others, if there is one. */
  readonly syntax: string | undefined
}

async function answerFiles(
  parts: FileParts,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const signal = abortedWith(response)
  const isInstance = scope.instance !== undefined
  const ranges = acceptOf(request)
  if (takesZip(ranges, isInstance)) {
    await answerZip(parts.archive, request, response)
    return
  }
  const survey = await surveyOf(parts.archive, scope, signal)
  const { form, tag, left, syntax } = await planOf(
    parts,
    scope,
    survey,
    fileForms(ranges, isInstance),
    signal,
  )
  if (isNotModified(request, response, tag, isInstance ? IMMUTABLE : CHECKED)) return
  if (!form.isMultipart) {
    const instance = await instanceOf(parts.archive, scope as Required<Scope>)
    await sendFile(parts, instance, form, request, response)
    return
  }
  if (left > 0) {
    // PS3.18 Table 10.4.3-1: some instances are not sent, because no acceptable form of them can be made.
    response.status(206)
    response.setHeader(
      'Warning',
      `299 ${settings.publicUrl} "${left} instances cannot be sent in an acceptable transfer syntax."`,
    )
  }
  const isPlain = syntax === undefined || syntax === ExplicitVRLittleEndian
  const type = { media: PART10, transferSyntax: isPlain ? undefined : syntax }
  await sendParts(request, response, type, partsOf(parts, settings, scope, form, signal))
}

/** How many instances there are of each transfer syntax, and a hash of all of them. */
interface Survey {
  readonly hash: Hash
  readonly counts: ReadonlyMap<Uid, number>
}

async function surveyOf(archive: Archive, scope: Scope, signal: AbortSignal): Promise<Survey> {
  const hash = createHash('sha256')
  const counts = new Map<Uid, number>()
  for await (const page of instancesOf(archive, scope, { signal })) {
    for (const { fileSha256, TransferSyntaxUID } of page) {
      hash.update(fileSha256)
      counts.set(TransferSyntaxUID, (counts.get(TransferSyntaxUID) ?? 0) + 1)
    }
  }
  return { hash, counts }
}

/** The first form in which at least one instance can be sent; 406 without one. */
async function planOf(
  parts: FileParts,
  scope: Scope,
  { hash, counts }: Survey,
  forms: readonly FileForm[],
  signal: AbortSignal,
): Promise<Plan> {
  for (const form of forms) {
    const syntaxes = new Set<Uid>()
    let [left, sent, isDecoding] = [0, 0, false]
    for (const [TransferSyntaxUID, count] of counts) {
      const syntax = fileSyntax(TransferSyntaxUID, form.wanted, parts.viewer.decodes({ TransferSyntaxUID }))
      if (syntax === null) left += count
      else {
        syntaxes.add(syntax)
        sent += count
        isDecoding ||= needsDecoding(TransferSyntaxUID, syntax)
      }
    }
    // Where the client has left the syntax open, what a codec refuses is sent as it is stored.
    const refused = isDecoding && form.wanted !== undefined ? await refusals(parts, scope, form, signal) : 0
    if (sent === refused) continue
    const [syntax] = syntaxes.size === 1 ? syntaxes : []
    const how = form.isMultipart ? 'parts' : 'one'
    hash.update(`${how} ${form.wanted ?? ''} ${[...syntaxes].sort().join(' ')}`)
    return { form, left: left + refused, syntax, tag: tagOf(hash) }
  }
  throw notAcceptable()
}

/** How many instances there is a codec for that refuses them: found out before the status is sent. */
async function refusals(
  parts: FileParts,
  scope: Scope,
  form: FileForm,
  signal: AbortSignal,
): Promise<number> {
  let count = 0
  for await (const page of instancesOf(parts.archive, scope, { signal })) {
    for (const instance of page.filter((one) => parts.viewer.decodes(one))) {
      if ((await fileFor(parts, instance, form, { isAlone: false, signal })) === null) count++
    }
  }
  return count
}

async function* partsOf(
  parts: FileParts,
  settings: Settings,
  scope: Scope,
  form: FileForm,
  signal: AbortSignal,
): AsyncGenerator<BodyPart> {
  for await (const page of instancesOf(parts.archive, scope, { signal })) {
    for (const instance of page) {
      const file = await fileFor(parts, instance, form, { isAlone: false, signal })
      if (file === null) continue
      const { study, series, instance: uid } = instance.uids
      yield {
        media: PART10,
        transferSyntax: file.syntax,
        location: retrieveUrl(settings, study, series, uid),
        length: file.piece.length,
        open: () => file.piece.open(),
      }
    }
  }
}

/** The file bit for bit as it was received, whatever DICOMweb thinks of its encoding (design §6). */
async function answerOriginal(archive: Archive, request: Request, response: Response): Promise<void> {
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>)
  if (isNotModified(request, response, `"${instance.fileSha256}"`, IMMUTABLE)) return
  await sendOne(request, response, {
    ...originalOf(archive, instance),
    media: 'application/octet-stream',
    headers: {
      'Content-Disposition': attachment(instance),
      // RFC 9530: the digest of the whole, so that a client can check what it got.
      'Repr-Digest': `sha-256=:${Buffer.from(instance.fileSha256, 'hex').toString('base64')}:`,
    },
  })
}
