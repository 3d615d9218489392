import { foldPersonName, personNameWords } from './person-name.ts'
import { inZone, readSpan, readZonedRange, splitBound, type TimeVr } from './times.ts'
import type { Match } from './matching.ts'
import type { PersonName, Value, Vr } from './data-set.ts'

/** How a VR is compared; `bytes` and `items` match only the universal key and emptiness. */
export type Comparison = 'text' | 'name' | 'number' | 'time' | 'tag' | 'bytes' | 'items'

const COMPARISON: Readonly<Record<Vr, Comparison>> = {
  AE: 'text',
  AS: 'text',
  AT: 'tag',
  CS: 'text',
  DA: 'time',
  DS: 'number',
  DT: 'time',
  FD: 'number',
  FL: 'number',
  IS: 'number',
  LO: 'text',
  LT: 'text',
  OB: 'bytes',
  OD: 'bytes',
  OF: 'bytes',
  OL: 'bytes',
  OV: 'bytes',
  OW: 'bytes',
  PN: 'name',
  SH: 'text',
  SL: 'number',
  SQ: 'items',
  SS: 'number',
  ST: 'text',
  SV: 'number',
  TM: 'time',
  UC: 'text',
  UI: 'text',
  UL: 'number',
  UN: 'bytes',
  UR: 'text',
  US: 'number',
  UT: 'text',
  UV: 'number',
}
const WILDCARD: ReadonlySet<Vr> = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT'])
const MULTIPLE: ReadonlySet<Vr> = new Set(['AE', 'AS', 'AT', 'CS', 'LO', 'PN', 'SH', 'UC'])

export function comparisonOf(vr: Vr): Comparison {
  return COMPARISON[vr]
}

/** Whether `*` and `?` are wildcards in a key of this VR: PS3.4 C.2.2.2.4. */
export function takesWildcards(vr: Vr): boolean {
  return WILDCARD.has(vr)
}

/** Whether a key of this VR may ask for every one of several values: PS3.4 C.2.2.2.8. */
export function takesMultipleValues(vr: Vr): boolean {
  return MULTIPLE.has(vr)
}

export function isTimeVr(vr: Vr): vr is TimeVr {
  return vr === 'DA' || vr === 'TM' || vr === 'DT'
}

/**
 * The one spelling of a decimal number, or null: `7`, `007`, `+7`, `7.0` and `0.7e1` are all `7` (CP-2305 leaves IS and
 * DS to the implementation). Whole numbers of any size are exact; FL is rounded to the precision it is stored with.
 */
export function numberText(vr: Vr, text: string): string | null {
  const plain = text.trim()
  if (/^[+-]?\d+$/u.test(plain) && vr !== 'FL') return String(BigInt(plain.replace(/^\+/u, '')))
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/u.test(plain)) return null
  return spelling(vr, Number(plain))
}

/** Of zero it has no sign; of a number that is none it is null. */
function spelling(vr: Vr, value: number): string | null {
  const number = vr === 'FL' ? Math.fround(value) : value
  return Number.isFinite(number) ? String(number) : null
}

/**
 * A stored value as text that equal values share: padding gone, numbers in one spelling, names folded, dates and times
 * at the first instant they may mean. Null where a value matches nothing but the universal key.
 */
export function comparable(vr: Vr, value: Value): string | null {
  if (value === null) return null
  const comparison = COMPARISON[vr]
  if (comparison === 'number' && typeof value === 'number') return spelling(vr, value)
  if (comparison === 'name') return foldPersonName(nameText(value))
  const text = plainText(value)
  if (text === null || comparison === 'bytes' || comparison === 'items') return null
  if (comparison === 'number') return numberText(vr, text)
  if (comparison === 'tag') return text.trim().toUpperCase()
  if (isTimeVr(vr)) return readSpan(vr, text)?.from ?? null
  return trimPadding(text)
}

/** Tests one value; `zone` is the offset of the data set it lies in, `clock` the time that belongs to a date. */
export type ValueTest = (value: Value, zone?: string, clock?: string) => boolean

/** Makes the test for single values of a key. `universal`, `empty` and `every` are about whole attributes: not here. */
export function valueTest(vr: Vr, match: Match): ValueTest {
  switch (match.kind) {
    case 'values':
      return anyOf(match.values.map((text) => equalityTest(vr, text, match.zone)))
    case 'every':
      return anyOf(match.values.map((text) => equalityTest(vr, text)))
    case 'wildcard':
      return anyOf(
        match.patterns.map((pattern) => {
          if (!/[*?]/u.test(pattern)) return equalityTest(vr, pattern)
          return takesWildcards(vr) ? wildcardTest(vr, pattern) : never
        }),
      )
    case 'range':
      return isTimeVr(vr) ? rangeTest(vr, match) : never
    case 'fuzzy':
      return anyOf(match.names.map((name) => (vr === 'PN' ? fuzzyTest(name) : equalityTest(vr, name))))
    case 'universal':
    case 'empty':
      return never
  }
}

