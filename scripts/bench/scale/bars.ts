import type { Measured } from './measure.ts'
import type { Question } from './questions.ts'

/** What is known of one question: at the first size and at the last, and of the peer at the first. */
export interface Evidence {
  readonly question: Pick<Question, 'kind' | 'barred'>
  readonly engine: 'sqlite' | 'postgres'
  readonly first: Measured
  readonly last: Measured
  readonly peer: Measured | null
  /** Milliseconds of the shortest way through the server, which are not the index's. */
  readonly floor: number
}

/** A bar of design §8: met, not met, or null where it cannot be told. */
export interface Verdict {
  readonly bar: string
  readonly met: boolean | null
}

const PEER = 20
const QUICK_MS = 2
const P99_MS = 25
const GROWTH = 1.5
const AT_THE_INDEX_MS = { sqlite: 2, postgres: 5 } as const
const COUNT_MS = 50
const DEEP_MS = 300

/** The bars that are for this question. */
export function judge({ question, engine, first, last, peer, floor }: Evidence): readonly Verdict[] {
  const verdicts: Verdict[] = []
  if (question.barred) {
    const quick = first.p50 <= QUICK_MS || (peer === null ? null : first.p50 <= peer.p50 / PEER)
    verdicts.push({ bar: `p50 ≤ 1/${PEER} of the peer or ${QUICK_MS} ms`, met: quick })
    verdicts.push({ bar: `p99 ≤ ${P99_MS} ms`, met: first.p99 <= P99_MS })
  }
  const atIndex = last.p50 - floor
  switch (question.kind) {
    case 'list': {
      const most = AT_THE_INDEX_MS[engine]
      const grown = growth(first, last)
      verdicts.push({
        bar: `growth ≤ ${GROWTH} or ${most} ms at the index`,
        met: grown <= GROWTH || atIndex <= most,
      })
      break
    }
    case 'count':
      verdicts.push({ bar: `≤ ${COUNT_MS} ms`, met: last.p50 <= COUNT_MS })
      break
    case 'deep':
      verdicts.push({ bar: `≤ ${DEEP_MS} ms`, met: last.p50 <= DEEP_MS })
      break
    case 'next':
      verdicts.push({ bar: `≤ ${QUICK_MS} ms at the index`, met: atIndex <= QUICK_MS })
      break
    case 'whole':
    case 'free':
      break
  }
  return verdicts
}

/** How many times as long it takes at the last size. */
export function growth(first: Measured, last: Measured): number {
  return last.p50 / first.p50
}

/** In a few words: `met`, or which bars are not; nothing where there is no bar. */
export function inWords(verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ met }) => met === false).map(({ bar }) => `NOT MET: ${bar}`)
  const open = verdicts.filter(({ met }) => met === null).map(({ bar }) => `not known: ${bar}`)
  if (failed.length + open.length > 0) return [...failed, ...open].join('; ')
  return verdicts.length > 0 ? 'met' : ''
}
