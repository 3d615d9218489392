import { Problem } from '../problem.ts'
import {
  comparisonOf,
  isTimeVr,
  numberText,
  takesMultipleValues,
  takesWildcards,
  trimPadding,
} from '../dicom/matching-values.ts'
import { readEnds, readSpan, readZonedRange, type TimeVr } from '../dicom/times.ts'
import type { Match } from '../dicom/matching.ts'
import type { Vr } from '../dicom/data-set.ts'

/** The switches of a request that change how its keys are read: PS3.18 §8.3.4.2, §8.3.4.5, §8.3.4.6. */
export interface ValueOptions {
  readonly fuzzymatching: boolean
  readonly emptyvaluematching: boolean
  readonly multiplevaluematching: boolean
  /** TimezoneOffsetFromUTC of the request: dates and times without an offset are meant there. */
  readonly zone: string | undefined
}

/** More than this in one key or pattern is no search but an attack. */
const MAX_VALUES = 1000
const MAX_WILDCARDS = 8

/** VRs with one value only, in which a backslash is a letter: PS3.5 §6.2. */
const SINGLE: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UT', 'UR'])
/** VRs whose values never hold a comma, so that clients may write lists with it. Names and texts do: "Doe, John". */
const COMMA: ReadonlySet<Vr> = new Set(['UI', 'CS', 'AS', 'AT'])

/**
 * Reads the value, or values where the key was given more than once, of one match key; `name` is the key as the client
 * wrote it, for the message. `listVr` says how lists of a private element are written, of whose VR in a file nothing is
 * certain: it is `UN`. Throws Problem `malformed` for what the VR cannot be.
 */
export function readMatch(
  name: string,
  vr: Vr,
  texts: readonly string[],
  options: ValueOptions,
  listVr = vr,
): Match {
  const values = valuesIn(name, listVr, texts)
  if (values.every((text) => /^\*+$/u.test(text))) return { kind: 'universal' }
  if (options.emptyvaluematching && texts.length === 1 && texts[0] === '""') return { kind: 'empty' }
  if (values.length > MAX_VALUES) throw bad(name, `has more than ${MAX_VALUES} values`)
  if (isTimeVr(vr)) return readTimes(name, vr, values, options)
  const kind =
    options.multiplevaluematching && values.length > 1 && takesMultipleValues(listVr) ? 'every' : 'values'
  if (vr === 'UN' || takesWildcards(vr))
    return kind === 'every' ? { kind, values } : readTexts(name, vr, values, options)
  const fault = values.map((value) => faultOf(vr, value)).find((one) => one !== undefined)
  if (fault !== undefined) throw bad(name, `has VR ${vr}, which ${fault}`)
  return { kind, values }
}

/** The values of all texts; none for those that are empty. Separators alone are no universal key. */
function valuesIn(name: string, vr: Vr, texts: readonly string[]): string[] {
  const values = texts.flatMap((text) => split(vr, text)).filter((text) => text !== '')
  if (values.length === 0 && texts.some((text) => trimPadding(text) !== ''))
    throw bad(name, 'is a list without a value')
  return values
}

function faultOf(vr: Vr, value: string): string | undefined {
  const comparison = comparisonOf(vr)
  if (comparison === 'items') return 'holds items: ask for an attribute inside it, as in Sequence.Keyword'
  if (comparison === 'bytes') return 'cannot be matched'
  if (/[*?]/u.test(value)) return 'takes no wildcards'
  if (comparison === 'number' && numberText(vr, value) === null) return 'wants a number'
  if (comparison === 'tag' && !/^[\da-f]{8}$/iu.test(value)) return 'wants a tag of eight hexadecimal digits'
  return undefined
}

function readTexts(name: string, vr: Vr, values: readonly string[], options: ValueOptions): Match {
  // Of a private element only the data sets know whether it is a person name, or a time.
  const zone = vr === 'UN' && options.zone !== undefined ? { zone: options.zone } : {}
  if (values.some((value) => /[*?]/u.test(value))) {
    const patterns = values.map((value) => value.replaceAll(/\*+/gu, '*'))
    if (patterns.some((pattern) => pattern.split('*').length - 1 > MAX_WILDCARDS)) {
      throw bad(name, `has more than ${MAX_WILDCARDS} wildcards`)
    }
    return { kind: 'wildcard', patterns, ...zone }
  }
  const isName = vr === 'PN' || vr === 'UN'
  return isName && options.fuzzymatching
    ? { kind: 'fuzzy', names: values, ...zone }
    : { kind: 'values', values, ...zone }
}

function readTimes(name: string, vr: TimeVr, values: readonly string[], options: ValueOptions): Match {
  const [first, ...more] = values
  if (first !== undefined && more.length === 0) {
    // Whether times of day are in order depends on the days that may belong to them.
    const range = vr === 'TM' ? readEnds(vr, first, options.zone) : readZonedRange(vr, first, options.zone)
    if (!range) throw badTimes(name, vr)
    return { kind: 'range', ...range }
  }
  if (!values.every((value) => readSpan(vr, value)))
    throw bad(name, `has VR ${vr}: a list of it holds no ranges`)
  return { kind: 'values', values, ...(options.zone !== undefined && { zone: options.zone }) }
}

export function badTimes(name: string, vr: TimeVr): Problem {
  return bad(name, `has VR ${vr}: a value of it, or a range of two in their order, is wanted`)
}

function split(vr: Vr, text: string): string[] {
  const isList = COMMA.has(vr) || comparisonOf(vr) === 'number'
  const pieces = SINGLE.has(vr) ? [text] : text.split(isList ? /[,\\]/u : '\\')
  return pieces.map(trimPadding)
}

function bad(name: string, why: string): Problem {
  return new Problem('malformed', `The match key ${name} ${why}.`)
}
