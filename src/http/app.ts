import { randomUUID } from 'node:crypto'
import express, { type Express, type RequestHandler } from 'express'
import helmet from 'helmet'
import type { Archive } from '../archive/archive.ts'
import type { Intake } from '../archive/store.ts'
import type { Viewer } from '../archive/viewing.ts'
import type { Log } from '../log.ts'
import { Problem } from '../problem.ts'
import { attentionRoutes } from './admin-attention.ts'
import { restoreRoutes } from './admin-restore.ts'
import { authorize } from './auth.ts'
import { capabilitiesRoutes } from './capabilities.ts'
import { consoleRoutes } from './console.ts'
import { cors } from './cors.ts'
import { deleteRoutes } from './delete.ts'
import { healthRoutes } from './health.ts'
import { hostGuard } from './host.ts'
import { lineageRoutes } from './lineage.ts'
import { createMetrics, metricsRoutes, type Metrics } from './metrics.ts'
import { openapiRoutes } from './openapi.ts'
import { originGuard } from './origin.ts'
import { problemHandler } from './problems.ts'
import { qidoRoutes } from './qido.ts'
import { createRefusals, refusalRoutes } from './refusals.ts'
import { type Mount, routeFacts, type RouteFact, routeGuard } from './routes.ts'
import { DICOMWEB, type HttpSettings, LINEAGE } from './settings.ts'
import { stowRoutes } from './stow.ts'
import { wadoRoutes } from './wado.ts'

/** What an app stands on. */
export interface AppParts {
  readonly archive: Archive
  readonly intake: Intake
  readonly viewer: Viewer
  readonly settings: HttpSettings
  readonly log: Log
  /** Routers that need more than the archive: the FHIR side's. */
  readonly more?: readonly Mount[]
}

/** Longest URL; the limit of the whole head is `server.ts`'s. */
const MAX_URL = 64 * 1024

/** The whole HTTP service, and what routes it has. */
export function createApp(parts: AppParts): { readonly app: Express; readonly facts: readonly RouteFact[] } {
  const { archive, intake, viewer, settings, log, more = [] } = parts
  const metrics = createMetrics(archive)
  const refusals = createRefusals(archive.now)
  const mounts: Mount[] = [
    { at: '', router: consoleRoutes(settings), access: 'open' },
    { at: '', router: healthRoutes(archive), access: 'open' },
    { at: '', router: metricsRoutes(metrics), access: 'read' },
    { at: '', router: openapiRoutes(() => facts, settings), access: 'read' },
    { at: DICOMWEB, router: stowRoutes(intake, settings, metrics, refusals), access: 'by-method' },
    { at: DICOMWEB, router: qidoRoutes(archive, settings), access: 'by-method' },
    { at: DICOMWEB, router: wadoRoutes({ archive, viewer }, settings), access: 'by-method' },
    { at: DICOMWEB, router: capabilitiesRoutes(() => facts, settings), access: 'by-method' },
    ...(settings.deletion === true
      ? [{ at: DICOMWEB, router: deleteRoutes(archive), access: 'by-method' as const }]
      : []),
    { at: LINEAGE, router: lineageRoutes(archive, settings), access: 'read' },
    { at: '/admin', router: attentionRoutes(archive), access: 'admin' },
    { at: '/admin', router: restoreRoutes(archive), access: 'admin' },
    { at: '/admin', router: refusalRoutes(refusals), access: 'admin' },
    ...more,
  ]
  const facts = routeFacts(mounts)

  const app = express()
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing')
  app.use(observe(log, metrics), tidyUrl(settings.publicUrl), securityHeaders(settings.publicUrl))
  app.use(hostGuard(settings.allowedHosts), cors(settings.corsOrigins))
  app.use(routeGuard(facts), originGuard(settings), authorize(settings.tokens))
  for (const { at, router } of mounts) app.use(at === '' ? '/' : at, router)
  app.use(problemHandler(log))
  return { app, facts }
}

/** Gives each request an id, and tells log and metrics of it when it is over: templates of routes, never URLs. */
function observe(log: Log, metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const began = performance.now()
    const given = request.headers['x-request-id']
    const requestId = typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
    response.locals.requestId = requestId
    response.locals.route = 'none'
    response.setHeader('X-Request-Id', requestId)
    response.once('close', () => {
      const { route, caller } = response.locals
      const ms = performance.now() - began
      // 499, as other servers have it: the client went before the answer was whole.
      const status = response.writableFinished ? response.statusCode : 499
      const { method } = request
      metrics.requests.observe({ method, route, status: String(status) }, ms / 1000)
      log.info(
        { requestId, method, route, status, ms: Math.round(ms * 10) / 10, caller: caller?.name ?? undefined },
        'request',
      )
    })
    next()
  }
}

/**
 * Takes the path prefix of the public address off, for proxies that leave it on, and double slashes out, which clients
 * make that put an address together.
 */
function tidyUrl(publicUrl: string): RequestHandler {
  const prefix = new URL(publicUrl).pathname.replace(/\/$/, '')
  return (request, _response, next) => {
    const { url } = request
    if (url.length > MAX_URL) throw new Problem('uri-too-long', `A URL may have ${MAX_URL} characters.`)
    const end = url.indexOf('?')
    const path = (end < 0 ? url : url.slice(0, end)).replace(/\/{2,}/g, '/')
    // Of no UID and no id; PostgreSQL has no text with it.
    if (path.includes('%00')) throw new Problem('malformed', 'The path of the URL has a NUL in it.')
    const query = end < 0 ? '' : url.slice(end)
    const isPrefixed = prefix !== '' && (path === prefix || path.startsWith(`${prefix}/`))
    request.url = (isPrefixed ? path.slice(prefix.length) || '/' : path) + query
    next()
  }
}

/** Answers are data, not pages: nothing in them may run, be framed, sniffed or kept by caches along the way. */
function securityHeaders(publicUrl: string): RequestHandler {
  const harden = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  })
  return (request, response, next) => {
    response.setHeader('Cache-Control', 'private, no-store')
    harden(request, response, next)
  }
}
