import type { Level } from '../dicom/data-set.ts'
import { MIXED } from './level-tuples.ts'
import type { Dialect, Row, Step } from './operation.ts'
import { certainRow, firstRow, uncertainRow } from './search-certain-rows.ts'
import { entityCondition, likelySeries, seriesCondition, stateCondition, type Plan } from './search-plan.ts'
import {
  after,
  allOf,
  FALSE,
  idIn,
  orderBy,
  rowsOf,
  sql,
  TRUE,
  type SortColumn,
  type Sql,
} from './search-sql.ts'

/** An entity that may match, in the order of the answer. */
export interface Candidate {
  readonly id: number
  /** Its first active instance; 0 when there is none. */
  readonly firstId: number
  /** It matches: no data set need be looked at to know that. */
  readonly isCertain: boolean
  /** All its instances match, its first one too. */
  readonly isWhole: boolean
  /** What the conditions spoke of is the same for all its instances, and its columns say all. */
  readonly isUniform: boolean
  /** All its instances have the attributes that its levels keep (`level-tuples.ts`). */
  readonly isUnanimous: boolean
  /** Its place in the order. */
  readonly place: readonly (string | number)[]
}

const TABLES: Readonly<Record<Level, string>> = { patient: 'p', study: 's', series: 'e', instance: 'i' }

/** Where a walk goes on: behind a place, so many rows further, past those that are certain or all. */
export interface Start {
  readonly place: readonly (string | number)[] | null
  readonly skip: number
  readonly onlyUncertain: boolean
  /** So many of the first ones have their data sets read in any case, certain or not. */
  readonly read: number
  /** Of instances in order of arrival: none that came later than this one. */
  readonly upTo?: number
}

/** The next `size` candidates behind a place. */
export function* nextCandidates(
  plan: Plan,
  from: Start,
  { size, slow, isAsked }: { readonly size: number; readonly slow: boolean; readonly isAsked: boolean },
): Generator<Step, Candidate[], Row[]> {
  const order = sortColumns(plan)
  const where = allOf([
    entityCondition(plan),
    from.place === null ? TRUE : after(order, from.place),
    from.onlyUncertain ? uncertainRow(plan) : TRUE,
    from.upTo === undefined ? TRUE : sql('i.id <= ?', from.upTo),
    isSorted(plan) ? STILL_WANTED[plan.dialect] : TRUE,
  ])
  const own: Sql = {
    sql: `${tablesOf(plan, from.onlyUncertain)} WHERE ${where.sql} ORDER BY ${orderBy(order)} LIMIT ? OFFSET ?`,
    params: [...where.params, size, from.skip],
  }
  const rows = yield* rowsOf(told(plan, own, order, isAsked && !from.onlyUncertain), slow || isSorted(plan))
  return rows.map((row) => ({
    id: Number(row['id']),
    firstId: Number(row['first_id']),
    isCertain: Number(row['certain']) > 0,
    isWhole: Number(row['certain']) === 2,
    isUniform: Number(row['mixed']) === 0,
    isUnanimous: (Number(row['tuple_mixed']) & MIXED) === 0,
    place: order.map((_, at) => placeOf(row[`k${at}`])),
  }))
}

/** Instances of the whole archive in an order that no index has: all are looked at, in one statement. */
function isSorted({ query, order, isNarrow }: Plan): boolean {
  const isWhole = query.level === 'instance' && query.within.study === undefined && !isNarrow
  return isWhole && order[0]?.expression !== 'i.id'
}

/** Within such a statement it is asked now and then whether anybody still waits; PostgreSQL is told so over the wire. */
const STILL_WANTED: Readonly<Record<Dialect, Sql>> = {
  sqlite: sql('(i.id % 1024 <> 0 OR still_wanted())'),
  postgres: TRUE,
}

