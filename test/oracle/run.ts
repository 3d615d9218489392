/** Puts archives into a service, asks it and the oracle the same, and tells where they differ. */
import type { Answer, World } from '../world.ts'
import type { Stored } from './archive.ts'
import { bytesOf, type Step } from './made-archive.ts'
import { countOf, differenceOfRows, nextOf, offsetOf, pathOf, queryOf } from './ask.ts'
import { differenceInHurry } from './hurry.ts'
import { judge, type Limits, type Page } from './oracle.ts'
import type { Search } from './question.ts'

/** Small, so that archives of some dozen instances are clipped too. */
export const LIMITS: Limits = { searchLimit: 9, searchLimitMax: 14 }

/** The same for a service that gives searches no time: their pages are cut, and go on. */
export const HURRY = { ...LIMITS, searchBudgetMs: 0 }

/** Does to the service what a step says; files that contradict what is there are refused and go aside. */
export async function take(world: World, step: Step): Promise<void> {
  if ('change' in step) {
    const { change: instances, to } = step
    const from = (['active', 'superseded', 'rejected', 'deleted'] as const).filter((state) => state !== to)
    await world.archive.database.lifecycle.change({
      scope: {},
      instances,
      from,
      to,
      actor: null,
      reason: 'test',
    })
    return
  }
  for (const files of requestsOf(step.store.map(bytesOf))) await send(world, files)
}

/** What is large is processed apart, and may be in the index after what was sent behind it: it has a request of its own. */
function requestsOf(files: readonly Buffer[]): Buffer[][] {
  const requests: Buffer[][] = []
  for (const file of files) {
    const last = requests.at(-1)
    const isAlone = last === undefined || [file, ...last].some((one) => one.length > LARGE)
    if (isAlone) requests.push([file])
    else last.push(file)
  }
  return requests
}
const LARGE = 64 * 1024

async function send(world: World, files: readonly Buffer[]): Promise<void> {
  const answer = await world.stow(files)
  if (![200, 202, 409].includes(answer.status)) throw new Error(`not stored: ${answer.status} ${answer.text}`)
  const failed = answer.dataSet()['00081198']?.Value ?? []
  const reasons = failed.map((item) => (item as { '00081197': { Value: number[] } })['00081197'].Value[0])
  // Taken by other content; deleted on purpose, and not to be stored again.
  if (reasons.some((reason) => reason !== 0x0111 && reason !== 0xa902))
    throw new Error(`not stored: ${answer.text}`)
}

/** Where the service and the oracle differ about a search; null where they agree. */
export async function difference(
  world: World,
  archive: readonly Stored[],
  search: Search,
): Promise<string | null> {
  const verdict = judge(archive, search, LIMITS, `${world.url}/dicomweb`)
  const answer = await world.get(`/dicomweb${pathOf(search)}?${queryOf(search)}`, {
    Accept: 'application/dicom+json',
  })
  if (verdict.kind === 'refused') {
    return answer.status === 400 ? null : `status ${answer.status}, the oracle refuses: ${verdict.why}`
  }
  if (answer.status !== 200) return `status ${answer.status}: ${answer.text}`
  if (world.settings.searchBudgetMs === 0) return differenceInHurry(world, verdict, search, answer)
  const first = verdict.page()
  const rows = differenceOfRows(answer.dataSets(), first.rows)
  if (rows !== null) return rows
  const warnings = [answer.headers.warning ?? []].flat().join('\n').match(/299 /gu)?.length ?? 0
  if (warnings !== verdict.warnings) return `${warnings} warnings, the oracle has ${verdict.warnings}`
  const total = answer.headers['x-total-count']
  if (total !== verdict.total?.toString()) return `X-Total-Count ${String(total)}, oracle: ${verdict.total}`
  const counted = await countOf(world, search)
  if (counted !== verdict.count) return `count ${counted}, the oracle has ${verdict.count}`
  return differenceOfPages(world, verdict.page, offsetOf(search), answer)
}

/** Follows the links to the next pages to the end. */
async function differenceOfPages(
  world: World,
  pageFrom: (offset: number) => Page,
  from: number,
  first: Answer,
): Promise<string | null> {
  let [offset, answer] = [from, first]
  for (let number = 2; ; number++) {
    const before = pageFrom(offset)
    const url = nextOf(answer)
    if (before.more !== (url !== undefined)) return `page ${number}: there is ${url ?? 'no link'}`
    if (url === undefined) return null
    offset += before.rows.length
    answer = await world.get(url.slice(world.url.length), { Accept: 'application/dicom+json' })
    if (answer.status !== 200) return `page ${number}: status ${answer.status}: ${answer.text}`
    const rows = differenceOfRows(answer.dataSets(), pageFrom(offset).rows)
    if (rows !== null) return `page ${number}: ${rows}`
  }
}
