/** How many match: what is certain is counted, the rest is looked at. */
import { aggregateOf } from '../dicom/attributes.ts'
import { counts } from './inspection.ts'
import type { Row, Step } from './operation.ts'
import { tablesOf } from './search-candidates.ts'
import { certainRow } from './search-certain-rows.ts'
import { withinCondition } from './search-columns.ts'
import { entityCondition, seriesCondition, type Plan } from './search-plan.ts'
import { allOf, FALSE, rowsOf, TRUE, type Sql } from './search-sql.ts'

export interface Counted {
  readonly certain: number
  /** Candidates that may match or not. */
  readonly open: number
}

/** Counts candidates without a look at a data set. */
export function* countCandidates(plan: Plan): Generator<Step, Counted, Row[]> {
  if (isWholeArchive(plan)) {
    const all = yield* counts()
    const name = (
      { patient: 'patients', study: 'studies', series: 'series', instance: 'instances' } as const
    )[plan.query.level]
    return { certain: all[name], open: 0 }
  }
  const certain = certainRow(plan) ?? FALSE
  const isJoined = plan.dialect === 'postgres' && plan.certainty.isOfSeries
  const [row] = yield* rowsOf((isJoined ? bothSums : oneSum)(countedBy(plan), certain))
  const number = Number(row?.['certain'])
  return { certain: number, open: Number(row?.['n']) - number }
}

/** Of all that are counted, `n`, and of those that are certain. */
function oneSum({ each, tables, where }: Count, certain: Sql): Sql {
  return {
    sql: `SELECT coalesce(sum(${each}), 0) AS n, coalesce(sum(CASE WHEN ${certain.sql} THEN ${each} ELSE 0 END), 0) AS certain
      FROM ${tables} WHERE ${where.sql}`,
    params: [...certain.params, ...where.params],
  }
}

/** The same for PostgreSQL, which joins what WHERE asks of all series, and seeks series by series what CASE asks. */
function bothSums({ each, tables, where }: Count, certain: Sql): Sql {
  const sum = (of: Sql): string => `(SELECT coalesce(sum(${each}), 0) FROM ${tables} WHERE ${of.sql})`
  const both = allOf([where, certain])
  return {
    sql: `SELECT ${sum(where)} AS n, ${sum(both)} AS certain`,
    params: [...where.params, ...both.params],
  }
}

function isWholeArchive({ query, keys, empty }: Plan): boolean {
  const { aggregates, within, includeSuperseded } = query
  const isOpen = keys.length + empty.length + aggregates.length > 0
  return !isOpen && within.study === undefined && includeSuperseded !== true
}

/** What is counted of each row, and which rows. */
interface Count {
  readonly each: string
  readonly tables: string
  readonly where: Sql
}

/** Instances are counted by series, where these say all that is asked. */
function countedBy(plan: Plan): Count {
  const { query, on } = plan
  const isByPatient = query.aggregates.some(({ path: [tag = ''] }) => aggregateOf(tag)?.level === 'patient')
  if (query.level !== 'instance' || on.i !== TRUE || isByPatient || query.includeSuperseded === true)
    return { each: '1', tables: tablesOf(plan, true), where: entityCondition(plan) }
  return {
    each: 'e.n_instances',
    tables: tablesOf({ ...plan, query: { ...query, level: 'series' } }, true),
    where: allOf([withinCondition(query), on.s, seriesCondition(plan), plan.aggregates]),
  }
}
