/**
 * Text, names and numbers as keys compare them: PS3.4 C.2.2.2.1 to C.2.2.2.4, written for the oracle alone. Slow and
 * plain on purpose: nothing here is shared with the code that it judges.
 */
import type { PersonName } from '../../src/dicom/data-set.ts'

/** Spaces and NUL pad values on either side, and never count (PS3.5 §6.2). Tabs and line ends are text. */
export function unpadded(text: string): string {
  return text.replace(/^[ \0]+/u, '').replace(/[ \0]+$/u, '')
}

export const isWild = (text: string): boolean => /[*?]/u.test(text)

/** Whether a value is what a pattern with `*` and `?` says; `?` is one character, not one byte (C.2.2.2.4). */
export function isLike(value: string, pattern: string): boolean {
  const letters = Array.from(value)
  let reached = new Set([0])
  for (const letter of pattern) {
    const next = new Set<number>()
    for (const at of reached) {
      if (letter === '*') for (let to = at; to <= letters.length; to++) next.add(to)
      else if (at < letters.length && (letter === '?' || letter === letters[at])) next.add(at + 1)
    }
    reached = next
  }
  return reached.has(letters.length)
}

const LIGATURES = {
  Æ: 'AE',
  Œ: 'OE',
  ẞ: 'SS',
  Þ: 'TH',
  Ø: 'O',
  Ł: 'L',
  Đ: 'D',
  Ð: 'D',
  Ħ: 'H',
  Ŧ: 'T',
  Ŋ: 'N',
}

/** One component group: no case, no accents, no padding of components, no empty components at the end (design §5). */
export function foldedGroup(text: string): string {
  let plain = text
    .normalize('NFD')
    .replaceAll(/[\u0300-\u036f]/gu, '')
    .toUpperCase()
  for (const [letter, letters] of Object.entries(LIGATURES)) plain = plain.replaceAll(letter, letters)
  const components = plain.normalize('NFC').split('^').map(unpadded)
  while (components.length > 0 && components.at(-1) === '') components.pop()
  return components.join('^')
}

/** The three component groups of a name, folded; '' for one that is not there. */
export function foldedName({ Alphabetic = '', Ideographic = '', Phonetic = '' }: PersonName): string[] {
  return [Alphabetic, Ideographic, Phonetic].map(foldedGroup)
}

/**
 * Decision: a key of one component group may be any group of the name. One with `=` names its groups: each of its
 * groups that is not empty must match the same group of the name, and it says nothing of the others.
 */
export function isNamed(name: PersonName, key: string): boolean {
  const groups = foldedName(name)
  const asked = key.split('=').map(foldedGroup)
  if (asked.every((group) => group === '')) return false
  const [only = '', ...others] = asked
  if (others.every((group) => group === ''))
    return groups.some((group) => group !== '' && isLike(group, only))
  return asked.every((group, index) => group === '' || isLike(groups[index] ?? '', group))
}

/** Every word of the key begins some word of the name, in any order and any group (documented fuzzy matching). */
export function soundsLike(name: PersonName, key: string): boolean {
  const words = (text: string): string[] =>
    text
      .split(/[\s^=,]+/u)
      .map(foldedGroup)
      .filter((word) => word !== '')
  const [there, asked] = [foldedName(name).flatMap(words), words(key)]
  return asked.length > 0 && asked.every((word) => there.some((one) => one.startsWith(word)))
}

/** A decimal number in the one spelling that equal numbers share, exact to the last digit; null when it is none. */
export function decimal(text: string): string | null {
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:[Ee]([+-]?\d+))?$/u.exec(unpadded(text))
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts ?? []
  if (!parts || whole + fraction === '') return null
  const digits = (whole + fraction).replace(/^0+/u, '')
  const kept = digits.replace(/0+$/u, '')
  if (kept === '') return '0'
  const power = Number(exponent) - fraction.length + (digits.length - kept.length)
  return `${sign === '-' ? '-' : ''}${kept}e${power}`
}

/** Compares texts as their UTF-8 bytes do. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
