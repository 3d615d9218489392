import express, { type Router } from 'express'
import { Problem } from '../problem.ts'
import { parseAccept, selectMedia } from './accept.ts'
import type { RouteFact } from './routes.ts'
import { DICOMWEB, type HttpSettings } from './settings.ts'

const WADL = 'application/vnd.sun.wadl+xml'
const OFFERS = [{ media: WADL }, { media: 'application/json' }] as const

/**
 * Retrieve Capabilities (PS3.18 §8.9): `OPTIONS` of the root of the DICOMweb services names every resource with its
 * methods, as WADL or as JSON. To be mounted at that root.
 */
export function capabilitiesRoutes(
  facts: () => readonly RouteFact[],
  settings: Pick<HttpSettings, 'publicUrl'>,
): Router {
  const router = express.Router()
  router.options('/', (request, response) => {
    const media = selectMedia(parseAccept(request.headers.accept), OFFERS)?.offer.media
    if (media === undefined)
      throw new Problem('not-acceptable', `Capabilities are told as ${WADL} or application/json.`)
    const base = `${settings.publicUrl}${DICOMWEB}`
    const resources = resourcesOf(facts())
    response.setHeader('Allow', 'OPTIONS')
    response.setHeader('Content-Type', media)
    response.end(media === WADL ? wadl(base, resources) : JSON.stringify({ base, resources }))
  })
  return router
}

interface Resource {
  readonly path: string
  readonly methods: readonly string[]
}

function resourcesOf(facts: readonly RouteFact[]): Resource[] {
  const under = facts.filter(({ path, method }) => path.startsWith(`${DICOMWEB}/`) && method !== 'OPTIONS')
  const paths = [...new Set(under.map(({ path }) => path))].sort()
  return paths.map((path) => ({
    path: path.slice(DICOMWEB.length + 1).replace(/:(\w+)/g, '{$1}'),
    methods: under.filter((fact) => fact.path === path).map(({ method }) => method),
  }))
}

function wadl(base: string, resources: readonly Resource[]): string {
  const lines = resources.map(({ path, methods }) => {
    const inner = methods.map((method) => `<method name="${method}"/>`).join('')
    return `<resource path="${escaped(path)}">${inner}</resource>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<application xmlns="http://wadl.dev.java.net/2009/02">',
    `<resources base="${escaped(base)}">`,
    ...lines,
    '</resources>',
    '</application>',
    '',
  ].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
