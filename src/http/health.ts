import express, { type Router } from 'express'
import type { Archive } from '../archive/archive.ts'
import { isProblem, Problem } from '../problem.ts'

/** How long a check may take, in milliseconds. */
const MOST_CHECK_MS = 5000

/** `GET /health/live`: the process answers. `GET /health/ready`: it can store and search now, else 503. */
export function healthRoutes(archive: Archive): Router {
  const router = express.Router()
  router.get('/health/live', (_request, response) => {
    response.json({ status: 'live' })
  })
  router.get('/health/ready', async (_request, response) => {
    const [database, blobs] = await Promise.all([
      check(() => archive.database.check()),
      check(() => archive.blobs.check()),
    ])
    const isReady = database === 'ok' && blobs === 'ok'
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'unavailable', database, blobs })
  })
  return router
}

async function check(run: () => Promise<void>): Promise<string> {
  try {
    await Promise.race([run(), timeout()])
    return 'ok'
  } catch (error) {
    return isProblem(error) ? error.message : 'failed'
  }
}

async function timeout(): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, MOST_CHECK_MS).unref())
  throw new Problem('unavailable', `No answer within ${MOST_CHECK_MS / 1000} s.`)
}
