/** How a search is put to the service, and its rows compared with those of the oracle. */
import type { Answer, World } from '../world.ts'
import type { Search } from './question.ts'

const RESOURCE = { patient: 'patients', study: 'studies', series: 'series', instance: 'instances' } as const

export function pathOf({ level, within }: Search): string {
  const study = within.study === undefined ? '' : `/studies/${within.study}`
  const series = within.series === undefined ? '' : `/series/${within.series}`
  return `${study}${series}/${RESOURCE[level]}`
}

export function queryOf({ params }: Search): string {
  return params.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
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
