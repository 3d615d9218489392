/** What adding a batch will write, worked out before the transaction: encodings, values and postings. No SQL here. */
import { differences, jsonOfLines, patchOf, wholeColumns, WHOLE_ABOVE, type Change } from './encoding.ts'
import type { Dialect } from './operation.ts'
import type { PreparedInstance } from './prepare.ts'
import {
  eachLineTerm,
  eachWholeTerm,
  makeBase,
  noteTerm,
  postedPath,
  type Base,
  type NewPostings,
  type SeriesState,
} from './series-state.ts'

export interface PlannedInstance {
  readonly instance: PreparedInstance
  readonly series: PlannedSeries
  readonly lines: readonly string[]
  readonly base: Base | null
  readonly patch: string | null
  readonly packed: Buffer | null
}

/** A series that the batch adds to. */
export interface PlannedSeries {
  readonly studyUid: string
  readonly seriesUid: string
  readonly state: SeriesState
  readonly newBases: Base[]
  readonly postings: NewPostings
}

export function plannedSeries(studyUid: string, seriesUid: string, state: SeriesState): PlannedSeries {
  return { studyUid, seriesUid, state, newBases: [], postings: { values: [], marks: [], ranges: new Map() } }
}

/** Plans one instance and notes in the state of its series what will be so once it is written. */
export function planInstance(
  dialect: Dialect,
  series: PlannedSeries,
  instance: PreparedInstance,
): PlannedInstance {
  const { state } = series
  const lines = instance.text.split('\n')
  if (instance.text.length > WHOLE_ABOVE) {
    noteWhole(series, lines)
    state.begun = true
    return { instance, series, lines, base: null, ...wholeColumns(dialect, lines) }
  }
  const { base } = state
  const changes = base === null ? null : differences(base.lines, lines)
  const patch = changes === null ? '{}' : patchOf(changes)
  if (base === null || changes === null || patch.length * 2 > instance.text.length) {
    const own = makeBase(lines, 0, noteWhole(series, lines))
    state.begun = true
    state.base = own
    series.newBases.push(own)
    return { instance, series, lines, base: own, patch: jsonOfLines([]), packed: null }
  }
  noteChanges(series, base, changes)
  state.begun = true
  return { instance, series, lines, base, patch, packed: null }
}

/**
 * Notes all values of a data set, and which known paths it has no value at. Gives the paths at which it has some, by
 * top-level tag.
 */
export function noteWhole(series: PlannedSeries, lines: readonly string[]): Base['paths'] {
  const { state, postings } = series
  const paths = eachWholeTerm(lines, (path, value) => noteTerm(state, path, value, postings))
  const seen = new Set([...paths.values()].flat())
  for (const path of state.posted.keys()) if (!seen.has(path)) noteAbsent(series, path)
  return paths
}

/**
 * Notes what differs from the base. What equals the base is posted already; a path that neither the base nor the
 * changes have was posted as absent when it came, for the base's instance lacks it too.
 */
function noteChanges(series: PlannedSeries, base: Base, changes: readonly Change[]): void {
  const { state, postings } = series
  for (const { tag, line } of changes) {
    const seen = new Set<string>()
    if (line !== null)
      eachLineTerm(line, (path, value) => {
        seen.add(path)
        noteTerm(state, path, value, postings)
      })
    for (const path of base.paths.get(tag) ?? []) if (!seen.has(path)) noteAbsent(series, path)
  }
}

function noteAbsent(series: PlannedSeries, path: string): void {
  const known = postedPath(series.state.posted, path)
  if (known.absent) return
  known.absent = true
  series.postings.marks.push({ path, marker: 'absent' })
}
