import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  answerConnect,
  answerFault,
  lacksHost,
  MAX_HEADER_SIZE,
  NO_HOST,
  refuse,
  UNKNOWN_EXPECTATION,
} from './faults.ts'

/**
 * The HTTP server of an app, not yet listening. Heads must be there within 15 s; bodies may take as long as they keep
 * coming (`stow-body.ts`). `Expect: 100-continue` is answered by whoever wants the body, so that a refusal comes first.
 */
export function createHttpServer(app: RequestListener): Server {
  /** The answer that is on its way on each connection. */
  const answers = new WeakMap<Duplex, ServerResponse>()
  const hasBegun = (socket: Duplex): boolean => {
    const answer = answers.get(socket)
    const isOver = answer === undefined || (answer.writableFinished && answer.req.complete)
    return !isOver && answer.headersSent
  }
  const listener: RequestListener = (request, response) => {
    answers.set(request.socket, response)
    request.url = request.url?.replace(ABSOLUTE, '/') ?? '/'
    if (lacksHost(request)) refuse(response, NO_HOST)
    else app(request, response)
  }
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_SIZE,
      headersTimeout: 15_000,
      requestTimeout: 0,
      connectionsCheckingInterval: 2000,
      // Longer than the idle time of usual proxies, which would else write into a connection that is being closed.
      keepAliveTimeout: 75_000,
      noDelay: true,
      // Node's own answer to that has no body.
      requireHostHeader: false,
    },
    listener,
  )
  return server
    .on('checkContinue', listener)
    .on('checkExpectation', (_request, response) => {
      refuse(response, UNKNOWN_EXPECTATION)
    })
    .on('connect', (_request, socket) => {
      answerConnect(socket, hasBegun(socket))
    })
    .on('clientError', (error, socket) => {
      answerFault(error, socket, hasBegun(socket))
    })
}

/** Scheme and host of a target in absolute form, which every server must take too (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?]*\/?/i
