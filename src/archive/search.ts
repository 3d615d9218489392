import { aggregateOf, returnedAttributes } from '../dicom/attributes.ts'
import { matches } from '../dicom/matching.ts'
import type { DataSet, KeyPath, Level, Tag } from '../dicom/data-set.ts'
import { ONLINE, type Key, type Order, type Query, type SearchRow } from '../database/query.ts'
import { isProblem } from '../problem.ts'
import type { Archive } from './archive.ts'

/** What a client searches for; see `database/query.ts` for the keys. */
export interface SearchRequest {
  readonly level: Level
  readonly within: { readonly study?: string; readonly series?: string }
  readonly keys: readonly Key[]
  readonly aggregates: readonly Key[]
  readonly include: readonly KeyPath[] | 'all'
  readonly orderBy: readonly Order[]
  readonly limit: number | undefined
  readonly offset: number
  readonly after: string | undefined
  /** Count all matches as well. */
  readonly total: boolean
  /** List what a correction has replaced as well; aggregates are those of what is active. */
  readonly includeSuperseded?: boolean
}

export interface SearchSettings {
  /** Rows of a search of the whole archive, when the client names no limit and at most. */
  readonly searchLimit: number
  readonly searchLimitMax: number
  /** Milliseconds for which a search of the whole archive looks at data sets; absent: as long as it takes. */
  readonly searchBudgetMs?: number
  /** Address of the DICOMweb services, where what is found can be fetched. */
  readonly service: string
}

export interface SearchAnswer {
  /** Rows in order, in batches; nothing is held open in the database between two of them. */
  readonly pages: AsyncIterable<readonly SearchRow[]>
  /** Whether there are no rows at all. */
  readonly isEmpty: boolean
  /** Token of the page after this one, when the answer was limited and more rows match. */
  readonly next: string | undefined
  /** The archive's own limit, not the client's, has kept rows back. */
  readonly isClipped: boolean
  /** The time was up: `next` goes on where the search stopped, and this page may have fewer rows than were asked for. */
  readonly isCut: boolean
  /** Exact number of matches, when it was asked for, and could be had in time. */
  readonly total: number | undefined
}

/** Rows of one question to the index: small enough that nothing else waits long for it. */
const PAGE = 500
const AVAILABILITY: Tag = '00080056'

/**
 * Searches one level (PS3.18 §10.6). A search of the whole archive has limits of rows and time; one inside a study or
 * series has only the client's and is read page by page while the answer is written. Rejects with Problem `malformed` (order or token),
 * `unavailable`, or the signal's reason.
 */
export async function search(
  archive: Archive,
  request: SearchRequest,
  settings: SearchSettings,
  signal?: AbortSignal,
): Promise<SearchAnswer> {
  const { index } = archive.database
  const { query: plain, isVain } = queryOf(request)
  const query: Query = { ...plain, service: settings.service }
  const isScoped = request.within.study !== undefined
  const ceiling = isScoped ? Infinity : settings.searchLimitMax
  const asked = request.limit ?? (isScoped ? Infinity : settings.searchLimit)
  const limit = Math.min(asked, ceiling)
  const timeLeft = stopwatch(isScoped ? undefined : settings.searchBudgetMs)
  if (isVain || limit === 0) {
    // A search for no rows is asked all the same: it may be one that the index refuses.
    await index.search({ ...query, limit: 0 }, signal)
    const total = await totalOf(archive, request, timeLeft(), signal)
    return { pages: noPages(), isEmpty: true, next: undefined, isClipped: false, isCut: false, total }
  }

  /** Reads up to `most` rows, a page at a time, after `token`. */
  async function* read(most: number, from: Query): AsyncGenerator<PageRead> {
    let [left, next] = [most, from]
    while (left > 0) {
      const page = await index.search({ ...next, ...timeLeft(), limit: Math.min(left, PAGE) }, signal)
      left -= page.rows.length
      const isCut = page.isCut === true
      yield { rows: page.rows, token: page.more ? page.next : undefined, isCut }
      if (!page.more || page.next === undefined || isCut) return
      next = { ...from, offset: 0, after: page.next }
    }
  }

  if (limit === Infinity) {
    const total = await totalOf(archive, request, timeLeft(), signal)
    return { ...(await streamed(read(limit, query))), total }
  }
  const pages = await Array.fromAsync(read(limit, query))
  const { token: next, isCut = false } = pages.at(-1) ?? {}
  return {
    pages: inBatches(pages),
    isEmpty: pages.every((page) => page.rows.length === 0),
    next,
    isClipped: next !== undefined && !isCut && (request.limit === undefined || request.limit > limit),
    isCut,
    total: await totalOf(archive, request, timeLeft(), signal),
  }
}

