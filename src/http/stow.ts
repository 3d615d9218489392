import express, { type Request, type Response, type Router } from 'express'
import type { Intake, Upload } from '../archive/store.ts'
import type { StoreOutcome } from '../archive/store-outcome.ts'
import { FAILURE } from '../dicom/reasons.ts'
import { isProblem, Problem } from '../problem.ts'
import type { Metrics } from './metrics.ts'
import { createSplitter } from './multipart.ts'
import { answerEarly, RETRY_AFTER, STATUS } from './problems.ts'
import type { Refusals } from './refusals.ts'
import type { HttpSettings } from './settings.ts'
import { ClientGone, readBody } from './stow-body.ts'
import { PART10, readStoreRequest, type StoreRequest } from './stow-request.ts'
import { storeResponse, storeResponseText, storeStatus } from './stow-response.ts'

type Settings = Pick<HttpSettings, 'publicUrl' | 'upload'>

/** The store transaction, PS3.18 §10.5: to be mounted at the root of the DICOMweb services. */
export function stowRoutes(intake: Intake, settings: Settings, metrics: Metrics, refusals: Refusals): Router {
  const router = express.Router({ caseSensitive: true })
  let uploads = 0
  const tell: Tell = (outcomes, sender) => {
    metrics.countOutcomes(outcomes)
    refusals.note(outcomes, sender)
  }
  router.post(['/studies', '/studies/:study'], async (request: Request, response: Response) => {
    if (uploads >= settings.upload.maxUploads) {
      throw new Problem('unavailable', 'Too many uploads at one time.', { retryAfter: 2 })
    }
    metrics.uploads.set(++uploads)
    try {
      await answerStore(intake, settings, tell, request, response)
    } finally {
      metrics.uploads.set(--uploads)
    }
  })
  return router
}

type Tell = (outcomes: readonly StoreOutcome[], sender: string | null) => void

async function answerStore(
  intake: Intake,
  settings: Settings,
  tell: Tell,
  request: Request,
  response: Response,
): Promise<void> {
  const asked = readStoreRequest(request, response, settings.upload)
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
  const sender = response.locals.caller?.name ?? null
  const upload = intake.begin({ study: asked.study, sender })
  const fault = await readParts(upload, asked, settings, request)
  const outcomes = await upload.outcomes()
  tell(outcomes, sender)
  if (fault instanceof ClientGone) return
  if (outcomes.length === 0) throw fault ?? new Problem('malformed', 'The body has no part.')
  const status = statusOf(outcomes, fault)
  if (status === 503) response.setHeader('Retry-After', String(RETRY_AFTER))
  const body = storeResponseText(storeResponse(outcomes, settings), asked.answer)
  answerEarly(request, response, { status, type: asked.answer, body })
}

/**
 * Hands the parts on as they come, and gives what ended the body before its time: the parts before it are settled all
 * the same, and a part that was cut short by it is refused.
 */
async function readParts(
  upload: Upload,
  asked: StoreRequest,
  settings: Settings,
  request: Request,
): Promise<Problem | ClientGone | undefined> {
  const { maxRequestBytes, maxParts, minBytesPerSecond, paceWindowMs } = settings.upload
  const splitter =
    asked.boundary === undefined ? wholeBody(upload) : partsOf(upload, asked.boundary, maxParts)
  let received = 0
  try {
    await readBody(request, { minBytesPerSecond, windowMs: paceWindowMs }, (chunk) => {
      received += chunk.length
      if (received > maxRequestBytes) {
        splitter.push(chunk.subarray(0, chunk.length - (received - maxRequestBytes)))
        throw new Problem('too-large', `An upload may have ${maxRequestBytes} bytes; send it in several.`)
      }
      splitter.push(chunk)
      return upload.ready()
    })
    const end = received === 0 ? 'whole' : splitter.finish()
    if (end === 'whole') return undefined
    // There is no part then that could be refused.
    if (end === 'none')
      return new Problem('malformed', 'The boundary that Content-Type names is nowhere in the body.')
    throw new Problem('malformed', 'The body ends before its last delimiter.')
  } catch (error) {
    if (error instanceof ClientGone) upload.abandon()
    else if (isProblem(error)) upload.refuse(FAILURE.cannotUnderstand.code, error.message)
    else throw error
    return error
  }
}

interface BodyReader {
  push(chunk: Buffer): void
  finish(): 'whole' | 'cut' | 'none'
}

function partsOf(upload: Upload, boundary: string, maxParts: number): BodyReader {
  return createSplitter(
    boundary,
    {
      begin(headers) {
        upload.begin()
        const type = headers.get('content-type') ?? PART10
        if (!/^\s*application\/dicom\s*(?:;|$)/i.test(type)) {
          upload.refuse(FAILURE.processingFailure.code, 'The part is of an unsupported media type')
        }
      },
      data: (bytes) => upload.write(bytes),
      end: () => upload.end(),
    },
    { maxParts },
  )
}

/** A body that is one instance; its end is the end of the request, which HTTP tells from a connection that breaks. */
function wholeBody(upload: Upload): BodyReader {
  let isBegun = false
  return {
    push(chunk) {
      if (!isBegun) upload.begin()
      isBegun = true
      upload.write(chunk)
    },
    finish() {
      upload.end()
      return 'whole'
    },
  }
}

function statusOf(outcomes: readonly StoreOutcome[], fault: Problem | undefined): number {
  if (fault === undefined) return storeStatus(outcomes)
  const isSomeStored = outcomes.some(({ kind }) => kind === 'stored')
  return fault.kind === 'malformed' && isSomeStored ? 202 : STATUS[fault.kind]
}
