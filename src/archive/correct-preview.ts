import type { StudyPart } from '../database/ports/corrections.ts'
import type { IndexedInstance } from '../database/ports/instance.ts'
import { IDENTIFYING } from '../dicom/correction.ts'
import type { DataSet, Tag, Uid, Value } from '../dicom/data-set.ts'
import { entryOf } from '../dicom/dictionary.ts'
import { pixelExtents, readPixelMap } from '../dicom/pixel-map.ts'
import { Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { isOf } from './correct-part.ts'
import { type CorrectionKind, kindsOf } from './correct-policy.ts'

export interface Wanted {
  readonly study: Uid
  /** The right values; see `dicom/correction.ts` for which may be named. */
  readonly attributes: DataSet
  readonly reason: 'CORRECT' | 'COERCE'
  readonly description: string
  readonly proposedBy: string | null
  /** Of the study, only these are wrong: they leave for a study of their own. */
  readonly part?: StudyPart | undefined
  /** The ImagingStudy was given another subject, which is a kind of correction of its own. */
  readonly isSubject?: boolean
}

/** What a correction would do, before anybody decides. */
export interface CorrectionPreview {
  readonly study: Uid
  /** What of it is corrected; null: all. */
  readonly part: StudyPart | null
  readonly series: number
  readonly instances: number
  /** Of the study's files, and about what would be written anew: pixel data is shared. */
  readonly bytes: { readonly study: number; readonly written: number }
  readonly attributes: readonly {
    readonly tag: Tag
    readonly keyword: string
    readonly before: readonly (readonly Value[])[]
    readonly after: readonly Value[]
  }[]
  /** The patient would be another one, so that a rejection note says so. */
  readonly identity: boolean
  /** What decides whether it waits for a person. */
  readonly kinds: readonly CorrectionKind[]
  /** What stays in the study as it is. */
  readonly stays: { readonly series: number; readonly instances: number }
}

interface Found {
  readonly preview: CorrectionPreview
  readonly from: readonly DataSet[]
}

/** What is looked at, counted. */
interface Seen {
  readonly tuples: Map<string, DataSet>
  readonly series: Set<Uid>
  readonly stays: Set<Uid>
  readonly sums: { instances: number; stays: number; study: number; written: number }
}

/** So much is new in each file, about: what says where it comes from, and an end of the blocks. */
const ADDED_BYTES = 2048

/**
 * Looks at a study; Problem `not-found` where nothing is shown of it, or of the part that is named, `conflict` where it says
 * all of it already, or the part is the whole.
 */
export async function lookAt(archive: Archive, wanted: Wanted): Promise<Found> {
  const { study, attributes: to, part, isSubject = false } = wanted
  const tags = Object.keys(to).sort()
  const { tuples, series, stays, sums } = await seenOf(archive, wanted, tags)
  if (part !== undefined && sums.stays === 0)
    throw new Problem(
      'conflict',
      'The part is all of the study: it is corrected as a whole, and keeps its UID.',
    )
  // The order in which a study was received must not make another correction of it.
  const from = [...tuples].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tuple]) => tuple)
  const changed = tags.filter((tag) => from.some((tuple) => textOf(tuple, tag) !== textOf(to, tag)))
  if (part === undefined && changed.length === 0)
    throw new Problem('conflict', 'All instances of the study have these values already.')
  const attributes = tags.map((tag) => ({
    tag,
    keyword: entryOf(tag)?.keyword ?? tag,
    before: [...new Map(from.map((tuple) => [textOf(tuple, tag), tuple[tag]?.Value ?? []])).values()],
    after: to[tag]?.Value ?? [],
  }))
  const kinds = kindsOf(changed, { isPart: part !== undefined, isSubject })
  const { instances, study: studyBytes, written } = sums
  const preview: CorrectionPreview = {
    ...{ study, part: part ?? null, series: series.size, instances },
    ...{ bytes: { study: studyBytes, written }, attributes, kinds },
    identity: part !== undefined || changed.some((tag) => IDENTIFYING.has(tag)),
    stays: { series: stays.size, instances: sums.stays },
  }
  return { from, preview }
}

/** What is shown of a study now; Problem `not-found` where that is nothing, or a part names what is not there. */
async function seenOf(archive: Archive, { study, part }: Wanted, tags: readonly Tag[]): Promise<Seen> {
  const seen: Seen = {
    ...{ tuples: new Map(), series: new Set(), stays: new Set() },
    sums: { instances: 0, stays: 0, study: 0, written: 0 },
  }
  const { tuples, series, stays, sums } = seen
  const missing = new Set([...(part?.series ?? []), ...(part?.instances ?? [])])
  for await (const page of archive.database.index.instances({ study }, { tags: true, pixelMap: true })) {
    for (const instance of page) {
      const { uids } = instance
      missing.delete(uids.series)
      missing.delete(uids.instance)
      sums.study += instance.size
      if (!isOf(part, uids)) {
        stays.add(uids.series)
        sums.stays++
        continue
      }
      const dataSet = JSON.parse(instance.tags?.toString() ?? '{}') as DataSet
      const own = Object.fromEntries(tags.flatMap((tag) => (dataSet[tag] ? [[tag, dataSet[tag]]] : [])))
      tuples.set(JSON.stringify(own), own)
      series.add(uids.series)
      sums.instances++
      sums.written += instance.size - sharedBytes(instance) + ADDED_BYTES
    }
  }
  if (sums.instances + sums.stays === 0) throw new Problem('not-found', 'There is no such study here.')
  if (missing.size > 0) throw new Problem('not-found', 'The part names what is not shown in this study.')
  return seen
}

function textOf(dataSet: DataSet, tag: Tag): string {
  return JSON.stringify(dataSet[tag]?.Value ?? [])
}

function sharedBytes({ pixelMap }: IndexedInstance): number {
  if (pixelMap === undefined || pixelMap === null) return 0
  return pixelExtents(readPixelMap(pixelMap)).reduce((sum, { length }) => sum + length, 0)
}
