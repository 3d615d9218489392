import type { Request } from 'express'
import { Problem } from '../problem.ts'

/** Below which an upload counts as stalled. */
export interface Pace {
  readonly minBytesPerSecond: number
  readonly windowMs: number
}

/** The client went away before its body was whole: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'
}

/**
 * Reads a request's body chunk by chunk. `take` may give a promise: nothing more is read until it has settled, and that
 * time is not the client's. Stops when `take` throws or rejects, and rejects with what it threw; with Problem `timeout`
 * for a client that is too slow; with {@link ClientGone}.
 */
export function readBody(
  request: Request,
  pace: Pace,
  take: (chunk: Buffer) => Promise<unknown> | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0
    let isWaiting = false
    const timer = setInterval(() => {
      const isSlow = received < (pace.minBytesPerSecond * pace.windowMs) / 1000
      if (isSlow && !isWaiting) stop(new Problem('timeout', 'The body came in too slowly.'))
      received = 0
    }, pace.windowMs)

    function stop(error?: Error): void {
      clearInterval(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      request.pause()
      if (error === undefined) resolve()
      else reject(error)
    }
    function onData(chunk: Buffer): void {
      received += chunk.length
      try {
        const behind = take(chunk)
        if (behind !== undefined) hold(behind)
      } catch (error) {
        stop(error as Error)
      }
    }
    function hold(behind: Promise<unknown>): void {
      isWaiting = true
      request.pause()
      behind.then(() => {
        isWaiting = false
        // What came before counts for the client, who could not send meanwhile.
        received = Infinity
        request.resume()
      }, stop)
    }
    const onEnd = () => stop()
    const onClose = () => stop(new ClientGone('The client closed the connection.'))
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}
