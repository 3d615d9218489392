import { createHash, type Hash } from 'node:crypto'
import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import {
  instanceOf,
  instancesOf,
  originalOf,
  part10Of,
  part10PieceOf,
  type FileWish,
} from '../archive/retrieve.ts'
import type { IndexedInstance, Scope } from '../database/ports.ts'
import type { Uid } from '../dicom/data-set.ts'
import { ExplicitVRLittleEndian, transferSyntax } from '../dicom/transfer-syntax.ts'
import { Problem } from '../problem.ts'
import { sendParts, type BodyPart } from './parts.ts'
import { abortedWith, CHECKED, IMMUTABLE, isNotModified, sendOne, tagOf } from './representation.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'
import { answerBulkData, answerFrames, answerPixelData } from './wado-bytes.ts'
import { fileForms, fileSyntax, PART10, type FileForm } from './wado-forms.ts'
import { answerMetadata } from './wado-metadata.ts'

type Settings = Pick<HttpSettings, 'publicUrl'>

const STUDY = '/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

/** The retrieve transaction, PS3.18 §10.4: to be mounted at the root of the DICOMweb services. */
export function wadoRoutes(archive: Archive, settings: Settings): Router {
  const router = express.Router({ caseSensitive: true })
  for (const path of [STUDY, SERIES, INSTANCE]) {
    router.get(path, (request, response) => answerFiles(archive, settings, request, response))
    router.get(`${path}/metadata`, (request, response) =>
      answerMetadata(archive, settings, request, response),
    )
  }
  router.get(`${INSTANCE}/original`, (request, response) => answerOriginal(archive, request, response))
  router.get(`${INSTANCE}/frames/:frames`, (request, response) => answerFrames(archive, request, response))
  router.get(`${INSTANCE}/pixeldata`, (request, response) =>
    answerPixelData(archive, settings, request, response),
  )
  router.get(`${INSTANCE}/bulkdata/*path`, (request, response) =>
    answerBulkData(archive, settings, request, response),
  )
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
  archive: Archive,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const signal = abortedWith(response)
  const forms = fileForms(acceptOf(request), scope.instance !== undefined)
  const { form, tag, left, syntax } = planOf(await surveyOf(archive, scope, signal), forms)
  if (isNotModified(request, response, tag, scope.instance === undefined ? CHECKED : IMMUTABLE)) return
  if (!form.isMultipart) {
    await answerOne(archive, request, response, form)
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
  await sendParts(request, response, type, partsOf(archive, settings, scope, form, signal))
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
function planOf({ hash, counts }: Survey, forms: readonly FileForm[]): Plan {
  for (const form of forms) {
    const syntaxes = new Set<Uid>()
    let left = 0
    for (const [stored, count] of counts) {
      const syntax = fileSyntax(stored, form.wanted)
      if (syntax === null) left += count
      else syntaxes.add(syntax)
    }
    if (syntaxes.size === 0) continue
    const [syntax] = syntaxes.size === 1 ? syntaxes : []
    hash.update(
      `${form.isMultipart ? 'parts' : 'one'} ${form.wanted ?? ''} ${[...syntaxes].sort().join(' ')}`,
    )
    return { form, left, syntax, tag: tagOf(hash) }
  }
  throw notAcceptable()
}

async function* partsOf(
  archive: Archive,
  settings: Settings,
  scope: Scope,
  { wanted }: FileForm,
  signal: AbortSignal,
): AsyncGenerator<BodyPart> {
  for await (const page of instancesOf(archive, scope, { signal })) {
    for (const instance of page) {
      const syntax = fileSyntax(instance.TransferSyntaxUID, wanted)
      if (syntax === null) continue
      const { study, series, instance: uid } = instance.uids
      yield {
        media: PART10,
        transferSyntax: syntax,
        location: retrieveUrl(settings, study, series, uid),
        length: null,
        open: () => part10Of(archive, instance, wishOf(instance, syntax)),
      }
    }
  }
}

async function answerOne(
  archive: Archive,
  request: Request,
  response: Response,
  { wanted }: FileForm,
): Promise<void> {
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>)
  const syntax = fileSyntax(instance.TransferSyntaxUID, wanted)
  if (syntax === null) throw notAcceptable()
  await sendOne(request, response, {
    ...(await part10PieceOf(archive, instance, wishOf(instance, syntax))),
    media: `${PART10}; transfer-syntax=${syntax}`,
    headers: { 'Content-Disposition': attachment(instance) },
  })
}

/** What must be done to a stored file for it to leave in a transfer syntax. */
function wishOf({ TransferSyntaxUID }: IndexedInstance, syntax: Uid): FileWish {
  const stored = transferSyntax(TransferSyntaxUID)
  return { isExplicit: stored?.web === false || (stored?.deflated === true && syntax !== stored.uid) }
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

function attachment({ uids }: IndexedInstance): string {
  return `attachment; filename="${uids.instance}.dcm"`
}

function notAcceptable(): Problem {
  return new Problem(
    'not-acceptable',
    'Instances are sent as multipart/related; type="application/dicom", one alone as application/dicom too, in Explicit ' +
      'VR Little Endian where nothing has to be decoded, or with transfer-syntax=* as they are stored.',
  )
}
