import type { RequestHandler, Router } from 'express'
import { Problem } from '../problem.ts'
import type { Role } from './settings.ts'

/**
 * Who may call: a role, nobody in particular (`open`), or by method: safe ones need `read`, POST needs `write`, others
 * `admin`.
 */
export type Access = Role | 'open' | 'by-method'

/** A router where it stands. */
export interface Mount {
  readonly at: string
  readonly router: Router
  readonly access: Access
}

/** One method of one path: read from the routers, so that what is said of the service is what it does. */
export interface RouteFact {
  /** In upper case. */
  readonly method: string
  /** As Express has it: `/dicomweb/studies/:study`. */
  readonly path: string
  /** Undefined: everybody. */
  readonly role: Role | undefined
}

/** Every route of the routers, in their order. HEAD is not named: it works wherever GET does. */
export function routeFacts(mounts: readonly Mount[]): RouteFact[] {
  return mounts.flatMap(({ at, router, access }) =>
    router.stack.flatMap(({ route }) =>
      [route?.path ?? []].flat().flatMap((path) => {
        const methods = new Set(route?.stack.map((layer) => layer.method.toUpperCase()))
        const whole = path === '/' && at !== '' ? at : at + path
        return [...methods].map((method) => ({ method, path: whole, role: roleFor(access, method) }))
      }),
    ),
  )
}

function roleFor(access: Access, method: string): Role | undefined {
  if (access === 'open') return undefined
  if (access !== 'by-method') return access
  if (method === 'POST') return 'write'
  return method === 'GET' || method === 'OPTIONS' ? 'read' : 'admin'
}

/**
 * Finds the route of a request and notes its template (all that logs and metrics may have of a URL) and the role it
 * needs. Answers what no route will: 404, 405 with Allow (RFC 9110 §15.5.6), and OPTIONS.
 */
export function routeGuard(facts: readonly RouteFact[]): RequestHandler {
  const known = facts.map((fact) => ({ ...fact, pattern: patternOf(fact.path) }))
  return (request, response, next) => {
    const here = known.filter(({ pattern }) => pattern.test(request.path))
    if (here.length === 0) {
      throw new Problem('not-found', 'There is nothing at this address; /openapi.json says what there is.')
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const fact = here.find((one) => one.method === method)
    response.locals.route = (fact ?? here[0])?.path ?? ''
    response.locals.role = fact?.role
    if (fact !== undefined) {
      next()
      return
    }
    const allowed = allowedMethods(here)
    response.setHeader('Allow', allowed)
    if (method !== 'OPTIONS') throw new Problem('not-allowed', `This address takes ${allowed}.`)
    response.status(204).end()
  }
}

function allowedMethods(facts: readonly RouteFact[]): string {
  const methods = new Set(facts.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
  return [...methods.add('OPTIONS')].join(', ')
}

/** A path of Express as a pattern: names match one segment, `*name` any number, braces hold what may be missing. */
function patternOf(path: string): RegExp {
  const source = path
    .replace(/[.+^$()|[\]\\]/g, '\\$&')
    .replace(/\{/g, '(?:')
    .replace(/\}/g, ')?')
    .replace(/\*\w+/g, '.+')
    .replace(/:\w+/g, '[^/]+')
  return new RegExp(`^${source}/?$`)
}
