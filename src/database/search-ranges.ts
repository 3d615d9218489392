/**
 * Keys on paths that vary within a series: of those the index knows how far the values of a series reach (`ranges.ts`),
 * and a series that does not reach the key is none to look into.
 */
import { comparisonOf, isTimeVr, numberText, takesWildcards, trimPadding } from '../dicom/matching-values.ts'
import type { Match } from '../dicom/matching.ts'
import { foldPersonName } from '../dicom/person-name.ts'
import { readZonedRange, splitBound, type TimeVr } from '../dicom/times.ts'
import type { Vr } from '../dicom/data-set.ts'
import type { Key } from './query.ts'
import { boundNumber, cutText, type Range } from './ranges.ts'
import { anyOf, sql, type Sql } from './search-sql.ts'
import { dayAfter } from './search-terms.ts'
import { indexText } from './terms.ts'

const LAST = '\u{10FFFF}'
const ALL_NUMBERS: Range = { low: -Number.MAX_VALUE, high: Number.MAX_VALUE }
const ALL_TEXTS: Range = { low: '', high: LAST }

/** A condition on the row `r` of `tag_range` of a path with that VR, which no match fails. */
export function rangeCondition(key: Key, vr: Vr): Sql {
  const wanted = wantedRanges(key, vr)
  if (wanted.length > MANY) return overlaps(hull(wanted))
  return anyOf(wanted.map(overlaps))
}

/** So many ranges are asked one by one. */
const MANY = 20

function overlaps({ low, high }: Range): Sql {
  const column = typeof low === 'number' ? '' : '_text'
  return sql(`r.low${column} <= ? AND r.high${column} >= ?`, high, low)
}

function hull(ranges: readonly Range[]): Range {
  const isNumber = ranges.every(({ low }) => typeof low === 'number')
  if (!isNumber) return ALL_TEXTS
  return {
    low: Math.min(...ranges.map(({ low }) => Number(low))),
    high: Math.max(...ranges.map(({ high }) => Number(high))),
  }
}

/** Where a value that matches can lie; nowhere for a VR in which the key matches nothing. */
function wantedRanges({ vr: keyVr, match }: Key, vr: Vr): Range[] {
  const comparison = comparisonOf(vr)
  if (comparison === 'bytes' || comparison === 'items') return []
  if (isTimeVr(vr)) return timeRanges(match, vr, keyVr === 'UN')
  if (match.kind === 'range') return []
  if (comparison === 'number') {
    return textsOf(match).flatMap((text) => {
      const number = numberText(vr, text)
      return number === null ? [] : [point(boundNumber(number))]
    })
  }
  if (comparison === 'name') return match.kind === 'fuzzy' ? [ALL_TEXTS] : textsOf(match).flatMap(nameRanges)
  const isWild = match.kind === 'wildcard' && takesWildcards(vr)
  return textsOf(match).map((text) => {
    const plain = comparison === 'tag' ? text.trim().toUpperCase() : trimPadding(text)
    return isWild ? patternRange(plain) : textRange(plain)
  })
}

function nameRanges(text: string): Range[] {
  const folded = foldPersonName(text)
  // Which group is meant is not known of a posted one.
  return folded.includes('=') ? [ALL_TEXTS] : [patternRange(folded)]
}

/** The texts that begin as a pattern does, or a text without wildcards itself. */
function patternRange(pattern: string): Range {
  const prefix = /^[^*?]*/u.exec(pattern)?.[0] ?? ''
  if (prefix === pattern) return textRange(pattern)
  const low = cutText(prefix)
  return { low, high: low + LAST }
}

function textRange(text: string): Range {
  const low = cutText(indexText(text))
  return low === text ? point(low) : { low, high: low + LAST }
}

function point(bound: number | string): Range {
  return { low: bound, high: bound }
}

/** To the day, two days more on either side where time zones matter; times of day without a zone to the instant. */
function timeRanges(match: Match, vr: TimeVr, isUnknown: boolean): Range[] {
  if (match.kind === 'range') return [timeRange(match, vr)]
  const zone = 'zone' in match ? match.zone : undefined
  return textsOf(match).flatMap((text) => {
    const range = readZonedRange(vr, text, zone) ?? (isUnknown ? readZonedRange(vr, text, undefined) : null)
    return range ? [timeRange(range, vr)] : []
  })
}

function timeRange(range: { readonly from?: string; readonly to?: string }, vr: TimeVr): Range {
  return {
    low: edge(range.from, vr, -2) ?? ALL_NUMBERS.low,
    high: edge(range.to, vr, 2) ?? ALL_NUMBERS.high,
  }
}

function edge(bound: string | undefined, vr: TimeVr, days: number): number | undefined {
  if (bound === undefined) return undefined
  const { digits, zone } = splitBound(bound)
  const isClock = digits.length === 13
  if (vr === 'TM') return isClock && zone === undefined ? Number(digits) : undefined
  if (isClock) return undefined
  const day = Number(zone === undefined ? digits.slice(0, 8) : dayAfter(digits, days))
  // Of a DT, the whole of that day.
  return vr === 'DA' ? day : day * 1e6 + (days < 0 ? 0 : 240_000)
}

function textsOf(match: Match): readonly string[] {
  if (match.kind === 'values' || match.kind === 'every') return match.values
  if (match.kind === 'wildcard') return match.patterns
  return match.kind === 'fuzzy' ? match.names : []
}