function never(): boolean {
  return false
}

function anyOf(tests: readonly ValueTest[]): ValueTest {
  return (value, zone, clock) => tests.some((test) => test(value, zone, clock))
}

function equalityTest(vr: Vr, text: string, zone?: string): ValueTest {
  if (isTimeVr(vr)) {
    const range = readSpan(vr, text) && readZonedRange(vr, text, zone)
    return range ? rangeTest(vr, range) : never
  }
  if (vr === 'PN') {
    const wanted = foldPersonName(text)
    return nameTest(wanted, (group, part) => group === part)
  }
  const wanted = comparable(vr, text)
  return wanted === null ? never : (value) => comparable(vr, value) === wanted
}

function wildcardTest(vr: Vr, pattern: string): ValueTest {
  if (vr === 'PN') return nameTest(foldPersonName(pattern), matchesPattern)
  const wanted = trimPadding(pattern)
  return (value) => {
    const text = comparable(vr, value)
    return text !== null && matchesPattern(text, wanted)
  }
}

/** A key without `=` may match any component group; one with `=` binds each group that it names (PS3.5 §6.2.1). */
function nameTest(wanted: string, test: (group: string, part: string) => boolean): ValueTest {
  const parts = wanted.split('=')
  return (value) => {
    if (value === null) return false
    const groups = foldPersonName(nameText(value)).split('=')
    if (parts.length === 1) return groups.some((group) => group !== '' && test(group, wanted))
    return parts.every((part, at) => part === '' || test(groups[at] ?? '', part))
  }
}

function fuzzyTest(name: string): ValueTest {
  const wanted = personNameWords(name)
  return (value) => {
    if (value === null || wanted.length === 0) return false
    const own = personNameWords(nameText(value))
    return wanted.every((word) => own.some((part) => part.startsWith(word)))
  }
}

function rangeTest(
  vr: TimeVr,
  range: { readonly from?: string; readonly to?: string; readonly timed?: boolean },
): ValueTest {
  const from = range.from === undefined ? undefined : splitBound(range.from)
  const to = range.to === undefined ? undefined : splitBound(range.to)
  const withClock = vr === 'DA' && [from, to].some((bound) => bound !== undefined && bound.digits.length > 8)
  return (value, setZone, clock) => {
    const text = value === null ? null : plainText(value)
    const span = text === null ? null : readSpan(vr, text)
    if (!span || (range.timed === true && clock === undefined)) return false
    const digits = withClock ? span.from + (clock ?? '000000.000000') : span.from
    // A date of which no time is known cannot be moved to another time zone.
    const zone = vr === 'DA' && clock === undefined ? undefined : (span.zone ?? setZone)
    return (
      (from === undefined || inZone(digits, zone, from.zone) >= from.digits) &&
      (to === undefined || inZone(digits, zone, to.zone) <= to.digits)
    )
  }
}

/** `*` for any run of characters, `?` for one, nothing else is special; linear in practice, quadratic at worst. */
export function matchesPattern(text: string, pattern: string): boolean {
  const [letters, marks] = [Array.from(text), Array.from(pattern)]
  let [at, mark, star, resume] = [0, 0, -1, 0]
  while (at < letters.length) {
    if (marks[mark] === '*') {
      star = mark++
      resume = at
    } else if (mark < marks.length && (marks[mark] === '?' || marks[mark] === letters[at])) {
      at++
      mark++
    } else if (star >= 0) {
      mark = star + 1
      at = ++resume
    } else return false
  }
  while (marks[mark] === '*') mark++
  return mark === marks.length
}

/** Spaces around a value are padding and never significant: PS3.4 C.2.2.2.1. NULs pad UIDs. */
export function trimPadding(text: string): string {
  let [from, to] = [0, text.length]
  while (text[from] === ' ') from++
  while (to > from && (text[to - 1] === ' ' || text[to - 1] === '\0')) to--
  return text.slice(from, to)
}

function plainText(value: Exclude<Value, null>): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return isPersonName(value) ? nameText(value) : null
}

function nameText(value: Exclude<Value, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (!isPersonName(value)) return ''
  return [value.Alphabetic ?? '', value.Ideographic ?? '', value.Phonetic ?? ''].join('=')
}

function isPersonName(value: Exclude<Value, null | string | number>): value is PersonName {
  return (
    typeof (value as PersonName).Alphabetic === 'string' ||
    typeof (value as PersonName).Ideographic === 'string' ||
    typeof (value as PersonName).Phonetic === 'string'
  )
}
