import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, Request, Response } from 'express'
import { Problem, type ProblemKind } from '../problem.ts'
import type { Log } from '../log.ts'

/** The one place that says which HTTP status a kind of problem is (RFC 9110 §15, PS3.18 §8.5). */
export const STATUS: Readonly<Record<ProblemKind, number>> = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'not-allowed': 405,
  'not-acceptable': 406,
  timeout: 408,
  conflict: 409,
  gone: 410,
  'too-large': 413,
  'uri-too-long': 414,
  'unsupported-media-type': 415,
  'unsatisfiable-range': 416,
  misdirected: 421,
  unprocessable: 422,
  corrupt: 500,
  unavailable: 503,
}

/** Seconds after which to try again, where nobody knows better. */
export const RETRY_AFTER = 60

/**
 * The one error handler: a Problem becomes its status with problem details (RFC 9457), anything else a 500 that says
 * nothing but the id under which the log has it. Headers that were set before (Allow, Accept-Post, …) go along.
 */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = asProblem(error)
    if (problem === undefined)
      log.error({ err: error, requestId: response.locals.requestId }, 'unexpected error')
    else if (problem.kind === 'corrupt')
      log.error({ err: problem, requestId: response.locals.requestId }, 'corrupt')
    else if (problem.kind === 'unavailable')
      log.warn({ err: problem, requestId: response.locals.requestId }, 'unavailable')
    if (response.headersSent) {
      // A client must not take half an answer for a whole one.
      request.socket.destroy()
      next()
      return
    }
    const status = problem === undefined ? 500 : STATUS[problem.kind]
    if (problem?.kind === 'unavailable')
      response.setHeader('Retry-After', String(problem.retryAfter ?? RETRY_AFTER))
    for (const name of [
      'Content-Encoding',
      'Content-Length',
      'ETag',
      'Content-Disposition',
      'Last-Modified',
    ]) {
      response.removeHeader(name)
    }
    const details = {
      title: STATUS_CODES[status],
      status,
      detail:
        problem?.message ??
        'Something went wrong in the service; the log has it under the id of this request.',
      requestId: response.locals.requestId,
    }
    response.setHeader('Cache-Control', 'no-store')
    answerEarly(request, response, {
      status,
      type: 'application/problem+json',
      body: JSON.stringify(details),
    })
  }
}

/** Errors that Express itself throws carry their status: a path that cannot be decoded is the client's fault. */
function asProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return status === 400
    ? new Problem('malformed', 'The path of the URL cannot be decoded.', { cause: error })
    : undefined
}

/** Bytes of a body nobody wants that are still read, and how long, so that the client gets to see the answer. */
const LINGER_BYTES = 4 * 1024 * 1024
const LINGER_MS = 2000

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/**
 * Sends an answer, perhaps before the request's body was read. A connection that is closed while bytes still come in
 * is reset, and the client may lose the answer; so the rest is read for a while first (RFC 9112 §9.6).
 */
export function answerEarly(request: Request, response: Response, { status, type, body }: Answer): void {
  const bytes = Buffer.from(body)
  response.status(status)
  response.setHeader('Content-Type', type)
  response.setHeader('Content-Length', bytes.length)
  if (request.complete || !hasBody(request)) {
    response.end(bytes)
    return
  }
  response.setHeader('Connection', 'close')
  response.write(bytes)
  let left = LINGER_BYTES
  const finish = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(finish, LINGER_MS)
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) finish()
  })
  request.once('end', finish).once('close', finish)
  request.resume()
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
