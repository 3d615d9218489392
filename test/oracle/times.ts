/**
 * Dates and times as keys compare them (PS3.4 C.2.2.2.5, PS3.5 §6.2), written for the oracle alone. A moment is a number
 * of microseconds on a clock, with the offset from UTC of that clock where it is known.
 */
import type { Vr } from '../../src/dicom/data-set.ts'
import { unpadded } from './text.ts'

export type TimeVr = 'DA' | 'TM' | 'DT'
export const isTime = (vr: Vr): vr is TimeVr => vr === 'DA' || vr === 'TM' || vr === 'DT'

export interface Moment {
  /** Microseconds since the year 0 (DT, DA) or since midnight (TM), on its own clock. */
  readonly at: bigint
  /** Minutes east of UTC of that clock. */
  readonly zone: number | undefined
}
/** What a text of limited precision may mean, both ends included. */
export interface Stretch {
  readonly from: Moment
  readonly to: Moment
}
/** A key: a stretch, or two of them with all that lies between; an end that is missing is open. */
export interface TimeKey {
  readonly from: Moment | undefined
  readonly to: Moment | undefined
  /** Two ends, or one and a dash; not a single value. */
  readonly isRange: boolean
}

const SECOND = 1_000_000n
const MINUTE = 60n * SECOND
const DAY = 24n * 60n * MINUTE
export const WHOLE_DAY = DAY

/** `±HHMM` in minutes; undefined when it is no offset between -1459 and +1459. */
export function readZone(text: string): number | undefined {
  const parts = /^([+-])(0\d|1[0-4])([0-5]\d)$/u.exec(text)
  if (!parts) return undefined
  return (Number(parts[2]) * 60 + Number(parts[3])) * (parts[1] === '-' ? -1 : 1)
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
}

function daysOf(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

/** Days since 1 January of the year 0. */
function dayNumber(year: number, month: number, day: number): bigint {
  let days =
    year * 365 + Math.floor((year + 3) / 4) - Math.floor((year + 99) / 100) + Math.floor((year + 399) / 400)
  for (let before = 1; before < month; before++) days += daysOf(year, before)
  return BigInt(days + day - 1)
}

function calendar(digits: string): Stretch | null {
  const [year, month, day] = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6, 8)].map(Number)
  if (!/^\d{4}(?:\d\d){0,2}$/u.test(digits)) return null
  const [first, last] = digits.length >= 6 ? [month ?? 0, month ?? 0] : [1, 12]
  if (first < 1 || last > 12 || year === undefined) return null
  const [from, to] = digits.length === 8 ? [day ?? 0, day ?? 0] : [1, daysOf(year, last)]
  if (from < 1 || to > daysOf(year, last)) return null
  return span(dayNumber(year, first, from) * DAY, (dayNumber(year, last, to) + 1n) * DAY)
}

function clock(digits: string): Stretch | null {
  const parts = /^(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?$/u.exec(digits)
  if (!parts) return null
  const [, hour = '', minute, second, fraction] = parts
  if (Number(hour) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) return null
  const start = BigInt(hour) * 60n * MINUTE + BigInt(minute ?? 0) * MINUTE + BigInt(second ?? 0) * SECOND
  if (minute === undefined) return span(start, start + 60n * MINUTE)
  if (second === undefined) return span(start, start + MINUTE)
  if (fraction === undefined) return span(start, start + SECOND)
  const from = start + BigInt(fraction.padEnd(6, '0'))
  return span(from, from + 10n ** BigInt(6 - fraction.length))
}

function span(from: bigint, behind: bigint): Stretch {
  return { from: { at: from, zone: undefined }, to: { at: behind - 1n, zone: undefined } }
}

/** Reads one value; null when it is none. Colons and dots of ACR-NEMA are read too. */
export function readTime(vr: TimeVr, text: string): Stretch | null {
  const plain = unpadded(text)
  if (vr === 'DA') {
    return /^\d{8}$|^\d{4}\.\d\d\.\d\d$/u.test(plain) ? calendar(plain.replaceAll('.', '')) : null
  }
  if (vr === 'TM') {
    const isOld = /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/u.test(plain)
    return clock(isOld ? plain.replaceAll(':', '') : plain)
  }
  const parts = /^(\d{4,8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?$/u.exec(plain)
  if (!parts) return null
  const [, day = '', time, offset] = parts
  const date = calendar(day)
  const hours = time === undefined ? undefined : clock(time)
  const zone = offset === undefined ? undefined : readZone(offset)
  if (!date || hours === null || (offset !== undefined && zone === undefined)) return null
  if (hours !== undefined && day.length < 8) return null
  const at = (end: 'from' | 'to'): Moment =>
    hours === undefined ? { at: date[end].at, zone } : { at: date.from.at + hours[end].at, zone }
  return { from: at('from'), to: at('to') }
}

/** A moment on the clock of another zone; as it stands when either zone is unknown. */
export function onClock(moment: Moment, zone: number | undefined): bigint {
  if (moment.zone === undefined || zone === undefined) return moment.at
  return moment.at + BigInt(zone - moment.zone) * MINUTE
}

/**
 * Reads a key: a value, or `a-b`, `a-`, `-b`. Null when it is neither, or ends on an earlier day than it begins. `zone` is the one of
 * the request, meant by every end that names none.
 */
export function readTimeKey(vr: TimeVr, text: string, zone: number | undefined): TimeKey | null {
  const placed = (moment: Moment): Moment => ({ at: moment.at, zone: moment.zone ?? zone })
  const single = readTime(vr, text)
  if (single) return { from: placed(single.from), to: placed(single.to), isRange: false }
  // A dash in DT may belong to an offset: the first reading that makes sense is meant.
  const dashes = Array.from(text).flatMap((letter, at) => (letter === '-' ? [at] : []))
  for (const dash of dashes) {
    const ends = endsOf(vr, unpadded(text.slice(0, dash)), unpadded(text.slice(dash + 1)))
    if (ends === null) continue
    const [from, to] = [ends.first && placed(ends.first), ends.last && placed(ends.last)]
    // Of times of day only the days that they belong to may tell.
    return vr === 'TM' || !endsFirst({ from, to }) ? { from, to, isRange: true } : null
  }
  return null
}

/** Whether a range ends before it begins. */
export function endsFirst({ from, to }: Pick<TimeKey, 'from' | 'to'>): boolean {
  return from !== undefined && to !== undefined && onClock(from, to.zone) > to.at
}

/** The ends of a range, one of which may be missing; null when these texts are none. */
function endsOf(
  vr: TimeVr,
  left: string,
  right: string,
): { readonly first: Moment | undefined; readonly last: Moment | undefined } | null {
  const [first, last] = [readTime(vr, left), readTime(vr, right)]
  const isNone = (left !== '' && !first) || (right !== '' && !last) || (!first && !last)
  return isNone ? null : { first: first?.from, last: last?.to }
}

/** Decision: a stored value of limited precision stands for its first instant, as it does in the order of rows. */
export function lies(moment: Moment, { from, to }: Pick<TimeKey, 'from' | 'to'>, vr: TimeVr): boolean {
  const within = (end: Moment): bigint => {
    const at = onClock(moment, end.zone)
    // No range of times crosses midnight (C.2.2.2.5.2): a clock moved by an offset goes round.
    return vr === 'TM' ? ((at % DAY) + DAY) % DAY : at
  }
  return (from === undefined || within(from) >= from.at) && (to === undefined || within(to) <= to.at)
}
