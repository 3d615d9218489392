import express, { type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { Problem } from '../problem.ts'
import { queryString } from './scope.ts'

const PAGE = 100
const MOST_ROWS = 1000

/**
 * What a person should look at. `GET /attention[?resolved=true][&after=ID][&limit=N]` lists the open rows, or
 * those that are dealt with, by id;
 * `POST /attention/ID/resolve` says that one is dealt with. To be mounted under `/admin`.
 */
export function attentionRoutes(archive: Archive): Router {
  const { attention } = archive.database
  const router = express.Router()
  router.get('/attention', async (request, response) => {
    const query = new URLSearchParams(queryString(request))
    const after = number(query, 'after', Number.MAX_SAFE_INTEGER)
    const limit = number(query, 'limit', MOST_ROWS) ?? PAGE
    const rows = await attention.list({
      open: query.get('resolved') !== 'true',
      limit,
      ...(after !== undefined && { after }),
    })
    response.json({ rows, ...(rows.length === limit && { next: rows.at(-1)?.id }) })
  })
  router.post('/attention/:id/resolve', async (request, response) => {
    const { id } = request.params
    if (!/^\d{1,15}$/.test(id)) throw new Problem('malformed', 'The id in the path is no number.')
    if (!(await attention.resolve(Number(id))))
      throw new Problem('not-found', 'There is no open row with that id.')
    response.status(204).end()
  })
  return router
}

function number(query: URLSearchParams, name: string, most: number): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,16}$/.test(text) || Number(text) > most) {
    throw new Problem('malformed', `${name} must be a whole number of at most ${most}.`)
  }
  return Number(text)
}
