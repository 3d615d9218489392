/** Whether one data set is what the keys ask for: PS3.4 C.2.2.2, for the oracle alone. */
import type { DataElement, DataSet, PersonName, Tag, Value, Vr } from '../../src/dicom/data-set.ts'
import { isNumber, takesWildcards, TIME_OF, vrOf, type Attribute, type Key, type Want } from './question.ts'
import { ownStep } from './private-keys.ts'
import { decimal, foldedName, foldedGroup, isLike, isNamed, isWild, soundsLike, unpadded } from './text.ts'
import {
  isTime,
  lies,
  readTime,
  readTimeKey,
  readZone,
  WHOLE_DAY,
  type Moment,
  type TimeVr,
} from './times.ts'

type One = Extract<Want, { kind: 'one' }>

/** Whether all keys hold in the data set, those into one sequence in the same item. */
export function holdsAll(dataSet: DataSet, keys: readonly Key[]): boolean {
  return holdsIn(dataSet, keys, zoneOf(dataSet))
}

/** Whether the data set has a value for the attribute, in any item. */
export function hasValue(dataSet: DataSet, { path }: Attribute): boolean {
  const [step = '', ...rest] = path
  const elements = elementsOf(dataSet, step).map(({ element }) => element)
  if (rest.length === 0) return elements.some(isFilled)
  return elements.flatMap(itemsOf).some((item) => hasValue(item, { path: rest }))
}

/** Elements that a step means in this data set: one, or those of every block that its creator has here. */
export function elementsOf(
  dataSet: DataSet,
  step: Tag,
): { readonly tag: Tag; readonly element: DataElement; readonly owner?: Tag }[] {
  const own = ownStep(step)
  if (own === undefined) return dataSet[step] ? [{ tag: step, element: dataSet[step] }] : []
  const owners = Object.keys(dataSet).filter((owner) => {
    const isOwner = owner.startsWith(`${own.group}00`) && parseInt(owner.slice(6), 16) >= 0x10
    return isOwner && dataSet[owner]?.undecoded === undefined && dataSet[owner]?.Value?.[0] === own.creator
  })
  return owners.flatMap((owner) => {
    const tag = own.group + owner.slice(6) + own.element
    return dataSet[tag] ? [{ tag, element: dataSet[tag], owner }] : []
  })
}

export function itemsOf(element: DataElement | undefined): DataSet[] {
  return element?.vr === 'SQ' ? (element.Value ?? []).map((item) => (item ?? {}) as DataSet) : []
}

function isFilled(element: DataElement): boolean {
  if (element.InlineBinary !== undefined || element.offset !== undefined) return true
  // Empty items are items; bytes that are no text are a value.
  return element.undecoded !== undefined || (element.Value ?? []).some((value) => value !== null)
}

function holdsIn(dataSet: DataSet, keys: readonly Key[], zone: number | undefined): boolean {
  const here = keys.filter(({ path, want }) => path.length === 1 && want.kind !== 'any')
  if (!here.every((key) => holds(dataSet, key, zone))) return false
  const below = keys.filter(({ path, want }) => path.length > 1 && want.kind !== 'any')
  return [...new Set(below.map(({ path }) => path[0] ?? ''))].every((sequence) => {
    const inside = below.filter(({ path }) => path[0] === sequence)
    const shorter = inside.map((key) => ({ ...key, path: key.path.slice(1) }))
    const items = elementsOf(dataSet, sequence).flatMap(({ element }) => itemsOf(element))
    return items.some((item) => holdsIn(item, shorter, zone))
  })
}

function holds(dataSet: DataSet, { path, want }: Key, zone: number | undefined): boolean {
  const [tag = ''] = path
  return elementsOf(dataSet, tag).some(({ element }) => {
    if (element.undecoded !== undefined) return false
    const vr = vrOf(tag) ?? element.vr
    const values = (element.Value ?? []).filter((value) => value !== null)
    if (want.kind === 'each')
      return want.texts.every((text) => values.some((value) => isSame(vr, value, text, zone)))
    if (want.kind === 'moment') {
      const times = dataSet[want.time]?.Value ?? []
      // Decision: a date without its time is at no moment, and lies in no stretch of moments.
      return (element.Value ?? []).some((date, index) => {
        const moment = momentOf(date, times[index], zone)
        return moment?.hasTime === true && lies(moment, want.range, 'DT')
      })
    }
    if (want.kind !== 'one') return want.kind === 'any'
    if (vr === 'DA' && want.zone !== undefined) return isOnDay(dataSet, tag, element, want, zone)
    return values.some((value) => want.texts.some((text) => isOne(vr, value, text, want, zone)))
  })
}

