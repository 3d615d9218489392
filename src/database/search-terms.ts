import { isTimeVr, numberText, trimPadding } from '../dicom/matching-values.ts'
import { foldPersonName, NAME_DELIMITERS, personNameWords } from '../dicom/person-name.ts'
import { readSpan, readZonedRange, splitBound, type TimeVr } from '../dicom/times.ts'
import type { Match } from '../dicom/matching.ts'
import type { Dialect } from './operation.ts'
import type { Key } from './query.ts'
import {
  allOf,
  anyOf,
  contains,
  FALSE,
  like,
  not,
  sql,
  textIn,
  TRUE,
  withSpaces,
  type Sql,
} from './search-sql.ts'
import { CUT, indexText, isCut } from './terms.ts'

/** A condition that every match fulfils; `isExact` when nothing else does. */
export interface Condition extends Sql {
  readonly isExact: boolean
  /** It is exact in rows that fulfil this. */
  readonly when?: Sql
}

type SingleMatch = Exclude<Match, { readonly kind: 'every' }>

const exactly = (condition: Sql): Condition => ({ ...condition, isExact: true })
const roughly = (condition: Sql): Condition => ({ ...condition, isExact: false })

/**
 * A key on a column of a level, which holds the normal forms of an attribute's values (`terms.ts`, columnText). Exact
 * where the row says that its columns are, and the condition is.
 */
export function columnCondition(dialect: Dialect, column: string, { vr, match }: Key): Condition {
  // One of several is found, and whether the others are there too is verified: two keys may be one name, or one value.
  if (match.kind === 'every') {
    const one: Match = { kind: 'values', values: match.values.slice(0, 1) }
    return roughly(columnCondition(dialect, column, { path: [], vr, match: one }))
  }
  if (vr === 'PN') return nameCondition(dialect, column, match)
  switch (match.kind) {
    case 'values':
      if (isTimeVr(vr)) return spansCondition(column, vr, match)
      return equality(column, match.values.map(trimPadding))
    case 'wildcard':
      return exactly(anyOf(match.patterns.map((pattern) => like(dialect, column, trimPadding(pattern)))))
    case 'range':
      return isTimeVr(vr) ? rangeCondition(column, vr, match) : exactly(FALSE)
    case 'fuzzy':
      return exactly(FALSE)
    case 'universal':
    case 'empty':
      return roughly(TRUE)
  }
}

/**
 * A key on `tag_value.value`, which holds one normal form of one value. As the VR of the stored element decides how values
 * are compared, whatever VR it has, every form that the key may have is looked for; what is found is verified.
 */
export function termCondition(dialect: Dialect, column: string, { vr, match }: Key): Sql {
  switch (match.kind) {
    case 'values':
      return anyOf(match.values.map((text) => formsCondition(column, vr === 'UN', text, match.zone)))
    case 'every':
      return formsCondition(column, false, match.values[0] ?? '')
    case 'wildcard':
      return anyOf([
        isCutText(dialect, column),
        ...match.patterns.map((pattern) => patternForms(dialect, column, pattern)),
        // A list may have a value among its patterns, and a stored element a VR without wildcards.
        ...match.patterns
          .filter((pattern) => !/[*?]/u.test(pattern))
          .map((text) => formsCondition(column, vr === 'UN', text, match.zone)),
      ])
    case 'range':
      return isTimeVr(vr) ? looseRange(column, match) : FALSE
    case 'fuzzy': {
      const longest = match.names.flatMap((name) => longestWord(name) ?? [])
      const forms =
        vr === 'UN' ? match.names.map((name) => formsCondition(column, true, name, match.zone)) : []
      return anyOf([
        ...longest.map((word) => contains(dialect, column, word)),
        ...forms,
        isCutText(dialect, column),
      ])
    }
    case 'universal':
    case 'empty':
      return TRUE
  }
}

function equality(column: string, texts: readonly string[]): Condition {
  const forms = texts.map(indexText)
  return { ...textIn(column, forms), isExact: !forms.some(isCut) }
}

/** Component groups stand in a column with `=` between them; a name without `=` may be any of them. */
function nameCondition(dialect: Dialect, column: string, match: SingleMatch): Condition {
  const enclosed = `'=' || ${column} || '='`
  switch (match.kind) {
    case 'values':
      return {
        ...anyOf(
          match.values.map((text) => anyOfGroups(text, (group) => contains(dialect, enclosed, `=${group}=`))),
        ),
        isExact: !match.values.some(hasGroups),
      }
    case 'wildcard':
      return {
        ...anyOf(
          match.patterns.map((text) => anyOfGroups(text, (group) => groupCondition(dialect, column, group))),
        ),
        isExact: !match.patterns.some(hasGroups),
        // A wildcard would run on into the next group.
        ...(!match.patterns.every((text) => isPlainPart(firstGroup(text) ?? '')) && {
          when: not(contains(dialect, column, '=')),
        }),
      }
    case 'fuzzy':
      return exactly(anyOf(match.names.map((name) => wordsCondition(dialect, column, personNameWords(name)))))
    case 'range':
      return roughly(FALSE)
    case 'universal':
    case 'empty':
      return roughly(TRUE)
  }
}

/** A pattern with nothing but a beginning, an end or a part of a name in it. */
const PLAIN_PART = /^(\*?)([^*?]+)(\*?)$/u

