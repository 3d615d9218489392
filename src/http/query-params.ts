import { Problem } from '../problem.ts'
import { aggregateOf } from '../dicom/attributes.ts'
import { isTimeVr } from '../dicom/matching-values.ts'
import { readSpan } from '../dicom/times.ts'
import { namesIn, readField, requireField, type Field } from './query-params-fields.ts'
import { inBlocks, knownPrivateVr, ownersOf, reservedBlock, type Owners } from './query-params-private.ts'
import { combined, takeZone, type RawKey } from './query-params-times.ts'
import { readMatch, type ValueOptions } from './query-params-values.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { KeyPath } from '../dicom/data-set.ts'
import type { Key, Order } from '../database/query.ts'

/** What a query string asks for, before a resource gives it a level and the archive its defaults. */
export interface SearchParams {
  readonly keys: readonly Key[]
  readonly aggregates: readonly Key[]
  readonly include: readonly KeyPath[] | 'all'
  readonly orderBy: readonly Order[]
  readonly limit: number | undefined
  readonly offset: number
  readonly after: string | undefined
  /** The exact number of matches is wanted too. */
  readonly total: boolean
  /** Superseded instances are listed too. */
  readonly includeSuperseded: boolean
  /** Values of `accept`, which stands for the header. */
  readonly accept: readonly string[]
  /** What was passed over, in sentences for `Warning: 299`. */
  readonly warnings: readonly string[]
}

const MAX_KEYS = 128
/** Unknown parameters that are named in warnings: clients take headers of some kilobytes. */
const MOST_NAMED = 8

/** How each parameter of our own is read; all of them at most once, but for the lists. */
const READERS = {
  limit: readUnsigned,
  offset: readUnsigned,
  fuzzymatching: readBoolean,
  emptyvaluematching: readBoolean,
  multiplevaluematching: readBoolean,
  total: readBoolean,
  includesuperseded: readBoolean,
  after: (_name: string, text: string) => text,
} as const
const LISTS = ['includefield', 'orderby', 'accept'] as const

type Single = keyof typeof READERS
type List = (typeof LISTS)[number]

/**
 * Reads the query string of a search, undecoded and without its question mark (PS3.18 §8.3.4, §10.6.1.2). Names in the
 * form of an attribute are match keys, others that Concord does not know are passed over with a warning.
 * Throws Problem `malformed`.
 */
export function readSearchParams(raw: string): SearchParams {
  const known = new Map<Single | List, string[]>()
  const fields: Fields = new Map()
  const unknown: string[] = []
  const warnings: string[] = []
  for (const [name, value] of pairs(raw)) {
    const parameter = knownParameter(name)
    const field = parameter === undefined ? readField(name) : undefined
    if (parameter !== undefined) known.set(parameter, [...(known.get(parameter) ?? []), value])
    else if (field === undefined) unknown.push(name)
    else addField(fields, name, field, value)
  }
  for (const name of unknown.slice(0, MOST_NAMED))
    warnings.push(`The parameter ${printable(name)} is not known and has been ignored.`)
  if (unknown.length > MOST_NAMED)
    warnings.push(`${unknown.length - MOST_NAMED} more parameters are not known and have been ignored.`)
  if (fields.size > MAX_KEYS) throw new Problem('malformed', `There are more than ${MAX_KEYS} match keys.`)

  const zone = takeZone(fields)
  if (fields.delete('00080005')) warnings.push('SpecificCharacterSet is no match key and has been ignored.')
  const options = { ...readSwitches(known), zone: zone?.offset }
  const owners = ownersIn(fields, options)
  const keys = combined(readKeys(fields, owners, options)).map(({ path, vr, match }): Key => ({
    path,
    vr,
    match,
  }))
  return {
    keys: keys.filter((key) => !isAggregate(key)),
    aggregates: keys.filter(isAggregate),
    include: readInclude(known, owners, zone !== undefined),
    orderBy: listed(known, 'orderby').map(readOrder),
    ...readPaging(known),
    includeSuperseded: one(known, 'includesuperseded') ?? false,
    accept: known.get('accept') ?? [],
    warnings,
  }
}

/** The creators that keys name for blocks of private elements, one creator each. */
function ownersIn(fields: Fields, options: ValueOptions): Owners {
  const named = Array.from(fields.values()).filter(({ field }) => reservedBlock(field.path) !== undefined)
  return ownersOf(
    named.flatMap(({ name, field: { path, vr }, texts }) => {
      const match = readMatch(printable(name), vr, texts, options)
      const [creator, ...more] = match.kind === 'values' ? match.values : []
      return creator === undefined || more.length > 0 ? [] : [{ path, creator }]
    }),
  )
}

/** The keys, but for those that name a creator of which others have need. */
function readKeys(fields: Fields, owners: Owners, options: ValueOptions): RawKey[] {
  const used = new Set<string>()
  const keys = Array.from(fields.values(), ({ name, field, texts }) => {
    const inside = inBlocks(field.path, owners)
    const key = readKey(name, { path: inside.path, vr: field.vr }, texts, options)
    // What may be anything, or nothing, does not imply its creator.
    const implies = key.match.kind !== 'universal' && key.match.kind !== 'empty'
    for (const block of implies ? inside.used : []) used.add(block)
    return key
  })
  return keys.filter(({ path }) => !used.has(reservedBlock(path) ?? ''))
}

