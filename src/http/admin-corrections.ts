import express, { type Request, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { decideCorrection, proposeCorrection, type Corrector } from '../archive/correct.ts'
import { newStudyOf } from '../archive/correct-part.ts'
import type { CorrectionPolicies } from '../archive/correct-policy.ts'
import { lookAt, type Wanted } from '../archive/correct-preview.ts'
import type { CorrectionRow, CorrectionState, StudyPart } from '../database/ports/corrections.ts'
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
 *   "description": "…", "part": {"series": [UID], "instances": [UID]}}` → 201, 200 where the same one is there or for a
 *   preview; 404, 409. With `part` only that is corrected, and leaves for a study of its own: it was of another patient
 * - `GET /corrections[?state=&study=&limit=]`, `GET /corrections/{id}`
 * - `POST /corrections/{id}/approve|reject|retry` → 202
 */
export function correctionRoutes(archive: Archive, policy: CorrectionPolicies, corrector: Corrector): Router {
  const { corrections } = archive.database
  const router = express.Router({ caseSensitive: true })
  router.post('/corrections', async (request, response) => {
    const wanted = wantedOf(await jsonBody(request), response.locals.caller?.name ?? null)
    if (request.query['preview'] === 'true') {
      response.json({ policy, preview: (await lookAt(archive, wanted)).preview })
      return
    }
    const { correction, isNew, preview } = await proposeCorrection(archive, policy, wanted)
    corrector.wake()
    response.status(isNew ? 201 : 200).location(`/admin/corrections/${correction.id}`)
    response.json({ ...shown(correction), preview })
  })
  router.get('/corrections', async (request, response) => {
    response.json({ policy, rows: (await corrections.list(filterOf(request))).map(shown) })
  })
  router.get('/corrections/:id', async (request, response) => {
    const correction = await corrections.get(request.params.id)
    if (correction === null) throw new Problem('not-found', 'There is no such correction.')
    response.json({ ...shown(correction), ...(await previewOf(archive, correction)) })
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

/** A correction, and the study that its part leaves for. */
function shown(correction: CorrectionRow): object {
  return { ...correction, newStudy: newStudyOf(correction) }
}

/** What it would do, as long as it has not been done. */
async function previewOf(archive: Archive, { study, to, detail, state }: CorrectionRow): Promise<object> {
  if (state !== 'proposed' && state !== 'failed') return {}
  try {
    return { preview: (await lookAt(archive, { study, attributes: to, ...detail })).preview }
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
  const part = partOf(body['part'])
  // The header may be right, and only the study wrong.
  const wanted = part !== undefined && isEmpty(attributes) ? {} : attributesOf(attributes)
  return { study, attributes: wanted, reason, description, proposedBy, part }
}

function isEmpty(given: unknown): boolean {
  return (
    given === undefined || (typeof given === 'object' && given !== null && Object.keys(given).length === 0)
  )
}

/** Series and instances of a study, in an order that is not that of the request. */
function partOf(given: unknown): StudyPart | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'object' || given === null) throw new Problem('malformed', 'part must be an object.')
  const { series = [], instances = [], ...others } = given as Readonly<Record<string, unknown>>
  const lists = [series, instances].map((one) => (Array.isArray(one) && one.every(isUidText) ? one : null))
  const [ofSeries, ofInstances] = lists
  const isWrong = !ofSeries || !ofInstances || Object.keys(others).length > 0
  if (isWrong || ofSeries.length + ofInstances.length === 0)
    throw new Problem('malformed', 'part must name series, instances or both, as lists of UIDs.')
  return { series: [...new Set(ofSeries)].sort(), instances: [...new Set(ofInstances)].sort() }
}

function isUidText(value: unknown): value is string {
  return typeof value === 'string' && isUid(value)
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
