import { Problem } from '../problem.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Query, SearchPage } from './query.ts'
import type { Candidate } from './search-candidates.ts'
import { isAllCertain } from './search-certain-rows.ts'
import { countCandidates } from './search-count.ts'
import { noReadings, type Readings } from './search-instances.ts'
import { planOf, type Plan } from './search-plan.ts'
import { rowsOfMatches } from './search-rows.ts'
import { placeOf, tokenOf, type Position } from './search-token.ts'
import { areRead, isCertain, resolved, verified, type FoundMatch } from './search-verify.ts'
import { CALM, HURRIED, walkOf, type Pace, type Slice } from './search-walk.ts'

/**
 * Searches one level. Candidates come from SQL in the order of the answer; what SQL cannot say for certain is verified
 * on the data sets, until the page is full or the query's time is up. Throws Problem `malformed` for an order or a token
 * that this search cannot have.
 */
export function* search(dialect: Dialect, query: Query): Generator<Step, SearchPage, Row[]> {
  const clock = clockOf(query)
  const plan = yield* planOf(dialect, query)
  if (plan.isVain) return { rows: [], more: false }
  const readings = noReadings()
  const wanted = query.limit === undefined ? Infinity : query.limit + 1
  const { matches, cutAt } = yield* findMatches(plan, wanted, readings, clock)
  const shown = yield* resolved(plan, matches.slice(0, query.limit), readings)
  const rows = yield* rowsOfMatches(plan, shown, readings)
  if (cutAt !== null) return { rows, more: true, isCut: true, next: tokenOf(plan, cutAt) }
  const last = shown.at(-1)
  return {
    rows,
    more: matches.length > shown.length,
    ...(last && { next: tokenOf(plan, { place: last.candidate.place, skip: 0 }) }),
  }
}

/**
 * Exact number of matches; limit, offset and order do not matter. Throws Problem `too-large` when more data sets would
 * have to be looked at than the query has time for.
 */
export function* count(dialect: Dialect, query: Query): Generator<Step, number, Row[]> {
  const clock = clockOf(query)
  const plan = yield* planOf(dialect, { ...query, orderBy: [], limit: undefined, offset: 0 })
  if (plan.isVain) return 0
  const isCounted = plan.empty.length === 0 && plan.certainty.condition !== null
  const { certain, open } = isCounted ? yield* countCandidates(plan) : { certain: 0, open: 1 }
  if (open === 0) return certain
  const readings = noReadings()
  const walk = walkOf(plan, { place: null, skip: 0, onlyUncertain: isCounted, read: 0 }, clock.pace)
  for (let number = certain; ;) {
    const { candidates, isLast } = yield* walk.next()
    number += (yield* verified(plan, candidates, readings)).length
    readings.matches.clear()
    if (isLast) return number
    if (clock.isOver()) throw new Problem('too-large', TOO_LONG)
  }
}

const TOO_LONG =
  'An exact count needs a look at more data sets than there is time for in one request: a key asks for an attribute ' +
  'that differs within series, or for one that the index cannot tell. Add keys, or count the rows page by page.'

interface Matches {
  readonly matches: readonly FoundMatch[]
  /** Where the search goes on, when it had to stop before there were enough. */
  readonly cutAt: Position | null
}

function* findMatches(
  plan: Plan,
  wanted: number,
  readings: Readings,
  clock: Clock,
): Generator<Step, Matches, Row[]> {
  const { query } = plan
  const from: Position =
    query.after === undefined ? { place: null, skip: query.offset } : placeOf(plan, query.after)
  // Where every candidate is a match SQL may pass over the first ones.
  const isPlain = isAllCertain(plan)
  let skip = isPlain ? 0 : from.skip
  const least = Math.max(CALM.least, wanted + skip)
  // What is passed over had better be certain.
  const read = skip === 0 && areRead(plan) ? least : 0
  const walk = walkOf(
    plan,
    { place: from.place, skip: isPlain ? from.skip : 0, onlyUncertain: false, read },
    clock.pace === CALM ? { ...CALM, least } : clock.pace,
  )
  const matches: FoundMatch[] = []
  for (;;) {
    const slice = yield* walk.next()
    const passed = passedOver(plan, slice, skip)
    skip -= passed
    const found = yield* verified(plan, slice.candidates.slice(passed), readings)
    matches.push(...found.slice(skip))
    skip = Math.max(0, skip - found.length)
    if (slice.isLast || matches.length >= wanted) return { matches: matches.slice(0, wanted), cutAt: null }
    if (clock.isOver() && !isPlain) return { matches, cutAt: { place: slice.place, skip } }
  }
}

/** How many of the first candidates need not be looked at, because they are certain and not shown. */
function passedOver(plan: Plan, { candidates }: Slice, skip: number): number {
  const isShown = (candidate: Candidate, at: number): boolean => at >= skip || !isCertain(plan, candidate)
  const first = candidates.findIndex(isShown)
  return first < 0 ? Math.min(skip, candidates.length) : first
}

interface Clock {
  readonly pace: Pace
  isOver(): boolean
}

function clockOf({ budgetMs }: Query): Clock {
  const end = budgetMs === undefined ? Infinity : performance.now() + budgetMs
  return { pace: budgetMs === 0 ? HURRIED : CALM, isOver: () => performance.now() >= end }
}
