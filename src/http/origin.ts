import type { RequestHandler } from 'express'
import { Problem } from '../problem.ts'
import type { HttpSettings } from './settings.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Where no token is needed, a page of a stranger in somebody's browser could change things here, for browsers send a POST
 * that has no body to any address without asking first (Fetch standard, CORS-safelisted requests). They say whose page it
 * is (RFC 6454 §7), and only our own and those of `CORS_ORIGINS` may. A token is nothing that a browser sends by itself.
 */
export function originGuard({
  tokens,
  corsOrigins,
  publicUrl,
}: Pick<HttpSettings, 'tokens' | 'corsOrigins' | 'publicUrl'>): RequestHandler {
  const allowed = new Set([...corsOrigins, new URL(publicUrl).origin])
  return ({ method, headers: { origin, host = '' } }, _response, next) => {
    const isStrange =
      origin !== undefined &&
      !allowed.has(origin) &&
      origin.replace(/^https?:\/\//, '') !== host.toLowerCase()
    if (tokens.length === 0 && isStrange && !SAFE.has(method))
      throw new Problem('forbidden', 'A page of that origin may not change anything here; see CORS_ORIGINS.')
    next()
  }
}
