/**
 * Dates and times as match keys and stored values have them (PS3.5 §6.2, PS3.4 C.2.2.2.5). Everything is compared as
 * text of full precision, so that one comparison serves every engine:
 * DA `YYYYMMDD`, TM `HHMMSS.FFFFFF`, DT `YYYYMMDDHHMMSS.FFFFFF`; behind each may stand an offset from UTC, `±HHMM`.
 */
export type TimeVr = 'DA' | 'TM' | 'DT'

/** From the first to the last instant that a text of limited precision may mean. */
export interface Span {
  readonly from: string
  readonly to: string
  /** Offset from UTC that the text itself names, `±HHMM`. */
  readonly zone?: string
}

/** Inclusive bounds, either of which may be missing. */
export interface Range {
  readonly from?: string
  readonly to?: string
}

const ZONE = /^[+-](?:0\d|1[0-4])[0-5]\d$/u
const FIRST = '00000101000000.000000'
const LAST = '99991231235959.999999'
const FIRST_CLOCK = FIRST.slice(8)
const LAST_CLOCK = LAST.slice(8)

/** True for `±HHMM` between -1459 and +1459. */
export function isZone(text: string): boolean {
  return ZONE.test(text)
}

/** Reads a DA value: `YYYYMMDD`, or `YYYY.MM.DD` of ACR-NEMA; null for anything that is no day of the calendar. */
export function readDate(text: string): Span | null {
  const date = withoutDots(text.trim())
  return isDay(date) ? { from: date, to: date } : null
}

/** True of a text that {@link readDate} reads. */
export function isDate(text: string): boolean {
  return isDay(text) || readDate(text) !== null
}

function withoutDots(text: string): string {
  const isDotted = text.length === 10 && text[4] === '.' && text[7] === '.'
  return isDotted ? text.slice(0, 4) + text.slice(5, 7) + text.slice(8) : text
}

/** Reads a TM value: `HH[MM[SS[.F…]]]`, or `HH:MM[:SS[.F…]]` of ACR-NEMA; null for anything else. */
export function readTime(text: string): Span | null {
  const digits = withoutColons(text.trim())
  return isClock(digits) ? widened(digits, FIRST_CLOCK, LAST_CLOCK) : null
}

/** True of a text that {@link readTime} reads. */
export function isTime(text: string): boolean {
  return isClock(text) || readTime(text) !== null
}

function withoutColons(text: string): string {
  const hasColons = text[2] === ':' && /^\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/u.test(text)
  return hasColons ? text.replaceAll(':', '') : text
}

/** Reads a DT value: `YYYY[MM[DD[HH[MM[SS[.F…]]]]]][±ZZXX]`; null for anything else. */
export function readDateTime(text: string): Span | null {
  const parts = /^(\d{4,14}(?:\.\d{1,6})?)([+-]\d{4})?$/u.exec(text.trim())
  const digits = parts?.[1] ?? ''
  const zone = parts?.[2]
  if (!isMoment(digits) || (zone !== undefined && !isZone(zone))) return null
  const { from, to } = widened(digits, FIRST, LAST)
  // A month without its day ends on the last one that it has.
  const end = digits.length === 6 ? lastDay(digits) + to.slice(8) : to
  return zone === undefined ? { from, to: end } : { from, to: end, zone }
}

export function readSpan(vr: TimeVr, text: string): Span | null {
  if (vr === 'DA') return readDate(text)
  return vr === 'TM' ? readTime(text) : readDateTime(text)
}

/**
 * Reads a match key of a time VR, single value or range (`a-b`, `a-`, `-b`; PS3.4 C.2.2.2.5), into inclusive bounds.
 * `zone` is given to bounds that name none. Null when it is neither, or when it ends before it begins.
 */
export function readRange(vr: TimeVr, text: string, zone?: string): Range | null {
  const range = readEnds(vr, text, zone)
  return range !== null && isInOrder(range) ? range : null
}

