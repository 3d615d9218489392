import { setTimeout as delay } from 'node:timers/promises'
import { Problem } from '../../problem.ts'
import { BusyError, SilenceError } from './transport.ts'

const ATTEMPTS = 5
const LONGEST_PAUSE_MS = 5000
const NETWORK = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ECONNABORTED']) // prettier-ignore

/** Runs work that may be run again: a request of S3 on a key of ours is one that can. */
export type Attempts = <Answer>(work: () => Promise<Answer>) => Promise<Answer>

/**
 * Tries five times where the store is busy, silent or cannot be reached, with pauses that double from `pauseMs`, drawn
 * at random up to that, or as long as the store asks for, 5 seconds at most.
 */
export function openAttempts(pauseMs: number): Attempts {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (attempt === ATTEMPTS || !isTransient(error)) throw error
        const asked = error instanceof BusyError ? (error.retryAfter ?? 0) * 1000 : 0
        await delay(Math.min(LONGEST_PAUSE_MS, Math.max(asked, Math.random() * pauseMs * 2 ** attempt)))
      }
    }
  }
}

/** Whether the same request may well succeed a little later. */
export function isTransient(error: unknown): boolean {
  return error instanceof BusyError || error instanceof SilenceError || NETWORK.has(codeOf(error) ?? '')
}

/** The code of an error of the network (`ECONNRESET`) or of S3 (`NoSuchKey`). */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Whether S3 says that there is no such object, upload or version. */
export function isMissing(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound', 'NoSuchUpload', 'NoSuchVersion'].includes(codeOf(error) ?? '')
}

/**
 * What went wrong with the store as a Problem `unavailable`; the message names the operation and a code, no key. A
 * Problem stays what it is. Whatever a remote store makes the package throw is the store's failure, not a bug of ours.
 */
export function storeProblem(error: unknown, what: string): Problem {
  if (error instanceof Problem) return error
  if (error instanceof BusyError || error instanceof SilenceError) {
    const retryAfter = error instanceof BusyError ? (error.retryAfter ?? 10) : 30
    return new Problem('unavailable', `${what}: ${error.message}`, { cause: error, retryAfter })
  }
  const code = codeOf(error)
  const reason = code === undefined ? 'the answer of the object store cannot be understood' : `the object store, or the way there, reports ${code}` // prettier-ignore
  return new Problem('unavailable', `${what}: ${reason}.`, { cause: error, retryAfter: 30 })
}
