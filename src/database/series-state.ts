/**
 * What a writer knows of a series while it adds to it: the base against which it encodes, and the postings that the
 * series has. Filled from the rows, then kept in memory.
 */
import type { DataElement } from '../dicom/data-set.ts'
import { linesOfJson, tagOfLine } from './encoding.ts'
import type { Row, Step } from './operation.ts'
import { contains, rangeOf, united, type Bound, type Range } from './ranges.ts'
import { alwaysVaries, eachTerm, hasOwnColumn, markerOf, valuesPerSeries } from './terms.ts'

/** Postings of one path: its values, or that it varies. */
export interface PostedPath {
  readonly values: Set<string>
  varies: boolean
  /** Of the values that have no posting, where it varies. */
  range: Range | null
  absent: boolean
  present: boolean
}

export interface Base {
  /** Number of the row; 0 while it is not yet written. */
  id: number
  readonly lines: readonly string[]
  /** Characters of its JSON text. */
  readonly length: number
  /** Paths at which the base has values, by top-level tag. */
  readonly paths: ReadonlyMap<string, readonly string[]>
}

export interface SeriesState {
  /** 0 while the series is not yet written. */
  id: number
  /** Counts rebuilds of the postings: a state of another epoch is void. */
  readonly epoch: number
  /** Paths that the series has postings of, as the row said when the state was last known to be whole. */
  nPaths: number
  /** Whether an instance has been added: a path that comes later is absent in that one. */
  begun: boolean
  base: Base | null
  readonly posted: Map<string, PostedPath>
}

export function emptyState(): SeriesState {
  return { id: 0, epoch: 0, nPaths: 0, begun: false, base: null, posted: new Map() }
}

/**
 * Reads the state of a series, or gives an empty one. Its newest base is used only if every value in it is posted still
 * (not so when the instance it was made of has been hidden and the postings rebuilt): what equals the base is not
 * looked at again.
 */
export function* loadSeries(studyUid: string, seriesUid: string): Generator<Step, SeriesState, Row[]> {
  const [row] = yield {
    sql: `SELECT e.id, e.epoch, e.n_paths FROM study s JOIN series e ON e.study_id = s.id
      WHERE s.study_uid = ? AND e.series_uid = ?`,
    params: [studyUid, seriesUid],
  }
  if (row === undefined) return emptyState()
  const id = Number(row['id'])
  const posted = yield* loadPosted(id)
  const state: SeriesState = {
    id,
    epoch: Number(row['epoch']),
    nPaths: Number(row['n_paths']),
    begun: true,
    base: null,
    posted,
  }
  const [newest] = yield {
    sql: 'SELECT id, base FROM tag_base WHERE series_id = ? ORDER BY id DESC LIMIT 1',
    params: [id],
  }
  if (newest === undefined) return state
  const lines = linesOfJson(String(newest['base']))
  let isWhole = true
  const paths = eachWholeTerm(lines, (path, value) => {
    isWhole &&= isCovered(posted.get(path), path, value)
  })
  const seen = new Set([...paths.values()].flat())
  for (const [path, known] of posted) isWhole &&= seen.has(path) || known.absent
  if (isWhole) state.base = makeBase(lines, Number(newest['id']), paths)
  return state
}

/** Postings of a series by path. */
export function* loadPosted(seriesId: number): Generator<Step, Map<string, PostedPath>, Row[]> {
  const rows = yield {
    sql: `SELECT p.value_id, v.value, t.path FROM tag_post p
      JOIN tag_value v ON v.id = p.value_id JOIN tag_path t ON t.id = v.path_id
      WHERE p.series_id = ? AND p.value_id > 0`,
    params: [seriesId],
  }
  const marks = yield {
    sql: `SELECT p.value_id, t.path, r.low, r.high, r.low_text, r.high_text FROM tag_post p
      JOIN tag_path t ON t.id = (-p.value_id) / 4
      LEFT JOIN tag_range r ON r.path_id = t.id AND r.series_id = p.series_id
      WHERE p.series_id = ? AND p.value_id < 0`,
    params: [seriesId],
  }
  const posted = new Map<string, PostedPath>()
  for (const row of rows) postedPath(posted, String(row['path'])).values.add(String(row['value']))
  for (const row of marks) {
    const path = postedPath(posted, String(row['path']))
    path[markerOf(Number(row['value_id'])).marker] = true
    path.range ??= rangeOfRow(row)
  }
  return posted
}

