/** Why a whole request cannot be answered. Which HTTP status that is stands in `http/problems.ts` alone. */
export type ProblemKind =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'gone'
  | 'not-allowed'
  | 'not-acceptable'
  | 'timeout'
  | 'conflict'
  | 'too-large'
  | 'uri-too-long'
  | 'unsupported-media-type'
  | 'unsatisfiable-range'
  | 'misdirected'
  | 'unprocessable'
  | 'corrupt'
  | 'unavailable'

/**
 * The one error that a request, or an engine, may throw on purpose; told apart by `kind`. The message is read by
 * people and by clients: it names what is wrong and where, and never carries a value out of a data set.
 * Anything else that is thrown is a bug and becomes a 500 without detail.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly kind: ProblemKind
  /** Seconds after which trying again makes sense (503). */
  readonly retryAfter: number | undefined

  constructor(kind: ProblemKind, message: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.kind = kind
    this.retryAfter = options.retryAfter
  }
}

/** True for a Problem, or for a Problem of the kinds named. */
export function isProblem(error: unknown, ...kinds: ProblemKind[]): error is Problem {
  return error instanceof Problem && (kinds.length === 0 || kinds.includes(error.kind))
}

/** An error and what caused it in one line, for whoever started the program: a cause is not for clients. */
export function withCause({ message, cause }: Error): string {
  return cause instanceof Error
    ? `${message.replace(/\.$/, '')}: ${cause.message.replace(/\s+/g, ' ')}`
    : message
}
