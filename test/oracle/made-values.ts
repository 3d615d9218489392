/** Values of keys by chance: as some instance has them, nearly so, as patterns, lists and ranges. */
import type { Vr } from '../../src/dicom/data-set.ts'
import type { Fact } from './facts.ts'
import * as pools from './pools.ts'
import { isNumber, takesWildcards } from './question.ts'
import { isTime, readTime, type TimeVr } from './times.ts'
import type { Chance } from './random.ts'

export interface Switches {
  readonly fuzzy: boolean
  readonly empty: boolean
  readonly multiple: boolean
}

/** `same`: what else is known of the attribute. */
export function valueOf(luck: Chance, fact: Fact, same: readonly Fact[], switches: Switches): string {
  const { vr, text } = fact
  if (luck.percent(3)) return luck.pick(['', '*', '**'])
  if (switches.empty && luck.percent(35)) return '""'
  if (vr === 'PN' && switches.fuzzy) return luck.percent(85) ? fuzzyText(luck, text) : patternOf(luck, text)
  if (isTime(vr)) return timesOf(luck, vr, text, same)
  if (luck.percent(switches.multiple ? 60 : 15)) return listOf(luck, fact, same)
  if (isNumber(vr)) return numberOf(luck, vr, text)
  if (takesWildcards(vr) ? luck.percent(30) : luck.percent(1)) return patternOf(luck, text)
  if (vr === 'PN') return nameOf(luck, text)
  return otherwise(luck, text)
}

function otherwise(luck: Chance, text: string): string {
  const dice = luck.below(10)
  if (dice === 0) return text.toUpperCase() === text ? text.toLowerCase() : text.toUpperCase()
  return dice === 1 ? ` ${text} ` : text
}

function listOf(luck: Chance, { text }: Fact, same: readonly Fact[]): string {
  const others = Array.from({ length: 1 + luck.below(2) }, () =>
    same.length > 0 ? luck.pick(same).text : text,
  )
  return [text, ...others].join(luck.pick(['\\', '\\', '\\', ',']))
}

function numberOf(luck: Chance, vr: Vr, text: string): string {
  // Not every IS is a number.
  if (!Number.isFinite(Number(text))) return luck.percent(20) ? text : '7'
  if (vr !== 'IS' && vr !== 'DS') return text
  const sign = text.startsWith('-') || text.startsWith('+') ? '' : '+'
  return luck.pick([
    text,
    text,
    text,
    sign + text,
    sign === '' ? text : `00${text}`,
    `${text}e0`.replace(/e.*e0$/iu, ''),
  ])
}

function nameOf(luck: Chance, text: string): string {
  const groups = text.split('=')
  const folded = text.normalize('NFD').replaceAll(/[\u0300-\u036f]/gu, '')
  return luck.pick([
    ...[...groups, text, text.toLowerCase(), folded.toUpperCase(), `${text}^`, text.split('^')[0] ?? ''],
    ...[`=${groups[1] ?? ''}`, `${groups[0] ?? ''}=`, `==${groups[2] ?? text}`, groups.slice(0, 2).join('=')],
  ])
}

function fuzzyText(luck: Chance, text: string): string {
  const begin = (word: string): string =>
    Array.from(word)
      .slice(0, 1 + luck.below(4))
      .join('')
  const words = text.split(/[\s^=,]+/u).filter((word) => word !== '')
  // Names of fifty words try nothing that one of five does not.
  const asked = luck.some(words, 60).slice(0, 5).map(begin)
  const written =
    asked.length === 0
      ? luck.pick(['Do', 'x', '^'])
      : asked.toReversed().join(luck.pick([' ', '^', ',', '\\']))
  return luck.percent(30) ? written.toLowerCase() : written
}

export function patternOf(luck: Chance, text: string): string {
  const letters = Array.from(text)
  const ends = [luck.below(letters.length + 1), luck.below(letters.length + 1)]
  const [from = 0, to = 0] = ends.sort((a, b) => a - b)
  const piece = (first: number, behind: number): string => letters.slice(first, behind).join('')
  return luck.pick([
    `*${piece(from, to)}*`,
    `${piece(0, to)}*`,
    `*${piece(from, letters.length)}`,
    letters.map((letter, at) => (at === from ? '?' : letter)).join(''),
    `${piece(0, from)}*${piece(to, letters.length)}`,
    `${piece(0, from)}?*`,
    `${piece(0, to)}*\\${text}`,
  ])
}

function timesOf(luck: Chance, vr: TimeVr, text: string, same: readonly Fact[]): string {
  const isSound = (one: string): boolean => readTime(vr, one) !== null
  const sound = [...same.map((fact) => fact.text), ...pools.POOLS[vr].map(String)].filter(isSound)
  const other = luck.pick(sound)
  const own = isSound(text) || luck.percent(5) ? text : other
  const [first = '', last = ''] = [own, other].sort()
  const cut = vr === 'DA' ? first : first.slice(0, luck.pick([2, 4, 6, 8, 10, 12]))
  return luck.pick([
    ...[own, own, own, `${first}-${last}`, `${first}-`, `-${last}`, `${own}\\${other}`],
    ...(isSound(cut) ? [cut, `${cut}-${last}`] : []),
  ])
}
