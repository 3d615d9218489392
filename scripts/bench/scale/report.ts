import { growth, inWords, judge, type Evidence } from './bars.ts'
import type { ObjectSize } from './index-store.ts'
import type { Measured } from './measure.ts'
import type { Question } from './questions.ts'

/** One question at all sizes. */
export interface Line {
  readonly question: Question
  /** By size, in the order of the sizes; null where it could not be asked. */
  readonly sizes: readonly (Measured | null)[]
  readonly changed: Measured | null
  readonly peer: Measured | null
}

export interface Report {
  readonly lines: readonly Line[]
  readonly sizes: readonly number[]
  readonly engine: Evidence['engine']
  /** Milliseconds of the shortest way through the server, at the last size. */
  readonly floor: number
}

type Cells = readonly string[]

/** The one table: a line a question. */
export function table({ lines, sizes, engine, floor }: Report): string[] {
  const withPeer = lines.some(({ peer }) => peer !== null)
  const head: Cells = [
    'question',
    'answer',
    'rows',
    ...sizes.flatMap((size) => [`p50 at ${short(size)}`, 'p99']),
    'growth',
    'changed p50',
    'p99',
    ...(withPeer ? ['peer p50', 'rows', 'ratio'] : []),
    'bars',
  ]
  const cellsOf = ({ question, sizes: measured, changed, peer }: Line): Cells => {
    const [first, last] = [measured[0] ?? null, measured.at(-1) ?? null]
    const both = first !== null && last !== null
    return [
      question.name,
      last === null ? '-' : bytes(last.bytes),
      rowsAt(first, last),
      ...measured.flatMap(times),
      both ? growth(first, last).toFixed(2) : '-',
      ...times(changed),
      ...(withPeer ? besides(first, peer) : []),
      both ? inWords(judge({ question, engine, first, last, peer, floor })) : '',
    ]
  }
  const cut = lines.some((line) => [...line.sizes, line.changed].some((one) => one?.isCut === true))
  const note = cut ? ['* asked less often, for it took so long'] : []
  return [...aligned([head, ...lines.map(cellsOf)]), ...note]
}

function besides(ours: Measured | null, peer: Measured | null): Cells {
  if (peer === null) return ['-', '-', '-']
  return [ms(peer.p50), String(peer.rows), ours === null ? '-' : ratio(ours.p50 / peer.p50)]
}

/** Ours of the peer's: `1/12`, or `1.5` where it takes longer. */
function ratio(share: number): string {
  const rounded = (value: number) => value.toFixed(value < 10 ? 1 : 0)
  return share < 1 ? `1/${rounded(1 / share)}` : rounded(share)
}

/** How many bars are met, and which are not. */
export function summary({ lines, sizes, engine, floor }: Report): string[] {
  const verdicts = lines.flatMap(({ question, sizes: measured, peer }) => {
    const [first, last] = [measured[0] ?? null, measured.at(-1) ?? null]
    if (first === null || last === null) return []
    return judge({ question, engine, first, last, peer, floor }).map((one) => ({
      ...one,
      name: question.name.trim(),
    }))
  })
  const count = (met: boolean | null) => verdicts.filter((one) => one.met === met).length
  const isMeant = sizes[0] === 100_000 && sizes.at(-1) === 1_000_000
  return [
    ...(isMeant ? [] : ['The bars are meant for 100,000 and 1,000,000 instances.']),
    `${verdicts.length} bars: ${count(true)} met, ${count(false)} NOT MET, ${count(null)} not known without --peer`,
  ]
}

/** Bytes an instance by object, those below one in 500 of all together, audit apart. */
export function sizeTable(objects: readonly ObjectSize[], instances: number): string[] {
  const each = objects.map(({ name, bytes: all }) => ({
    name,
    each: all / instances,
    isAudit: name.startsWith('audit'),
  }))
  const sum = (some: typeof each): number => some.reduce((total, one) => total + one.each, 0)
  const rest = each.filter((one) => !one.isAudit)
  const least = sum(rest) / 500
  const small = rest.filter((one) => one.each < least)
  const lines: Cells[] = [
    ...rest.filter((one) => one.each >= least).map((one): Cells => [`  ${one.name}`, one.each.toFixed(1)]),
    [`  ${small.length} smaller ones`, sum(small).toFixed(1)],
    ['  together', sum(rest).toFixed(0)],
    ['  audit, apart', sum(each.filter((one) => one.isAudit)).toFixed(1)],
  ]
  return aligned(lines)
}

/** Bytes an instance in all that counts for the bar: everything but audit. */
export function bytesAnInstance(objects: readonly ObjectSize[], instances: number): number {
  return (
    objects.reduce((sum, { name, bytes: all }) => (name.startsWith('audit') ? sum : sum + all), 0) / instances
  )
}

function aligned(rows: readonly Cells[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  const last = widths.length - 1
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 || (column === last && last > 1) ? text.padEnd(width) : text.padStart(width)
  }
  return rows.map((row) => row.map(cell).join('  ').trimEnd())
}

function times(measured: Measured | null): [string, string] {
  return measured === null ? ['-', '-'] : [ms(measured.p50), ms(measured.p99) + (measured.isCut ? '*' : '')]
}

function rowsAt(first: Measured | null, last: Measured | null): string {
  const [some, more] = [first?.rows ?? '-', last?.rows ?? '-']
  return some === more ? String(some) : `${some}→${more}`
}

export function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}

function bytes(count: number): string {
  return count < 10_000 ? `${count} B` : `${(count / 1000).toFixed(0)} KB`
}

export function short(count: number): string {
  if (count % 1_000_000 === 0) return `${count / 1_000_000}M`
  return count % 1000 === 0 ? `${count / 1000}k` : String(count)
}
