import { STATUS_CODES } from 'node:http'
import express, { type Router } from 'express'
import { JSON_TYPE, DESCRIPTIONS } from './openapi-descriptions.ts'
import type { RouteFact } from './routes.ts'
import { DICOMWEB, type HttpSettings } from './settings.ts'

/** `GET /openapi.json`: what the service can do, made of the routes that it has. */
export function openapiRoutes(
  facts: () => readonly RouteFact[],
  settings: Pick<HttpSettings, 'publicUrl' | 'tokens'>,
): Router {
  const router = express.Router()
  router.get('/openapi.json', (_request, response) => {
    response.setHeader('Content-Type', JSON_TYPE)
    response.end(JSON.stringify(openapi(facts(), settings)))
  })
  return router
}

/** An OpenAPI 3.1 document. */
function openapi(
  facts: readonly RouteFact[],
  { publicUrl, tokens }: Pick<HttpSettings, 'publicUrl' | 'tokens'>,
) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const fact of facts) {
    const path = fact.path.replace(/[:*](\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [fact.method.toLowerCase()]: operation(fact, tokens.length > 0) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Concord',
      version: '1',
      description: `DICOMweb (PS3.18) under ${DICOMWEB}. Searches also take any attribute as a match key, by keyword or tag.`,
    },
    servers: [{ url: publicUrl }],
    ...(tokens.length > 0 && {
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    }),
    paths,
  }
}

function operation(fact: RouteFact, needsToken: boolean) {
  const { path } = fact
  const role = needsToken ? fact.role : undefined
  const described = DESCRIPTIONS[`${fact.method} ${path}`]
  const inPath = [...path.matchAll(/[:*](\w+)/g)].map(([, name]) => parameter(name ?? '', 'path'))
  const inQuery = (described?.query ?? []).map((name) => parameter(name, 'query'))
  const statuses = [...(described?.statuses ?? [200]), ...(role === undefined ? [] : [401, 403])]
  return {
    summary: described?.summary,
    ...(role !== undefined && { security: [{ token: [role] }] }),
    parameters: [...inPath, ...inQuery],
    ...(described?.takes && { requestBody: { required: true, content: content(described.takes) } }),
    responses: Object.fromEntries(
      statuses.sort((a, b) => a - b).map((status) => [String(status), answer(status, described?.answers)]),
    ),
  }
}

function parameter(name: string, where: 'path' | 'query') {
  return { name, in: where, required: where === 'path', schema: { type: 'string' } }
}

function answer(status: number, answers: readonly string[] | undefined) {
  const types = status >= 400 ? ['application/problem+json'] : status === 204 ? [] : (answers ?? [])
  return { description: STATUS_CODES[status], ...(types.length > 0 && { content: content(types) }) }
}

function content(types: readonly string[]) {
  return Object.fromEntries(types.map((type) => [type, {}]))
}
