/** Match keys of dates and times, which are read together: the time zone of a search, and days with their times of day. */
import { Problem } from '../problem.ts'
import { pairedTime } from '../dicom/attributes.ts'
import { isTimeVr } from '../dicom/matching-values.ts'
import { isInOrder, isZone } from '../dicom/times.ts'
import type { Match } from '../dicom/matching.ts'
import type { Field } from './query-params-fields.ts'
import { badTimes } from './query-params-values.ts'

/** A key that has not been combined with its neighbours yet. */
export interface RawKey extends Field {
  /** As the client wrote it. */
  readonly name: string
  readonly match: Match
  readonly isRange: boolean
}

/** TimezoneOffsetFromUTC is never matched: it says where the dates and times of the request are meant. */
export function takeZone(
  fields: Map<string, { readonly texts: readonly string[] }>,
): { readonly offset: string | undefined } | undefined {
  const found = fields.get('00080201')
  if (!found) return undefined
  fields.delete('00080201')
  const [text = '', ...more] = found.texts
  if (text === '' && more.length === 0) return { offset: undefined }
  // A plus that was not encoded has become a space.
  const offset = text.replace(/^ /u, '+').trim()
  if (more.length > 0 || !isZone(offset)) {
    throw new Problem(
      'malformed',
      'TimezoneOffsetFromUTC wants one offset such as +0100, its plus encoded as %2B.',
    )
  }
  return { offset }
}

/**
 * Ranges of a date and of the time that belongs to it are one interval, from the first instant to the last
 * (PS3.4 C.2.2.2.5.4; PS3.18 §8.3.4.1.1 asks it of QIDO without negotiation). Of several days the last may end at an
 * earlier hour. Throws Problem `malformed` for what ends before it begins.
 */
export function combined(keys: readonly RawKey[]): RawKey[] {
  const kept = [...keys]
  for (const date of keys) {
    const time = date.isRange && date.vr === 'DA' ? timeOf(date, keys) : undefined
    if (!time || date.match.kind !== 'range' || time.match.kind !== 'range') continue
    const { from, to } = date.match
    const bound = (day: string, clock: string | undefined, whole: string): string => {
      if (clock === undefined) return day.length > 8 ? day : day.slice(0, 8) + whole
      return day.slice(0, 8) + clock
    }
    const match: Match = {
      kind: 'range',
      timed: true,
      ...(from !== undefined && { from: bound(from, time.match.from, '000000.000000') }),
      ...(to !== undefined && { to: bound(to, time.match.to, '235959.999999') }),
    }
    kept[kept.indexOf(date)] = { ...date, match }
    kept[kept.indexOf(time)] = { ...time, match: { kind: 'universal' } }
  }
  for (const { name, vr, match } of kept)
    if (isTimeVr(vr) && match.kind === 'range' && !isInOrder(match)) throw badTimes(name, vr)
  return kept
}

function timeOf(date: RawKey, keys: readonly RawKey[]): RawKey | undefined {
  const prefix = date.path.slice(0, -1)
  const tag = pairedTime(date.path.at(-1) ?? '')
  const wanted = [...prefix, tag].join('.')
  return tag === undefined ? undefined : keys.find((key) => key.isRange && key.path.join('.') === wanted)
}
