import type { DataElement, DataSet, InstanceUids, KeyPath, Level, Tag, Uid, Vr } from '../dicom/data-set.ts'
import type { Match } from '../dicom/matching.ts'

/** One match key. `path` of one step, or into a sequence; keys into one sequence must hold in the same item. */
export interface Key {
  readonly path: KeyPath
  readonly vr: Vr
  readonly match: Match
}

export interface Order {
  readonly tag: Tag
  readonly descending: boolean
}

/** A QIDO question that needs no more knowledge of HTTP. Semantics: design §5. */
export interface Query {
  readonly level: Level
  readonly within: { readonly study?: Uid; readonly series?: Uid }
  /** All must hold together on at least one active instance, but for the aggregates, which stand for themselves. */
  readonly keys: readonly Key[]
  /** ModalitiesInStudy, SOPClassesInStudy and the counts: evaluated on the whole entity, each alone. */
  readonly aggregates: readonly Key[]
  /** Attributes to return beyond the required ones of the level, private ones with the element of their creator; or all. */
  readonly include: readonly KeyPath[] | 'all'
  /** Attributes that must be in every row, present even when empty. */
  readonly required: readonly Tag[]
  readonly orderBy: readonly Order[]
  /** Rows at most; undefined: no limit (only inside a study or series). */
  readonly limit: number | undefined
  readonly offset: number
  /** Opaque token of the row after which the page begins (`Link: rel="next"`). */
  readonly after?: string
  readonly includeSuperseded?: boolean
  /**
   * Address of the DICOMweb services, for BulkDataURI and RetrieveURL: rows have RetrieveURL and Instance Availability
   * when it is given.
   */
  readonly service?: string
  /**
   * Milliseconds after which a search that must look at data sets stops where it is; at least some candidates are looked
   * at. No end unless it is given.
   */
  readonly budgetMs?: number
}

export interface SearchRow {
  readonly uids: Partial<InstanceUids>
  /**
   * DICOM JSON text as clients may see it (PS3.18 §F.2), ascending: asked attributes that are there, required ones always,
   * aggregates of the whole entity.
   */
  readonly json: string
}

/** The attributes of a row. */
export function dataSetOf({ json }: SearchRow): DataSet {
  return JSON.parse(json) as DataSet
}

/** Instance Availability: everything in the index can be had at once (PS3.3 C.4.23.1.1). */
export const ONLINE: DataElement = { vr: 'CS', Value: ['ONLINE'] }

export interface SearchPage {
  readonly rows: readonly SearchRow[]
  /** More rows match than this page has. */
  readonly more: boolean
  /** The time was up before the page was full: `next` goes on from there. */
  readonly isCut?: boolean
  /** Token for `after`, when there is a last row, or the page is cut. */
  readonly next?: string
}
