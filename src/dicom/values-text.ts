import type { PersonName, Value, Vr } from './data-set.ts'
import { isDate, isTime, readDateTime } from './times.ts'
import { isConformantUid } from './uid.ts'

/** True of VRs with one value, in which a backslash is text (PS3.5 §6.2). */
export function isSingleText(vr: Vr): boolean {
  return vr === 'LT' || vr === 'ST' || vr === 'UT' || vr === 'UR'
}

/**
 * Splits and trims the decoded text of a value field; no values for one that is empty. What is odd about a value goes
 * into `causes`, in plain words.
 */
export function textValues(vr: Vr, text: string, causes: string[]): Value[] {
  if (isSingleText(vr)) {
    const value = vr === 'UR' ? trimBoth(text) : trimEnd(text)
    return value === '' ? [] : [value]
  }
  if (!text.includes('\\')) {
    const value = oneValue(vr, text, causes)
    return value === null ? [] : [value]
  }
  return text.split('\\').map((part) => oneValue(vr, part, causes))
}

function oneValue(vr: Vr, text: string, causes: string[]): Value {
  const value = vr === 'UC' ? trimEnd(text) : trimBoth(text)
  if (value === '') return null
  if (vr === 'PN') return personName(value, causes)
  if (vr === 'DS' || vr === 'IS') return decimal(value, vr === 'IS', causes)
  const cause = faultOf(vr, value)
  if (cause !== undefined && causes.length === 0) causes.push(cause)
  return value
}

/** What is wrong with one value of a VR whose values have a form of their own, or undefined. */
function faultOf(vr: Vr, value: string): string | undefined {
  if (vr === 'UI') return isConformantUid(value) ? undefined : 'is no UID to the letter of PS3.5 §9.1'
  if (vr === 'DA') return isDate(value) ? undefined : 'is no date'
  if (vr === 'TM') return isTime(value) ? undefined : 'is no time'
  if (vr === 'DT') return readDateTime(value) ? undefined : 'is no date and time'
  if (vr === 'AS') return /^\d{3}[DWMY]$/u.test(value) ? undefined : 'is no age'
  return undefined
}

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[Ee][+-]?\d+)?$/u
const INTEGER = /^[+-]?\d+$/u
/** What is no digit but zero, up to the exponent. */
const ZERO = /^[^1-9Ee]*(?:[Ee]|$)/u
/** A double holds any decimal of so many digits, unless it is very small. */
const SAFE_DIGITS = 15
const LEAST_NORMAL = 2 ** -1022

/**
 * DS and IS as JSON number where that loses nothing: a finite number of at most 15 significant digits; else the text
 * (PS3.18 §F.2.3 allows both).
 */
function decimal(text: string, integer: boolean, causes: string[]): number | string {
  const plain = plainDecimal(text, integer)
  if (plain !== undefined) return plain
  if (!(integer ? INTEGER : DECIMAL).test(text)) return noNumber(text, causes)
  const number = Number(text)
  if (text.length > SAFE_DIGITS && significantDigits(text) > SAFE_DIGITS) return text
  const isZero = number === 0 && ZERO.test(text)
  if (!isZero && (!Number.isFinite(number) || Math.abs(number) < LEAST_NORMAL)) return text
  return number + 0
}

/**
 * The number of a text of at most 15 digits, with a sign and a point perhaps: exact, for a quotient of two integers that
 * doubles hold is the double next to the true value. Undefined for any other text.
 */
function plainDecimal(text: string, integer: boolean): number | undefined {
  const signed = text.startsWith('-') || text.startsWith('+')
  let number = 0
  let digits = 0
  let point = false
  let scale = 1
  for (let at = signed ? 1 : 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x2e && !point && !integer) {
      point = true
      continue
    }
    if (code < 0x30 || code > 0x39 || ++digits > SAFE_DIGITS) return undefined
    number = number * 10 + code - 0x30
    if (point) scale *= 10
  }
  if (digits === 0) return undefined
  number /= scale
  // Not −0, which JSON would not keep.
  return text.startsWith('-') ? 0 - number : number
}

/** Digits of a decimal from the first that is not zero. */
function significantDigits(text: string): number {
  const [mantissa = ''] = text.split(/[Ee]/u)
  return mantissa.replaceAll(/[^\d]/gu, '').replace(/^0+/u, '').length
}

function noNumber(text: string, causes: string[]): string {
  if (causes.length === 0) causes.push('is no number')
  return text
}

const GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const

/** Component groups of PN (PS3.5 §6.2.1), empty ones left out, empty trailing components too. */
function personName(text: string, causes: string[]): PersonName | null {
  if (!text.includes('=')) {
    const Alphabetic = trimName(text)
    return Alphabetic === '' ? null : { Alphabetic }
  }
  const name: PersonName = {}
  const parts = text.split('=', GROUPS.length + 1)
  for (const [index, group] of GROUPS.entries()) {
    const part = trimName(trimBoth(parts[index] ?? ''))
    if (part !== '') name[group] = part
  }
  if (parts.length > GROUPS.length && causes.length === 0) causes.push('has more than three component groups')
  return Object.keys(name).length === 0 ? null : name
}

function trimName(group: string): string {
  let end = group.length
  while (end > 0 && (group.charCodeAt(end - 1) === 0x5e || group.charCodeAt(end - 1) === 0x20)) end--
  return end === group.length ? group : group.slice(0, end)
}

/** Without padding at the end: spaces, and the NUL that some writers pad with. */
export function trimEnd(text: string): string {
  let end = text.length
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--
  return end === text.length ? text : text.slice(0, end)
}

function trimBoth(text: string): string {
  let start = 0
  let end = text.length
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--
  while (start < end && text.charCodeAt(start) === 0x20) start++
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0
}
