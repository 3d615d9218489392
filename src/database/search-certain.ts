/**
 * When a match is certain without a look at a data set. Each key is said of every instance of a series by a column that
 * they agree on, or by postings; of some instance by postings alone. Keys must hold together on one instance, so that of
 * all but one it must be known of every instance (design §5).
 */
import type { Row, Step } from './operation.ts'
import type { Key, Query } from './query.ts'
import type { Column } from './search-columns.ts'
import { saidBy, type Evidence, type Said } from './search-posted.ts'
import { allOf, anyOf, sql, TRUE, type Asking, type Sql } from './search-sql.ts'
import type { Condition } from './search-terms.ts'
import { together } from './together.ts'

/** What is known of one key. */
export interface Known {
  readonly key: Key
  /** That every instance of the row's entity satisfies it, where a column says so. */
  readonly byColumn: Sql | null
  /** Any of them does. */
  readonly byPostings: readonly Evidence[]
  /** It speaks of the row's entity, or of one that the entity belongs to. */
  readonly isOfRow: boolean
}

export interface Certainty {
  /**
   * On the series `e` of the study `s`: some active instance satisfies all keys; at instance level, on the row itself.
   * Null when nothing but data sets can tell.
   */
  readonly condition: Sql | null
  /** Every active instance satisfies them, the first one too; null where that is not known. */
  readonly ofAll: Sql | null
  /** Postings are asked, which belong to series. */
  readonly isOfSeries: boolean
  /** Columns of the row's entity say it all, and no series need be asked. */
  readonly isOfRow: boolean
}

const NEVER: Certainty = { condition: null, ofAll: null, isOfSeries: false, isOfRow: false }

/** The condition that a column says all there is to say of a key; null when it does not. */
export function columnCertainty({ level }: Query, column: Column, condition: Condition): Sql | null {
  if (!condition.isExact || (column.alias === 'i' && level !== 'instance')) return null
  const own = condition.when ?? TRUE
  return column.kind === 'uid' || column.alias === 'i' ? own : allOf([sql(`${column.alias}.mixed = 0`), own])
}

export function* certaintyOf(
  asking: Asking,
  query: Query,
  keys: readonly Known[],
): Generator<Step, Certainty, Row[]> {
  if (query.includeSuperseded === true || meetInItems(keys)) return NEVER
  const columns = allOf(keys.flatMap(({ byColumn }) => byColumn ?? []))
  const posted = keys.filter(({ byColumn }) => byColumn === null)
  if (posted.length === 0) {
    const isOfRow = keys.every((key) => key.isOfRow)
    return { condition: columns, ofAll: columns, isOfSeries: false, isOfRow }
  }
  if (posted.some(({ byPostings }) => byPostings.every(({ sure }) => sure.length === 0))) return NEVER
  const isInstance = query.level === 'instance'
  const said = yield* together(
    asking.dialect,
    posted.map(({ byPostings }) => saidByAny(asking, byPostings)),
  )
  const every = said.map((one) => one.every)
  // Postings are those of hidden instances too: what all of them have the active ones have, what one has may be hidden.
  const isThere = (own: Sql): Sql => anyOf([sql('e.n_hidden = 0'), own])
  const some = said.map((one, at) =>
    allOf([one.any, isThere(one.every), ...every.filter((_, other) => other !== at)]),
  )
  const ofAll = allOf([columns, ...every])
  return {
    condition: isInstance ? ofAll : allOf([columns, anyOf(some)]),
    ofAll,
    isOfSeries: true,
    isOfRow: false,
  }
}

function* saidByAny(asking: Asking, evidence: readonly Evidence[]): Generator<Step, Said, Row[]> {
  const said = yield* together(
    asking.dialect,
    evidence.map((one) => saidBy(asking, one)),
  )
  return { any: anyOf(said.map((one) => one.any)), every: anyOf(said.map((one) => one.every)) }
}

/** Keys into one sequence must hold in one item, of which postings know nothing. */
function meetInItems(keys: readonly Known[]): boolean {
  const sequences = keys.flatMap(({ key: { path } }) => (path.length > 1 ? [path[0]] : []))
  return new Set(sequences).size < sequences.length
}
