import type { PathStep } from '../dicom/data-set.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { verdictOn } from './search-certainty.ts'
import { rangeCondition } from './search-ranges.ts'
import { allOf, anyOf, FALSE, idIn, rowsOf, sql, textIn, type Sql } from './search-sql.ts'
import { termCondition } from './search-terms.ts'
import { markerId, vrOfPath } from './terms.ts'

/** What the tag index says of a key. */
export interface Found {
  /** The series in which some instance may satisfy it: as a list when they are few, else as a condition on `e`. */
  readonly series: readonly number[] | null
  readonly condition: Sql
  readonly evidence: Evidence
}

/** Postings by which a key is certain without a look at a data set, in a series of which nothing is hidden. */
export interface Evidence {
  /** Numbers of the paths, one for each VR that the attribute has somewhere. */
  readonly paths: readonly number[]
  /** Values that satisfy the key. */
  readonly sure: readonly number[]
}

/** More values than this are a condition rather than a list. */
const FEW_VALUES = 5000

/** Of a path with more values than this, those of a series are looked at one by one. */
const FEW_OTHERS = 500

/** Looks a key up in the tag index. What it finds is no less than what matches. */
export function* findSeries(dialect: Dialect, key: Key, few: number): Generator<Step, Found, Row[]> {
  const paths = yield* pathsOf(key)
  const numbers = paths.map(({ id }) => id)
  const term = allOf([idIn(dialect, 'v.path_id', numbers), termCondition(dialect, 'v.value', key)])
  const varying = varyingCondition(dialect, key, paths)
  const values = yield* rowsOf({
    sql: `SELECT v.id, v.path_id, v.value FROM tag_value v WHERE ${term.sql} LIMIT ${FEW_VALUES + 1}`,
    params: term.params,
  })
  if (values.length > FEW_VALUES) {
    const some: Sql = {
      sql: `EXISTS (SELECT 1 FROM tag_post t JOIN tag_value v ON v.id = t.value_id WHERE t.series_id = e.id AND ${term.sql})`,
      params: term.params,
    }
    const condition = anyOf([some, inSeries(varying)])
    return { series: null, condition, evidence: { paths: numbers, sure: [] } }
  }
  const { sure, possible } = sifted(key, paths, values)
  const list = idIn(dialect, 't.value_id', possible)
  const union: Sql = {
    sql: `SELECT t.series_id FROM tag_post t WHERE ${list.sql}
      UNION SELECT r.series_id FROM tag_range r WHERE ${varying.sql} LIMIT ${few + 1}`,
    params: [...list.params, ...varying.params],
  }
  const rows = yield* rowsOf(union)
  return {
    series: rows.length > few ? null : rows.map((row) => Number(row['series_id'])),
    condition: anyOf([posted(dialect, possible), inSeries(varying)]),
    evidence: { paths: numbers, sure },
  }
}

/** That some instance of the series `e` has one of the values. */
export function hasSure(dialect: Dialect, { sure }: Evidence): Sql {
  return posted(dialect, sure)
}

/**
 * That every instance of the series `e` satisfies the key, hidden ones too: they have nothing else at its paths, and
 * none has nothing.
 */
export function* hasOnlySure(dialect: Dialect, { paths, sure }: Evidence): Generator<Step, Sql, Row[]> {
  if (sure.length === 0) return FALSE
  const place = idIn(dialect, 'v.path_id', paths)
  const rows = yield* rowsOf({
    sql: `SELECT v.id FROM tag_value v WHERE ${place.sql} LIMIT ${FEW_OTHERS + 1}`,
    params: place.params,
  })
  const known = new Set(sure)
  const marks = paths.flatMap((path) =>
    (['varies', 'absent', 'present'] as const).map((marker) => markerId(path, marker)),
  )
  const others = [...rows.map((row) => Number(row['id'])).filter((id) => !known.has(id)), ...marks]
  if (rows.length <= FEW_OTHERS) {
    const other = posted(dialect, others)
    return allOf([posted(dialect, sure), { sql: `NOT ${other.sql}`, params: other.params }])
  }
  const [isMark, isSure] = [idIn(dialect, 't.value_id', marks), idIn(dialect, 't.value_id', sure)]
  return allOf([
    posted(dialect, sure),
    {
      sql: `NOT EXISTS (SELECT 1 FROM tag_post t LEFT JOIN tag_value v ON v.id = t.value_id
        WHERE t.series_id = e.id AND (${isMark.sql} OR (${place.sql} AND NOT (${isSure.sql}))))`,
      params: [...isMark.params, ...place.params, ...isSure.params],
    },
  ])
}

