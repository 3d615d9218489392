/**
 * REFERENCES WHEN A PART OF A STUDY LEAVES IT: those to what leaves follow it, by new UIDs under a new Study Instance UID;
 * those to what stays keep the study that it stays in. Sequences that name study and series (PS3.3 Table C.17-3b: Current
 * Requested Procedure Evidence and its like; RT Referenced Study Sequence, C.8.8.5) are parted where they name both.
 */
import type { DataElement, DataSet, Tag, Uid, Value } from './data-set.ts'
import { Unreadable } from './reader-unreadable.ts'

export interface Leaving {
  /** Old UIDs and new ones of all series and instances that leave. */
  readonly uids: ReadonlyMap<Uid, Uid>
  readonly study: { readonly from: Uid; readonly to: Uid }
}

export interface PartedReferences {
  /** Elements that name both what leaves and what stays; null: nothing is left of it. */
  readonly set: ReadonlyMap<Tag, DataElement | null>
  /** Items of Referenced Series Sequence (0008,1115) for what stays: it is in another study now. */
  readonly behind: readonly DataSet[]
  /** Of the other elements that name study or series, which UIDs are to be replaced in them. */
  readonly uidsOf: ReadonlyMap<Tag, ReadonlyMap<Uid, Uid>>
}

const STUDY: Tag = '0020000D'
const SERIES: Tag = '0020000E'
const REFERENCED_INSTANCE: Tag = '00081155'
/** Of Common Instance Reference (PS3.3 C.12.2): what is in the study of the instance itself. */
export const REFERENCED_SERIES: Tag = '00081115'
const NONE: ReadonlyMap<Uid, Uid> = new Map()

/**
 * How the references in an instance that leaves are to be changed. Throws `Unreadable` where an element that must be
 * parted has bulk data in it.
 * @param keep elements that are history, and stay
 */
export function partReferences(dataSet: DataSet, leaving: Leaving, keep: ReadonlySet<Tag>): PartedReferences {
  const { uids, study } = leaving
  const all = new Map(uids).set(study.from, study.to)
  const set = new Map<Tag, DataElement | null>()
  const behind: DataSet[] = []
  const uidsOf = new Map<Tag, ReadonlyMap<Uid, Uid>>()
  for (const [tag, element] of Object.entries(dataSet)) {
    if (element.vr !== 'SQ' || keep.has(tag) || !namesLevel(element, leaving)) continue
    const { leave, stay } = counted(element, leaving)
    if (stay === 0) uidsOf.set(tag, all)
    else if (tag === REFERENCED_SERIES && !hasBulk(element)) {
      const sides = itemsOf(element).map((item) => sidesOf(item, leaving, all))
      const goes = sides.flatMap(([first]) => first)
      set.set(tag, goes.length === 0 ? null : { ...element, Value: goes })
      behind.push(...sides.flatMap(([, second]) => second))
    } else if (leave === 0) uidsOf.set(tag, NONE)
    else if (hasBulk(element)) throw new Unreadable('has bulk data among references that part', { tag })
    else set.set(tag, parted(element, leaving, all))
  }
  return { set, uidsOf, behind }
}

function itemsOf(element: DataElement): readonly DataSet[] {
  return element.vr === 'SQ' ? ((element.Value ?? []) as DataSet[]) : []
}

function uidOf(item: DataSet, tag: Tag): Uid {
  const [value] = item[tag]?.Value ?? []
  return typeof value === 'string' ? value : ''
}

/** Whether an item says of which study or series something is, and that is one of these. */
function isLevel(item: DataSet, { uids, study }: Leaving): boolean {
  // RT Referenced Study Sequence names a study as if it were an instance.
  const ofStudy = [uidOf(item, STUDY), uidOf(item, REFERENCED_INSTANCE)]
  return ofStudy.includes(study.from) || uids.has(uidOf(item, SERIES))
}

function namesLevel(element: DataElement, leaving: Leaving): boolean {
  return itemsOf(element).some(
    (item) => isLevel(item, leaving) || Object.values(item).some((inner) => namesLevel(inner, leaving)),
  )
}

