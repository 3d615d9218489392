/** INSTANCES: pages of instances of a scope, in order, with their data sets put together again. */
import { isPlainLine, isPlainText } from '../dicom/dicom-json.ts'
import { linesOfJson, splicer, unpacked } from './encoding.ts'
import { KNOWN_COLUMNS, KNOWN_JOINS, knownInstance, stateNumber } from './known.ts'
import type { Dialect, Param, Row, Step } from './operation.ts'
import type { BlobExtent, InstanceState, KnownInstance } from './ports/instance.ts'
import type { Scope } from './ports/instance-index.ts'

/** Which instances, and from where on. */
export interface InstancesWalk {
  readonly scope: Scope
  readonly states: readonly InstanceState[]
  readonly limit: number
  readonly after: InstancesCursor | null
}

export interface InstancesQuery extends InstancesWalk {
  readonly tags: boolean
  readonly pixelMap: boolean
}

/** The last instance of a page; `study` orders scopes of more than one study. */
export interface InstancesCursor {
  readonly study: number
  readonly seriesNumber: number
  readonly seriesUid: string
  readonly number: number
  readonly sopUid: string
}

/** An instance as it crosses from the reader. */
export interface InstanceRow extends KnownInstance {
  readonly extents: readonly BlobExtent[]
  readonly size: number
  readonly damaged: boolean
  readonly sender: string | null
  readonly receivedAt: number
  readonly pixelMap: Uint8Array | null
}

/** The data sets of a page; none unless asked for. */
export interface DataSets {
  /** One after the other. */
  readonly tags: Buffer | null
  /** Of each: where it ends, and whether it is as clients see it ({@link isPlainText}). */
  readonly ends: readonly number[]
  readonly plain: readonly boolean[]
}

export interface InstancesPage extends DataSets {
  readonly rows: readonly InstanceRow[]
  /** Where the next page begins; null at the end. */
  readonly next: InstancesCursor | null
}

const NO_DATA_SETS: DataSets = { tags: null, ends: [], plain: [] }

/** A page of data sets is cut at about so many bytes. */
const PAGE_BYTES = 4 * 1024 * 1024

const COLUMNS = `${KNOWN_COLUMNS}, i.size, i.damaged, i.sender, i.received_at, w.name AS store, b.key`
const JOINS = `${KNOWN_JOINS} LEFT JOIN blob b ON b.id = i.blob_id LEFT JOIN blob_store w ON w.id = b.store_id`

export function* instancesPage(
  dialect: Dialect,
  query: InstancesQuery,
): Generator<Step, InstancesPage, Row[]> {
  const columns = query.tags ? `${COLUMNS}, i.has_bulk, i.base_id, i.patch, i.packed` : COLUMNS
  const { found, next } = yield* walkInstances(query, columns, JOINS)
  if (!query.tags) return { rows: yield* instanceRows(found, query.pixelMap), ...NO_DATA_SETS, next }
  const dataSets = yield* dataSetsOf(dialect, found)
  const kept = found.slice(0, dataSets.ends.length)
  const last = kept.at(-1)
  const cut = kept.length < found.length && last !== undefined
  return { rows: yield* instanceRows(kept, query.pixelMap), ...dataSets, next: cut ? cursorOf(last) : next }
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

function cursorOf(row: Row): InstancesCursor {
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
  if (scope.instance !== undefined)
    and(
      'e.id = (SELECT i.series_id FROM sop p JOIN instance i ON i.id = p.instance_id WHERE p.sop_uid = ?)',
      scope.instance,
    )
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
  const states = query.states.map(stateNumber).join(', ')
  const params: Param[] = [series.seriesId]
  let more = ''
  if (query.scope.instance !== undefined) {
    more += ' AND i.id = (SELECT instance_id FROM sop WHERE sop_uid = ?)'
    params.push(query.scope.instance)
  }
  if (series.afterNumber !== null) {
    more += ' AND i.number >= ? AND (i.number > ? OR i.sop_uid > ?)'
    params.push(series.afterNumber, series.afterNumber, series.afterSop)
  }
  return yield {
    sql: `SELECT ${columns}, i.number, e.number AS series_number, s.id AS study_id
      FROM instance i ${joins}
      WHERE i.series_id = ? AND i.state IN (${states === '' ? '-1' : states})${more}
      ORDER BY i.number, i.sop_uid LIMIT ?`,
    params: [...params, limit],
  }
}

/** The data sets of rows up to {@link PAGE_BYTES}, of the first row in any case. */
function* dataSetsOf(dialect: Dialect, rows: readonly Row[]): Generator<Step, DataSets, Row[]> {
  const ids = [...new Set(rows.flatMap((row) => (row['base_id'] === null ? [] : [Number(row['base_id'])])))]
  const bases = yield* basesOf(ids)
  const texts: string[] = []
  let bytes = 0
  const ends: number[] = []
  const plain: boolean[] = []
  const whole = baseOf([])
  for (const row of rows) {
    if (bytes > PAGE_BYTES) break
    const patch = row['packed'] === null ? String(row['patch']) : unpacked(row['packed'] as Buffer)
    const base = row['base_id'] === null ? whole : bases.get(Number(row['base_id']))
    if (base === undefined) throw new Error(`tag_base ${Number(row['base_id'])} is missing (${dialect})`)
    const lines = linesOfJson(patch)
    const text = base.splice(lines)
    texts.push(text)
    bytes += Buffer.byteLength(text)
    ends.push(bytes)
    plain.push(isPlainText(text, Number(row['has_bulk']) !== 0, base.isPlain && lines.every(isPlainLine)))
  }
  const tags = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const text of texts) at += tags.write(text, at)
  return { tags, ends, plain }
}

