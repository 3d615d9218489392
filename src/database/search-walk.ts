/** Candidates in the order of an answer, a slice at a time. */
import type { Row, Step } from './operation.ts'
import { nextCandidates, type Candidate, type Start } from './search-candidates.ts'
import { isAllCertain } from './search-certain-rows.ts'
import { idIn, keptRowsOf, sql } from './search-sql.ts'
import type { Plan } from './search-plan.ts'

/** Candidates looked at in one step, where data sets must be read. */
const LOOKED_AT = 256
/** Candidates found by one statement at most: where each is read, they are found once for many steps. */
const MOST_CERTAIN = 2000
const MOST_OPEN = 20_000

/** How far a walk goes at first in one step. */
export interface Pace {
  /** Candidates found: so many that rare matches do not take a step each. */
  readonly least: number
  /** Candidates looked at before the time is looked at. */
  readonly most: number
  /** Instances that are passed in search of candidates. */
  readonly window: number
}

export const CALM: Pace = { least: 16, most: LOOKED_AT, window: 20_000 }
/** Of who has no time left, but must not stand still. */
export const HURRIED: Pace = { least: 4, most: 4, window: 16 }

export type Place = readonly (string | number)[]

export interface Slice {
  readonly candidates: readonly Candidate[]
  readonly isLast: boolean
  /** Everything up to there has been seen. */
  readonly place: Place | null
}

export interface Walk {
  next(): Generator<Step, Slice, Row[]>
}

/**
 * Walks past all candidates, each statement finding more than the one before. Whoever must look at data sets for more than
 * one slice does so where nobody waits behind.
 */
export function walkOf(plan: Plan, start: Start, pace: Pace): Walk {
  const isOpen = !isAllCertain(plan)
  const fetched = fetchOf(plan, start, pace)
  let rest: Slice = { candidates: [], isLast: false, place: start.place }
  return {
    next: function* () {
      if (rest.candidates.length === 0) rest = yield* fetched.next()
      const most = isOpen ? pace.most : Infinity
      if (rest.candidates.length <= most) {
        const slice = rest
        rest = { ...rest, candidates: [] }
        return slice
      }
      const candidates = rest.candidates.slice(0, most)
      rest = { ...rest, candidates: rest.candidates.slice(most) }
      return { candidates, isLast: false, place: candidates.at(-1)?.place ?? null }
    },
  }
}

/** Finds the candidates of one statement after the other. */
function fetchOf(plan: Plan, start: Start, { least, window }: Pace): Walk {
  const isOpen = !isAllCertain(plan)
  const [most, growth] = isOpen ? [MOST_OPEN, 8] : [MOST_CERTAIN, 2]
  let [from, size, slow, found] = [start, Math.min(most, least), false, 0]
  let end: number | undefined
  let isAhead = false
  return {
    next: function* () {
      if (isByArrival(plan)) end ??= yield* lastInstance()
      const upTo = end === undefined ? undefined : Math.min(end, Number(from.place?.[0] ?? 0) + window)
      const within = upTo === undefined ? from : { ...from, upTo }
      const isAsked = found + size > start.read
      const candidates = yield* nextCandidates(plan, within, { size, slow, isAsked })
      found += candidates.length
      const isFull = candidates.length === size
      // A window without more candidates has been seen to its end.
      let seen = upTo === undefined || isFull ? candidates.at(-1)?.place : [upTo]
      if (upTo !== undefined && candidates.length === 0 && !isAhead) {
        isAhead = true
        seen = [Math.max(upTo, (yield* firstListed(plan)) - 1)]
      }
      from = { ...from, skip: 0, place: seen ?? from.place }
      size = Math.min(most, size * growth)
      slow = isOpen
      return { candidates, isLast: !isFull && upTo === end, place: from.place }
    },
  }
}

/**
 * Instances of the whole archive in order of arrival go by windows, for candidates may be rare, and no statement should
 * pass all instances in search of the next one.
 */
function isByArrival(plan: Plan): boolean {
  const { level, within } = plan.query
  const isDefault = plan.order.length === 1 && plan.order[0]?.expression === 'i.id'
  const isOpen = !isAllCertain(plan) && !plan.isNarrow
  return level === 'instance' && within.study === undefined && isDefault && isOpen
}

/** The first active instance of the series in question: what is new lies far behind what is old. */
function* firstListed({ dialect, query, seriesIds }: Plan): Generator<Step, number, Row[]> {
  if (seriesIds === null || query.includeSuperseded === true) return 0
  const listed = idIn(dialect, 'e.id', seriesIds)
  const [row] = yield* keptRowsOf({
    sql: `SELECT coalesce(min(e.first_id), 0) AS id FROM series e WHERE ${listed.sql}`,
    params: listed.params,
  })
  return Number(row?.['id'])
}

function* lastInstance(): Generator<Step, number, Row[]> {
  const [row] = yield* keptRowsOf(sql('SELECT coalesce(max(id), 0) AS id FROM instance'))
  return Number(row?.['id'])
}
