import express, { type Request, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import {
  decideCorrection,
  previewCorrection,
  proposeCorrection,
  type CorrectionPolicy,
  type Corrector,
  type Wanted,
} from '../archive/correct.ts'
import type { CorrectionRow, CorrectionState } from '../database/ports.ts'
import { isUid } from '../dicom/uid.ts'
import { Problem } from '../problem.ts'
import { attributesOf } from './correction-attributes.ts'
import { jsonBody } from './json-body.ts'

const ROWS = 100
const ROWS_MAX = 1000
const STATES: readonly CorrectionState[] = ['proposed', 'approved', 'running', 'done', 'failed', 'rejected']
const DECISIONS = ['approve', 'reject', 'retry'] as const
const LONGEST_DESCRIPTION = 200

/**
 * Corrections of what instances say of patient and study, with or without FHIR; for administrators, to be mounted under
 * `/admin`.
 *
 * - `POST /corrections[?preview=true]` with `{"study": UID, "attributes": {"PatientName": "Doe^Jane"}, "reason": "CORRECT",
 *   "description": "…"}` → 201, 200 where the same one is there or for a preview; 404, 409
 * - `GET /corrections[?state=&study=&limit=]`, `GET /corrections/{id}`
 * - `POST /corrections/{id}/approve|reject|retry` → 202
 */
export function correctionRoutes(archive: Archive, policy: CorrectionPolicy, corrector: Corrector): Router {
  const { corrections } = archive.database
  const router = express.Router({ caseSensitive: true })
  router.post('/corrections', async (request, response) => {
    const wanted = wantedOf(await jsonBody(request), response.locals.caller?.name ?? null)
    if (request.query['preview'] === 'true') {
      response.json({ policy, preview: await previewCorrection(archive, wanted) })
      return
    }
    const { correction, isNew, preview } = await proposeCorrection(archive, policy, wanted)
    corrector.wake()
    response.status(isNew ? 201 : 200).location(`/admin/corrections/${correction.id}`)
    response.json({ ...correction, preview })
  })
  router.get('/corrections', async (request, response) => {
    response.json({ policy, rows: await corrections.list(filterOf(request)) })
  })
  router.get('/corrections/:id', async (request, response) => {
    const correction = await corrections.get(request.params.id)
    if (correction === null) throw new Problem('not-found', 'There is no such correction.')
    response.json({ ...correction, ...(await previewOf(archive, correction)) })
  })
  for (const decision of DECISIONS) {
    router.post(`/corrections/:id/${decision}`, async (request, response) => {
      await decideCorrection(archive, request.params.id, decision, response.locals.caller?.name ?? null)
      corrector.wake()
      response.status(202).end()
    })
  }
  return router
}

/** What it would do, as long as it has not been done. */
async function previewOf(archive: Archive, { study, to, detail, state }: CorrectionRow): Promise<object> {
  if (state !== 'proposed' && state !== 'failed') return {}
  try {
    return { preview: await previewCorrection(archive, { study, attributes: to, ...detail }) }
  } catch (error) {
    if (error instanceof Problem && (error.kind === 'not-found' || error.kind === 'conflict')) return {}
    throw error
  }
}

function wantedOf(body: Readonly<Record<string, unknown>>, proposedBy: string | null): Wanted {
  const { study, attributes, reason = 'CORRECT', description = 'by hand' } = body
  if (typeof study !== 'string' || !isUid(study))
    throw new Problem('malformed', 'study must be a Study Instance UID.')
  if (reason !== 'CORRECT' && reason !== 'COERCE')
    throw new Problem('malformed', 'reason must be CORRECT or COERCE (PS3.3 C.12.1.1.9).')
  const isText = typeof description === 'string' && /^[\x20-\x7e]*$/u.test(description)
  if (!isText || description.length > LONGEST_DESCRIPTION)
    throw new Problem(
      'malformed',
      `description must be ASCII text of at most ${LONGEST_DESCRIPTION} characters.`,
    )
  return { study, attributes: attributesOf(attributes), reason, description, proposedBy }
}

function filterOf({ query }: Request): { state?: CorrectionState; study?: string; limit: number } {
  const { state, study, limit = String(ROWS) } = query
  if (state !== undefined && !STATES.some((one) => one === state))
    throw new Problem('malformed', `state must be one of ${STATES.join(', ')}.`)
  if (study !== undefined && (typeof study !== 'string' || !isUid(study)))
    throw new Problem('malformed', 'study must be a Study Instance UID.')
  if (typeof limit !== 'string' || !/^\d{1,4}$/u.test(limit) || Number(limit) > ROWS_MAX)
    throw new Problem('malformed', `limit must be a whole number of at most ${ROWS_MAX}.`)
  return {
    limit: Number(limit),
    ...(state !== undefined && { state: state as CorrectionState }),
    ...(study !== undefined && { study }),
  }
}
