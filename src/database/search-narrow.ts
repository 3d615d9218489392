/** Where matches are looked for: in the series that were listed, or in the order of the answer. */
import type { Level } from '../dicom/data-set.ts'
import { counts } from './inspection.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Query } from './query.ts'
import { columnOf, type Column } from './search-columns.ts'
import { rowsOf, type Asking, type Sql } from './search-sql.ts'

/** More series than this are not listed. */
export const FEW = 2000
/** Of a column that stands in the index by which a level is ordered, walking costs less than a longer list. */
const FEW_IN_ORDER = 250
/** Of more than this, matches are looked for in the order of the answer: they would be too many to sort. */
const NARROW: Readonly<Record<Level, number>> = { patient: FEW, study: FEW, series: FEW, instance: 100 }
/** Rows of a page, and before it, that are met one by one. */
const SHORT = 250
/** To visit a row and sort it takes as long as to pass so many in order. */
const PASSED = 10

/** How many series may be listed for a key with that column. */
export function fewFor(level: Level, column: Column | undefined): number {
  return level === 'study' && column?.isInOrder === true ? FEW_IN_ORDER : FEW
}

/** Whether a page is full so soon that its rows are better met one by one than found all at once. */
function isShort({ limit, offset }: Query): boolean {
  return limit !== undefined && offset + limit <= SHORT
}

/** Of the studies that are met first so many may be looked at to find out whether a page is full with them. */
const MET_FIRST = 1000

/**
 * Whether a page of studies in the order of an index, which has that column too, is full within its first thousand: then
 * nothing need be looked up to walk along it.
 */
export function* isMetSoon(
  { level, within, orderBy, limit, offset, after }: Query,
  column: Column,
  condition: Sql,
): Generator<Step, boolean, Row[]> {
  const isWalk =
    level === 'study' && orderBy.length === 0 && within.study === undefined && after === undefined
  if (!isWalk || column.isInOrder !== true || limit === undefined || offset + limit >= MET_FIRST) return false
  const wanted = offset + limit + 1
  const [row] = yield* rowsOf({
    sql: `SELECT count(*) AS n FROM (SELECT 1 FROM (SELECT ${column.expression} FROM study s
      ORDER BY s.study_date DESC, s.study_uid DESC LIMIT ${MET_FIRST}) AS s WHERE ${condition.sql} LIMIT ?) AS met`,
    params: [...condition.params, wanted],
  })
  return Number(row?.['n']) >= wanted
}

/** Whether matches can lie in a series is asked of row after row where a page is full soon. */
export function askedOfSeries(dialect: Dialect, query: Query): Asking {
  const isOfRow = dialect === 'sqlite' && areOfInstances(query)
  return { dialect, byRow: isShort(query), series: isOfRow ? 'i.series_id' : 'e.id' }
}

/**
 * Whether a page of instances is looked for among nothing but instances: then it is asked of their own rows, for SQLite
 * would read all series first to make a filter of them. (Counts go by series, as do conditions on what is above.)
 */
function areOfInstances({ level, within, keys, aggregates, limit }: Query): boolean {
  const isPage = level === 'instance' && within.study === undefined && limit !== undefined
  if (!isPage || aggregates.length > 0) return false
  return keys.every((key) => (columnOf(level, key)?.alias ?? 'i') === 'i')
}

/** Whether a row is certain is asked of those on a page, however long, but of all there are where they are counted. */
export function askedOfRows(dialect: Dialect, { limit }: Query): Asking {
  return { dialect, byRow: limit !== undefined, series: 'e.id' }
}

/** Whether there are so few series that it is better to begin with them. */
export function* areNarrow(
  dialect: Dialect,
  query: Query,
  series: readonly number[] | null,
): Generator<Step, boolean, Row[]> {
  if (series === null || series.length > NARROW[query.level]) return false
  if (dialect !== 'sqlite' || !isOrderedPage(query)) return true
  // Where all others can be passed in that time, the page may be full before.
  const { series: all } = yield* counts()
  return series.length * PASSED < all
}

/**
 * A page of series of the whole archive in the order that an index has. (What studies have below them takes longer to
 * find, and what is asked for may lie together at the far end.)
 */
function isOrderedPage({ level, within, orderBy, limit }: Query): boolean {
  return level === 'series' && orderBy.length === 0 && within.study === undefined && limit !== undefined
}
