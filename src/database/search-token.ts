/** Tokens of `Link: rel="next"`: places in the order of a search. */
import { Problem } from '../problem.ts'
import type { Plan } from './search-plan.ts'
import type { Place } from './search-walk.ts'

export interface Position {
  /** Values of the row behind which to go on, in the order of the search; null: from the beginning. */
  readonly place: Place | null
  /** Matches to be passed over from there: what is left of an offset. */
  readonly skip: number
}

/** Opaque: what the search is ordered by, the offset that is left, and the values of the row. */
export function tokenOf(plan: Plan, { place, skip }: Position): string {
  return Buffer.from(JSON.stringify([orderText(plan), skip, ...(place ?? [])])).toString('base64url')
}

/** Throws Problem `malformed` for a token of another search. */
export function placeOf(plan: Plan, token: string): Position {
  try {
    const [order, skip, ...place] = JSON.parse(Buffer.from(token, 'base64url').toString()) as [
      string,
      number,
      ...(string | number)[],
    ]
    const isSound = place.every((value) => typeof value === 'string' || typeof value === 'number')
    const isWhole = place.length === plan.order.length || place.length === 0
    if (order === orderText(plan) && Number.isSafeInteger(skip) && skip >= 0 && isWhole && isSound)
      return { place: place.length === 0 ? null : place, skip }
  } catch {
    // Not one of ours: refused below.
  }
  throw new Problem('malformed', 'The token of the page belongs to another search.')
}

function orderText({ order }: Plan): string {
  return order.map(({ expression, descending }) => `${descending ? '-' : ''}${expression}`).join()
}
