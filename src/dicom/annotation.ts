/** What may be written into a picture of an image (PS3.18 §8.3.5.1.1): whose it is, and how it was made. */
import type { DataSet, PersonName, Tag } from './data-set.ts'

export interface Annotations {
  readonly patient: readonly string[]
  readonly technique: readonly string[]
}

/** Letters of a line: more would not fit beside a picture. */
const LONGEST_LINE = 64

/** Lines of text, without those whose attributes have no value. */
export function annotationsOf(dataSet: DataSet): Annotations {
  const text = (tag: Tag, before = '', after = '') => {
    const value = textOf(dataSet, tag)
    return value === '' ? '' : `${before}${value}${after}`
  }
  return {
    patient: lines([
      [personName(dataSet['00100010']?.Value?.[0])],
      [text('00100020', 'ID ')],
      [dateOf(text('00100030'), 'born '), text('00100040')],
    ]),
    technique: lines([
      [text('00080060'), text('00081030')],
      [text('0008103E'), text('00185101'), text('00200062')],
      [dateOf(text('00080020')), timeOf(text('00080030'))],
      [text('00200011', 'series '), text('00200013', 'image ')],
      [text('00180050', '', ' mm'), text('00180060', '', ' kV'), text('00181152', '', ' mAs')],
      [text('00180080', 'TR ', ' ms'), text('00180081', 'TE ', ' ms'), text('00180087', '', ' T')],
    ]),
  }
}

function lines(pieces: readonly (readonly string[])[]): string[] {
  return pieces
    .map((line) => [...new Set(line)].filter((piece) => piece !== '').join('  '))
    .filter((line) => line !== '')
    .map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line))
}

/** Every component group that there is, family name first. */
function personName(value: unknown): string {
  if (typeof value !== 'object' || value === null) return ''
  const { Alphabetic, Ideographic, Phonetic } = value as PersonName
  return [Alphabetic, Ideographic, Phonetic]
    .filter((group) => group !== undefined)
    .map((group) => {
      const [family = '', given = '', ...more] = plain(group).split('^')
      const rest = [given, ...more].filter((part) => part !== '').join(' ')
      return [family, rest].filter((part) => part !== '').join(', ')
    })
    .join('  ')
}

function dateOf(text: string, before = ''): string {
  return /^\d{8}$/.test(text) ? `${before}${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}` : ''
}

function timeOf(text: string): string {
  return /^\d{4}/.test(text) ? `${text.slice(0, 2)}:${text.slice(2, 4)}` : ''
}

function textOf(dataSet: DataSet, tag: Tag): string {
  const [value] = dataSet[tag]?.Value ?? []
  return typeof value === 'string' || typeof value === 'number' ? plain(String(value)) : ''
}

/** Without control characters, which would move what follows. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, ' ').trim()
}
