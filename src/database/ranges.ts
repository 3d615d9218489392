/**
 * How far the values of a path reach that a series has no postings of: the lowest and the highest of them. A search for
 * one such value then looks into the series that may have it, not into all.
 */
import { comparisonOf } from '../dicom/matching-values.ts'
import { vrOfPath } from './terms.ts'

/** Numbers, dates and times are ordered as numbers, all else as text by bytes; both bounds are of one kind. */
export type Bound = number | string

/** Both ends included. */
export interface Range {
  readonly low: Bound
  readonly high: Bound
}

/** Texts are cut there, the higher bound upwards. */
const TEXT_LENGTH = 64
const LAST = '\u{10FFFF}'

/** Where a normal form (`terms.ts`) of a path lies: both bounds are the same unless it is cut. */
export function rangeOf(path: string, value: string): Range {
  if (isOrderedByNumber(path)) {
    const number = boundNumber(value)
    return { low: number, high: number }
  }
  const low = cutText(value)
  return { low, high: low === value ? value : low + LAST }
}

/** Whether the bounds of a path are numbers. Digits of dates and times sort as the numbers that they are. */
export function isOrderedByNumber(path: string): boolean {
  return ['number', 'time'].includes(comparisonOf(vrOfPath(path)))
}

/** Rounded where there are too many digits, which keeps the order. */
export function boundNumber(value: string): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(value)))
}

export function cutText(text: string): string {
  // Half a character would be none, and sort elsewhere.
  return text.length <= TEXT_LENGTH ? text : text.slice(0, TEXT_LENGTH).replace(/[\ud800-\udbff]$/u, '')
}

export function contains(range: Range, inner: Range): boolean {
  return !isBelow(inner.low, range.low) && !isBelow(range.high, inner.high)
}

/** The least range that contains both. */
export function united(a: Range, b: Range): Range {
  return {
    low: isBelow(b.low, a.low) ? b.low : a.low,
    high: isBelow(a.high, b.high) ? b.high : a.high,
  }
}

const ASTRAL = /[\u{10000}-\u{10FFFF}]/u

function isBelow(a: Bound, b: Bound): boolean {
  if (typeof a === 'string' && typeof b === 'string' && (ASTRAL.test(a) || ASTRAL.test(b)))
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0
  return a < b
}