/** {@link readRange} in either order: of days with times of day, the last day may end at an earlier hour. */
export function readEnds(vr: TimeVr, text: string, zone?: string): Range | null {
  const bound = (digits: string, own: string | undefined): string => digits + (own ?? zone ?? '')
  const single = readSpan(vr, text)
  if (single) return { from: bound(single.from, single.zone), to: bound(single.to, single.zone) }
  // In DT a dash may also begin an offset: the first dash with a value, or nothing, on either side is the range's.
  for (let dash = text.indexOf('-'); dash >= 0; dash = text.indexOf('-', dash + 1)) {
    const [left, right] = [text.slice(0, dash), text.slice(dash + 1)]
    const from = readSpan(vr, left)
    const to = readSpan(vr, right)
    if ((!from && left.trim() !== '') || (!to && right.trim() !== '') || (!from && !to)) continue
    return {
      ...(from && { from: bound(from.from, from.zone) }),
      ...(to && { to: bound(to.to, to.zone) }),
    }
  }
  return null
}

/**
 * {@link readRange} of a key in a time zone. A day in another zone is an interval of instants, its bounds have a time of
 * day and are matched with the time that belongs to the date.
 */
export function readZonedRange(vr: TimeVr, text: string, zone: string | undefined): Range | null {
  if (vr !== 'DA' || zone === undefined) return readRange(vr, text, zone)
  const range = readRange(vr, text)
  return (
    range && {
      ...(range.from !== undefined && { from: `${range.from}000000.000000${zone}` }),
      ...(range.to !== undefined && { to: `${range.to}235959.999999${zone}` }),
    }
  )
}

/** Splits a bound of {@link readRange} into digits and offset. */
export function splitBound(bound: string): { readonly digits: string; readonly zone: string | undefined } {
  const sign = bound.search(/[+-]/u)
  return sign < 0
    ? { digits: bound, zone: undefined }
    : { digits: bound.slice(0, sign), zone: bound.slice(sign) }
}

/**
 * The digits of a stored moment as a clock in `zone` shows them; unchanged when either offset is unknown. Takes DT
 * digits, or TM digits, which turn round at midnight (PS3.4 C.2.2.2.5.2 knows no range across it).
 */
export function inZone(digits: string, stored: string | undefined, zone: string | undefined): string {
  if (stored === undefined || zone === undefined || stored === zone) return digits
  const shift = zoneMinutes(zone) - zoneMinutes(stored)
  const day = digits.length > 13 ? digits.slice(0, 8) : '20000101'
  const clock = digits.slice(-13)
  const moved = utc(day, clock)
  moved.setUTCMinutes(moved.getUTCMinutes() + shift)
  const iso = moved.toISOString()
  if (iso.length !== 24) return digits // before the year 0 or after 9999
  const time = iso.slice(11, 16).replace(':', '') + clock.slice(4)
  return digits.length > 13 ? iso.slice(0, 10).replaceAll('-', '') + time : time
}

/** Whether a range begins before it ends, or at the same instant. */
export function isInOrder({ from, to }: Range): boolean {
  if (from === undefined || to === undefined) return true
  const [a, b] = [splitBound(from), splitBound(to)]
  return inZone(a.digits, a.zone, b.zone) <= b.digits
}

function widened(digits: string, first: string, last: string): Span {
  return { from: digits + first.slice(digits.length), to: digits + last.slice(digits.length) }
}

function isClock(digits: string): boolean {
  // 60 is a leap second, PS3.5 Table 6.2-1.
  return /^(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?$/u.test(digits)
}

function isMoment(digits: string): boolean {
  if (digits.length < 8) return /^\d{4}(?:0[1-9]|1[0-2])?$/u.test(digits)
  return isDay(digits.slice(0, 8)) && (digits.length === 8 || isClock(digits.slice(8)))
}

function isDay(date: string): boolean {
  if (date.length !== 8) return false
  const year = numberAt(date, 0, 4)
  const month = numberAt(date, 4, 6)
  const day = numberAt(date, 6, 8)
  return year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

/** Of a month, from 1, of the Gregorian calendar, which DICOM has for all years. */
function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

/** The number that the digits from `from` to `to` write, −1 where there is anything else. */
function numberAt(text: string, from: number, to: number): number {
  let number = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return number
}

function lastDay(month: string): string {
  return `${month}${daysIn(numberAt(month, 0, 4), numberAt(month, 4, 6))}`
}

function utc(date: string, clock: string): Date {
  const moment = new Date(0)
  // setUTCFullYear, not Date.UTC, which takes the years 0 to 99 for those of the last century.
  moment.setUTCFullYear(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6, 8)))
  moment.setUTCHours(Number(clock.slice(0, 2)), Number(clock.slice(2, 4)))
  return moment
}

function zoneMinutes(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5))
  return zone.startsWith('-') ? -minutes : minutes
}
