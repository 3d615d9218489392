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
  /** How often it was asked: less than was wanted where it took too long. */
  readonly times: number
}

export interface Patience {
  readonly repetitions: number
  /** One question is asked no longer than this, once at least. */
  readonly capMs: number
  readonly timeoutMs: number
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
  const once = (k: number): Promise<Answer | null> =>
    ask(base + path(k), { headers: HEADERS, timeoutMs: patience.timeoutMs }).catch(() => null)
  const warm = performance.now()
  const warmUps = Math.min(WARM.times, patience.repetitions)
  for (let k = 0; k < warmUps && performance.now() - warm < WARM.ms; k++) {
    if (!isAnswer(await once(1000 + k))) return null
  }
  const [times, firstBytes]: [number[], number[]] = [[], []]
  let first: Answer | undefined
  const began = performance.now()
  for (let k = 0; k < patience.repetitions && (k === 0 || performance.now() - began < patience.capMs); k++) {
    const started = performance.now()
    const answer = await once(k)
    if (!isAnswer(answer)) return null
    times.push(performance.now() - started)
    firstBytes.push(answer.firstByteMs)
    first ??= answer
  }
  return {
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    firstByte: percentile(firstBytes, 0.5),
    bytes: first?.body.length ?? 0,
    rows: rowsOf(first?.body),
    times: times.length,
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