export function postedPath(posted: Map<string, PostedPath>, path: string): PostedPath {
  let known = posted.get(path)
  if (known === undefined) {
    known = { values: new Set(), varies: false, range: null, absent: false, present: false }
    posted.set(path, known)
  }
  return known
}

/** @param paths as {@link eachWholeTerm} gives them */
export function makeBase(lines: readonly string[], id: number, paths: Base['paths']): Base {
  return { id, lines, length: lines.reduce((sum, line) => sum + line.length + 2, 0), paths }
}

/** The terms of all lines; gives the paths that have values, by top-level tag. */
export function eachWholeTerm(
  lines: readonly string[],
  found: (path: string, value: string | null) => void,
): Base['paths'] {
  const paths = new Map<string, readonly string[]>()
  for (const line of lines) {
    const own = new Set<string>()
    eachLineTerm(line, (path, value) => {
      own.add(path)
      found(path, value)
    })
    if (own.size > 0) paths.set(tagOfLine(line), [...own])
  }
  return paths
}

/** The terms of one line; none for a top-level tag that has a column of its own. */
export function eachLineTerm(line: string, found: (path: string, value: string | null) => void): void {
  const tag = tagOfLine(line)
  if (hasOwnColumn(tag)) return
  eachTerm(tag, JSON.parse(line.slice(11)) as DataElement, found)
}

/** Whether the postings of a path lead to a value; null is one that is not text. */
export function isCovered(known: PostedPath | undefined, path: string, value: string | null): boolean {
  if (known === undefined) return false
  if (value === null) return known.present || known.varies
  if (known.values.has(value)) return true
  return known.varies && known.range !== null && contains(known.range, rangeOf(path, value))
}

/** What an instance adds to the postings of its series. */
export interface NewPostings {
  /** Values by path that the series has no posting of yet. */
  readonly values: { readonly path: string; readonly value: string }[]
  readonly marks: { readonly path: string; readonly marker: 'varies' | 'absent' | 'present' }[]
  /** By path, where they reach further than before. */
  readonly ranges: Map<string, Range>
}

/** Notes one value of an instance in the state, and what must be posted for it. */
export function noteTerm(
  state: SeriesState,
  path: string,
  value: string | null,
  postings: NewPostings,
): void {
  const isNew = !state.posted.has(path)
  const known = postedPath(state.posted, path)
  if (isNew) {
    if (state.begun) {
      known.absent = true
      postings.marks.push({ path, marker: 'absent' })
    }
    if (alwaysVaries(path)) {
      known.varies = true
      postings.marks.push({ path, marker: 'varies' })
    }
  }
  if (known.varies) {
    if (value !== null && !known.values.has(value)) widen(known, path, value, postings)
    return
  }
  if (value === null) {
    if (known.present) return
    known.present = true
    postings.marks.push({ path, marker: 'present' })
  } else if (!known.values.has(value)) {
    if (known.values.size >= valuesPerSeries(value)) {
      known.varies = true
      postings.marks.push({ path, marker: 'varies' })
      widen(known, path, value, postings)
      return
    }
    known.values.add(value)
    postings.values.push({ path, value })
  }
}

function widen(known: PostedPath, path: string, value: string, postings: NewPostings): void {
  const own = rangeOf(path, value)
  if (known.range !== null && contains(known.range, own)) return
  known.range = known.range === null ? own : united(known.range, own)
  postings.ranges.set(path, known.range)
}

function rangeOfRow(row: Row): Range | null {
  const [low, high] = [row['low'] ?? row['low_text'], row['high'] ?? row['high_text']]
  return low === null || low === undefined ? null : { low: low as Bound, high: high as Bound }
}
