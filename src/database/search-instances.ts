import { pairedTime } from '../dicom/attributes.ts'
import { creatorTag, readPrivateStep, tagsOfStep } from '../dicom/path-step.ts'
import type { DataElement, DataSet, PathStep, Tag } from '../dicom/data-set.ts'
import { isRemoval, linesOfJson, tagOfLine, unpacked } from './encoding.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { idIn, rowsOf } from './search-sql.ts'

/** The data set of an instance of which only what is asked for is found and parsed. */
export interface StoredDataSet {
  /** The line of an attribute (`encoding.ts`): `"00100010":{…}`. */
  line(tag: Tag): string | undefined
  element(tag: Tag): DataElement | undefined
  /** The tags that begin so, in ascending order. */
  tags(prefix: string): Tag[]
}

/** A data set as it is kept: lines of `patch` replace those of `base`, or take them away. */
export interface KeptDataSet extends StoredDataSet {
  readonly base: Lines
  readonly patch: Lines
}

/** Lines of a data set (`encoding.ts`) by their tags. */
export interface Lines {
  get(tag: Tag): string | undefined
  /** The tags that begin so, in ascending order. */
  tags(prefix: string): Tag[]
  /** All there are, in ascending order. */
  all(): ReadonlyMap<Tag, string>
}

const NO_BASE: Lines = { get: () => undefined, tags: () => [], all: () => new Map() }

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
    for (const row of found) bases.set(Number(row['id']), linesIn(String(row['base'])))
  }
  return new Map(
    rows.map((row) => {
      const base = row['base_id'] === null ? undefined : bases.get(Number(row['base_id']))
      const packed = row['packed']
      const own = packed instanceof Uint8Array ? unpacked(packed) : String(row['patch'])
      return [Number(row['id']), stored(base ?? NO_BASE, linesIn(own))]
    }),
  )
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
  for (const tag of whole.tags(`${own.group}00`)) {
    const element = whole.element(tag)
    if (element) creators[tag] = element
  }
  return tagsOfStep(creators, step)
}

/** A text is searched for a few lines, and cut into all of them when more are wanted. */
const FEW = 8

/** The lines of a text that `encoding.ts` made. */
export function linesIn(json: string): Lines {
  let known: ReadonlyMap<Tag, string> | undefined
  const found = new Map<Tag, string | undefined>()
  const all = (): ReadonlyMap<Tag, string> =>
    (known ??= new Map(linesOfJson(json).map((line) => [tagOfLine(line), line])))
  return {
    all,
    tags: (prefix) =>
      known === undefined
        ? tagsWith(json, prefix)
        : [...known.keys()].filter((tag) => tag.startsWith(prefix)),
    get: (tag) => {
      if (known !== undefined || found.size >= FEW) return all().get(tag)
      let line = found.get(tag)
      if (line === undefined && !found.has(tag)) {
        line = lineIn(json, tag)
        found.set(tag, line)
      }
      return line
    },
  }
}

/** Behind group 0002 lines are in ascending order; what a data set has below it may stand behind it. */
const IN_ORDER: Tag = '00030000'

/** Line breaks do not occur within lines. */
function lineIn(json: string, tag: Tag): string | undefined {
  const start = tag < IN_ORDER ? startAmong(json, tag) : startByHalves(json, tag)
  if (start < 0) return undefined
  const end = json.indexOf('\n,', start)
  return json.slice(start, end < 0 ? -1 : end)
}

function startAmong(json: string, tag: Tag): number {
  const key = `"${tag}":`
  if (json.startsWith(key, 1)) return 1
  const found = json.indexOf(`\n,${key}`)
  return found < 0 ? -1 : found + 2
}

function startByHalves(json: string, tag: Tag): number {
  // A line begins at `low`; those that begin at `high` or later are greater.
  let [low, high] = [1, json.length - 1]
  while (low < high) {
    const start = Math.max(low, json.lastIndexOf('\n', (low + high) >>> 1) + 2)
    const found = json.slice(start + 1, start + 9)
    if (found === tag) return start
    if (found > tag) high = start - 2
    else {
      const end = json.indexOf('\n', start)
      low = end < 0 ? high : end + 2
    }
  }
  return -1
}

function tagsWith(json: string, prefix: string): Tag[] {
  const tags: Tag[] = []
  if (json.startsWith(prefix, 2)) tags.push(json.slice(2, 10))
  const key = `\n,"${prefix}`
  for (let at = json.indexOf(key); at >= 0; at = json.indexOf(key, at + 1))
    tags.push(json.slice(at + 3, at + 11))
  return tags
}

function stored(base: Lines, patch: Lines): KeptDataSet {
  const line = (tag: Tag): string | undefined => {
    const found = patch.get(tag) ?? base.get(tag)
    return found === undefined || isRemoval(found) ? undefined : found
  }
  return {
    base,
    patch,
    line,
    element: (tag) => elementOfLine(line(tag)),
    tags: (prefix) => {
      const found = new Set([...base.tags(prefix), ...patch.tags(prefix)])
      return [...found].filter((tag) => line(tag) !== undefined).sort()
    },
  }
}

export function elementOfLine(line: string): DataElement
export function elementOfLine(line: string | undefined): DataElement | undefined
export function elementOfLine(line: string | undefined): DataElement | undefined {
  return line === undefined ? undefined : (JSON.parse(line.slice(11)) as DataElement)
}
