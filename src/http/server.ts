import { createServer, type RequestListener, type Server } from 'node:http'

/** Longest head of a request: viewers put hundreds of UIDs into one URL. */
const MAX_HEADER_SIZE = 80 * 1024

/**
 * The HTTP server of an app, not yet listening. Heads must be there within 15 s; bodies may take as long as they keep
 * coming (`stow-body.ts`). `Expect: 100-continue` is answered by whoever wants the body, so that a refusal comes first.
 */
export function createHttpServer(app: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_SIZE,
      headersTimeout: 15_000,
      requestTimeout: 0,
      connectionsCheckingInterval: 2000,
      // Longer than the idle time of usual proxies, which would else write into a connection that is being closed.
      keepAliveTimeout: 75_000,
      noDelay: true,
    },
    inOriginForm(app),
  )
  return server.on('checkContinue', inOriginForm(app))
}

/** Scheme and host of a target in absolute form, which every server must take too (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?]*\/?/i

function inOriginForm(app: RequestListener): RequestListener {
  return (request, response) => {
    request.url = request.url?.replace(ABSOLUTE, '/') ?? '/'
    app(request, response)
  }
}
