import type { IndexedInstance } from '../database/ports/instance.ts'
import type { Scope } from '../database/ports/instance-index.ts'
import { dataSetOf, type Query } from '../database/query.ts'
import type { Tag } from '../dicom/data-set.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { instanceOf } from './retrieve.ts'

const MODALITY: Tag = '00080060'
/** Modalities of which nothing is to be seen (PS3.3 C.7.3.1.1.1), or nothing that stands for a study. */
const NO_PICTURES: ReadonlySet<unknown> = new Set([
  ...[
    'SR',
    'KO',
    'PR',
    'AU',
    'DOC',
    'PLAN',
    'REG',
    'FID',
    'RTPLAN',
    'RTSTRUCT',
    'RTRECORD',
    'RWV',
    'STAIN',
    'ANN',
  ],
  ...['ECG', 'EPS', 'HD', 'EEG', 'RESP', 'TEXTUREMAP', 'M3D', 'SEG', 'SMR', 'VA', 'ASMT', 'CFM'],
])
/** Series of a study that are looked at for pictures. */
const MOST_SERIES = 200

/**
 * The instance that stands for a study or a series, with its pixel map: the middle one of the series, of the first series
 * that is likely to have pictures. Problem `not-found` where there is none at all.
 */
export async function representativeOf(
  archive: Archive,
  { study, series }: Scope,
  signal?: AbortSignal,
): Promise<IndexedInstance> {
  const within = { ...(study !== undefined && { study }), ...(series !== undefined && { series }) }
  const own = series ?? (await likeliestSeries(archive, within, signal))
  const inSeries = { ...within, ...(own !== undefined && { series: own }) }
  const { index } = archive.database
  const count = await index.count({ ...EVERYTHING, level: 'instance', within: inSeries }, signal)
  const middle = {
    ...EVERYTHING,
    level: 'instance',
    within: inSeries,
    limit: 1,
    offset: Math.floor(count / 2),
  } as const
  const [row] = count === 0 ? [] : (await index.search(middle, signal)).rows
  const { study: ofStudy, series: ofSeries, instance } = row?.uids ?? {}
  if (ofStudy !== undefined && ofSeries !== undefined && instance !== undefined) {
    return instanceOf(archive, { study: ofStudy, series: ofSeries, instance }, { pixelMap: true })
  }
  throw new Problem('not-found', 'There is no such study or series here.')
}

const EVERYTHING: Omit<Query, 'level' | 'within'> = {
  keys: [],
  aggregates: [],
  include: [],
  required: [],
  orderBy: [],
  limit: undefined,
  offset: 0,
}

async function likeliestSeries(
  archive: Archive,
  within: Query['within'],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const query: Query = { ...EVERYTHING, level: 'series', within, required: [MODALITY], limit: MOST_SERIES }
  const { rows } = await archive.database.index.search(query, signal)
  const shown = rows.find((row) => !NO_PICTURES.has(dataSetOf(row)[MODALITY]?.Value?.[0]))
  return (shown ?? rows[0])?.uids.series
}
