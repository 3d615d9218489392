import type { Dialect, Row, Step } from './operation.ts'
import type { Key, Query } from './query.ts'
import { aggregateConditions } from './search-aggregates.ts'
import { columnOf, isUnique, orderOf, withinCondition, type Alias } from './search-columns.ts'
import { shownCondition } from './search-hidden.ts'
import { certaintyOf, type Certainty, type Known } from './search-certain.ts'
import { ABOVE, noteKey } from './search-key.ts'
import { areNarrow, askedOfRows, askedOfSeries } from './search-narrow.ts'
import { allOf, eachOf, idIn, sql, TRUE, type Asking, type SortColumn, type Sql } from './search-sql.ts'
import { hasOwnColumn } from './terms.ts'
import { together } from './together.ts'

/** A question to the index, prepared: what SQL can say of it, and what is left to the data sets. */
export interface Plan extends Asking {
  readonly query: Query
  readonly order: readonly SortColumn[]
  /** Conditions by the table they speak of; each is fulfilled by all matches, and maybe by more. */
  readonly on: Readonly<Record<Alias, Sql>>
  /** Every match lies in one of these series; null when they are too many to list. */
  readonly seriesIds: readonly number[] | null
  /** Few instances can match, so that it is better to begin with them than with the order of the answer. */
  readonly isNarrow: boolean
  /** Conditions on the level of the aggregates, for the entity alone. */
  readonly aggregates: Sql
  /** Whether the conditions say all there is to say of entities that are not mixed. */
  readonly isExact: boolean
  /** Which of the candidates are matches without a look at a data set. */
  readonly certainty: Certainty
  /** Keys that one instance must satisfy together; at instance level those of emptiness too. */
  readonly keys: readonly Key[]
  /** Keys that no active instance of the entity may have a value for. */
  readonly empty: readonly Key[]
  /** Nothing can match. */
  readonly isVain: boolean
}

/** Reads what the index knows of the keys and decides how to look for matches. */
export function* planOf(dialect: Dialect, query: Query): Generator<Step, Plan, Row[]> {
  const isInstance = query.level === 'instance'
  const keys = query.keys.map(withMeta).filter((key) => key.match.kind !== 'universal')
  const [empty, positive] = [
    keys.filter((key) => key.match.kind === 'empty'),
    keys.filter((key) => key.match.kind !== 'empty'),
  ]
  const asking = askedOfSeries(dialect, query)
  const noted = yield* together(
    dialect,
    positive.map((key) => noteKey(asking, query, key)),
  )
  const on = (alias: Alias): Sql => allOf(noted.flatMap((one) => (one.alias === alias ? one.condition : [])))
  const seriesIds = noted.reduce<Plan['seriesIds']>((found, one) => intersection(found, one.seriesIds), null)
  const known = noted.map((one) => one.known)
  const [isNarrow, aggregates, certainty] = yield* together(dialect, [
    areNarrow(dialect, query, seriesIds),
    aggregateConditions(dialect, query),
    certaintyOf(askedOfRows(dialect, query), query, isInstance ? [...known, ...empty.map(unknown)] : known),
  ])
  return {
    ...asking,
    query,
    order: orderOf(query),
    on: { p: on('p'), s: on('s'), e: on('e'), i: on('i') },
    seriesIds,
    isNarrow: positive.some((key) => isUnique(columnOf(query.level, key))) || isNarrow,
    aggregates,
    isExact:
      noted.every((one) => one.isExact) &&
      !(isInstance && empty.length > 0) &&
      query.includeSuperseded !== true,
    certainty,
    keys: isInstance ? keys : positive,
    empty: isInstance ? [] : empty,
    isVain: seriesIds?.length === 0 || empty.some(isOfUid),
  }
}

/** The UIDs of the levels are never empty. */
function isOfUid({ path: [tag = ''], path }: Key): boolean {
  return path.length === 1 && hasOwnColumn(tag)
}

/** Whether keys speak of what is below the entity, so that it matters which of its instances match. */
export function hasLowerKeys({ query, on, seriesIds }: Plan): boolean {
  const above = ABOVE[query.level]
  const lower = (['s', 'e', 'i'] as const).filter((alias) => !above.includes(alias))
  return (lower.includes('e') && seriesIds !== null) || lower.some((alias) => on[alias] !== TRUE)
}

/** The conditions on an active instance `i` of a series `e`, beyond those on its entity. */
export function stateCondition({ query }: Plan): Sql {
  return sql(query.includeSuperseded === true ? 'i.state IN (0, 1)' : 'i.state = 0')
}

/** Conditions on the series in which matches lie. */
export function seriesCondition(plan: Plan): Sql {
  return allOf([shownCondition(plan.query, 'series'), likelySeries(plan)])
}

/** The same of series that may have nothing to show any more: then they have no first instance either. */
export function likelySeries(plan: Plan): Sql {
  return allOf([plan.on.e, listedSeries(plan, 'e.id')])
}

/**
 * Whether candidates may have nothing to show any more, because they are found to have no instance soon after. For SQLite
 * would read the row of every series that is passed to leave them out, where an index tells the rest.
 */