/** The candidates of `own` with what is known of them; `isAsked`: whether they are certain too. */
function told(plan: Plan, own: Sql, order: readonly SortColumn[], isAsked: boolean): Sql {
  const [certain, whole] = isAsked ? [certainRow(plan) ?? FALSE, firstRow(plan) ?? FALSE] : [FALSE, FALSE]
  const alias = TABLES[plan.query.level]
  const first = plan.query.level === 'instance' ? 'i.id' : `coalesce(${alias}.first_id, 0)`
  const keys = order.map(({ expression }, at) => `${expression} AS k${at}`)
  const isSame = whole === certain
  const orCertain = isSame ? '' : ` WHEN ${certain.sql} THEN 1`
  const facts: Sql = {
    sql: `${alias}.id AS id, ${first} AS first_id, ${mixedOf(plan)} AS mixed, ${tupleMixed(plan)} AS tuple_mixed,
      CASE WHEN ${whole.sql} THEN 2${orCertain} ELSE 0 END AS certain`,
    params: [...whole.params, ...(isSame ? [] : certain.params)],
  }
  const params = [...facts.params, ...own.params]
  if (certain === TRUE || certain === FALSE)
    return { sql: `SELECT ${facts.sql}, ${keys.join(', ')} FROM ${own.sql}`, params }
  // Whether they are certain is asked of those that are on the page, and not of all that are sorted to find it.
  const places = order.map(({ descending }, at) => ({ expression: `c.k${at}`, descending }))
  return {
    sql: `SELECT ${facts.sql}, ${places.map(({ expression }) => expression).join(', ')}
      FROM (SELECT ${alias}.id AS id, ${keys.join(', ')} FROM ${own.sql}) AS c CROSS JOIN ${tablesOf(plan, true)}
      WHERE ${alias}.id = c.id ORDER BY ${orderBy(places)}`,
    params,
  }
}

/** For each entity the first instance that fulfils the conditions, and whether all series in question are uniform. */
export function* firstInstances(
  plan: Plan,
  entities: readonly number[],
): Generator<Step, Map<number, { readonly instance: number; readonly isUniform: boolean }>, Row[]> {
  const { tables, owner, perPatient } = belowOf(plan)
  const place = idIn(plan.dialect, owner, entities)
  const inside = allOf([sql('i.series_id = e.id'), perPatient, stateCondition(plan), plan.on.i])
  const byRow = isByRow(plan) && perPatient === TRUE
  const search: Sql = { sql: `(SELECT min(i.id) FROM instance i WHERE ${inside.sql})`, params: inside.params }
  const first = byRow ? sql('e.first_id') : ofOwnSeries(plan, search)
  const isLikely = plan.dialect === 'sqlite' && plan.query.includeSuperseded !== true
  const where = allOf([place, belowCondition(plan, isLikely)])
  // To a patient the study is below too.
  const mixed = plan.query.level === 'patient' ? 'e.mixed | s.mixed' : 'e.mixed'
  const rows = yield* rowsOf({
    sql: `SELECT ${owner} AS entity, min(${first.sql}) AS first_id, max(${mixed}) AS mixed
      FROM ${tables} WHERE ${where.sql} GROUP BY ${owner}`,
    params: [...first.params, ...where.params],
  })
  const found = new Map<number, { instance: number; isUniform: boolean }>()
  for (const row of rows) {
    if (row['first_id'] === null) continue
    found.set(Number(row['entity']), {
      instance: Number(row['first_id']),
      isUniform: Number(row['mixed']) === 0,
    })
  }
  return found
}

/** Whether the first active instance of a series fulfils the conditions when its series does. */
function isByRow({ on, query }: Plan): boolean {
  return on.i === TRUE && query.includeSuperseded !== true
}

/** Of a study of one patient alone, a series has its first instance in its row. */
function ofOwnSeries(plan: Plan, search: Sql): Sql {
  if (plan.query.level !== 'patient' || !isByRow(plan)) return search
  return {
    sql: `CASE WHEN ps.n_instances = s.n_instances THEN e.first_id ELSE ${search.sql} END`,
    params: search.params,
  }
}