function isPlainPart(pattern: string): boolean {
  return PLAIN_PART.test(pattern)
}

/** A pattern on one of the component groups that stand in a column. */
function groupCondition(dialect: Dialect, column: string, pattern: string): Sql {
  const [, before, part = '', behind] = PLAIN_PART.exec(pattern) ?? []
  if (part === '') return like(dialect, `'=' || ${column} || '='`, `*=${pattern}=*`)
  const [begin, end] = [before === '' ? '=' : '', behind === '' ? '=' : '']
  const text = `${begin && `'=' || `}${column}${end && ` || '='`}`
  return contains(dialect, text, begin + part + end)
}

/** That words of a name begin with these, each with one; of a query without a word nothing is like it. */
function wordsCondition(dialect: Dialect, column: string, words: readonly string[]): Sql {
  if (words.length === 0) return FALSE
  const spaced = withSpaces(dialect, `' ' || ${column}`, NAME_DELIMITERS)
  // Most names do not have them anywhere, and need not be taken apart.
  const some = words.map((word) => contains(dialect, column, word))
  return allOf([...some, ...words.map((word) => contains(dialect, spaced, ` ${word}`))])
}

/** A name that says which component group it means. */
function hasGroups(text: string): boolean {
  return text.includes('=')
}

/** The word of a name that most other names do not have. */
function longestWord(name: string): string | undefined {
  return personNameWords(name).toSorted((a, b) => b.length - a.length)[0]
}

/** A condition on the first group that a name has; what else it has is verified. */
function anyOfGroups(text: string, condition: (group: string) => Sql): Sql {
  const group = firstGroup(text)
  return group === undefined ? FALSE : condition(group)
}

function firstGroup(text: string): string | undefined {
  return foldPersonName(text)
    .split('=')
    .find((part) => part !== '')
}

function formsCondition(column: string, isUnknown: boolean, text: string, zone?: string): Sql {
  const folded = foldPersonName(text)
  const forms = [trimPadding(text), text.toUpperCase(), numberText('DS', text), numberText('FL', text)]
  const names = folded.split('=').filter((group) => group !== '')
  const found = [...forms.filter((form) => form !== null), ...names].map(indexText)
  const times = (['DA', 'TM', 'DT'] as const).flatMap((vr) => {
    const range = isUnknown || readSpan(vr, text) ? readZonedRange(vr, text, zone) : null
    return range ? [looseRange(column, range)] : []
  })
  return anyOf([textIn(column, found), ...times])
}

function patternForms(dialect: Dialect, column: string, pattern: string): Sql {
  const groups = foldPersonName(pattern)
    .split('=')
    .filter((group) => group !== '')
  return anyOf([...new Set([trimPadding(pattern), ...groups])].map((form) => like(dialect, column, form)))
}

function isCutText(dialect: Dialect, column: string): Sql {
  return like(dialect, column, `*${CUT}`)
}

function spansCondition(
  column: string,
  vr: TimeVr,
  { values, zone }: { readonly values: readonly string[]; readonly zone?: string },
): Condition {
  const conditions = values.flatMap((text) => {
    const range = readZonedRange(vr, text, zone)
    return range ? [rangeCondition(column, vr, range)] : []
  })
  return { ...anyOf(conditions), isExact: conditions.every(({ isExact }) => isExact) }
}

interface Bounds {
  readonly from?: string
  readonly to?: string
}

/** A range on a column of dates or times; not exact when a time of day or a time zone decides. */
function rangeCondition(column: string, vr: TimeVr, range: Bounds): Condition {
  const bounds = [range.from, range.to].filter((bound) => bound !== undefined).map(splitBound)
  const isPlain = bounds.every(
    ({ digits, zone }) => zone === undefined && (vr !== 'DA' || digits.length === 8),
  )
  if (!isPlain) return roughly(looseRange(column, range))
  return exactly(between(column, range.from, range.to))
}

/** All that a range may find, of dates, times or both: to the day, or two days more when time zones matter. */
function looseRange(column: string, range: Bounds): Sql {
  const edge = (bound: string, days: number): string | undefined => {
    const { digits, zone } = splitBound(bound)
    // A time without a date is found at any time of day in some other zone.
    if (digits.length === 13) return zone === undefined ? digits : undefined
    return zone === undefined ? digits.slice(0, 8) : dayAfter(digits, days)
  }
  const from = range.from === undefined ? undefined : edge(range.from, -2)
  const to = range.to === undefined ? undefined : edge(range.to, 2)
  // '~' sorts behind all digits: whatever has that date is found, at whatever time.
  return between(column, from, to === undefined ? undefined : `${to}~`)
}

function between(column: string, from: string | undefined, to: string | undefined): Sql {
  return allOf([sql(`${column} >= ?`, from ?? '0'), ...(to === undefined ? [] : [sql(`${column} <= ?`, to)])])
}

export function dayAfter(digits: string, days: number): string {
  const day = new Date(0)
  day.setUTCFullYear(
    Number(digits.slice(0, 4)),
    Number(digits.slice(4, 6)) - 1,
    Number(digits.slice(6, 8)) + days,
  )
  const iso = day.toISOString()
  return iso.length === 24 ? iso.slice(0, 10).replaceAll('-', '') : days < 0 ? '00000101' : '99991231'
}
