/** Postings of the tag index as conditions on a series. */
import type { PathStep } from '../dicom/data-set.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import {
  allOf,
  anyOf,
  eachOf,
  FALSE,
  idIn,
  idsOf,
  keptRowsOf,
  not,
  rowsOf,
  sql,
  textIn,
  type Asking,
  type Sql,
} from './search-sql.ts'
import { markerId } from './terms.ts'
import { nothing, together } from './together.ts'

/** Postings by which a key is certain without a look at a data set. */
export interface Evidence {
  /** Numbers of the paths, one for each VR that the attribute has somewhere. */
  readonly paths: readonly number[]
  /** Values that satisfy the key. */
  readonly sure: readonly number[]
  /** What every instance must have besides: the creator of the block of a private element. */
  readonly owner?: Evidence
}

/** A path of the dictionary: tags and VR. */
export interface Path {
  readonly id: number
  readonly path: string
}

export interface PostedValue {
  readonly id: number
  /** Number of its path. */
  readonly path: number
}

/** Of a path with more values than this, those of a series are looked at one by one. */
const FEW_OTHERS = 500

/** So many values are looked up in a series one by one; of more, those that the series has are looked for among them. */
const SEEKS = 40
/** So many values are looked up one by one, each where all its series stand. */
const BY_VALUE = 3

/** That an instance of the series in question, in whatever state, has one of the values. */
export function posted(asking: Asking, valueIds: readonly number[]): Sql {
  if (valueIds.length === 0) return FALSE
  const { dialect, byRow, series } = asking
  const each = eachOf(asking)
  const isSought = valueIds.length <= SEEKS
  if (dialect === 'postgres' && byRow && isSought) return postedInPostgres(asking, valueIds)
  if (dialect === 'sqlite') return postedInSqlite(series, valueIds, isSought)
  const list = idIn(dialect, 't.value_id', valueIds)
  return {
    sql: `EXISTS (SELECT 1 FROM tag_post t WHERE t.series_id = ${series} AND ${list.sql}${each})`,
    params: list.params,
  }
}

/**
 * PostgreSQL seeks by a list only value by value; else it reads all that a series has. A range of series, be it of one,
 * has it take the primary key.
 */
function postedInPostgres(asking: Asking, valueIds: readonly number[]): Sql {
  const { series } = asking
  const each = eachOf(asking)
  const isSeries = valueIds.length <= BY_VALUE ? `BETWEEN ${series} AND ${series}` : `= ${series}`
  const having = (value: string): string =>
    `EXISTS (SELECT 1 FROM tag_post t WHERE t.value_id = ${value} AND t.series_id ${isSeries}${each})`
  const [first = 0] = valueIds
  if (valueIds.length === 1) return sql(having('?'), first)
  return sql(
    `EXISTS (SELECT 1 FROM unnest(CAST(? AS bigint[])) AS w(id) WHERE ${having('w.id')}${each})`,
    `{${valueIds.join()}}`,
  )
}

/**
 * The sign before it keeps SQLite from joining what it asks for: one value is sought by the primary key, where its series
 * lie together, and several among those of the series.
 */
function postedInSqlite(series: string, valueIds: readonly number[], isSought: boolean): Sql {
  const having = (list: Sql): Sql => ({
    sql: `+EXISTS (SELECT 1 FROM tag_post t WHERE t.series_id = ${series} AND ${list.sql})`,
    params: list.params,
  })
  if (valueIds.length <= BY_VALUE) return anyOf(valueIds.map((id) => having(sql('t.value_id = ?', id))))
  return having(idIn('sqlite', isSought ? 't.value_id' : '+t.value_id', valueIds))
}

/** What evidence says of the series in question. */
export interface Said {
  /** Some instance satisfies the key; it may be a hidden one. */
  readonly any: Sql
  /** Every instance does, hidden ones too: they have nothing else at its paths, and none has nothing. */
  readonly every: Sql
}

export function* saidBy(asking: Asking, evidence: Evidence): Generator<Step, Said, Row[]> {
  const { sure, owner } = evidence
  if (sure.length === 0) return { any: FALSE, every: FALSE }
  const [others, block] = yield* together(asking.dialect, [
    hasOthers(asking, evidence),
    owner === undefined ? nothing() : saidBy(asking, owner),
  ])
  const any = allOf([posted(asking, sure), ...(block === null ? [] : [block.every])])
  return { any, every: allOf([any, not(others)]) }
}

/** That instances of the series have something else at the paths of a key, or that one has nothing. */
function* hasOthers(asking: Asking, { paths, sure }: Evidence): Generator<Step, Sql, Row[]> {
  const { dialect, series } = asking
  const place = idIn(dialect, 'v.path_id', paths)
  const found = yield* idsOf(dialect, {
    sql: `SELECT v.id FROM tag_value v WHERE ${place.sql} LIMIT ${FEW_OTHERS + 1}`,
    params: place.params,
  })
  const known = new Set(sure)
  const marks = paths.flatMap((path) =>
    (['varies', 'absent', 'present'] as const).map((marker) => markerId(path, marker)),
  )
  const others = [...found.filter((id) => !known.has(id)), ...marks]
  if (found.length <= FEW_OTHERS) return posted(asking, others)
  const [isMark, isSure] = [idIn(dialect, 't.value_id', marks), idIn(dialect, 't.value_id', sure)]
  return {
    sql: `EXISTS (SELECT 1 FROM tag_post t LEFT JOIN tag_value v ON v.id = t.value_id
      WHERE t.series_id = ${series} AND (${isMark.sql} OR (${place.sql} AND NOT (${isSure.sql})))${eachOf(asking)})`,
    params: [...isMark.params, ...place.params, ...isSure.params],
  }
}

/** The paths of a key in every VR: of one tag, or of whatever blocks some instance has given to its private creators. */
export function* pathsOf({ path }: Pick<Key, 'path'>): Generator<Step, Path[], Row[]> {
  const text = path.map(anyBlock).join('.')
  // A path ends in a space and a VR, and `!` follows the space.
  const own = path.some((step) => readPrivateStep(step) !== undefined)
    ? sql('path LIKE ?', `${text} __`)
    : sql('path > ? AND path < ?', `${text} `, `${text}!`)
  const rows = yield* keptRowsOf({
    sql: `SELECT id, path FROM tag_path WHERE ${own.sql}`,
    params: own.params,
  })
  return rows.map((row) => ({ id: Number(row['id']), path: String(row['path']) }))
}

/** The values of an attribute that fulfil a condition on `v`, in whatever VR. */
export function* valuesOf(path: readonly PathStep[], term: Sql): Generator<Step, string[], Row[]> {
  const paths = yield* pathsOf({ path })
  const names = textIn(
    't.path',
    paths.map((one) => one.path),
  )
  const rows = yield* rowsOf({
    sql: `SELECT v.value FROM tag_value v JOIN tag_path t ON t.id = v.path_id WHERE ${names.sql} AND (${term.sql})`,
    params: [...names.params, ...term.params],
  })
  return rows.map((row) => String(row['value']))
}

function anyBlock(step: PathStep): string {
  const own = readPrivateStep(step)
  return own === undefined ? step : `${own.group}__${own.element}`
}
