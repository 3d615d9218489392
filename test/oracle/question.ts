/**
 * What a search asks, read from its parameters by the letter of PS3.18 §8.3.4 and design §6, for the oracle alone.
 */
import { entryOf, tagOf } from '../../src/dicom/dictionary.ts'
import type { Level, Tag, TagPath, Vr } from '../../src/dicom/data-set.ts'
import { isCreator, owned, ownersOf, privateVrOf, withoutOwners } from './private-keys.ts'
import { decimal, isWild, unpadded } from './text.ts'
import { endsFirst, isTime, readTime, readTimeKey, readZone, type TimeKey } from './times.ts'

/** A search as the tests keep it: a resource, and parameters before they are percent-encoded. */
export interface Search {
  readonly level: Level
  readonly within: { readonly study?: string; readonly series?: string }
  readonly params: readonly (readonly [name: string, value: string])[]
}

export interface Attribute {
  /** Steps are tags, or `0019xx10;CREATOR`: that element in whatever block the creator has there. */
  readonly path: TagPath
}

/** What is asked of a value. */
export type Want =
  | { readonly kind: 'any' }
  | { readonly kind: 'empty' }
  /** One of the texts, by whatever rule the VR has. */
  | {
      readonly kind: 'one'
      readonly texts: readonly string[]
      readonly fuzzy: boolean
      readonly zone: number | undefined
    }
  /** Each of the texts, letter by letter. */
  | { readonly kind: 'each'; readonly texts: readonly string[] }
  /** Date and time together, the time being that of `time`. */
  | { readonly kind: 'moment'; readonly range: TimeKey; readonly time: Tag }

export interface Key extends Attribute {
  readonly want: Want
}

export interface Question {
  readonly keys: readonly Key[]
  readonly include: readonly Attribute[] | 'all'
  readonly orderBy: readonly { readonly tag: Tag; readonly descending: boolean }[]
  readonly limit: number | undefined
  readonly offset: number
  readonly total: boolean
  /** What corrections have replaced is listed too. */
  readonly superseded: boolean
  /** How many names were passed over: each is a warning. */
  readonly ignored: number
}

/** The request is refused with 400; `why` is for whoever reads a difference. */
export interface Refused {
  readonly refused: string
}

/** Dates of PS3.3 with the time that completes each. */
export const TIME_OF: Readonly<Record<Tag, Tag>> = {
  ...{ '00080012': '00080013', '00080020': '00080030', '00080021': '00080031', '00080022': '00080032' },
  ...{ '00080023': '00080033', '00100030': '00100032', '00181200': '00181201', '00400002': '00400003' },
  ...{ '00400004': '00400005', '00400244': '00400245', '00400250': '00400251', '30080250': '30080251' },
}

const NUMBERS: readonly Vr[] = ['IS', 'DS', 'US', 'SS', 'UL', 'SL', 'SV', 'UV', 'FL', 'FD']
const BYTES: readonly Vr[] = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW']
const WILD: readonly Vr[] = ['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']
const MULTIPLE: readonly Vr[] = ['AE', 'AS', 'AT', 'CS', 'LO', 'PN', 'SH', 'UC']

export const isNumber = (vr: Vr): boolean => NUMBERS.includes(vr)
export const takesWildcards = (vr: Vr): boolean => WILD.includes(vr)

class Refusal extends Error {}
function refuse(why: string): never {
  throw new Refusal(why)
}

/** The VR by which a key is read; undefined where only the data sets can tell: private and unknown elements. */
export function vrOf(tag: Tag): Vr | undefined {
  if (isCreator(tag)) return 'LO'
  const vr = entryOf(tag)?.vr
  if (vr === 'xs' || vr === 'lt') return 'US'
  return vr === 'ox' ? 'OW' : vr
}

/** An attribute by tag, keyword or path; undefined for a name that has not the form of one. */
export function readAttribute(name: string): Attribute | undefined {
  if (!/^[\dA-Z]/u.test(name) && !/^[\da-f]{8}$/iu.test(name)) return undefined
  if (name === 'PersonName') return { path: ['00100010'] }
  return { path: readPath(name) }
}

/**
 * The steps of a dotted name. Decision: as a creator may have dots in its name, it goes on to the first one behind which
 * the rest is a path by itself.
 */
function readPath(name: string): Tag[] {
  const inBlock = /^([\da-f]{4})xx([\da-f]{2});(.*)$/isu.exec(name)
  if (inBlock) {
    const [, group = '', element = '', text = ''] = inBlock
    const step = (creator: string): Tag =>
      `${group.toUpperCase()}xx${element.toUpperCase()};${unpadded(creator)}`
    const pieces = text.split('.')
    for (let count = 1; count < pieces.length; count++) {
      const rest = tryPath(pieces.slice(count).join('.'))
      if (rest) return [step(pieces.slice(0, count).join('.')), ...rest]
    }
    return [step(text)]
  }
  const [first = '', ...rest] = name.split('.')
  const tag = readTag(first)
  if (rest.length === 0) return [tag]
  const vr = vrOf(tag)
  if (vr !== 'SQ' && vr !== undefined) refuse(`${first} is no sequence`)
  return [tag, ...readPath(rest.join('.'))]
}

