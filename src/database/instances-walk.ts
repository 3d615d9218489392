/** The way through the instances of a scope, from series to series. */
import type { Uid } from '../dicom/data-set.ts'
import { stateNumber } from './known.ts'
import type { Param, Row, Step } from './operation.ts'
import type { InstanceState } from './ports/instance.ts'
import type { Scope } from './ports/instance-index.ts'

/** Which instances, and from where on. */
export interface InstancesWalk {
  readonly scope: Scope
  readonly states: readonly InstanceState[]
  readonly limit: number
  readonly after: InstancesCursor | null
}

/** The last instance of a page; `study` orders scopes of more than one study. */
export interface InstancesCursor {
  readonly study: number
  readonly seriesNumber: number
  readonly seriesUid: string
  readonly number: number
  readonly sopUid: string
}

/**
 * Rows of `instance i` with its `series e` and `study s`, from series to series until the page is full; `i.sop_uid` and
 * `e.series_uid` must be among the columns.
 */
export function* walkInstances(
  query: InstancesWalk,
  columns: string,
  joins: string,
): Generator<Step, { found: Row[]; next: InstancesCursor | null }, Row[]> {
  const { instance } = query.scope
  if (instance !== undefined)
    return { found: yield* oneInstance(query, instance, columns, joins), next: null }
  const found: Row[] = []
  let cursor = query.after
  while (found.length < query.limit) {
    const series = yield* nextSeries(query, cursor)
    if (series === undefined) return { found, next: null }
    const wanted = query.limit - found.length
    const rows = yield* rowsOfSeries(query, series, { columns, joins, limit: wanted })
    found.push(...rows)
    const last = rows.at(-1)
    const { study, seriesNumber, seriesUid } = series
    cursor =
      last === undefined || rows.length < wanted
        ? { study, seriesNumber, seriesUid, number: END, sopUid: '' }
        : cursorOf(last)
  }
  return { found, next: cursor }
}

/** By its own UID in one step, without a walk through its series. */
function* oneInstance(
  { scope, states, after }: InstancesWalk,
  instance: Uid,
  columns: string,
  joins: string,
): Generator<Step, Row[], Row[]> {
  if (after !== null) return []
  const inStudy = scope.study === undefined ? '' : ' AND s.study_uid = ?'
  const inSeries = scope.series === undefined ? '' : ' AND e.series_uid = ?'
  return yield {
    sql: `SELECT ${columns}, i.number, e.number AS series_number, s.id AS study_id
      FROM sop p JOIN instance i ON i.id = p.instance_id ${joins}
      WHERE p.sop_uid = ? AND i.state IN (${stateList(states)})${inStudy}${inSeries}`,
    params: [instance, scope.study, scope.series].filter((uid) => uid !== undefined),
  }
}

/** Behind every Instance Number: the series is done. */
const END = 2 ** 40

interface SeriesCursor {
  readonly study: number
  readonly seriesNumber: number
  readonly seriesUid: string
  readonly seriesId: number
  readonly afterNumber: number | null
  readonly afterSop: string
}

/** Where a page begins that follows this row. */
export function cursorOf(row: Row): InstancesCursor {
  return {
    study: Number(row['study_id']),
    seriesNumber: Number(row['series_number']),
    seriesUid: String(row['series_uid']),
    number: Number(row['number']),
    sopUid: String(row['sop_uid']),
  }
}

/** The series in which the cursor stands, or the first one behind it. */
function* nextSeries(
  query: InstancesWalk,
  cursor: InstancesCursor | null,
): Generator<Step, SeriesCursor | undefined, Row[]> {
  const { scope } = query
  const where: string[] = []
  const params: Param[] = []
  const and = (condition: string, ...values: Param[]): void => {
    where.push(condition)
    params.push(...values)
  }
  if (scope.study !== undefined) and('s.study_uid = ?', scope.study)
  if (scope.series !== undefined) and('e.series_uid = ?', scope.series)
  if (cursor !== null) {
    const { study, seriesNumber, seriesUid, number } = cursor
    // A series that is done is left out; one that is not is entered again.
    const than = number === END ? '>' : '>='
    and(
      `s.id >= ? AND (s.id > ? OR (e.number >= ? AND (e.number > ? OR e.series_uid ${than} ?)))`,
      ...[study, study, seriesNumber, seriesNumber, seriesUid],
    )
  }
  const [row] = yield {
    sql: `SELECT s.id AS study, e.id, e.number, e.series_uid FROM study s JOIN series e ON e.study_id = s.id
      ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
      ORDER BY s.id, e.number, e.series_uid LIMIT 1`,
    params,
  }
  if (row === undefined) return undefined
  const own = {
    study: Number(row['study']),
    seriesId: Number(row['id']),
    seriesNumber: Number(row['number']),
    seriesUid: String(row['series_uid']),
  }
  const within = cursor !== null && cursor.study === own.study && cursor.seriesUid === own.seriesUid
  return { ...own, afterNumber: within ? cursor.number : null, afterSop: within ? cursor.sopUid : '' }
}

function* rowsOfSeries(
  query: InstancesWalk,
  series: SeriesCursor,
  { columns, joins, limit }: { readonly columns: string; readonly joins: string; readonly limit: number },
): Generator<Step, Row[], Row[]> {
  const params: Param[] = [series.seriesId]
  let more = ''
  if (series.afterNumber !== null) {
    more += ' AND i.number >= ? AND (i.number > ? OR i.sop_uid > ?)'
    params.push(series.afterNumber, series.afterNumber, series.afterSop)
  }
  return yield {
    sql: `SELECT ${columns}, i.number, e.number AS series_number, s.id AS study_id
      FROM instance i ${joins}
      WHERE i.series_id = ? AND i.state IN (${stateList(query.states)})${more}
      ORDER BY i.number, i.sop_uid LIMIT ?`,
    params: [...params, limit],
  }
}

function stateList(states: readonly InstanceState[]): string {
  return states.length === 0 ? '-1' : states.map(stateNumber).join(', ')
}
