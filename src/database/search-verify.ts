import { hasValue, matcher } from '../dicom/matching.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Row, Step } from './operation.ts'
import { firstInstances, laterInstances, type Candidate } from './search-candidates.ts'
import { partTest, readDataSets, type Readings, type StoredDataSet } from './search-instances.ts'
import { hasLowerKeys, type Plan } from './search-plan.ts'
import { isInTuple } from './search-fields.ts'
import { withValue } from './search-postings.ts'
import { TRUE } from './search-sql.ts'

/** A match, and its first received instance that matches: the one whose attributes its row shows. */
export interface Match {
  readonly candidate: Candidate
  readonly instance: number
}

/** A match of which it may not be known yet which of its instances it is that matches. */
export interface FoundMatch {
  readonly candidate: Candidate
  readonly instance: number | null
}

/** Instances looked at in one step when the first of an entity does not match. */
const SLICES = [16, 128, 512]

/** Those of the candidates that match, in their order. What is certain is not looked at. */
export function* verified(
  plan: Plan,
  candidates: readonly Candidate[],
  readings: Readings,
): Generator<Step, FoundMatch[], Row[]> {
  const found: Found =
    plan.keys.length === 0 ? yield* firstOnes(plan, candidates) : yield* matching(plan, candidates, readings)
  for (const key of plan.empty) yield* dropWithValue(plan, key, found, readings)
  return candidates.flatMap((candidate) => {
    const instance = found.get(candidate.id)
    return instance === undefined ? [] : [{ candidate, instance }]
  })
}

/** Whether a candidate is a match without a look at a data set. */
export function isCertain(plan: Plan, candidate: Candidate): boolean {
  return plan.empty.length === 0 && candidate.isCertain
}

/** Finds the instances of matches that are certain, of which rows show what is asked for. */
export function* resolved(
  plan: Plan,
  matches: readonly FoundMatch[],
  readings: Readings,
): Generator<Step, Match[], Row[]> {
  const known = new Map<number, number>()
  for (const { candidate, instance } of matches) if (instance !== null) known.set(candidate.id, instance)
  const open = matches.flatMap(({ candidate }) => (known.has(candidate.id) ? [] : [candidate]))
  if (open.length > 0) yield* findInstances(plan, open, known, readings)
  return matches.flatMap(({ candidate }) => {
    const instance = known.get(candidate.id)
    return instance === undefined ? [] : [{ candidate, instance }]
  })
}

type Known = Map<number, number>
type Found = Map<number, number | null>

function* firstOnes(plan: Plan, candidates: readonly Candidate[]): Generator<Step, Known, Row[]> {
  const found: Known = new Map()
  const unknown = candidates.filter(
    (candidate) => candidate.firstId === 0 || plan.query.includeSuperseded === true,
  )
  for (const { id, firstId } of candidates) if (firstId !== 0) found.set(id, firstId)
  if (unknown.length === 0 || plan.query.level === 'instance') return found
  const first = yield* firstInstances(
    plan,
    unknown.map(({ id }) => id),
  )
  for (const [id, { instance }] of first) found.set(id, instance)
  return found
}

function* matching(
  plan: Plan,
  candidates: readonly Candidate[],
  readings: Readings,
): Generator<Step, Found, Row[]> {
  const known: Known = new Map()
  const certain = candidates.filter((candidate) => candidate.isCertain)
  const open = candidates.filter((candidate) => !candidate.isCertain)
  if (open.length > 0) yield* findInstances(plan, open, known, readings)
  const found: Found = new Map(known)
  for (const { id, firstId, isWhole } of certain) found.set(id, isWhole ? firstId : null)
  return found
}

/** Of each candidate that matches, the first instance that does. */
function* findInstances(
  plan: Plan,
  candidates: readonly Candidate[],
  found: Known,
  readings: Readings,
): Generator<Step, void, Row[]> {
  const doubtful: Doubtful[] = []
  const below =
    plan.query.level !== 'instance' && (hasLowerKeys(plan) || plan.query.includeSuperseded === true)
  const ids = candidates.map(({ id }) => id)
  const first = below && ids.length > 0 ? yield* firstInstances(plan, ids) : undefined
  for (const candidate of candidates) {
    const { id } = candidate
    const own = first ? first.get(id) : { instance: candidate.firstId, isUniform: true }
    if (own === undefined) continue
    if (plan.isExact && candidate.isUniform && own.isUniform) found.set(id, own.instance)
    else doubtful.push({ id, instance: own.instance, isLast: candidate.isUnanimous && isTold(plan) })
  }
  if (doubtful.length > 0) yield* look(plan, doubtful, found, readings)
}

