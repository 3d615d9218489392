import { pairedTime } from '../dicom/attributes.ts'
import { creatorTag, readPrivateStep, tagsOfStep } from '../dicom/path-step.ts'
import type { DataElement, DataSet, PathStep, Tag } from '../dicom/data-set.ts'
import { isRemoval, tagOfLine, textOf, unpacked } from './encoding.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import { elementOfLine, linesIn, type Lines } from './search-lines.ts'
import { idIn, keptRowsOf } from './search-sql.ts'

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

const NO_BASE: Lines = { get: () => undefined, tags: () => [], all: () => new Map() }

/** What a search has read. */
export interface Readings {
  /** By number: instances of a series share them. */
  readonly bases: Map<number, Lines>
  /** Data sets of its matches, by the numbers of these instances. */
  readonly matches: Map<number, KeptDataSet>
}

export function noReadings(): Readings {
  return { bases: new Map(), matches: new Map() }
}

/** Reads data sets by the numbers of their instances. */
export function* readDataSets(
  dialect: Dialect,
  ids: readonly number[],
  { bases, matches }: Readings,
): Generator<Step, Map<number, KeptDataSet>, Row[]> {
  const found = new Map<number, KeptDataSet>()
  const unread: number[] = []
  for (const id of ids) {
    const known = matches.get(id)
    if (known === undefined) unread.push(id)
    else found.set(id, known)
  }
  if (unread.length === 0) return found
  const place = idIn(dialect, 'i.id', unread)
  const rows = yield* keptRowsOf({
    sql: `SELECT i.id, i.base_id, i.patch, i.packed FROM instance i WHERE ${place.sql}`,
    params: place.params,
  })
  yield* readBases(dialect, rows, bases)
  for (const { id, base_id: baseId, patch, packed } of rows) {
    const base = baseId === null ? undefined : bases.get(Number(baseId))
    const own = packed instanceof Uint8Array ? unpacked(packed) : String(patch)
    found.set(Number(id), stored(base ?? NO_BASE, linesIn(own)))
  }
  return found
}

/** As bytes: SQLite would have every character decoded of texts in which a line or two are looked for. */
const BASE = { sqlite: 'CAST(b.base AS BLOB) AS base', postgres: 'b.base' } as const

function* readBases(
  dialect: Dialect,
  rows: readonly Row[],
  bases: Map<number, Lines>,
): Generator<Step, void, Row[]> {
  const missing = new Set<number>()
  for (const { base_id: base } of rows)
    if (base !== null && !bases.has(Number(base))) missing.add(Number(base))
  if (missing.size === 0) return
  const place = idIn(dialect, 'b.id', [...missing])
  const found = yield* keptRowsOf({
    sql: `SELECT b.id, ${BASE[dialect]} FROM tag_base b WHERE ${place.sql}`,
    params: place.params,
  })
  for (const { id, base } of found) bases.set(Number(id), linesIn(textOf(base)))
}

/** Answers that are remembered, and characters of lines that are worth it. */
const [ANSWERS, WORTH] = [32, 1000]

/**
 * A test on what keys look at, as a data set for `dicom/matching.ts`. Lines that were tested are not read again: instances
 * of a series mostly have the same, unless they differ in each.
 */
export function partTest(
  keys: readonly Key[],
  test: (part: DataSet) => boolean,
): (whole: StoredDataSet) => boolean {
  const answers = new Map<string, boolean>()
  let [hits, isWorth] = [0, true]
  const tested = (lines: readonly string[]): boolean => {
    const part: DataSet = {}
    for (const line of lines) part[tagOfLine(line)] = elementOfLine(line)
    return test(part)
  }
  return (whole) => {
    const lines = linesFor(keys, whole)
    if (!isWorth) return tested(lines)
    const text = lines.join('\n')
    const known = answers.get(text)
    if (known !== undefined) {
      hits++
      return known
    }
    const answer = tested(lines)
    if (answers.size === ANSWERS) {
      isWorth = hits >= ANSWERS
      hits = 0
      answers.clear()
    }
    if (text.length <= WORTH) answers.set(text, answer)
    return answer
  }
}

function linesFor(keys: readonly Key[], whole: StoredDataSet): string[] {
  const lines: string[] = []
  const take = (tag: Tag): void => {
    const line = whole.line(tag)
    if (line !== undefined) lines.push(line)
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
  return lines
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
