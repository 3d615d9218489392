import type { RequestHandler } from 'express'

const EXPOSED = 'Warning, ETag, Link, Content-Location, Content-Range, Accept-Ranges, Content-Disposition, X-Total-Count, X-Request-Id' // prettier-ignore
const METHODS = 'GET, HEAD, POST, OPTIONS'

/**
 * Lets pages of the listed origins call (Fetch standard, CORS protocol), also on errors, so that a viewer sees the
 * status. Preflights are answered here, before anybody asks for a token: browsers send none with them. An origin that
 * is not listed gets no CORS headers.
 */
export function cors(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins)
  return (request, response, next) => {
    const { origin } = request.headers
    const asked = request.headers['access-control-request-method']
    if (allowed.size > 0) response.vary('Origin')
    if (origin !== undefined && allowed.has(origin)) {
      response.setHeader('Access-Control-Allow-Origin', origin)
      response.setHeader('Access-Control-Expose-Headers', EXPOSED)
      // Viewers that are cross-origin isolated load only what says so.
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
      if (asked !== undefined) {
        const headers = request.headers['access-control-request-headers']
        response.setHeader('Access-Control-Allow-Methods', METHODS)
        if (headers !== undefined) response.setHeader('Access-Control-Allow-Headers', headers)
        response.setHeader('Access-Control-Max-Age', '86400')
      }
    }
    if (request.method === 'OPTIONS' && origin !== undefined && asked !== undefined) {
      response.status(204).end()
      return
    }
    next()
  }
}
