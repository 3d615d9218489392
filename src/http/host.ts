import type { RequestHandler } from 'express'
import { Problem } from '../problem.ts'

/**
 * Answers only requests to the names that are ours (RFC 9110 §15.5.20): a page in some browser that had its own name
 * point to this machine (DNS rebinding) gets nothing.
 * Health checks come from probes that know an address only, and tell nothing.
 * @param allowed in lower case, `name` for any port or `name:port`
 */
export function hostGuard(allowed: readonly string[]): RequestHandler {
  const names = new Set(allowed)
  return (request, _response, next) => {
    if (request.path.startsWith('/health/')) {
      next()
      return
    }
    const host = request.headers.host?.toLowerCase() ?? ''
    if (!names.has(host) && !names.has(host.replace(/:\d+$/, ''))) {
      throw new Problem('misdirected', 'This service does not go by that host name; see ALLOWED_HOSTS.')
    }
    next()
  }
}
