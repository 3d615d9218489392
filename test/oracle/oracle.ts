/**
 * THE ORACLE: what a search must answer, from the data sets one by one. It knows the standard and the design, no
 * SQL, no index and nothing of the code that it judges, and takes all the time it needs.
 */
import { entitiesOf, isAbove, isAggregate, matched, overOf, type Stored } from './archive.ts'
import { canOrder, inOrder } from './order.ts'
import { rowOf, type Row } from './rows.ts'
import { readQuestion, type Question, type Search } from './question.ts'
import type { Level } from '../../src/dicom/data-set.ts'

export interface Limits {
  /** Rows of a search outside of a study: when the client names no limit, and at most. */
  readonly searchLimit: number
  readonly searchLimitMax: number
}

export interface Page {
  readonly rows: readonly Row[]
  /** More can be had behind this page: there is a link. */
  readonly more: boolean
}

export type Verdict = { readonly kind: 'refused'; readonly why: string } | Answered

export interface Answered {
  readonly kind: 'answered'
  /** The page that was asked for, or the one that begins behind so many rows. */
  readonly page: (offset?: number) => Page
  /** Matches in all, whatever the page. */
  readonly count: number
  readonly total: number | undefined
  /** `Warning: 299` headers: one for each name that was passed over, one when the archive's own limit cut. */
  readonly warnings: number
}

/** Aggregates of lower levels that are named: a row has several of them. */
function notShown(level: Level, { keys, include }: Question): string[] {
  const named = [...keys, ...(include === 'all' ? [] : include)].filter(isAggregate)
  const tags = new Set(named.map(({ path }) => path[0] ?? ''))
  return [...tags].filter((tag) => isAbove(level, overOf(tag)))
}

/** `archive` in the order received; `base` is the address of the DICOMweb services. */
export function judge(archive: readonly Stored[], search: Search, limits: Limits, base: string): Verdict {
  const question = readQuestion(search.params)
  if ('refused' in question) return { kind: 'refused', why: question.refused }
  if (!canOrder(search.level, question)) return { kind: 'refused', why: 'orderby' }
  const { study, series } = search.within
  const isInside = (one: Stored): boolean =>
    (study === undefined || one.study === study) && (series === undefined || one.series === series)
  const entities = entitiesOf(search.level, archive, question.superseded).filter(({ instances }) =>
    instances.every(isInside),
  )
  const hits = entities.flatMap((entity) => {
    const [shown] = matched(entity, question.keys, archive)
    return shown === undefined ? [] : [{ entity, shown }]
  })
  const sorted = inOrder(hits, search, question, archive)

  const isScoped = study !== undefined
  const asked = question.limit ?? (isScoped ? Infinity : limits.searchLimit)
  const limit = isScoped ? asked : Math.min(asked, limits.searchLimitMax)
  const page = (offset = question.offset): Page => {
    const rows = sorted.slice(offset, offset + limit)
    return {
      rows: rows.map(({ shown }) => rowOf(search, question, { shown, archive, base })),
      more: limit > 0 && offset + rows.length < sorted.length,
    }
  }
  const isClipped = page().more && !isScoped && (question.limit === undefined || question.limit > limit)
  return {
    kind: 'answered',
    page,
    count: hits.length,
    total: question.total ? hits.length : undefined,
    warnings: question.ignored + notShown(search.level, question).length + Number(isClipped),
  }
}
