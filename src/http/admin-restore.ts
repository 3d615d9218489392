import express, { type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { restoreInstances } from '../archive/remove.ts'
import { scopeOf } from './scope.ts'

const STUDY = '/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

/** `POST …/restore` brings back what was deleted or rejected: 204, or 404. To be mounted under `/admin`. */
export function restoreRoutes(archive: Archive): Router {
  const router = express.Router({ caseSensitive: true })
  for (const path of [STUDY, SERIES, INSTANCE]) {
    router.post(`${path}/restore`, async (request, response) => {
      await restoreInstances(archive, scopeOf(request), response.locals.caller?.name ?? null)
      response.status(204).end()
    })
  }
  return router
}
