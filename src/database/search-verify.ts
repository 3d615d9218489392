import { hasValue, matcher } from '../dicom/matching.ts'
import { readPrivateStep } from '../dicom/path-step.ts'
import type { Row, Step } from './operation.ts'
import { firstInstances, laterInstances, type Candidate } from './search-candidates.ts'
import { partFor, readDataSets, type Bases } from './search-instances.ts'
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
  bases: Bases,
): Generator<Step, FoundMatch[], Row[]> {
  const found: Found =
    plan.keys.length === 0 ? yield* firstOnes(plan, candidates) : yield* matching(plan, candidates, bases)
  for (const key of plan.empty) yield* dropWithValue(plan, key, found, bases)
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
  bases: Bases,
): Generator<Step, Match[], Row[]> {
  const known = new Map<number, number>()
  for (const { candidate, instance } of matches) if (instance !== null) known.set(candidate.id, instance)
  const open = matches.flatMap(({ candidate }) => (known.has(candidate.id) ? [] : [candidate]))
  if (open.length > 0) yield* findInstances(plan, open, known, bases)
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
  bases: Bases,
): Generator<Step, Found, Row[]> {
  const known: Known = new Map()
  const certain = candidates.filter((candidate) => candidate.isCertain)
  const open = candidates.filter((candidate) => !candidate.isCertain)
  if (open.length > 0) yield* findInstances(plan, open, known, bases)
  const found: Found = new Map(known)
  for (const { id, firstId, isWhole } of certain) found.set(id, isWhole ? firstId : null)
  return found
}

/** Of each candidate that matches, the first instance that does. */
function* findInstances(
  plan: Plan,
  candidates: readonly Candidate[],
  found: Known,
  bases: Bases,
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
  if (doubtful.length > 0) yield* look(plan, doubtful, found, bases)
}

interface Doubtful {
  readonly id: number
  readonly instance: number
  /** The other instances would say the same. */
  readonly isLast: boolean
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
  bases: Bases,
): Generator<Step, void, Row[]> {
  const test = matcher(plan.keys)
  const dataSets = yield* readDataSets(
    plan.dialect,
    doubtful.map(({ instance }) => instance),
    bases,
  )
  for (const { id, instance, isLast } of doubtful) {
    const dataSet = dataSets.get(instance)
    if (dataSet && test(partFor(plan.keys, dataSet))) found.set(id, instance)
    else if (plan.query.level !== 'instance' && !isLast) {
      const later = yield* search(
        plan,
        id,
        { from: instance, test: (part) => test(part), anyInstance: false },
        bases,
      )
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
    readonly test: (part: ReturnType<typeof partFor>) => boolean
    readonly anyInstance: boolean
    readonly keys?: Plan['keys']
  },
  bases: Bases,
): Generator<Step, number | undefined, Row[]> {
  const keys = how.keys ?? plan.keys
  let { from } = how
  for (let round = 0; ; round++) {
    const size = SLICES[Math.min(round, SLICES.length - 1)] ?? 1
    const ids = yield* laterInstances(plan, entity, { from, size, anyInstance: how.anyInstance })
    const dataSets = yield* readDataSets(plan.dialect, ids, bases)
    for (const id of ids) {
      const dataSet = dataSets.get(id)
      if (dataSet && how.test(partFor(keys, dataSet))) return id
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
  bases: Bases,
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
  for (const id of open) {
    const test = (part: ReturnType<typeof partFor>): boolean => hasValue(part, key.path)
    const one = yield* search(plan, id, { from: 0, test, anyInstance: true, keys: [key] }, bases)
    if (one !== undefined) found.delete(id)
  }
}
