/** INSTANCES: pages of instances of a scope, in order, with their data sets put together again. */
import { linesOfJson, splicer, unpacked } from './encoding.ts'
import { cursorOf, walkInstances, type InstancesCursor, type InstancesWalk } from './instances-walk.ts'
import { KNOWN_COLUMNS, KNOWN_JOINS, knownInstance } from './known.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { BlobExtent, KnownInstance } from './ports/instance.ts'

export interface InstancesQuery extends InstancesWalk {
  readonly tags: boolean
  readonly pixelMap: boolean
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
  /** Where each of them ends. */
  readonly ends: readonly number[]
}

export interface InstancesPage extends DataSets {
  readonly rows: readonly InstanceRow[]
  /** Where the next page begins; null at the end. */
  readonly next: InstancesCursor | null
}

const NO_DATA_SETS: DataSets = { tags: null, ends: [] }

/** A page of data sets is cut at about so many bytes. */
export const PAGE_BYTES = 4 * 1024 * 1024

const COLUMNS = `${KNOWN_COLUMNS}, i.size, i.damaged, i.sender, i.received_at, w.name AS store, b.key`
const TAGS = 'i.base_id, i.patch, i.packed'
const JOINS = `${KNOWN_JOINS} LEFT JOIN blob b ON b.id = i.blob_id LEFT JOIN blob_store w ON w.id = b.store_id`

export function* instancesPage(
  _dialect: Dialect,
  query: InstancesQuery,
): Generator<Step, InstancesPage, Row[]> {
  const columns = [COLUMNS, ...(query.tags ? [TAGS] : []), ...(query.pixelMap ? ['m.map'] : [])].join(', ')
  const joins = query.pixelMap ? `${JOINS} LEFT JOIN pixel_map m ON m.instance_id = i.id` : JOINS
  const { found, next } = yield* walkInstances(query, columns, joins)
  if (!query.tags) return { rows: yield* instanceRows(found), ...NO_DATA_SETS, next }
  const dataSets = yield* dataSetsOf(found)
  const kept = found.slice(0, dataSets.ends.length)
  const last = kept.at(-1)
  const cut = kept.length < found.length && last !== undefined
  return { rows: yield* instanceRows(kept), ...dataSets, next: cut ? cursorOf(last) : next }
}

/** The data sets of rows up to {@link PAGE_BYTES}, of the first row in any case. */
function* dataSetsOf(rows: readonly Row[]): Generator<Step, DataSets, Row[]> {
  const baseOf = yield* basesOf(rows, (base) => splicer(linesOfJson(base)))
  const texts: string[] = []
  let bytes = 0
  const ends: number[] = []
  for (const row of rows) {
    if (bytes > PAGE_BYTES) break
    const text = baseOf(row)(linesOfJson(patchIn(row)))
    texts.push(text)
    bytes += Buffer.byteLength(text)
    ends.push(bytes)
  }
  const tags = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for (const text of texts) at += tags.write(text, at)
  return { tags, ends }
}

/** The patch of a row, or the whole data set that is kept compressed. */
export function patchIn({ patch, packed }: Row): string {
  return packed === null ? String(patch) : unpacked(packed as Buffer)
}

/** For each of the rows, what is made of its base. */
export function* basesOf<Base>(
  rows: readonly Row[],
  made: (base: string) => Base,
): Generator<Step, (row: Row) => Base, Row[]> {
  const ids = new Set(rows.flatMap(({ base_id: id }) => (id === null ? [] : [Number(id)])))
  const found = yield {
    sql: 'SELECT b.id, b.base FROM (VALUES (?)) AS v JOIN tag_base b ON b.id = v.column1',
    types: 'bigint',
    each: [...ids].map((id) => [id]),
  }
  const bases = new Map(found.map(({ id, base }) => [Number(id), made(String(base))]))
  const none = made('{}')
  return ({ base_id: id }) => {
    const base = id === null ? none : bases.get(Number(id))
    if (base === undefined) throw new Error(`tag_base ${Number(id)} is missing`)
    return base
  }
}

function* instanceRows(rows: readonly Row[]): Generator<Step, InstanceRow[], Row[]> {
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
      pixelMap: (row['map'] as Buffer | null | undefined) ?? null,
    }
  })
}

function extent(row: Row, offset: number, length: number): BlobExtent {
  return { store: String(row['store']), key: String(row['key']), offset, length }
}
