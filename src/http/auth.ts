import { createHash, timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'
import { Problem } from '../problem.ts'
import type { AccessToken, Role } from './settings.ts'

/** Who calls. */
export interface Caller {
  /** Name of the token; null where nobody needs one. */
  readonly name: string | null
  readonly roles: ReadonlySet<Role>
}

declare module 'express-serve-static-core' {
  interface Locals {
    requestId: string
    /** Template of the route, `/dicomweb/studies/:study`, for logs and metrics. */
    route: string
    /** The role that the route needs; undefined: none. */
    role: Role | undefined
    /** Set by `authorize`; undefined: nobody in particular. */
    caller?: Caller
  }
}

const EVERYBODY: Caller = { name: null, roles: new Set(['read', 'write', 'admin']) }

/**
 * Finds out who calls, by bearer token (RFC 6750), and lets nobody pass who lacks the role that the route needs; an
 * administrator has every role. A wrong token is 401 even where none is needed. Without any configured token everybody
 * may do everything.
 */
export function authorize(tokens: readonly AccessToken[]): RequestHandler {
  return (request, response, next) => {
    const { authorization } = request.headers
    const caller =
      tokens.length === 0
        ? EVERYBODY
        : authorization === undefined
          ? undefined
          : callerOf(tokens, authorization)
    const challenge = refusalOf(caller, authorization, response.locals.role)
    if (challenge !== undefined) {
      response.setHeader('WWW-Authenticate', `Bearer realm="concord"${challenge.parameters}`)
      throw challenge.problem
    }
    if (caller !== undefined) response.locals.caller = caller
    next()
  }
}

interface Challenge {
  readonly problem: Problem
  /** Of the WWW-Authenticate header, RFC 6750 §3. */
  readonly parameters: string
}

function refusalOf(
  caller: Caller | undefined,
  authorization: string | undefined,
  role: Role | undefined,
): Challenge | undefined {
  if (caller === undefined && authorization !== undefined) {
    const problem = new Problem('unauthorized', 'The token is not one that is known here.')
    return { problem, parameters: ', error="invalid_token"' }
  }
  if (role === undefined) return undefined
  if (caller === undefined)
    return { problem: new Problem('unauthorized', 'This needs a bearer token.'), parameters: '' }
  if (caller.roles.has(role) || caller.roles.has('admin')) return undefined
  const problem = new Problem('forbidden', `This needs the role ${role}.`)
  return { problem, parameters: `, error="insufficient_scope", scope="${role}"` }
}

/** Compares digests, all of them and each in constant time, so that time tells nothing of the tokens. */
function callerOf(tokens: readonly AccessToken[], authorization: string): Caller | undefined {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''
  const digest = createHash('sha256').update(given).digest()
  let found: AccessToken | undefined
  for (const token of tokens) if (timingSafeEqual(token.sha256, digest)) found = token
  return found
}
