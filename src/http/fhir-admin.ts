import express, { type Request, type Response, type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import type { Sync } from '../archive/sync.ts'
import type { Subscriptions } from '../archive/watch-subscription.ts'
import {
  owedReport,
  releaseStudy,
  resolveAttention,
  restoreStudy,
  retryStudy,
  startReconcile,
  touchStudy,
  withdrawStudy,
} from '../archive/sync-admin.ts'
import { Problem } from '../problem.ts'

const ROWS = 100
const ROWS_MAX = 1000

/**
 * What is owed to the FHIR server and why, and what a person can do about it; for administrators, to be mounted at the
 * root. `sync` null: no FHIR server is configured; `subscriptions`: what the server calls when somebody corrects something.
 *
 * - `GET /admin/fhir[?limit=]`
 * - `POST /admin/fhir/reconcile` → 202
 * - `POST /admin/fhir/studies/{uid}/touch|release|retry|restore|withdraw` → 202
 * - `POST /admin/fhir/attention/{id}/resolve` → 204
 */
export function fhirAdminRoutes(
  archive: Archive,
  sync: Sync | null,
  subscriptions: Subscriptions | null = null,
): Router {
  const router = express.Router({ caseSensitive: true })
  router.get('/admin/fhir', async (request: Request, response: Response) => {
    response.setHeader('cache-control', 'private, no-store')
    const report = await owedReport(archive, sync, limitOf(request))
    response.json({ ...report, subscriptions: subscriptions?.state() ?? [] })
  })
  const actions = {
    touch: touchStudy,
    release: releaseStudy,
    retry: retryStudy,
    restore: restoreStudy,
    withdraw: withdrawStudy,
  }
  for (const [name, act] of Object.entries(actions)) {
    router.post(`/admin/fhir/studies/:study/${name}`, async (request: Request, response: Response) => {
      await act(archive, sync, String(request.params['study']))
      response.status(202).end()
    })
  }
  router.post('/admin/fhir/reconcile', (_request: Request, response: Response) => {
    startReconcile(sync)
    response.status(202).end()
  })
  router.post('/admin/fhir/attention/:id/resolve', async (request: Request, response: Response) => {
    await resolveAttention(archive, wholeNumber(request.params['id'], 'The row'))
    response.status(204).end()
  })
  return router
}

function limitOf(request: Request): number {
  const { limit } = request.query
  return limit === undefined ? ROWS : Math.min(wholeNumber(limit, 'limit'), ROWS_MAX)
}

function wholeNumber(value: unknown, name: string): number {
  if (typeof value !== 'string' || !/^\d{1,15}$/u.test(value)) {
    throw new Problem('malformed', `${name} must be a whole number.`)
  }
  return Number(value)
}