function areLikely({ dialect, query, isNarrow }: Plan): boolean {
  const isPage = query.level === 'study' && query.limit !== undefined && query.includeSuperseded !== true
  return dialect === 'sqlite' && isPage && !isNarrow
}

/** Conditions on the entities of the search's level: what it says of them, and that something below can match. */
export function entityCondition(plan: Plan): Sql {
  const { query, on, aggregates } = plan
  const place = withinCondition(query)
  switch (query.level) {
    case 'patient':
      return allOf([
        shownCondition(query, 'patient'),
        on.p,
        aggregates,
        below(plan, 'p.id', 'ps.patient_key'),
      ])
    case 'study':
      return allOf([
        place,
        areLikely(plan) && hasLowerKeys(plan) ? TRUE : shownCondition(query, 'study'),
        on.s,
        aggregates,
        below(plan, 's.id', 'e.study_id'),
      ])
    case 'series':
      return allOf([place, on.s, seriesCondition(plan), aggregates, below(plan, 'e.id', 'i.series_id')])
    case 'instance': {
      return allOf([
        place,
        stateCondition(plan),
        on.s,
        on.e,
        listedSeries(plan, 'i.series_id'),
        on.i,
        aggregates,
      ])
    }
  }
}

/** That a series is one of those listed; of an instance its own row tells. */
function listedSeries({ dialect, seriesIds, isNarrow }: Plan, series: 'e.id' | 'i.series_id'): Sql {
  if (seriesIds === null) return TRUE
  // SQLite would rather sort what is in all of them than walk in order, PostgreSQL take longer to plan it than to do it.
  const walked = { sqlite: `+${series}`, postgres: `(${series} + 0)` }
  return idIn(dialect, isNarrow ? series : walked[dialect], seriesIds)
}

/** That an entity has something below it which can match; from below where that is little, else looked at one by one. */
function below(plan: Plan, entity: string, owner: string): Sql {
  if (!hasLowerKeys(plan)) return TRUE
  const { level } = plan.query
  const { on, isNarrow } = plan
  const instances = allOf([stateCondition(plan), on.i])
  const link = (sub: Sql): Sql =>
    isNarrow ? among(plan, sub, entity, owner) : exists(plan, sub, entity, owner)
  if (level === 'series') return link({ ...instances, sql: `FROM instance i WHERE ${instances.sql}` })
  // Most studies are of one patient, and then whatever is in their series is that patient's.
  const isByStudy = level === 'patient' && on.i === TRUE && plan.query.includeSuperseded !== true
  const withInstances = on.i !== TRUE || (level === 'patient' && !isByStudy)
  const where = allOf([
    on.s === TRUE || level !== 'patient' ? TRUE : on.s,
    areLikely(plan) ? likelySeries(plan) : seriesCondition(plan),
    ...(withInstances ? [instances] : []),
    ...(isByStudy ? [sql(IS_OWN_SERIES)] : []),
  ])
  const tables =
    level === 'patient'
      ? `patient_study ps JOIN study s ON s.id = ps.study_id JOIN series e ON e.study_id = s.id${
          withInstances ? ' JOIN instance i ON i.series_id = e.id AND i.patient_key = ps.patient_key' : ''
        }`
      : `series e${withInstances ? ' JOIN instance i ON i.series_id = e.id' : ''}`
  return link({ ...where, sql: `FROM ${tables} WHERE ${where.sql}` })
}

const IS_OWN_SERIES = `ps.n_instances = s.n_instances OR EXISTS (
    SELECT 1 FROM instance i WHERE i.series_id = e.id AND i.patient_key = ps.patient_key AND i.state = 0)`

/** That a query from below, which may speak of the entity too, finds something that belongs to it. */
export function exists(asking: Asking, sub: Sql, entity: string, owner: string): Sql {
  return { ...sub, sql: `EXISTS (SELECT 1 ${sub.sql} AND ${owner} = ${entity}${eachOf(asking)})` }
}

/** The same, found from below first; of a mere subquery PostgreSQL would choose for itself where to begin. */
function among({ dialect }: Asking, sub: Sql, entity: string, owner: string): Sql {
  const owners = `(SELECT ${owner} ${sub.sql})`
  return { ...sub, sql: `${entity} ${dialect === 'sqlite' ? `IN ${owners}` : `= ANY (ARRAY ${owners})`}` }
}

function unknown(key: Key): Known {
  return { key, byColumn: null, byPostings: [], isOfRow: false }
}

/** AvailableTransferSyntaxUID is the one in which the instance is stored: PS3.4 C.6.1.1.5.2. */
function withMeta(key: Key): Key {
  return key.path.length === 1 && key.path[0] === '00083002' ? { ...key, path: ['00020010'] } : key
}

function intersection(known: Plan['seriesIds'], more: Plan['seriesIds']): Plan['seriesIds'] {
  if (known === null || more === null) return known ?? more
  const both = new Set(more)
  return known.filter((id) => both.has(id))
}
