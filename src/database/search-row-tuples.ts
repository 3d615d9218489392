/** What the rows of the levels tell of an instance, so that its data set need not be read. */
import type { PathStep, Tag } from '../dicom/data-set.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import { MIXED } from './level-tuples.ts'
import type { Row } from './operation.ts'
import type { Query } from './query.ts'
import { isInTuple } from './search-fields.ts'
import type { StoredDataSet } from './search-instances.ts'
import { elementOfLine, FEW, linesIn, type Lines } from './search-lines.ts'

/** The tuples of an entity's levels with which an instance agrees. */
export interface OwnTuples {
  /** They have all that a row shows. */
  readonly isAll: boolean
  /** The instance: what the tuples do not have is that of its data set. */
  over(kept: StoredDataSet | undefined): StoredDataSet
}

const LEVELS = ['series', 'study', 'patient'] as const
type TupleLevel = (typeof LEVELS)[number]

/** The tuples of the rows of one search. */
export interface TupleReader {
  /** Of some row they may have all that it shows. */
  readonly mayTell: boolean
  of(entity: Row, instance: number): OwnTuples
}

/** For rows that look for `stored` tags. */
export function ownTuplesOf(query: Query, steps: readonly PathStep[], stored: readonly Tag[]): TupleReader {
  const isUsed = query.include !== 'all' && query.level !== 'instance'
  // Which block a private element is in, only the data set tells.
  const isPlain = steps.every((step) => readPrivateStep(step) === undefined)
  // Tuples tell of what is active.
  const isActive = query.includeSuperseded !== true
  const agrees = (entity: Row, level: TupleLevel, instance: number): boolean => {
    if (typeof entity[`${level}_attributes`] !== 'string') return false
    const isUniform = isActive && (Number(entity[`${level}_mixed`]) & MIXED) === 0
    return isUniform || Number(entity[`${level}_first`]) === instance
  }
  const isMuchAsked = stored.length > FEW
  const coverage = new Map<string, Coverage>()
  const studies = new Map<string, Lines>()
  const linesOf = (entity: Row, level: TupleLevel): Lines => {
    const text = String(entity[`${level}_attributes`])
    if (level !== 'study') return linesIn(text, isMuchAsked)
    // The rows of series and instances have their study again and again.
    const uid = String(entity['study_uid'])
    const known = studies.get(uid) ?? linesIn(text, isMuchAsked)
    studies.set(uid, known)
    return known
  }
  const mayTell = isUsed && isPlain && coverageOf(LEVELS, stored).size === stored.length
  const ownOf = (entity: Row, instance: number): OwnTuples => {
    const valid = isUsed ? LEVELS.filter((level) => agrees(entity, level, instance)) : []
    const key = valid.join()
    const covered = coverage.get(key) ?? coverageOf(valid, stored)
    coverage.set(key, covered)
    const texts = valid.map((level) => linesOf(entity, level))
    return {
      isAll: isUsed && isPlain && covered.size === stored.length,
      over: (kept) => overlaid(kept, covered, texts),
    }
  }
  return { mayTell, of: ownOf }
}

/** Which of the tuples has a tag, by its place among them. */
type Coverage = ReadonlyMap<Tag, number>

function coverageOf(levels: readonly TupleLevel[], stored: readonly Tag[]): Coverage {
  const covered = new Map<Tag, number>()
  for (const tag of stored) {
    const at = levels.findIndex((level) => isInTuple(level, tag))
    if (at >= 0) covered.set(tag, at)
  }
  return covered
}

function overlaid(
  kept: StoredDataSet | undefined,
  covered: Coverage,
  texts: readonly Lines[],
): StoredDataSet {
  if (kept !== undefined && texts.length === 0) return kept
  const line = (tag: Tag): string | undefined => {
    const at = covered.get(tag)
    return at === undefined ? kept?.line(tag) : texts[at]?.get(tag)
  }
  return { line, element: (tag) => elementOfLine(line(tag)), tags: (prefix) => kept?.tags(prefix) ?? [] }
}
