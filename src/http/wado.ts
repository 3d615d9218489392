import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { fileOf, instanceOf, instancesOf, part10Of } from '../archive/retrieve.ts'
import type { IndexedInstance, Scope } from '../database/ports.ts'
import { ExplicitVRLittleEndian, transferSyntax } from '../dicom/transfer-syntax.ts'
import { Problem } from '../problem.ts'
import { acceptOf, scopeOf } from './scope.ts'
import { answerBulkData, answerFrames, answerPixelData } from './wado-bytes.ts'
import { fileForms, fileSyntax, PART10, type FileForm } from './wado-forms.ts'
import { answerMetadata } from './wado-metadata.ts'
import { entityTag, IMMUTABLE, isNotModified, sendOne, sendParts, type BodyPart } from './representation.ts'
import { retrieveUrl, type HttpSettings } from './settings.ts'

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
  router.get(`${INSTANCE}/pixeldata`, (request, response) => answerPixelData(archive, request, response))
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
  /** The one transfer syntax of all of them, if there is one. */
  readonly syntax: string | undefined
}

async function answerFiles(
  archive: Archive,
  settings: Settings,
  request: Request,
  response: Response,
): Promise<void> {
  const scope = scopeOf(request)
  const forms = fileForms(acceptOf(request), scope.instance !== undefined)
  const { form, tag, left, syntax } = await planOf(archive, scope, forms)
  if (isNotModified(request, response, tag, scope.instance === undefined ? 'private, no-cache' : IMMUTABLE))
    return
  if (left > 0) {
    // PS3.18 Table 10.4.3-1: some instances were not sent, because no acceptable form of them can be made.
    response.status(206)
    response.setHeader(
      'Warning',
      `299 ${settings.publicUrl} "${left} instances cannot be sent in an acceptable transfer syntax."`,
    )
  }
  if (!form.isMultipart) {
    const instance = await instanceOf(archive, scope as Required<Scope>)
    const part = partOf(archive, settings, instance, form)
    if (part === null) throw notAcceptable()
    response.setHeader('Content-Disposition', `attachment; filename="${instance.uids.instance}.dcm"`)
    await sendOne(request, response, {
      ...part,
      media: `${PART10}; transfer-syntax=${part.transferSyntax ?? ''}`,
    })
    return
  }
  const isPlain = syntax === undefined || syntax === ExplicitVRLittleEndian
  const type = { media: PART10, transferSyntax: isPlain ? undefined : syntax }
  await sendParts(request, response, type, partsOf(archive, settings, scope, form))
}

/** The first form in which at least one instance can be sent; 406 without one. */
async function planOf(archive: Archive, scope: Scope, forms: readonly FileForm[]): Promise<Plan> {
  const plans = forms.map((form) => ({ form, marks: [] as string[], left: 0, syntaxes: new Set<string>() }))
  for await (const page of instancesOf(archive, scope)) {
    for (const instance of page) {
      for (const plan of plans) {
        const syntax = fileSyntax(instance, plan.form.wanted)
        if (syntax === null) plan.left += 1
        else plan.marks.push(instance.fileSha256 + syntax)
        if (syntax !== null) plan.syntaxes.add(syntax)
      }
    }
  }
  const plan = plans.find(({ marks }) => marks.length > 0)
  if (plan === undefined) throw notAcceptable()
  const { form, left, syntaxes } = plan
  const [syntax] = syntaxes.size === 1 ? syntaxes : []
  return { form, left, syntax, tag: entityTag(form.isMultipart ? 'parts' : 'one', ...plan.marks) }
}

async function* partsOf(
  archive: Archive,
  settings: Settings,
  scope: Scope,
  form: FileForm,
): AsyncGenerator<BodyPart> {
  for await (const page of instancesOf(archive, scope)) {
    for (const instance of page) {
      const part = partOf(archive, settings, instance, form)
      if (part !== null) yield part
    }
  }
}

function partOf(
  { blobs }: Archive,
  settings: Settings,
  instance: IndexedInstance,
  { wanted }: FileForm,
): BodyPart | null {
  const syntax = fileSyntax(instance, wanted)
  if (syntax === null) return null
  const { study, series, instance: uid } = instance.uids
  const stored = transferSyntax(instance.TransferSyntaxUID)
  const isExplicit = stored?.web === false || (stored?.deflated === true && syntax !== stored.uid)
  return {
    media: PART10,
    transferSyntax: syntax,
    location: retrieveUrl(settings, study, series, uid),
    length: null,
    open: () => part10Of(blobs, instance, { isExplicit }),
  }
}

/** The file bit for bit as it was received, whatever DICOMweb thinks of its encoding (design §6). */
async function answerOriginal(archive: Archive, request: Request, response: Response): Promise<void> {
  const instance = await instanceOf(archive, scopeOf(request) as Required<Scope>)
  if (isNotModified(request, response, `"${instance.fileSha256}"`, IMMUTABLE)) return
  // RFC 9530: the digest of the whole, so that a client can check what it got.
  response.setHeader('Repr-Digest', `sha-256=:${Buffer.from(instance.fileSha256, 'hex').toString('base64')}:`)
  response.setHeader('Content-Disposition', `attachment; filename="${instance.uids.instance}.dcm"`)
  await sendOne(request, response, {
    media: 'application/octet-stream',
    length: instance.size,
    open: fileOf(archive.blobs, instance),
  })
}

function notAcceptable(): Problem {
  return new Problem(
    'not-acceptable',
    'Instances are sent as multipart/related; type="application/dicom", one alone as application/dicom too, in Explicit ' +
      'VR Little Endian where nothing has to be decoded, or with transfer-syntax=* as they are stored.',
  )
}
