/** What one key of a search comes to: a condition on its column, or series by the tag index. */
import type { Level } from '../dicom/data-set.ts'
import type { Row, Step } from './operation.ts'
import type { Key, Query } from './query.ts'
import { columnCertainty, type Known } from './search-certain.ts'
import { columnOf, conditionOn, isSelective, isUnique, type Alias, type Column } from './search-columns.ts'
import { orHidden } from './search-hidden.ts'
import { withMixed } from './search-mixed.ts'
import { fewFor, isMetSoon } from './search-narrow.ts'
import { findSeries, type Found } from './search-postings.ts'
import type { Asking, Sql } from './search-sql.ts'
import { together } from './together.ts'

/** Tables that are at or above a level. */
export const ABOVE: Readonly<Record<Level, readonly Alias[]>> = {
  patient: ['p'],
  study: ['s'],
  series: ['s', 'e'],
  instance: ['s', 'e', 'i'],
}

/** What one key comes to. */
export interface Noted {
  /** The table that its condition speaks of. */
  readonly alias: Alias
  readonly condition: Sql
  readonly seriesIds: readonly number[] | null
  readonly isExact: boolean
  readonly known: Known
}

export function* noteKey(asking: Asking, query: Query, key: Key): Generator<Step, Noted, Row[]> {
  const column = columnFor(query.level, key)
  return yield* column ? noteColumn(asking, query, key, column) : notePostings(asking, query, key)
}

function* noteColumn(asking: Asking, query: Query, key: Key, column: Column): Generator<Step, Noted, Row[]> {
  const { dialect } = asking
  const condition = conditionOn(dialect, column, key)
  const byColumn = columnCertainty(query, column, condition)
  const [mixed, found] = yield* together(dialect, [
    withMixed(dialect, column, key, condition),
    findMore(asking, query, { key, column, told: byColumn === null ? null : condition }),
  ])
  return {
    alias: column.alias,
    condition: orHidden(query, column, mixed),
    seriesIds: found?.series ?? null,
    isExact: condition.isExact && condition.when === undefined,
    known: {
      key,
      byColumn,
      byPostings: found?.evidence ?? [],
      isOfRow: ABOVE[query.level].includes(column.alias),
    },
  }
}

/** What the tag index knows of a key that has a column; `told`: the condition on that, where it says all there is to say. */
function* findMore(
  asking: Asking,
  query: Query,
  { key, column, told }: { readonly key: Key; readonly column: Column; readonly told: Sql | null },
): Generator<Step, Found | null, Row[]> {
  if (!isWorthFinding(query.level, column, key)) return null
  if (told !== null && (yield* isMetSoon(query, column, told))) return null
  return yield* findSeries(asking, key, { few: fewFor(query.level, column), isTold: told !== null })
}

function* notePostings(asking: Asking, query: Query, key: Key): Generator<Step, Noted, Row[]> {
  const { series, condition, evidence } = yield* findSeries(asking, key, {
    few: fewFor(query.level, undefined),
  })
  return {
    alias: 'e',
    condition,
    seriesIds: series,
    isExact: false,
    known: { key, byColumn: null, byPostings: evidence, isOfRow: false },
  }
}

/** The class of an instance is in the tag index too, which tells of series. */
function columnFor(level: Level, key: Key): Column | undefined {
  const column = columnOf(level, key)
  return level !== 'instance' && column?.alias === 'i' && column.kind === 'uid' && !isUnique(column)
    ? undefined
    : column
}

function isWorthFinding(level: Level, column: Column, key: Key): boolean {
  if (isUnique(column) || column.kind === 'number') return false
  return !ABOVE[level].includes(column.alias) || !isSelective(column, key)
}
