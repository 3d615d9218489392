import { Problem } from '../problem.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Query, SearchPage } from './query.ts'
import {
  countCandidates,
  isAllCertain,
  nextCandidates,
  type Candidate,
  type Start,
} from './search-candidates.ts'
import type { Bases } from './search-instances.ts'
import { hasLowerKeys, planOf, type Plan } from './search-plan.ts'
import { rowsOfMatches } from './search-rows.ts'
import { isCertain, verified, type Match } from './search-verify.ts'

/** Candidates looked at in one step: at least, so that rare matches do not take a step each, and at most. */
const LEAST = 64
const MOST = 2000

type Place = readonly (string | number)[]

/**
 * Searches one level. Candidates come from SQL in the order of the answer; what SQL cannot say for certain is verified
 * on the data sets. Throws Problem `malformed` for an order or a token that this search cannot have.
 */
export function* search(dialect: Dialect, query: Query): Generator<Step, SearchPage, Row[]> {
  const plan = yield* planOf(dialect, query)
  if (plan.isVain) return { rows: [], more: false }
  const bases: Bases = new Map()
  const wanted = query.limit === undefined ? Infinity : query.limit + 1
  const matches = yield* findMatches(plan, wanted, bases)
  const shown = matches.slice(0, query.limit)
  const rows = yield* rowsOfMatches(plan, shown, bases)
  const last = shown.at(-1)
  return {
    rows,
    more: matches.length > shown.length,
    ...(last && { next: tokenOf(plan, last.candidate.place) }),
  }
}

/** Exact number of matches; limit, offset and order do not matter. */
export function* count(dialect: Dialect, query: Query): Generator<Step, number, Row[]> {
  const plan = yield* planOf(dialect, { ...query, orderBy: [], limit: undefined, offset: 0 })
  if (plan.isVain) return 0
  if (isAllCertain(plan)) return (yield* countCandidates(plan)).all
  const bases: Bases = new Map()
  // What SQL is certain of, it counts; the rest is looked at.
  const isMostlyCertain = plan.isExact && plan.empty.length === 0 && !hasLowerKeys(plan)
  let number = isMostlyCertain ? (yield* countCandidates(plan)).uniform : 0
  const walk = walkOf(plan, { place: null, skip: 0, onlyMixed: isMostlyCertain }, MOST)
  for (;;) {
    const { candidates, isLast } = yield* walk.next()
    number += (yield* verified(plan, candidates, bases)).length
    if (isLast) return number
  }
}

function* findMatches(plan: Plan, wanted: number, bases: Bases): Generator<Step, Match[], Row[]> {
  const { query } = plan
  const place = query.after === undefined ? null : placeOf(plan, query.after)
  // Where every candidate is a match SQL may pass over the first ones.
  const isPlain = isAllCertain(plan)
  let skip = isPlain ? 0 : query.offset
  const walk = walkOf(
    plan,
    { place, skip: isPlain ? query.offset : 0, onlyMixed: false },
    Math.min(MOST, Math.max(LEAST, wanted + skip)),
  )
  const matches: Match[] = []
  for (;;) {
    const { candidates, isLast } = yield* walk.next()
    // What is passed over need not be looked at when it is certain.
    let from = 0
    for (const candidate of candidates) {
      if (skip === 0 || !isCertain(plan, candidate)) break
      skip--
      from++
    }
    const found = yield* verified(plan, candidates.slice(from), bases)
    matches.push(...found.slice(skip))
    skip = Math.max(0, skip - found.length)
    if (isLast || matches.length >= wanted) return matches.slice(0, wanted)
  }
}

/**
 * Candidates in order, a slice at a time, every slice larger than the one before. Whoever must look at data sets for more
 * than one slice does so where nobody waits behind.
 */
function walkOf(
  plan: Plan,
  start: Start,
  least: number,
): { next: () => Generator<Step, { candidates: Candidate[]; isLast: boolean }, Row[]> } {
  let [from, size, slow] = [start, least, false]
  return {
    next: function* () {
      const candidates = yield* nextCandidates(plan, from, { size, slow })
      const isLast = candidates.length < size
      from = { ...from, skip: 0, place: candidates.at(-1)?.place ?? from.place }
      size = Math.min(MOST, size * 2)
      slow = !isAllCertain(plan)
      return { candidates, isLast }
    },
  }
}

/** An opaque place in the order of a search: what it is ordered by, and the values of the row. */
function tokenOf(plan: Plan, place: Place): string {
  return Buffer.from(JSON.stringify([orderText(plan), ...place])).toString('base64url')
}

function placeOf(plan: Plan, token: string): Place {
  try {
    const [order, ...place] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [
      string,
      ...(string | number)[],
    ]
    const isSound = place.every((value) => typeof value === 'string' || typeof value === 'number')
    if (order === orderText(plan) && place.length === plan.order.length && isSound) return place
  } catch {
    // Not one of ours: refused below.
  }
  throw new Problem('malformed', 'The token of the page belongs to another search.')
}

function orderText({ order }: Plan): string {
  return order.map(({ expression, descending }) => `${descending ? '-' : ''}${expression}`).join()
}
