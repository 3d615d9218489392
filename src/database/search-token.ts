/** Tokens of `Link: rel="next"`: places in the order of a search. */
import { createHash } from 'node:crypto'
import { Problem } from '../problem.ts'
import type { Query } from './query.ts'
import type { Plan } from './search-plan.ts'
import type { Place } from './search-walk.ts'

export interface Position {
  /** Values of the row behind which to go on, in the order of the search; null: from the beginning. */
  readonly place: Place | null
  /** Matches to be passed over from there: what is left of an offset. */
  readonly skip: number
}

/** Opaque: what is searched for and ordered by, the offset that is left, and the values of the row. */
export function tokenOf(plan: Plan, { place, skip }: Position): string {
  const parts = [digestOf(plan.query), orderText(plan), skip, ...(place ?? [])]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** Throws Problem `malformed` for a token of another search. */
export function placeOf(plan: Plan, token: string): Position {
  try {
    const [asked, order, skip, ...place] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [
      string,
      string,
      number,
      ...(string | number)[],
    ]
    const isSound = place.every((value) => typeof value === 'string' || typeof value === 'number')
    const isWhole = place.length === plan.order.length || place.length === 0
    const isOfPlan = asked === digestOf(plan.query) && order === orderText(plan)
    if (isOfPlan && Number.isSafeInteger(skip) && skip >= 0 && isWhole && isSound)
      return { place: place.length === 0 ? null : place, skip }
  } catch {
    // Not one of ours: refused below.
  }
  throw new Problem('malformed', 'The token of the page belongs to another search.')
}

/** Of what decides which rows there are; how many are asked for, and what they show, may differ from page to page. */
function digestOf({ level, within, keys, aggregates, includeSuperseded = false }: Query): string {
  const asked = [...keys, ...aggregates].map((key) => JSON.stringify(key)).sort()
  const text = JSON.stringify([level, within.study, within.series, includeSuperseded, asked])
  return createHash('sha256').update(text).digest('base64url').slice(0, 11)
}

function orderText({ order }: Plan): string {
  return order.map(({ expression, descending }) => `${descending ? '-' : ''}${expression}`).join()
}
