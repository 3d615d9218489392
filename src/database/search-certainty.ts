/** What a posted value says of a key: whether whoever has it matches. */
import { matches } from '../dicom/matching.ts'
import { isTimeVr } from '../dicom/matching-values.ts'
import { splitBound, type TimeVr } from '../dicom/times.ts'
import type { Match } from '../dicom/matching.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Tag, Value, Vr } from '../dicom/data-set.ts'
import type { Key } from './query.ts'
import { isCut } from './terms.ts'

/** Every element with the value matches; whether it does shows in the data set; none does. */
export type Verdict = 'sure' | 'maybe' | 'never'

/** Tests the values of a path that are posted with a VR, against the key as `dicom/matching.ts` would. */
export function verdictOn(key: Key, vr: Vr): (posted: string) => Verdict {
  const alone: Key = { path: [ALONE], vr: key.vr, match: key.match }
  const isOpen = dependsOnMore(key, vr)
  // Words of a fuzzy name may stand in several component groups, each of which is posted by itself.
  const whenNot: Verdict = vr === 'PN' && key.match.kind === 'fuzzy' ? 'maybe' : 'never'
  return (posted) => {
    if (isOpen || isCut(posted)) return 'maybe'
    const value: Value = vr === 'PN' ? { Alphabetic: posted } : posted
    return matches({ [ALONE]: { vr, Value: [value] } }, alone) ? 'sure' : whenNot
  }
}

/** Stands for whatever tag the value has: no time of day belongs to it. */
const ALONE: Tag = '00091001'

/** Whether it takes more than one value of the element to tell. */
function dependsOnMore({ match, path }: Key, vr: Vr): boolean {
  // Whose block a private element is in, postings tell of whole series (`search-owners.ts`), and of items nothing.
  const isPrivate = path.length > 1 && path.some((step) => readPrivateStep(step) !== undefined)
  if (isPrivate || match.kind === 'every') return true
  // Each component group is posted by itself, and nothing says which one it was.
  if (vr === 'PN') return textsOf(match).some((text) => text.includes('='))
  return isTimeVr(vr) && isZoned(match, vr)
}

/** Time zones are those of the data set, and the time of day of a date is another element. */
function isZoned(match: Match, vr: TimeVr): boolean {
  if (match.kind !== 'range') {
    const isGiven = 'zone' in match
    // A dash may be that of a range as well: then it is looked at.
    return isGiven || textsOf(match).some((text) => /[+-]/u.test(text))
  }
  const bounds = [match.from, match.to].filter((bound) => bound !== undefined).map(splitBound)
  const isTimed = match.timed === true || (vr === 'DA' && bounds.some(({ digits }) => digits.length > 8))
  return isTimed || bounds.some(({ zone }) => zone !== undefined)
}

function textsOf(match: Match): readonly string[] {
  if (match.kind === 'values' || match.kind === 'every') return match.values
  if (match.kind === 'wildcard') return match.patterns
  return match.kind === 'fuzzy' ? match.names : []
}
