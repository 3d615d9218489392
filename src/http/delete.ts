import express, { type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { deleteInstances } from '../archive/remove.ts'
import { scopeOf } from './scope.ts'

const STUDY = '/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

/**
 * DELETE of a study, a series or an instance: 204, 404 for what never was here, 410 for what was deleted before. PS3.18 has
 * no such transaction; archives agree on this form of it. To be mounted at the root of the DICOMweb services only where
 * the settings allow it: elsewhere the paths answer 405 as for any other method that they do not take.
 */
export function deleteRoutes(archive: Archive): Router {
  const router = express.Router({ caseSensitive: true })
  for (const path of [STUDY, SERIES, INSTANCE]) {
    router.delete(path, async (request, response) => {
      await deleteInstances(archive, scopeOf(request), response.locals.caller?.name ?? null)
      response.status(204).end()
    })
  }
  return router
}
