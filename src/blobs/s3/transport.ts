import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'

/** An answer that says: not now. Made by {@link openTransport}, so that the minio package never sees one. */
export class BusyError extends Error {
  override readonly name = 'BusyError'
  readonly status: number
  /** Seconds, from Retry-After. */
  readonly retryAfter: number | undefined

  constructor(status: number, retryAfter: number | undefined) {
    super(`The object store answered ${status}.`)
    this.status = status
    this.retryAfter = retryAfter
  }
}

/** No byte went either way for too long. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'

  constructor(idleMs: number) {
    super(`The object store was silent for ${idleMs} ms.`)
  }
}

/** What the minio package makes its requests with. */
export interface Transport {
  readonly request: typeof http.request
  readonly agent: http.Agent
}

/**
 * Connections of our own under the minio package, which by itself waits for ever, retries only what has a status, logs
 * to the console when it does, and then leaves the refused answer unread on its connection. Here a request fails after
 * `idleMs` milliseconds of silence, and answers that say "not now" are read to their end and become a
 * {@link BusyError}; trying again is decided in s3/attempts.ts alone.
 */
export function openTransport(protocol: 'http:' | 'https:', idleMs: number): Transport {
  const secure = protocol === 'https:'
  const agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 64 })
  const send = secure ? https.request : http.request

  function request(options: RequestOptions, answered: (response: IncomingMessage) => void): ClientRequest {
    const sent = send(options, (response) => {
      const status = response.statusCode ?? 0
      if (isBusy(status)) {
        response.resume()
        sent.emit('error', new BusyError(status, secondsOf(response.headers['retry-after'])))
      } else {
        answered(response)
      }
    })
    sent.setTimeout(idleMs, () => sent.destroy(new SilenceError(idleMs)))
    return sent
  }

  return { request: request as typeof http.request, agent }
}

/** 501 Not Implemented and 505 will not get better by waiting. */
function isBusy(status: number): boolean {
  return (
    status === 408 || status === 429 || status === 499 || (status >= 500 && status !== 501 && status !== 505)
  )
}

function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined
}
