import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { verdictOn } from './search-certainty.ts'
import { ownersOf } from './search-owners.ts'
import { pathsOf, posted, type Evidence, type Path, type PostedValue } from './search-posted.ts'
import { rangeCondition } from './search-ranges.ts'
import { allOf, anyOf, eachOf, FALSE, idIn, rowsOf, sql, TRUE, type Asking, type Sql } from './search-sql.ts'
import { termCondition } from './search-terms.ts'
import { markerId, vrOfPath } from './terms.ts'
import { nothing, together } from './together.ts'

/** What the tag index says of a key. */
export interface Found {
  /** The series in which some instance may satisfy it, when they are few. */
  readonly series: readonly number[] | null
  /** What is true of these besides; where they are too many to list, of all of them. */
  readonly condition: Sql
  /** Any of them makes it certain. */
  readonly evidence: readonly Evidence[]
}

/** More values than this are a condition rather than a list. */
const FEW_VALUES = 5000

/**
 * Looks a key up in the tag index. What it finds is no less than what matches. `few`: of more series than this there is no
 * list. `isTold`: whether a match is certain is known otherwise, and no evidence is wanted.
 */
export function* findSeries(
  asking: Asking,
  key: Key,
  { few, isTold = false }: { readonly few: number; readonly isTold?: boolean },
): Generator<Step, Found, Row[]> {
  const { dialect } = asking
  const [paths, owners] = yield* together(dialect, [pathsOf(key), ownersOf(dialect, key)])
  const numbers = paths.map(({ id }) => id)
  const term = allOf([idIn(dialect, 'v.path_id', numbers), termCondition(dialect, 'v.value', key)])
  const varying = varyingCondition(dialect, key, paths)
  // Mostly it is the creator by its name, and one seek tells.
  const ownedBy = (how: Asking): Sql => {
    if (owners === null) return TRUE
    const [names, marks] = [owners.possible.filter((id) => id > 0), owners.possible.filter((id) => id < 0)]
    return anyOf([posted(how, names), posted(how, marks)])
  }
  const owned = ownedBy(asking)
  const [values, isCommon] = yield* together(dialect, [
    rowsOf({
      sql: `SELECT v.id, v.path_id, v.value FROM tag_value v WHERE ${term.sql} LIMIT ${FEW_VALUES + 1}`,
      params: term.params,
    }),
    owners === null ? nothing() : areMany(dialect, owners.possible, few),
  ])
  if (values.length > FEW_VALUES) {
    const some: Sql = {
      sql: `EXISTS (SELECT 1 FROM tag_post t JOIN tag_value v ON v.id = t.value_id WHERE t.series_id = ${asking.series} AND ${term.sql}${eachOf(asking)})`,
      params: term.params,
    }
    const condition = anyOf([some, inSeries(asking, varying)])
    return { series: null, condition: allOf([condition, owned]), evidence: [] }
  }
  const { sure, possible } = isTold
    ? { sure: [], possible: values.map((row) => Number(row['id'])) }
    : sifted(key, paths, values)
  // Of a creator that most series have whether they have it is asked later, of those on the page.
  const isOwned = owners !== null && isCommon !== true
  const listed = isOwned ? ownedBy({ ...asking, series: 'e.id' }) : TRUE
  const series = yield* fewSeries(dialect, { possible, varying, owned: listed }, few)
  // Where no series has a range that the key lies in, none need be asked for one.
  const ranges = series === null && !(yield* isAnywhere(varying)) ? FALSE : varying
  const places = [posted(asking, possible), inSeries(asking, ranges)].filter((one) => one !== FALSE)
  return {
    series,
    condition: allOf([series === null ? anyOf(places) : TRUE, series !== null && isOwned ? TRUE : owned]),
    evidence: isTold
      ? []
      : owners === null
        ? [{ paths: numbers, sure: sure.map(({ id }) => id) }]
        : owners.evidence(paths, sure),
  }
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

/** Values that satisfy a key for certain, and those and others that may. */
function sifted(
  key: Key,
  paths: readonly Path[],
  values: readonly Row[],
): { readonly sure: PostedValue[]; readonly possible: number[] } {
  const verdicts = new Map(paths.map(({ id, path }) => [id, verdictOn(key, vrOfPath(path))]))
  const [sure, possible]: [PostedValue[], number[]] = [[], []]
  for (const row of values) {
    const [id, path] = [Number(row['id']), Number(row['path_id'])]
    const verdict = verdicts.get(path)?.(String(row['value']))
    if (verdict === 'sure') sure.push({ id, path })
    if (verdict !== 'never') possible.push(id)
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

/** Whether there are more postings of the values than that. */
function* areMany(
  dialect: Dialect,
  valueIds: readonly number[],
  few: number,
): Generator<Step, boolean, Row[]> {
  const list = idIn(dialect, 't.value_id', valueIds)
  const [row] = yield* rowsOf({
    sql: `SELECT count(*) AS n FROM (SELECT 1 FROM tag_post t WHERE ${list.sql} LIMIT ?) AS posted`,
    params: [...list.params, few + 1],
  })
  return Number(row?.['n']) > few
}

/** Where series are looked for: postings of values, ranges, and what must be true of a series `e` besides. */
interface Places {
  readonly possible: readonly number[]
  readonly varying: Sql
  readonly owned: Sql
}

/**
 * The series with one of the values or ranges; null when they are too many to list. To count the postings tells sooner
 * that they are, though a series may have several.
 */
function* fewSeries(
  dialect: Dialect,
  { possible, varying, owned }: Places,
  few: number,
): Generator<Step, number[] | null, Row[]> {
  const posts = postingsOf(dialect, possible)
  // A value has each of its series once. Else not UNION, for which all postings would be sorted before the first is given.
  const isOnce = possible.length === 1 && varying === FALSE
  const places: Sql = {
    sql: `SELECT ${isOnce ? '' : 'DISTINCT '}e.id FROM (${posts.sql}
      UNION ALL SELECT r.series_id FROM tag_range r WHERE ${varying.sql}) AS e WHERE ${owned.sql} LIMIT ${few + 1}`,
    params: [...posts.params, ...varying.params, ...owned.params],
  }
  const all = dialect === 'sqlite' ? 'json_group_array(q.id)' : `coalesce(CAST(json_agg(q.id) AS text), '[]')`
  const isOpen = owned === TRUE
  const gate = `(SELECT count(*) FROM (${posts.sql} LIMIT ${few + 1}) AS posted) <= ${few}`
  const [row] = yield* rowsOf({
    sql: `SELECT CASE WHEN ${isOpen ? gate : '1 = 1'} THEN (SELECT ${all} FROM (${places.sql}) AS q) END AS ids`,
    params: [...(isOpen ? posts.params : []), ...places.params],
  })
  const ids = row?.['ids'] ?? null
  const series = ids === null ? null : (JSON.parse(String(ids)) as number[])
  return series === null || series.length > few ? null : series
}

/** The series of values. PostgreSQL would look for each of a list among those of which it has statistics, which takes longer. */
function postingsOf(dialect: Dialect, valueIds: readonly number[]): Sql {
  if (dialect === 'postgres' && valueIds.length > 1)
    return sql(
      `SELECT t.id FROM unnest(CAST(? AS bigint[])) AS w(id)
        CROSS JOIN LATERAL (SELECT t.series_id AS id FROM tag_post t WHERE t.value_id = w.id OFFSET 0) AS t`,
      `{${valueIds.join()}}`,
    )
  const list = idIn(dialect, 't.value_id', valueIds)
  return { sql: `SELECT t.series_id AS id FROM tag_post t WHERE ${list.sql}`, params: list.params }
}

function* isAnywhere(varying: Sql): Generator<Step, boolean, Row[]> {
  if (varying === FALSE) return false
  const rows = yield* rowsOf({
    sql: `SELECT r.series_id FROM tag_range r WHERE ${varying.sql} LIMIT 1`,
    params: varying.params,
  })
  return rows.length > 0
}

function inSeries(asking: Asking, varying: Sql): Sql {
  if (varying === FALSE) return FALSE
  return {
    sql: `EXISTS (SELECT 1 FROM tag_range r WHERE r.series_id = ${asking.series} AND ${varying.sql}${eachOf(asking)})`,
    params: varying.params,
  }
}
