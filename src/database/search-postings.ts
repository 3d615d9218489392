import type { PathStep } from '../dicom/data-set.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { allOf, anyOf, idIn, rowsOf, sql, type Sql } from './search-sql.ts'
import { termCondition } from './search-terms.ts'
import { markerId } from './terms.ts'

/** The series in which some instance may satisfy a key: as a list when they are few, else as a condition on `e`. */
export interface Found {
  readonly series: readonly number[] | null
  readonly condition: Sql
}

/** More values than this are a condition rather than a list. */
const FEW_VALUES = 1000

/** Looks a key up in the tag index. What it finds is no less than what matches. */
export function* findSeries(dialect: Dialect, key: Key, few: number): Generator<Step, Found, Row[]> {
  const paths = yield* pathIds(key)
  const varying = paths.map((path) => markerId(path, 'varies'))
  const term = allOf([idIn(dialect, 'v.path_id', paths), termCondition(dialect, 'v.value', key)])
  const values = yield* rowsOf({
    sql: `SELECT v.id FROM tag_value v WHERE ${term.sql} LIMIT ${FEW_VALUES + 1}`,
    params: term.params,
  })
  if (values.length > FEW_VALUES) {
    const some: Sql = {
      sql: `EXISTS (SELECT 1 FROM tag_post t JOIN tag_value v ON v.id = t.value_id WHERE t.series_id = e.id AND ${term.sql})`,
      params: term.params,
    }
    return { series: null, condition: anyOf([some, posted(dialect, varying)]) }
  }
  const ids = [...values.map((row) => Number(row['id'])), ...varying]
  const list = idIn(dialect, 't.value_id', ids)
  const rows = yield* rowsOf({
    sql: `SELECT DISTINCT t.series_id FROM tag_post t WHERE ${list.sql} LIMIT ${few + 1}`,
    params: list.params,
  })
  const series = rows.length > few ? null : rows.map((row) => Number(row['series_id']))
  return { series, condition: posted(dialect, ids) }
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
  const paths = yield* pathIds(key)
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

function posted(dialect: Dialect, valueIds: readonly number[]): Sql {
  const list = idIn(dialect, 't.value_id', valueIds)
  return {
    sql: `EXISTS (SELECT 1 FROM tag_post t WHERE t.series_id = e.id AND ${list.sql})`,
    params: list.params,
  }
}

/** The paths of a key: one, or those of whatever blocks some instance has given to its private creators. */
function* pathIds({ path }: Key): Generator<Step, number[], Row[]> {
  const own = path.some((step) => readPrivateStep(step) !== undefined)
    ? sql('path LIKE ?', path.map(anyBlock).join('.'))
    : sql('path = ?', path.join('.'))
  const rows = yield* rowsOf({ sql: `SELECT id FROM tag_path WHERE ${own.sql}`, params: own.params })
  return rows.map((row) => Number(row['id']))
}

function anyBlock(step: PathStep): string {
  const own = readPrivateStep(step)
  return own === undefined ? step : `${own.group}__${own.element}`
}
