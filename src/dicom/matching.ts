import { pairedTime } from './attributes.ts'
import { comparisonOf, isTimeVr, valueTest, type ValueTest } from './matching-values.ts'
import { tagsOfStep } from './path-step.ts'
import { isZone, readTime, readZonedRange } from './times.ts'
import type { DataElement, DataSet, KeyPath, PathStep, Value, Vr } from './data-set.ts'

/** TimezoneOffsetFromUTC of the request, where values are, or may turn out to be, dates and times that name none. */
interface Zoned {
  readonly zone?: string
}

/** How a key wants to be matched: PS3.4 C.2.2.2. Texts are trimmed of padding; ranges are inclusive. */
export type Match =
  | { readonly kind: 'universal' }
  /** Any of the values (single value, UID list, list of values). */
  | ({ readonly kind: 'values'; readonly values: readonly string[] } & Zoned)
  /** `*` and `?`, only for AE CS LO LT PN SH ST UC UR UT; several patterns are alternatives. */
  | ({ readonly kind: 'wildcard'; readonly patterns: readonly string[] } & Zoned)
  /**
   * DA, TM, DT; bounds as canonical text of full precision, either may be absent. `timed`: of a date that a time of day
   * belongs to, without which it is at no moment.
   */
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string; readonly timed?: boolean }
  /**
   * Person names matched by words: any of the names, each of whose words begins some word of one value, in any order.
   * Values that turn out to be no person names are compared as those of `values`.
   */
  | ({ readonly kind: 'fuzzy'; readonly names: readonly string[] } & Zoned)
  /** Empty-value matching (C.2.2.2.7): no active instance of the entity has a value. */
  | { readonly kind: 'empty' }
  /** Multiple-value matching (C.2.2.2.8): every one of the values is there. */
  | { readonly kind: 'every'; readonly values: readonly string[] }

/** A key to be tested; `database/query.ts` has it as `Key`. */
export interface MatchKey {
  readonly path: KeyPath
  readonly vr: Vr
  readonly match: Match
}

/** Whether the data set satisfies a single key. */
export function matches(dataSet: DataSet, key: MatchKey): boolean {
  return matchesAll(dataSet, [key])
}

/**
 * Whether one data set satisfies all keys together, those into one sequence in the same item (PS3.4 C.2.2.2.6).
 * Emptiness is asked of the data set as a whole: no item may have the value.
 */
export function matchesAll(dataSet: DataSet, keys: readonly MatchKey[]): boolean {
  return matcher(keys)(dataSet)
}

/** {@link matchesAll} with the keys prepared once, for many data sets. */
export function matcher(keys: readonly MatchKey[]): (dataSet: DataSet) => boolean {
  const empty = keys.filter((key) => key.match.kind === 'empty')
  const test = itemTest(keys.filter((key) => key.match.kind !== 'empty' && key.match.kind !== 'universal'))
  return (dataSet) => test(dataSet, zoneOf(dataSet)) && empty.every((key) => !hasValue(dataSet, key.path))
}

/** Whether an attribute, of any item on the way, has a value; what cannot be decoded is a value too. */
export function hasValue(dataSet: DataSet, path: KeyPath): boolean {
  return elementsAt(dataSet, path).some((element) => {
    if (element.InlineBinary !== undefined || (element.length ?? 0) > 0) return true
    return (element.Value ?? []).some((value) => value !== null && value !== '')
  })
}

/** Every element that a path leads to, through all items of the sequences on the way. */
export function elementsAt(dataSet: DataSet, path: KeyPath): DataElement[] {
  const [step, ...rest] = path
  if (step === undefined) return []
  const elements = tagsOfStep(dataSet, step).flatMap((tag) => dataSet[tag] ?? [])
  if (rest.length === 0) return elements
  return elements.flatMap((element) => itemsOf(element).flatMap((item) => elementsAt(item, rest)))
}

type ItemTest = (item: DataSet, zone: string | undefined) => boolean

/** Keys on elements of an item one by one; keys into a sequence together on one of its items. */
function itemTest(keys: readonly MatchKey[]): ItemTest {
  const tests: ItemTest[] = []
  const inside = new Map<PathStep, MatchKey[]>()
  for (const key of keys) {
    const [step, ...rest] = key.path
    if (step === undefined) continue
    if (rest.length === 0) tests.push(elementTest(key, step))
    else inside.set(step, [...(inside.get(step) ?? []), { ...key, path: rest }])
  }
  for (const [step, inner] of inside) {
    const test = itemTest(inner)
    tests.push((item, zone) =>
      tagsOfStep(item, step).some((tag) => itemsOf(item[tag]).some((nested) => test(nested, zone))),
    )
  }
  return (item, zone) => tests.every((test) => test(item, zone))
}

function elementTest(key: MatchKey, step: PathStep): ItemTest {
  const testOf = testsByVr(key)
  const time = pairedTime(step)
  return (item, zone) => {
    const clocks = time === undefined ? [] : (item[time]?.Value ?? []).map(clockOf)
    return tagsOfStep(item, step).some((tag) => {
      const element = item[tag]
      // Text that its character set cannot decode is known to nobody (design §3).
      if (element?.Value === undefined || element.undecoded !== undefined) return false
      const { Value } = element
      return testOf(element.vr).every((test) => Value.some((value, at) => test(value, zone, clocks[at])))
    })
  }
}

/**
 * The tests of a key, all of which must find a value. The VR of the stored element decides how it is compared: no
 * dictionary knows the VR of most private elements, and files contradict the dictionary.
 */
function testsByVr({ vr: keyVr, match }: MatchKey): (stored: Vr) => readonly ValueTest[] {
  const known = new Map<Vr, readonly ValueTest[]>()
  return (stored) => {
    let tests = known.get(stored)
    if (!tests) {
      tests =
        match.kind === 'every'
          ? match.values.map((value) => valueTest(stored, { kind: 'values', values: [value] }))
          : [keyVr === 'UN' ? unknownTest(stored, match) : valueTest(stored, match)]
      known.set(stored, tests)
    }
    return tests
  }
}

/** A value of unknown VR may turn out to be a range. */
function unknownTest(vr: Vr, match: Match): ValueTest {
  if (!isTimeVr(vr)) return valueTest(vr, match)
  const zone = 'zone' in match ? match.zone : undefined
  const tests = textsOf(match).flatMap((text) => {
    const range = readZonedRange(vr, text, zone)
    return range ? [valueTest(vr, { kind: 'range', ...range })] : []
  })
  return (value, setZone, clock) => tests.some((test) => test(value, setZone, clock))
}

/** The texts of a key whose VR was not known. */
function textsOf(match: Match): readonly string[] {
  if (match.kind === 'values' || match.kind === 'every') return match.values
  if (match.kind === 'wildcard') return match.patterns
  return match.kind === 'fuzzy' ? match.names : []
}

function itemsOf(element: DataElement | undefined): DataSet[] {
  if (element === undefined || comparisonOf(element.vr) !== 'items') return []
  return (element.Value ?? []).filter(isItem)
}

function isItem(value: Value): value is DataSet {
  return typeof value === 'object' && value !== null
}

function clockOf(value: Value): string | undefined {
  return typeof value === 'string' ? readTime(value)?.from : undefined
}

/** Timezone Offset From UTC holds for the whole data set, items too (PS3.3 C.12.1.1.8). */
function zoneOf(dataSet: DataSet): string | undefined {
  const zone = dataSet['00080201']?.Value?.[0]
  return typeof zone === 'string' && isZone(zone.trim()) ? zone.trim() : undefined
}