/**
 * Of the entities (`owner` of the series `e`), those that certainly have a value at the path of a key, and those that
 * might have had one before an instance was hidden.
 */
export function* withValue(
  dialect: Dialect,
  key: Key,
  owner: string,
  entities: readonly number[],
): Generator<Step, { readonly certain: Set<number>; readonly doubtful: Set<number> }, Row[]> {
  const paths = (yield* pathsOf(key)).map(({ id }) => id)
  const marks = paths.flatMap((path) => [markerId(path, 'varies'), markerId(path, 'present')])
  const value = anyOf([idIn(dialect, 'v.path_id', paths), idIn(dialect, 't.value_id', marks)])
  const place = idIn(dialect, owner, entities)
  const rows = yield* rowsOf({
    sql: `SELECT ${owner} AS entity, min(e.n_hidden) AS n_hidden FROM ${ownerTables(owner)}
      JOIN tag_post t ON t.series_id = e.id LEFT JOIN tag_value v ON v.id = t.value_id
      WHERE e.n_instances > 0 AND ${place.sql} AND (${value.sql}) GROUP BY ${owner}`,
    params: [...place.params, ...value.params],
  })
  const [certain, doubtful] = [new Set<number>(), new Set<number>()]
  for (const row of rows) (Number(row['n_hidden']) === 0 ? certain : doubtful).add(Number(row['entity']))
  return { certain, doubtful }
}

/** A patient may share a study with another one: then which of them has the value is for the data sets to say. */
function ownerTables(owner: string): string {
  return owner.startsWith('ps.') ? 'patient_study ps JOIN series e ON e.study_id = ps.study_id' : 'series e'
}

interface Path {
  readonly id: number
  readonly path: string
}

/** Values that satisfy a key for certain, and those and others that may. */
function sifted(
  key: Key,
  paths: readonly Path[],
  values: readonly Row[],
): { readonly sure: number[]; readonly possible: number[] } {
  const verdicts = new Map(paths.map(({ id, path }) => [id, verdictOn(key, vrOfPath(path))]))
  const [sure, possible]: [number[], number[]] = [[], []]
  for (const row of values) {
    const verdict = verdicts.get(Number(row['path_id']))?.(String(row['value']))
    if (verdict === 'sure') sure.push(Number(row['id']))
    if (verdict !== 'never') possible.push(Number(row['id']))
  }
  return { sure, possible }
}

/** A condition on `r`: series in which the key may lie among the values that have no posting. */
function varyingCondition(dialect: Dialect, key: Key, paths: readonly Path[]): Sql {
  const byVr = Map.groupBy(paths, ({ path }) => vrOfPath(path))
  return anyOf(
    Array.from(byVr, ([vr, own]) => {
      const condition = rangeCondition(key, vr)
      if (condition === FALSE) return FALSE
      const place = idIn(
        dialect,
        'r.path_id',
        own.map(({ id }) => id),
      )
      return allOf([place, condition])
    }).filter((condition) => condition !== FALSE),
  )
}

function inSeries(varying: Sql): Sql {
  if (varying === FALSE) return FALSE
  return {
    sql: `EXISTS (SELECT 1 FROM tag_range r WHERE r.series_id = e.id AND ${varying.sql})`,
    params: varying.params,
  }
}

/** So many values are looked up in a series one by one; of more, those that the series has are looked for among them. */
const SEEKS = 40

function posted(dialect: Dialect, valueIds: readonly number[]): Sql {
  if (valueIds.length === 0) return FALSE
  const list = idIn(
    dialect,
    dialect === 'sqlite' && valueIds.length > SEEKS ? '+t.value_id' : 't.value_id',
    valueIds,
  )
  return {
    sql: `EXISTS (SELECT 1 FROM tag_post t WHERE t.series_id = e.id AND ${list.sql})`,
    params: list.params,
  }
}

/** The paths of a key in every VR: of one tag, or of whatever blocks some instance has given to its private creators. */
function* pathsOf({ path }: Pick<Key, 'path'>): Generator<Step, Path[], Row[]> {
  const text = path.map(anyBlock).join('.')
  // A path ends in a space and a VR, and `!` follows the space.
  const own = path.some((step) => readPrivateStep(step) !== undefined)
    ? sql('path LIKE ?', `${text} __`)
    : sql('path > ? AND path < ?', `${text} `, `${text}!`)
  const rows = yield* rowsOf({ sql: `SELECT id, path FROM tag_path WHERE ${own.sql}`, params: own.params })
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