/** Instances of one entity that fulfil the conditions, after one of them, in order of arrival. */
export function* laterInstances(
  plan: Plan,
  entity: number,
  /** `anyInstance`: every active one, whatever the conditions; that is what emptiness wants. */
  {
    from,
    size,
    anyInstance,
  }: { readonly from: number; readonly size: number; readonly anyInstance: boolean },
): Generator<Step, number[], Row[]> {
  const { tables, owner, perPatient } = belowOf(plan)
  const where = allOf([
    sql(`${owner} = ? AND i.id > ?`, entity, from),
    perPatient,
    stateCondition(plan),
    ...(anyInstance ? [] : [plan.on.i, belowCondition(plan)]),
  ])
  const rows = yield* rowsOf(
    {
      sql: `SELECT i.id FROM ${tables} JOIN instance i ON i.series_id = e.id WHERE ${where.sql} ORDER BY i.id LIMIT ?`,
      params: [...where.params, size],
    },
    true,
  )
  return rows.map((row) => Number(row['id']))
}

/** The tables below an entity down to its series, and what says which entity a row belongs to. */
function belowOf({ query }: Plan): {
  readonly tables: string
  readonly owner: string
  readonly perPatient: Sql
} {
  if (query.level === 'patient') {
    return {
      tables: 'patient_study ps JOIN study s ON s.id = ps.study_id JOIN series e ON e.study_id = s.id',
      owner: 'ps.patient_key',
      perPatient: sql('i.patient_key = ps.patient_key'),
    }
  }
  const owner = query.level === 'study' ? 'e.study_id' : 'e.id'
  return { tables: 'series e', owner, perPatient: TRUE }
}

function belowCondition(plan: Plan, isLikely = false): Sql {
  return allOf([
    isLikely ? likelySeries(plan) : seriesCondition(plan),
    ...(plan.query.level === 'patient' ? [plan.on.s] : []),
  ])
}

/**
 * The tables that a search at its level needs, and no others: a walk past many rows joins none for nothing.
 * `isAsked`: whether a row is certain is asked too.
 */
export function tablesOf(plan: Plan, isAsked: boolean): string {
  const { level, within } = plan.query
  if (level === 'patient') return 'patient p'
  if (level === 'study') return 'study s'
  const speaks = (alias: string): boolean =>
    plan.order.some(({ expression }) => expression.startsWith(`${alias}.`))
  const needsStudy =
    within.study !== undefined || plan.on.s !== TRUE || plan.aggregates !== TRUE || speaks('s')
  if (level === 'series') return `series e${needsStudy ? ' JOIN study s ON s.id = e.study_id' : ''}`
  const needsSeries =
    needsStudy || plan.on.e !== TRUE || (isAsked && plan.certainty.isOfSeries) || speaks('e')
  return [
    'instance i',
    ...(needsSeries ? ['JOIN series e ON e.id = i.series_id'] : []),
    ...(needsStudy ? ['JOIN study s ON s.id = e.study_id'] : []),
  ].join(' ')
}

/** Disagreement matters where keys speak of the level: 0 when there is none. */
function mixedOf({ query, on }: Plan): string {
  const columns = (['p', 's', 'e'] as const).filter((alias) => on[alias] !== TRUE)
  const own = { patient: ['p'], study: ['s'], series: ['s', 'e'], instance: ['s', 'e'] }[query.level]
  const mixed = columns.filter((alias) => own.includes(alias)).map((alias) => `${alias}.mixed`)
  return mixed.length === 0 ? '0' : mixed.join(' | ')
}

/** Disagreement of the tuples that an entity's row can be joined with for nothing. */
function tupleMixed(plan: Plan): string {
  const { level } = plan.query
  if (level === 'instance') return '0'
  if (level !== 'series') return `${TABLES[level]}.mixed`
  return plan.on.s === TRUE ? 'e.mixed' : 'e.mixed | s.mixed'
}

/** SQLite would walk all instances in order rather than look into the few series that are in question. */
function sortColumns({ dialect, query, order, isNarrow }: Plan): readonly SortColumn[] {
  if (dialect !== 'sqlite' || query.level !== 'instance' || !isNarrow) return order
  return order.map(({ expression, descending }) => ({ expression: `+${expression}`, descending }))
}

function placeOf(value: Row[string] | undefined): string | number {
  return typeof value === 'string' ? value : Number(value)
}