/**
 * The exact number of matches of a search; paging and order do not matter. Rejects with Problem `too-large` when it would
 * take longer than `searchBudgetMs` to find out.
 */
export async function countMatches(
  archive: Archive,
  request: SearchRequest,
  signal?: AbortSignal,
  { searchBudgetMs }: Pick<SearchSettings, 'searchBudgetMs'> = {},
): Promise<number> {
  const { query, isVain } = queryOf(request)
  const timeLeft = stopwatch(request.within.study === undefined ? searchBudgetMs : undefined)
  return isVain ? 0 : archive.database.index.count({ ...query, ...timeLeft() }, signal)
}

/** The total of a search, when it is asked for; none when it would take longer than there is time for. */
async function totalOf(
  archive: Archive,
  request: SearchRequest,
  time: Time,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (!request.total) return undefined
  const { query, isVain } = queryOf(request)
  if (isVain) return 0
  try {
    return await archive.database.index.count({ ...query, ...time }, signal)
  } catch (error) {
    if (isProblem(error, 'too-large')) return undefined
    throw error
  }
}

type Time = Pick<Query, 'budgetMs'>

/** What is left of a time that begins now. */
function stopwatch(milliseconds: number | undefined): () => Time {
  if (milliseconds === undefined) return () => ({})
  const end = performance.now() + milliseconds
  return () => ({ budgetMs: Math.max(0, end - performance.now()) })
}

interface PageRead {
  readonly rows: readonly SearchRow[]
  readonly token: string | undefined
  readonly isCut: boolean
}

/** The first page is read before anything is answered, so that what is wrong with the request is still an answer. */
async function streamed(pages: AsyncGenerator<PageRead>): Promise<Omit<SearchAnswer, 'total'>> {
  const first = await pages.next()
  const head: PageRead = first.done === true ? { rows: [], token: undefined, isCut: false } : first.value
  async function* all(): AsyncGenerator<readonly SearchRow[]> {
    yield head.rows
    for await (const page of pages) yield page.rows
  }
  return { pages: all(), isEmpty: head.rows.length === 0, next: undefined, isClipped: false, isCut: false }
}

// Both are asynchronous only so that every answer is read in the same way.
async function* inBatches(pages: readonly PageRead[]): AsyncGenerator<readonly SearchRow[]> {
  for (const { rows } of pages) yield await Promise.resolve(rows)
}

async function* noPages(): AsyncGenerator<readonly SearchRow[]> {
  yield await Promise.resolve([])
}

/** The question to the index, with the attributes that a row has by default; `isVain` when nothing can match. */
function queryOf(request: SearchRequest): { readonly query: Query; readonly isVain: boolean } {
  const { level, within } = request
  const here: DataSet = { [AVAILABILITY]: ONLINE }
  const [availability, keys] = partition(request.keys, (key) => key.path[0] === AVAILABILITY)
  const { required, optional } = returnedAttributes(level, within)
  // What is counted stands in no data set, so that `all` does not have it by itself.
  const counted = optional.flatMap((path) => path.filter((tag) => aggregateOf(tag) !== undefined))
  // What a client names is there even when it is empty (PS3.18 §10.6.3.3), within sequences where there is an item.
  const named =
    request.include === 'all' ? counted : request.include.flatMap((path) => (path.length === 1 ? path : []))
  const query: Query = {
    level,
    within,
    keys,
    aggregates: request.aggregates,
    include: request.include === 'all' ? 'all' : [...optional, ...request.include],
    required: [...new Set([...required, ...named, ...(availability.length > 0 ? [AVAILABILITY] : [])])],
    orderBy: request.orderBy,
    limit: undefined,
    offset: request.offset,
    ...(request.after !== undefined && { after: request.after }),
    ...(request.includeSuperseded === true && { includeSuperseded: true }),
  }
  return { query, isVain: !availability.every((key) => matches(here, key)) }
}

function partition<T>(all: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  return [all.filter(test), all.filter((one) => !test(one))]
}