function readInclude(known: Known, owners: Owners, withZone: boolean): readonly KeyPath[] | 'all' {
  const named = (known.get('includefield') ?? []).flatMap(namesIn)
  const asked = named
    .filter((field) => field !== 'all')
    .map((field) => inBlocks(requireField(field).path, owners).path)
  return named.includes('all') ? 'all' : [...asked, ...(withZone ? [['00080201']] : [])]
}

type Known = ReadonlyMap<Single | List, readonly string[]>

function readSwitches(known: Known): Omit<ValueOptions, 'zone'> {
  return {
    fuzzymatching: one(known, 'fuzzymatching') ?? false,
    emptyvaluematching: one(known, 'emptyvaluematching') ?? false,
    multiplevaluematching: one(known, 'multiplevaluematching') ?? false,
  }
}

function readPaging(known: Known): Pick<SearchParams, 'limit' | 'offset' | 'after' | 'total'> {
  const [offset, after] = [one(known, 'offset') ?? 0, one(known, 'after')]
  if (after !== undefined && offset > 0)
    throw new Problem(
      'malformed',
      'The parameters after and offset do not go together: either says where a page begins.',
    )
  return {
    limit: one(known, 'limit'),
    offset,
    after,
    total: one(known, 'total') ?? false,
  }
}

/** Names and values of a query string, decoded once; `+` is a space (HTML forms, Python's quote_plus). */
function* pairs(raw: string): Generator<readonly [string, string]> {
  for (const piece of raw.split('&')) {
    const equals = piece.indexOf('=')
    const name = decoded(equals < 0 ? piece : piece.slice(0, equals))
    // Weasis begins its query with a stray ampersand.
    if (name !== '') yield [name, decoded(equals < 0 ? '' : piece.slice(equals + 1))]
  }
}

function decoded(text: string): string {
  let plain: string
  try {
    plain = decodeURIComponent(text.replaceAll('+', ' '))
  } catch (cause) {
    throw new Problem('malformed', 'The query string is not percent-encoded UTF-8.', { cause })
  }
  // NUL is padding in data sets and part of no value (PS3.5 §6.2).
  if (plain.includes('\0')) throw new Problem('malformed', 'The query string has a NUL in it.')
  return plain
}

function knownParameter(name: string): Single | List | undefined {
  const lower = name.toLowerCase()
  if (lower in READERS && Object.hasOwn(READERS, lower)) return lower as Single
  return LISTS.find((list) => list === lower)
}

function one<N extends Single>(known: Known, name: N): ReturnType<(typeof READERS)[N]> | undefined {
  const [text, ...more] = known.get(name) ?? []
  if (more.length > 0) throw new Problem('malformed', `The parameter ${name} is given more than once.`)
  if (text === undefined) return undefined
  return READERS[name](name, text) as ReturnType<(typeof READERS)[N]>
}

function listed(known: Known, name: List): string[] {
  const texts = (known.get(name) ?? []).flatMap((text) => text.split(','))
  return texts.map((text) => text.trim()).filter((text) => text !== '')
}

function readUnsigned(name: string, text: string): number {
  if (!/^\d{1,15}$/u.test(text))
    throw new Problem('malformed', `The parameter ${name} wants an unsigned integer.`)
  return Number(text)
}

function readBoolean(name: string, text: string): boolean {
  if (text !== 'true' && text !== 'false')
    throw new Problem('malformed', `The parameter ${name} wants true or false.`)
  return text === 'true'
}

function readOrder(text: string): Order {
  const descending = text.startsWith('-')
  const { path } = requireField(text.replace(/^[+-]/u, ''))
  const [tag] = path
  if (tag === undefined || path.length > 1 || readPrivateStep(tag) !== undefined) {
    throw new Problem(
      'malformed',
      'The parameter orderby wants attributes outside of sequences, and of no private creator.',
    )
  }
  return { tag, descending }
}

type Fields = Map<string, { readonly name: string; readonly field: Field; readonly texts: string[] }>

function addField(fields: Fields, name: string, field: Field, value: string): void {
  const id = field.path.join('.')
  const earlier = fields.get(id)
  if (earlier) earlier.texts.push(value)
  else fields.set(id, { name, field, texts: [value] })
}

function readKey(name: string, field: Field, texts: readonly string[], options: ValueOptions): RawKey {
  const listVr = knownPrivateVr(field.path.at(-1) ?? '') ?? field.vr
  const match = readMatch(printable(name), field.vr, texts, options, listVr)
  if (field.path[0] === '00081190' && match.kind !== 'universal') {
    throw new Problem('malformed', 'RetrieveURL is made for the answer and cannot be matched.')
  }
  const isRange = match.kind === 'range' && isTimeVr(field.vr) && !readSpan(field.vr, texts.join(''))
  return { ...field, name: printable(name), match, isRange }
}

function isAggregate(key: Key): boolean {
  const [tag] = key.path
  return key.path.length === 1 && tag !== undefined && aggregateOf(tag) !== undefined
}

function printable(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}