/** A value of the VR against a text of the key, by the one rule that the VR has. */
function isOne(vr: Vr, value: Value, text: string, want: One, zone: number | undefined): boolean {
  if (vr === 'PN') {
    if (typeof value !== 'object') return false
    // Decision: a key with a wildcard in it is a pattern, whatever else is asked.
    return want.fuzzy && !want.texts.some(isWild)
      ? soundsLike(value as PersonName, text)
      : isNamed(value as PersonName, text)
  }
  if (isTime(vr)) return isAtTime(vr, value, text, want.zone, zone)
  if (takesWildcards(vr) && isWild(text)) return typeof value === 'string' && isLike(unpadded(value), text)
  return isExactly(vr, value, text)
}

/** Of a private element the file may say that it is a time, whatever the dictionary says. */
function isSame(vr: Vr, value: Value, text: string, zone: number | undefined): boolean {
  if (isTime(vr)) return readTime(vr, text) !== null && isAtTime(vr, value, text, undefined, zone)
  return isExactly(vr, value, text)
}

function isExactly(vr: Vr, value: Value, text: string): boolean {
  if (vr === 'PN') {
    if (typeof value !== 'object') return false
    const groups = foldedName(value as PersonName)
    return text.split('=').some((group) => foldedGroup(group) !== '') && isExactName(groups, text)
  }
  if (typeof value === 'object') return false
  if (vr === 'FL') return decimal(text) !== null && Math.fround(Number(text)) === Math.fround(Number(value))
  if (vr === 'FD') return decimal(text) !== null && Number(text) === Number(value)
  if (isNumber(vr)) return decimal(text) !== null && decimal(text) === decimal(String(value))
  if (vr === 'AT') return text.toUpperCase() === value
  return unpadded(String(value)) === text
}

function isExactName(groups: readonly string[], text: string): boolean {
  const asked = text.split('=').map(foldedGroup)
  if (asked.slice(1).every((group) => group === '')) return groups.includes(asked[0] ?? '')
  return asked.every((group, index) => group === '' || groups[index] === group)
}

function isAtTime(
  vr: TimeVr,
  value: Value,
  text: string,
  asked: number | undefined,
  stored: number | undefined,
): boolean {
  const key = readTimeKey(vr, text, asked)
  const time = typeof value === 'string' ? readTime(vr, value) : null
  if (!key || !time) return false
  return lies({ at: time.from.at, zone: time.from.zone ?? stored }, key, vr)
}

/** A day in the zone of the request: from its midnight to the next one, on whatever clock the date was written. */
function isOnDay(
  dataSet: DataSet,
  tag: Tag,
  element: DataElement,
  want: One,
  zone: number | undefined,
): boolean {
  const times = dataSet[TIME_OF[tag] ?? '']?.Value ?? []
  return (element.Value ?? []).some((date, index) =>
    want.texts.some((text) => {
      const key = readTimeKey('DA', text, want.zone)
      const moment = momentOf(date, times[index], zone)
      if (!key || !moment) return false
      // Decision: a date without its time stays on the day that it names.
      return lies(moment.hasTime ? moment : { at: moment.at, zone: undefined }, key, 'DT')
    }),
  )
}

function momentOf(
  date: Value | undefined,
  time: Value | undefined,
  zone: number | undefined,
): (Moment & { readonly hasTime: boolean }) | undefined {
  const day = typeof date === 'string' ? readTime('DA', date)?.from.at : undefined
  const hour = typeof time === 'string' ? readTime('TM', time)?.from.at : undefined
  if (day === undefined) return undefined
  return { at: day - (day % WHOLE_DAY) + (hour ?? 0n), zone, hasTime: hour !== undefined }
}

/** TimezoneOffsetFromUTC of the instance is that of all its dates and times that name none (PS3.3 C.12.1.1.8). */
function zoneOf(dataSet: DataSet): number | undefined {
  const text = dataSet['00080201']?.Value?.[0]
  return typeof text === 'string' ? readZone(unpadded(text)) : undefined
}