interface Doubtful {
  readonly id: number
  readonly instance: number
  /** The other instances would say the same. */
  readonly isLast: boolean
}

/** Whether the rows of matches have their data sets read, because they show what keys ask for that only postings tell. */
export function areRead(plan: Plan): boolean {
  return plan.certainty.isOfSeries && !isTold(plan)
}

/** Whether all keys speak of attributes that a level keeps. */
function isTold({ query, keys, on }: Plan): boolean {
  const level = query.level
  if (level === 'instance' || query.includeSuperseded === true) return false
  return keys.every(({ path: [tag = ''] }) => {
    return isInTuple(level, tag) || (level === 'series' && on.s !== TRUE && isInTuple('study', tag))
  })
}

/** Looks at the first instance of each, then, where that is not one, at those that came later. */
function* look(
  plan: Plan,
  doubtful: readonly Doubtful[],
  found: Known,
  readings: Readings,
): Generator<Step, void, Row[]> {
  const test = partTest(plan.keys, matcher(plan.keys))
  const dataSets = yield* readDataSets(
    plan.dialect,
    doubtful.map(({ instance }) => instance),
    readings,
  )
  for (const { id, instance, isLast } of doubtful) {
    const dataSet = dataSets.get(instance)
    if (dataSet && test(dataSet)) {
      found.set(id, instance)
      readings.matches.set(instance, dataSet)
    } else if (plan.query.level !== 'instance' && !isLast) {
      const later = yield* search(plan, id, { from: instance, test, anyInstance: false }, readings)
      if (later !== undefined) found.set(id, later)
    }
  }
}

/** The first instance of an entity after one of them that passes a test. */
function* search(
  plan: Plan,
  entity: number,
  how: {
    readonly from: number
    readonly test: (dataSet: StoredDataSet) => boolean
    readonly anyInstance: boolean
  },
  readings: Readings,
): Generator<Step, number | undefined, Row[]> {
  let { from } = how
  for (let round = 0; ; round++) {
    const size = SLICES[Math.min(round, SLICES.length - 1)] ?? 1
    const ids = yield* laterInstances(plan, entity, { from, size, anyInstance: how.anyInstance })
    const dataSets = yield* readDataSets(plan.dialect, ids, readings)
    for (const id of ids) {
      const dataSet = dataSets.get(id)
      if (dataSet && how.test(dataSet)) return id
    }
    if (ids.length < size) return undefined
    from = ids.at(-1) ?? from
  }
}

/** Empty-value matching (PS3.4 C.2.2.2.7): no active instance has a value. The tag index knows, unless something was hidden. */
function* dropWithValue(
  plan: Plan,
  key: Plan['keys'][number],
  found: Found,
  readings: Readings,
): Generator<Step, void, Row[]> {
  const owner = { patient: 'ps.patient_key', study: 'e.study_id', series: 'e.id', instance: 'i.id' }[
    plan.query.level
  ]
  const ids = [...found.keys()]
  if (ids.length === 0) return
  const { certain, doubtful } = yield* withValue(plan.dialect, key, owner, ids)
  const isHidden = plan.query.includeSuperseded === true
  // Postings say neither whose block a private element is in, nor which patient of a shared study has the value.
  const isPrivate = key.path.some((step) => readPrivateStep(step) !== undefined)
  const isVague = isPrivate || plan.query.level === 'patient'
  if (!isVague && !isHidden) for (const id of certain) found.delete(id)
  const open = isHidden ? ids : [...doubtful, ...(isVague ? certain : [])]
  const test = partTest([key], (part) => hasValue(part, key.path))
  for (const id of open) {
    const one = yield* search(plan, id, { from: 0, test, anyInstance: true }, readings)
    if (one !== undefined) found.delete(id)
  }
}
