/**
 * When pushing stops for all studies because the server is at fault, not a study (circuit breaker): after several
 * transient failures in a row, while it asks for patience, and while it does not let us in.
 */
export interface Breaker {
  /** Transient failures in a row, over all studies. */
  readonly failures: number
  /** Why nothing is pushed now, and until when (ms since 1970); null: pushing. */
  readonly pause: { readonly why: PauseReason; readonly until: number } | null
}

export type PauseReason =
  /** Not asked yet what it is. */
  | 'starting'
  /** Does not answer, or only with failures. */
  | 'unreachable'
  /** 429 or 503 with Retry-After. */
  | 'asked-to-wait'
  /** 401, 403: a person must look at the credentials. */
  | 'not-let-in'
  /** Other release than configured, redirects, or is no FHIR server. */
  | 'misconfigured'

/** How many failures in a row open it. */
const PATIENCE = 5
/** No server may silence us for longer than this at a time. */
const LONGEST_WAIT_MS = 900_000

export const STARTING: Breaker = { failures: 0, pause: { why: 'starting', until: 0 } }
export const CLOSED: Breaker = { failures: 0, pause: null }

export interface Failure {
  readonly kind: 'transient' | 'auth' | 'misconfigured' | 'other'
  readonly retryAfterMs: number | null
}

/** The breaker after a push that failed at `now`; failures of kind `other` are the study's own. */
export function afterFailure(breaker: Breaker, failure: Failure, now: number, probeMs: number): Breaker {
  const { kind, retryAfterMs } = failure
  if (kind === 'other') return breaker
  const failures = breaker.failures + 1
  if (kind === 'auth') return { failures, pause: { why: 'not-let-in', until: now + probeMs } }
  if (kind === 'misconfigured') return { failures, pause: { why: 'misconfigured', until: now + probeMs } }
  if (retryAfterMs !== null) {
    return { failures, pause: { why: 'asked-to-wait', until: now + Math.min(retryAfterMs, LONGEST_WAIT_MS) } }
  }
  return failures < PATIENCE
    ? { ...breaker, failures }
    : { failures, pause: { why: 'unreachable', until: now + probeMs } }
}

/**
 * Milliseconds until one study is tried again: full jitter under a doubling bound, so that a hundred studies that failed
 * together do not come back together; what the server asked for wins.
 */
export function backoffMs(
  attempts: number,
  retryAfterMs: number | null,
  { firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number },
  random = Math.random,
): number {
  if (retryAfterMs !== null) return Math.min(retryAfterMs, LONGEST_WAIT_MS)
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(attempts, 30))
  // A tenth of the first wait at least: a lost race must not spin.
  return Math.round(firstMs / 10 + random() * (bound - firstMs / 10))
}
