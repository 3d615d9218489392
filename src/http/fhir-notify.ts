import { createHash, timingSafeEqual } from 'node:crypto'
import express, { type Router } from 'express'
import type { Watch } from '../archive/watch.ts'
import { Problem } from '../problem.ts'

/** Where a Subscription of the FHIR server calls. */
export const NOTIFY = '/fhir/notify'
/** Header of a Subscription's channel that carries the secret (FHIR R4 `Subscription.channel.header`). */
const SECRET_HEADER = 'x-notify-secret'

/**
 * `POST /fhir/notify`: what a Subscription of the FHIR server calls (rest-hook). It says nothing but *look now*: the body is
 * not read, for what has changed is found by asking. To be mounted at the root, open, where a secret is set.
 * `GET /admin/fhir/watch` says how the looking goes.
 */
export function fhirNotifyRoutes(watch: Watch, secret: string): Router {
  const router = express.Router({ caseSensitive: true })
  const expected = digest(secret)
  router.post(NOTIFY, (request, response) => {
    const given = request.headers[SECRET_HEADER]
    if (typeof given !== 'string' || !timingSafeEqual(digest(given), expected))
      throw new Problem('forbidden', `The header ${SECRET_HEADER} does not have the secret.`)
    watch.wake()
    response.status(200).end()
  })
  return router
}

export function fhirWatchRoutes(watch: Watch): Router {
  const router = express.Router({ caseSensitive: true })
  router.get('/admin/fhir/watch', (_request, response) => {
    response.json(watch.state())
  })
  return router
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