function tryPath(name: string): Tag[] | undefined {
  try {
    return readPath(name)
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

function readTag(step: string): Tag {
  if (/^[\da-f]{8}$/iu.test(step)) return step.toUpperCase()
  return tagOf(step) ?? refuse(`there is no ${step}`)
}

/** Reads the parameters of a search. */
export function readQuestion(params: Search['params']): Question | Refused {
  try {
    return questionOf(params)
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message }
    throw error
  }
}

const SWITCHES = [
  ...['fuzzymatching', 'emptyvaluematching', 'multiplevaluematching', 'total', 'includeSuperseded'],
] as const
const COUNTS = ['limit', 'offset'] as const

function questionOf(params: Search['params']): Question {
  const values = (wanted: string): string[] =>
    params.filter(([name]) => name === wanted).map(([, value]) => value)
  const single = (wanted: string): string | undefined => {
    const [first, ...more] = values(wanted)
    return more.length > 0 ? refuse(`${wanted} twice`) : first
  }
  const isOn = (wanted: (typeof SWITCHES)[number]): boolean => {
    const value = single(wanted) ?? 'false'
    return value === 'true' || (value !== 'false' && refuse(`${wanted} is neither`))
  }
  const count = (wanted: (typeof COUNTS)[number]): number | undefined => {
    const value = single(wanted)
    if (value === undefined) return undefined
    return /^\d+$/u.test(value) ? Number(value) : refuse(wanted)
  }
  const list = (wanted: string): string[] =>
    values(wanted).flatMap((value) => value.split(',').filter((each) => each.trim() !== ''))

  const own: readonly string[] = [...SWITCHES, ...COUNTS, 'includefield', 'orderby']
  const named = new Map<string, { attribute: Attribute; texts: string[] }>()
  let ignored = 0
  for (const [name, value] of params) {
    if (own.includes(name)) continue
    const attribute = readAttribute(name)
    if (attribute === undefined || attribute.path[0] === '00080005') ignored++
    else {
      const id = JSON.stringify(attribute)
      const known = named.get(id) ?? { attribute, texts: [] }
      named.set(id, { ...known, texts: [...known.texts, value] })
    }
  }
  const zone = takeZone(named)
  const switches: Switches = {
    fuzzy: isOn('fuzzymatching'),
    empty: isOn('emptyvaluematching'),
    multiple: isOn('multiplevaluematching'),
    zone: zone.minutes,
  }
  const asked = Array.from(named.values())
  const owners = ownersOf(asked.map(({ attribute, texts }) => readKey(attribute, texts, switches)))
  const keys = asked.map(({ attribute, texts }) => readKey(owned(attribute, owners), texts, switches))
  const include = list('includefield')
  const fields = include.filter((name) => name !== 'all').map((name) => readAttribute(name) ?? refuse(name))
  return {
    keys: combined(
      withoutOwners(
        keys,
        asked.map(({ attribute }) => attribute),
        owners,
      ),
    ),
    include: include.includes('all')
      ? 'all'
      : [...fields.map((field) => owned(field, owners)), ...(zone.isNamed ? [{ path: ['00080201'] }] : [])],
    orderBy: list('orderby').map(readOrder),
    limit: count('limit'),
    offset: count('offset') ?? 0,
    total: isOn('total'),
    superseded: isOn('includeSuperseded'),
    ignored,
  }
}

function readOrder(text: string): { tag: Tag; descending: boolean } {
  const path = readAttribute(text.replace(/^[+-]/u, ''))?.path ?? refuse(text)
  const [tag] = path
  if (tag === undefined || path.length > 1) refuse('orderby inside of a sequence')
  return { tag, descending: text.startsWith('-') }
}

/** TimezoneOffsetFromUTC tells where dates and times of the request are meant and is never matched (QIDO-29). */
function takeZone(named: Map<string, { attribute: Attribute; texts: string[] }>): {
  minutes: number | undefined
  isNamed: boolean
} {
  const id = JSON.stringify({ path: ['00080201'] })
  const texts = named.get(id)?.texts
  named.delete(id)
  const [text = '', ...more] = texts ?? []
  if (text === '' && more.length === 0) return { minutes: undefined, isNamed: texts !== undefined }
  const minutes = readZone(text)
  return more.length > 0 || minutes === undefined ? refuse('no time zone') : { minutes, isNamed: true }
}

interface Switches {
  readonly fuzzy: boolean
  readonly empty: boolean
  readonly multiple: boolean
  readonly zone: number | undefined
}

function readKey(attribute: Attribute, given: readonly string[], switches: Switches): Key {
  const vr = vrOf(attribute.path.at(-1) ?? '')
  // Decision: what the dictionary knows of a private element tells how lists of it are written, not how it compares.
  const listVr = vr ?? privateVrOf(attribute.path.at(-1) ?? '')
  const texts = textsOf(given, listVr)
  if (texts.every((text) => /^\*+$/u.test(text))) return { ...attribute, want: { kind: 'any' } }
  if (switches.empty && given.length === 1 && given[0] === '""')
    return { ...attribute, want: { kind: 'empty' } }
  if (attribute.path[0] === '00081190') refuse('RetrieveURL is made, not kept')
  if (vr !== undefined) checkTexts(vr, texts, switches.zone)
  if (switches.multiple && texts.length > 1 && listVr !== undefined && MULTIPLE.includes(listVr)) {
    return { ...attribute, want: { kind: 'each', texts } }
  }
  // More is no search but an attack.
  if (texts.some((text) => text.replaceAll(/\*+/gu, '*').split('*').length > 9)) refuse('too many wildcards')
  return { ...attribute, want: { kind: 'one', texts, fuzzy: switches.fuzzy, zone: switches.zone } }
}

/** Decision: what is separators alone is a list of nothing, no universal key. */
function textsOf(given: readonly string[], vr: Vr | undefined): string[] {
  const texts = given.flatMap((text) => splitText(text, vr)).filter((text) => text !== '')
  if (texts.length === 0 && given.some((text) => unpadded(text) !== '')) refuse('a list of nothing')
  return texts
}

/**
 * Backslashes separate the values of VRs that can have several, commas those whose values cannot hold one (QIDO-33).
 * Decision: empty values of a list are nothing; `*` in a list is a pattern like others, which wants a value.
 */
function splitText(text: string, vr: Vr | undefined): string[] {
  if (vr === 'LT' || vr === 'ST' || vr === 'UT' || vr === 'UR') return [unpadded(text)]
  const hasCommas = vr !== undefined && (['UI', 'CS', 'AS', 'AT'].includes(vr) || isNumber(vr))
  return text.split(hasCommas ? /[\\,]/u : /\\/u).map(unpadded)
}

function checkTexts(vr: Vr, texts: readonly string[], zone: number | undefined): void {
  if (vr === 'SQ' || BYTES.includes(vr)) refuse(`${vr} has no value to compare`)
  if (isTime(vr)) {
    const isList = texts.length > 1
    for (const text of texts) {
      if (isList ? !readTime(vr, text) : !readTimeKey(vr, text, zone)) refuse(`no ${vr}`)
    }
  } else if (vr !== 'UN' && !takesWildcards(vr) && texts.some(isWild)) refuse(`${vr} takes no wildcards`)
  if (isNumber(vr) && texts.some((text) => decimal(text) === null)) refuse('no number')
  if (vr === 'AT' && texts.some((text) => !/^[\da-f]{8}$/iu.test(text))) refuse('no tag')
}

/**
 * Ranges of a date and of its time are one interval (QIDO-28, PS3.4 C.2.2.2.5.4). Decision: that may end at an earlier hour
 * of a later day, and what ends before it begins is refused (QIDO-26).
 */
function combined(keys: readonly Key[]): Key[] {
  const used = new Set<Key>()
  const joined = keys.map((date) => {
    const time = TIME_OF[date.path.at(-1) ?? '']
    const path = [...date.path.slice(0, -1), time].join('.')
    const other = time && keys.find((key) => key.path.join('.') === path)
    const [days, hours] = [rangeOf(date, 'DA'), other && rangeOf(other, 'TM')]
    if (!days || !hours || !other) return date
    used.add(other)
    const end = (day: TimeKey['from'], hour: bigint): TimeKey['from'] =>
      day && { at: day.at - (day.at % DAY) + hour, zone: day.zone }
    const range: TimeKey = {
      from: end(days.from, hours.from?.at ?? 0n),
      to: end(days.to, hours.to?.at ?? DAY - 1n),
      isRange: true,
    }
    return { ...date, want: { kind: 'moment', range, time } } as const
  })
  const read = joined.map((key): Key => (used.has(key) ? { ...key, want: { kind: 'any' } } : key))
  for (const key of read) {
    const range = key.want.kind === 'moment' ? key.want.range : rangeOf(key, 'TM')
    if (range && endsFirst(range)) refuse('a range that ends before it begins')
  }
  return read
}

const DAY = 86_400_000_000n

function rangeOf({ want, path }: Key, vr: 'DA' | 'TM'): TimeKey | undefined {
  const [text, ...more] = want.kind === 'one' ? want.texts : []
  if (want.kind !== 'one' || text === undefined || more.length > 0 || vrOf(path.at(-1) ?? '') !== vr)
    return undefined
  const key = readTimeKey(vr, text, want.zone)
  return key?.isRange === true ? key : undefined
}
