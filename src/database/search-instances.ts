import { pairedTime } from '../dicom/attributes.ts'
import { creatorTag, readPrivateStep, tagsOfStep } from '../dicom/path-step.ts'
import type { DataElement, DataSet, PathStep, Tag } from '../dicom/data-set.ts'
import { isRemoval, linesOfJson, tagOfLine, unpacked } from './encoding.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { idIn, rowsOf } from './search-sql.ts'

/** The data set of an instance of which only what is asked for is parsed. */
export interface StoredDataSet {
  element(tag: Tag): DataElement | undefined
  /** Every tag there is, in ascending order. */
  tags(): Tag[]
}

/** A data set as it is kept: lines of `patch` replace those of `base`, or take them away. */
export interface KeptDataSet extends StoredDataSet {
  readonly base: Lines
  readonly patch: Lines
}

/** Lines of a data set (`encoding.ts`) by their tags, in ascending order. */
export type Lines = ReadonlyMap<Tag, string>

const NO_BASE: Lines = new Map()

/** Bases that a search has read, by number: instances of a series share them. */
export type Bases = Map<number, Lines>

/** Reads data sets by the numbers of their instances. */
export function* readDataSets(
  dialect: Dialect,
  ids: readonly number[],
  bases: Bases,
): Generator<Step, Map<number, KeptDataSet>, Row[]> {
  const place = idIn(dialect, 'i.id', ids)
  const rows = yield* rowsOf({
    sql: `SELECT i.id, i.base_id, i.patch, i.packed FROM instance i WHERE ${place.sql}`,
    params: place.params,
  })
  const missing = new Set<number>()
  for (const { base_id: base } of rows)
    if (base !== null && !bases.has(Number(base))) missing.add(Number(base))
  if (missing.size > 0) {
    const list = idIn(dialect, 'b.id', [...missing])
    const found = yield* rowsOf({
      sql: `SELECT b.id, b.base FROM tag_base b WHERE ${list.sql}`,
      params: list.params,
    })
    for (const row of found) bases.set(Number(row['id']), byTag(String(row['base'])))
  }
  return new Map(
    rows.map((row) => {
      const base = row['base_id'] === null ? undefined : bases.get(Number(row['base_id']))
      const packed = row['packed']
      const own = packed instanceof Uint8Array ? unpacked(packed) : String(row['patch'])
      return [Number(row['id']), stored(base ?? NO_BASE, byTag(own))]
    }),
  )
}

/** The tuple of a level as a data set: its column `attributes`. */
export function readTuple(attributes: string): StoredDataSet {
  return stored(NO_BASE, byTag(attributes))
}

/** What the keys look at, as a data set for `dicom/matching.ts`. */
export function partFor(keys: readonly Key[], whole: StoredDataSet): DataSet {
  const part: DataSet = {}
  const take = (tag: Tag): void => {
    const element = whole.element(tag)
    if (element) part[tag] = element
  }
  take('00080201')
  for (const { path } of keys) {
    const [step = ''] = path
    for (const tag of tagsIn(whole, step)) {
      if (tag !== step) take(creatorTag(tag))
      take(tag)
    }
    const time = pairedTime(step)
    if (time !== undefined) take(time)
  }
  return part
}

/** The tags that a step means in a stored data set. */
export function tagsIn(whole: StoredDataSet, step: PathStep): Tag[] {
  const own = readPrivateStep(step)
  if (own === undefined) return [step]
  const creators: DataSet = {}
  for (const tag of whole.tags()) {
    const element = tag.startsWith(`${own.group}00`) ? whole.element(tag) : undefined
    if (element) creators[tag] = element
  }
  return tagsOfStep(creators, step)
}

function byTag(json: string): Lines {
  return new Map(linesOfJson(json).map((line) => [tagOfLine(line), line]))
}

function stored(base: Lines, patch: Lines): KeptDataSet {
  return {
    base,
    patch,
    element: (tag) => {
      const line = patch.get(tag) ?? base.get(tag)
      return line === undefined || isRemoval(line) ? undefined : (JSON.parse(line.slice(11)) as DataElement)
    },
    tags: () => {
      const all = new Set([...base.keys(), ...patch.keys()])
      return [...all].filter((tag) => !isRemoval(patch.get(tag) ?? '')).sort()
    },
  }
}