function hasBulk(element: DataElement): boolean {
  if (element.offset !== undefined) return true
  return itemsOf(element).some((item) => Object.values(item).some(hasBulk))
}

interface Counts {
  readonly leave: number
  readonly stay: number
}

/** How many references to instances that leave are in an element, and to others. */
function counted(element: DataElement, leaving: Leaving): Counts {
  const sum = { leave: 0, stay: 0 }
  const add = (inner: DataElement): void => {
    for (const item of itemsOf(inner)) {
      const uid = uidOf(item, REFERENCED_INSTANCE)
      if (leaving.uids.has(uid)) sum.leave++
      else if (uid !== '' && uid !== leaving.study.from) sum.stay++
      Object.values(item).forEach(add)
    }
  }
  add(element)
  return sum
}

/** An element whose items of a study or series that is named for both become two, one for each. */
function parted(element: DataElement, leaving: Leaving, all: ReadonlyMap<Uid, Uid>): DataElement {
  const Value = itemsOf(element).flatMap((item): DataSet[] => {
    if (!isLevel(item, leaving)) return [mapped(item, (inner) => parted(inner, leaving, all), leaving.uids)]
    return sidesOf(item, leaving, all).flat()
  })
  return { ...element, Value }
}

/** An item as it is to name what leaves, and as it names what stays; of either one or none. */
function sidesOf(
  item: DataSet,
  leaving: Leaving,
  all: ReadonlyMap<Uid, Uid>,
): [goes: DataSet[], stays: DataSet[]] {
  const { leave, stay } = counted({ vr: 'SQ', Value: [item] }, leaving)
  if (stay === 0) return [[replaced(item, all)], []]
  if (leave === 0) return [[], [item]]
  const goes = only(item, (uid) => leaving.uids.has(uid), leaving)
  return [[replaced(goes, all)], [only(item, (uid) => !leaving.uids.has(uid), leaving)]]
}

/** An item with its sequences changed, and UIDs replaced where it has them itself. */
function mapped(
  item: DataSet,
  change: (element: DataElement) => DataElement,
  uids: ReadonlyMap<Uid, Uid>,
): DataSet {
  return Object.fromEntries(
    Object.entries(item).map(([tag, element]) => {
      if (element.vr === 'SQ') return [tag, change(element)]
      if (element.vr !== 'UI' || element.Value === undefined) return [tag, element]
      return [tag, { ...element, Value: element.Value.map((value) => uidFor(value, uids)) }]
    }),
  )
}

function uidFor(value: Value, uids: ReadonlyMap<Uid, Uid>): Value {
  return typeof value === 'string' ? (uids.get(value) ?? value) : value
}

/** An item with UIDs replaced at every depth. */
function replaced(item: DataSet, uids: ReadonlyMap<Uid, Uid>): DataSet {
  return mapped(
    item,
    (element) => ({ ...element, Value: itemsOf(element).map((inner) => replaced(inner, uids)) }),
    uids,
  )
}

/** An item without references to the others, and without items that were about nothing else. */
function only(item: DataSet, isWanted: (uid: Uid) => boolean, leaving: Leaving): DataSet {
  const wanted = (inner: DataSet): boolean => {
    const uid = uidOf(inner, REFERENCED_INSTANCE)
    if (uid !== '' && uid !== leaving.study.from) return isWanted(uid)
    const references = referencesIn(inner, leaving)
    return references.length === 0 || references.some(isWanted)
  }
  return mapped(
    item,
    (element) => ({
      ...element,
      Value: itemsOf(element)
        .filter(wanted)
        .map((inner) => only(inner, isWanted, leaving)),
    }),
    NONE,
  )
}

function referencesIn(item: DataSet, leaving: Leaving): Uid[] {
  return Object.values(item).flatMap((element) =>
    itemsOf(element).flatMap((inner) => {
      const uid = uidOf(inner, REFERENCED_INSTANCE)
      return [...(uid === '' || uid === leaving.study.from ? [] : [uid]), ...referencesIn(inner, leaving)]
    }),
  )
}
