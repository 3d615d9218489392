import { ask, percentile, type Answer } from '../http-client.ts'
import type { Question } from './questions.ts'

/** How one question was answered; times in milliseconds. */
export interface Measured {
  readonly p50: number
  readonly p99: number
  /** Until the first byte of the body, median. */
  readonly firstByte: number
  readonly bytes: number
  /** Rows of the answer, or the number that a count tells; of the first time it was asked. */
  readonly rows: number
  /** It was asked less often than was wanted, for it took too long. */
  readonly isCut: boolean
}

export interface Patience {
  readonly repetitions: number
  /** One question is asked no longer than this, once at least. */
  readonly capMs: number
  readonly timeoutMs: number
}

interface Taken {
  readonly all: number
  readonly firstByte: number
}

const HEADERS = { accept: 'application/dicom+json' }
/** Warming up: so many times, or as often as is measured, or so long. */
const WARM = { times: 20, ms: 500 }

/** Asks again and again, warmed up. Null where the server has no such answer, or gives none in time. */
export async function measure(
  base: string,
  question: Question,
  patience: Patience,
): Promise<Measured | null> {
  const path = await pathOf(base, question, patience)
  if (path === undefined) return null
  const taken: Taken[] = []
  let first: Answer | undefined
  /** Asks until it was so often or took so long, once at least; false when there was no answer. */
  const asked = async (from: number, most: number, longest: number): Promise<boolean> => {
    const began = performance.now()
    for (let k = from; k < from + most && (k === from || performance.now() - began < longest); k++) {
      const started = performance.now()
      const answer = await ask(base + path(k), { headers: HEADERS, timeoutMs: patience.timeoutMs }).catch(
        () => null,
      )
      if (!isAnswer(answer)) return false
      taken.push({ all: performance.now() - started, firstByte: answer.firstByteMs })
      if (k === from) first = answer
    }
    return true
  }
  if (!(await asked(1000, Math.min(WARM.times, patience.repetitions), WARM.ms))) return null
  // What takes this long is asked once, and no warmer for having been asked.
  if ((taken[0]?.all ?? 0) < patience.capMs) {
    taken.length = 0
    if (!(await asked(0, patience.repetitions, patience.capMs))) return null
  }
  const times = taken.map(({ all }) => all)
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    firstByte: percentile(
      taken.map((one) => one.firstByte),
      0.5,
    ),
    bytes: first?.body.length ?? 0,
    rows: rowsOf(first?.body),
    isCut: times.length < patience.repetitions,
  }
}

/** The median of the shortest way through the server and back, which no answer can be faster than. */
export async function shortestWay(origin: string): Promise<number> {
  const times: number[] = []
  for (let k = 0; k < 300; k++) {
    const started = performance.now()
    await ask(`${origin}/health/live`)
    times.push(performance.now() - started)
  }
  return percentile(times.slice(100), 0.5)
}

async function pathOf(
  base: string,
  { path, pageBefore }: Question,
  { timeoutMs }: Patience,
): Promise<Question['path'] | undefined> {
  if (pageBefore === undefined) return path
  const before = await ask(base + pageBefore, { headers: HEADERS, timeoutMs }).catch(() => null)
  const url = /<([^>]+)>; rel="next"/.exec(String(before?.headers['link'] ?? ''))?.[1]
  if (url === undefined) return undefined
  const at = new URL(url)
  const next = (at.pathname + at.search).slice(new URL(base).pathname.length)
  return () => next
}

function isAnswer(answer: Answer | null): answer is Answer {
  return answer !== null && (answer.status === 200 || answer.status === 204)
}

function rowsOf(body: Buffer | undefined): number {
  if (body === undefined || body.length === 0) return 0
  const read: unknown = JSON.parse(body.toString())
  if (Array.isArray(read)) return read.length
  return typeof read === 'object' && read !== null && 'count' in read ? Number(read.count) : NaN
}
