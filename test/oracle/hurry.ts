/** What a service may answer that gives searches no time: pages that are cut, and go on until every row has been had. */
import type { Answer, World } from '../world.ts'
import type { Answered } from './oracle.ts'
import type { Search } from './question.ts'
import { countOf, differenceOfRows, nextOf, offsetOf } from './ask.ts'

/** Where the pages that begin with `first` differ from the oracle's; null where they agree. */
export async function differenceInHurry(
  world: World,
  verdict: Answered,
  search: Search,
  first: Answer,
): Promise<string | null> {
  const most = verdict.page().rows.length
  const found: object[] = []
  for (let answer = first; ;) {
    const rows = answer.dataSets()
    found.push(...rows)
    const url = nextOf(answer)
    if (url === undefined) break
    if (rows.length > most || (rows.length < most && !isToldCut(answer)))
      return `a page of ${rows.length} rows`
    answer = await world.get(url.slice(world.url.length), { Accept: 'application/dicom+json' })
    if (answer.status !== 200) return `status ${answer.status}: ${answer.text}`
  }
  return (
    differenceOfRows(found, allRows(verdict, offsetOf(search))) ??
    (await differenceOfCounts(world, verdict, search, first))
  )
}

function allRows({ page }: Answered, offset: number): object[] {
  const rows: object[] = []
  for (let next = page(offset); ; next = page(offset + rows.length)) {
    rows.push(...next.rows)
    if (!next.more) return rows
  }
}

function isToldCut({ headers }: Answer): boolean {
  return [headers.warning ?? []].flat().some((text) => text.includes('its time was up'))
}

/** Counts are exact or refused. */
async function differenceOfCounts(
  world: World,
  verdict: Answered,
  search: Search,
  first: Answer,
): Promise<string | null> {
  const total = first.headers['x-total-count']
  if (total !== undefined && total !== verdict.total?.toString()) return `X-Total-Count ${String(total)}`
  const counted = await countOf(world, search)
  if (counted === verdict.count || counted === 'status 413') return null
  return `count ${counted}, the oracle has ${verdict.count}`
}