interface Base {
  /** Puts a patch together with it. */
  readonly splice: (patch: readonly string[]) => string
  /** All its lines are as clients see them. */
  readonly isPlain: boolean
}

function baseOf(lines: readonly string[]): Base {
  return { splice: splicer(lines), isPlain: lines.every(isPlainLine) }
}

function* basesOf(ids: readonly number[]): Generator<Step, Map<number, Base>, Row[]> {
  const rows = yield {
    sql: 'SELECT b.id, b.base FROM (VALUES (?)) AS v JOIN tag_base b ON b.id = v.column1',
    types: 'bigint',
    each: ids.map((id) => [id]),
  }
  return new Map(rows.map((row) => [Number(row['id']), baseOf(linesOfJson(String(row['base'])))]))
}

function* instanceRows(rows: readonly Row[], withMaps: boolean): Generator<Step, InstanceRow[], Row[]> {
  const ids = rows.map((row) => [Number(row['id'])])
  const maps = withMaps
    ? yield {
        sql: 'SELECT m.instance_id, m.map FROM (VALUES (?)) AS v JOIN pixel_map m ON m.instance_id = v.column1',
        types: 'bigint',
        each: ids,
      }
    : []
  const mapOf = new Map(maps.map((row) => [Number(row['instance_id']), row['map'] as Buffer]))
  const composed = rows.filter((row) => row['key'] === null).map((row) => [Number(row['id'])])
  const pieces = yield {
    sql: `SELECT x.instance_id, x.start, x.length, w.name AS store, b.key FROM (VALUES (?)) AS v
      JOIN blob_extent x ON x.instance_id = v.column1 JOIN blob b ON b.id = x.blob_id
      JOIN blob_store w ON w.id = b.store_id
      ORDER BY x.instance_id, x.ordinal`,
    types: 'bigint',
    each: composed,
  }
  return rows.map((row) => {
    const size = Number(row['size'])
    const own = pieces.filter((piece) => piece['instance_id'] === row['id'])
    return {
      ...knownInstance(row),
      extents:
        row['key'] === null
          ? own.map((piece) => extent(piece, Number(piece['start']), Number(piece['length'])))
          : [extent(row, 0, size)],
      size,
      damaged: Number(row['damaged']) !== 0,
      sender: row['sender'] === null ? null : String(row['sender']),
      receivedAt: Number(row['received_at']),
      pixelMap: mapOf.get(Number(row['id'])) ?? null,
    }
  })
}

function extent(row: Row, offset: number, length: number): BlobExtent {
  return { store: String(row['store']), key: String(row['key']), offset, length }
}
