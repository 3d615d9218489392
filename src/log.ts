import { destination, pino, type Logger } from 'pino'
import { isProblem } from './problem.ts'

/**
 * One JSON line an event. What may be in it: names of tokens, ids of requests, templates of routes, codes, counts and
 * times. What may not: URLs, query values, messages of libraries, and anything else that could come out of a data set.
 */
export type Log = Logger

/** A log to standard output; levels as pino has them. */
export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: describeError } },
    destination({ fd: 1, sync: false }),
  )
}

/** For tests, and for programs that have a progress bar instead. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}

interface ErrorFacts {
  readonly name: string
  readonly code?: string
  readonly kind?: string
  readonly message?: string
  readonly at?: readonly string[]
  readonly cause?: ErrorFacts
}

/** What an error may say in a log. Its message only where we wrote it: libraries quote what they fail on. */
export function describeError(error: unknown): ErrorFacts {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code } = error as NodeJS.ErrnoException
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    ...(isProblem(error) ? { kind: error.kind, message: error.message } : { at: frames(error) }),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  }
}

function frames({ stack }: Error): string[] {
  const lines = stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
  return lines.slice(0, 8).map((line) => line.slice('    at '.length))
}
