/** Puts archives into a service, asks it and the oracle the same, and tells where they differ. */
import type { Answer, World } from '../world.ts'
import type { Stored } from './archive.ts'
import { bytesOf, type Step } from './made-archive.ts'
import { differenceInHurry } from './hurry.ts'
import { judge, type Limits, type Page } from './oracle.ts'
import type { Search } from './question.ts'

/** Small, so that archives of some dozen instances are clipped too. */
export const LIMITS: Limits = { searchLimit: 9, searchLimitMax: 14 }

/** The same for a service that gives searches no time: their pages are cut, and go on. */
export const HURRY = { ...LIMITS, searchBudgetMs: 0 }

const RESOURCE = { patient: 'patients', study: 'studies', series: 'series', instance: 'instances' } as const

export function pathOf({ level, within }: Search): string {
  const study = within.study === undefined ? '' : `/studies/${within.study}`
  const series = within.series === undefined ? '' : `/series/${within.series}`
  return `${study}${series}/${RESOURCE[level]}`
}

export function queryOf({ params }: Search): string {
  return params.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
}

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

/** What `/count` says, or the status with which it refuses. */
export async function countOf(world: World, search: Search): Promise<number | string> {
  const answer = await world.get(`/dicomweb${pathOf(search)}/count?${queryOf(search)}`)
  return answer.status === 200 ? (answer.json() as { count: number }).count : `status ${answer.status}`
}

export function offsetOf({ params }: Search): number {
  return Number(params.find(([name]) => name === 'offset')?.[1] ?? 0)
}

/** The address of the next page. */
export function nextOf(answer: Answer): string | undefined {
  const link = answer.headers['link']
  return typeof link === 'string' ? /^<([^>]+)>; rel="next"$/u.exec(link)?.[1] : undefined
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

export function differenceOfRows(found: readonly object[], wanted: readonly object[]): string | null {
  const [left, right] = [found.map(plain), wanted.map(plain)]
  if (left.length === right.length && left.every((row, index) => row === right[index])) return null
  const uids = (rows: readonly object[]): string =>
    rows
      .map((row) =>
        JSON.stringify(['00080018', '0020000E', '0020000D', '00100020'].map((tag) => first(row, tag))),
      )
      .join(' ')
  if (uids(found) !== uids(wanted)) return `rows are  ${uids(found)}\n  oracle has ${uids(wanted)}`
  const index = left.findIndex((row, at) => row !== right[at])
  return `row ${index} differs:\n${elementsThatDiffer(found[index] ?? {}, wanted[index] ?? {})}`
}

function first(row: object, tag: string): unknown {
  return (row as Record<string, { Value?: unknown[] } | undefined>)[tag]?.Value?.[0] ?? ''
}

function elementsThatDiffer(found: object, wanted: object): string {
  const [left, right] = [new Map(Object.entries(found)), new Map(Object.entries(wanted))]
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((tag) => plain(left.get(tag) ?? null) !== plain(right.get(tag) ?? null))
    .map((tag) => `  ${tag}: ${JSON.stringify(left.get(tag))}\n    oracle: ${JSON.stringify(right.get(tag))}`)
    .join('\n')
}

/** JSON text in which the order of names does not count. */
export function plain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(plain).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const names = Object.keys(value).sort()
  return `{${names.map((name) => `${name}:${plain((value as Record<string, unknown>)[name])}`).join(',')}}`
}
