/** One instance that stands for many, found and read at once. */
import type { Uid } from '../dicom/data-set.ts'
import { instancesPage, type InstancesPage } from './instances.ts'
import type { Dialect, Row, Step } from './operation.ts'
import { dataSetOf, type Query } from './query.ts'
import { count, search } from './search.ts'

export interface RepresentativeQuery {
  readonly study?: Uid
  readonly series?: Uid
  /** Modalities of series that are looked at last. */
  readonly unlikely: readonly string[]
}

const MODALITY = '00080060'
/** Series of a study whose modality is looked at. */
const MOST_SERIES = 200

const EVERYTHING: Omit<Query, 'level' | 'within'> = {
  keys: [],
  aggregates: [],
  include: [],
  required: [],
  orderBy: [],
  limit: undefined,
  offset: 0,
}

/** A page of the middle instance of the likeliest series, with its tags and pixel map; null where the scope has none. */
export function* representative(
  dialect: Dialect,
  { unlikely, ...scope }: RepresentativeQuery,
): Generator<Step, InstancesPage | null, Row[]> {
  const series = scope.series ?? (yield* likeliestSeries(dialect, scope, unlikely))
  const within = { ...scope, ...(series !== undefined && { series }) }
  const all: Query = { ...EVERYTHING, level: 'instance', within }
  const number = yield* count(dialect, all)
  if (number === 0) return null
  const { rows } = yield* search(dialect, { ...all, limit: 1, offset: Math.floor(number / 2) })
  const uids = rows[0]?.uids
  if (uids?.instance === undefined) return null
  const read = { tags: true, pixelMap: true, limit: 1, after: null }
  return yield* instancesPage(dialect, { scope: uids, states: ['active'], ...read })
}

function* likeliestSeries(
  dialect: Dialect,
  within: Query['within'],
  unlikely: readonly string[],
): Generator<Step, Uid | undefined, Row[]> {
  const query: Query = { ...EVERYTHING, level: 'series', within, required: [MODALITY], limit: MOST_SERIES }
  const { rows } = yield* search(dialect, query)
  const isUnlikely = (modality: unknown): boolean => unlikely.some((one) => one === modality)
  const shown = rows.find((row) => !isUnlikely(dataSetOf(row)[MODALITY]?.Value?.[0]))
  return (shown ?? rows[0])?.uids.series
}
