import type { Json, JsonObject, Resource } from '../ports.ts'
import { isList, isObject, sameJson, without } from './canonical.ts'
import { byKey, covers, foreignItems, itemKey } from './same.ts'

/**
 * THE THREE-WAY MERGE (design §7): what the server has (`theirs`), what the index says now (`ours`) and what we last
 * wrote (`base`), element by element, series and instances by their UID. What neither `ours` nor `base` has is foreign
 * and stays. What `base` has and the server changed is a hand edit.
 */
export interface Merge {
  /** To be written, unless it equals `theirs`. */
  readonly resource: Resource
  /** The base of the next merge: what of `ours` has really been taken. */
  readonly owned: JsonObject
  /** Owned elements that somebody else changed, as paths: `status`, `series[1.2.3].description`. */
  readonly edits: readonly string[]
  /** Somebody gave the study to another Patient: that is a person's decision, and stays. */
  readonly subjectMoved: boolean
  readonly changed: boolean
}

/**
 * What happens to a hand edit: our value comes back, or theirs stays. `restore`: a person asked for what the index says,
 * of subject and status too, which are otherwise left to people.
 */
export type EditPolicy = 'repair' | 'respect' | 'restore'

interface Context {
  readonly policy: EditPolicy
  /** SOP Instance UIDs that ours lists: each in one series, and in no other. */
  readonly instances: ReadonlySet<Json | undefined>
  readonly edits: string[]
  subjectMoved: boolean
}

/** The value that comes out, and what of it is ours; undefined: not there. */
interface Outcome {
  readonly value: Json | undefined
  readonly owned: Json | undefined
}

interface Three {
  readonly theirs: Json | undefined
  readonly ours: Json | undefined
  readonly base: Json | undefined
}

/** Merges; `base` null where nothing of ours is known to be there (first adoption of a resource). */
export function merge(
  theirs: Resource,
  ours: Resource,
  base: JsonObject | null,
  policy: EditPolicy = 'repair',
): Merge {
  const context: Context = { policy, instances: instancesOf(ours), edits: [], subjectMoved: false }
  const { value, owned } = mergeObject({ theirs, ours, base: base ?? {} }, '', context)
  const merged = isObject(value) ? value : {}
  const changed = !sameJson(merged, theirs)
  return {
    resource: { ...(changed ? withoutStaleText(merged) : merged), resourceType: ours.resourceType },
    owned: isObject(owned) ? owned : {},
    edits: context.edits,
    subjectMoved: context.subjectMoved,
    changed,
  }
}

/** Picks, of several bases that may be true (a write of unknown outcome), the one that explains the server's state best. */
export function mergeOver(
  theirs: Resource,
  ours: Resource,
  bases: readonly JsonObject[],
  policy: EditPolicy = 'repair',
): Merge {
  const [first, ...others] = bases.map((base) => merge(theirs, ours, base, policy))
  if (!first) return merge(theirs, ours, null, policy)
  return others.reduce((best, next) => (next.edits.length < best.edits.length ? next : best), first)
}

/** A narrative generated from what has changed since would contradict the resource, and people read narratives. */
function withoutStaleText(resource: JsonObject): JsonObject {
  const narrative = resource['text']
  if (!isObject(narrative) || narrative['status'] !== 'generated') return resource
  return without(resource, 'text')
}

/** Objects whose members are merged one by one; every other object is one value. */
const STRUCTURES = /^(?:meta|series\[[^\]]*\](?:\.instance\[[^\]]*\])?)$/u

/** Single values that stay with whoever said them first, when that was not us: people say these better than headers do. */
const FIRST_COME = new Set(['referrer', 'description', 'location'])

function mergeNode(three: Three, path: string, context: Context): Outcome {
  const { theirs, ours, base } = three
  const isRestored = context.policy === 'restore'
  if (path === 'subject' && !isRestored) return mergeSubject(three, context)
  if (path === 'status' && !isRestored && theirs === 'entered-in-error' && base !== 'entered-in-error') {
    // Somebody withdrew the study: no push of ours brings it back.
    if (ours !== theirs) context.edits.push(path)
    return { value: theirs, owned: base }
  }
  if (isList(theirs) || isList(ours) || isList(base)) return mergeList(three, path, context)
  if (STRUCTURES.test(path)) {
    // A series or instance that was taken out is one edit, not one for each of its elements.
    const isTakenOut = theirs === undefined && ours !== undefined && base !== undefined
    return isTakenOut ? mergeValue(three, path, context) : mergeObject(three, path, context)
  }
  return mergeValue(three, path, context)
}

function mergeObject(three: Three, path: string, context: Context): Outcome {
  const [theirs, ours, base] = [membersOf(three.theirs), membersOf(three.ours), membersOf(three.base)]
  const value: Record<string, Json> = {}
  const owned: Record<string, Json> = {}
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    if (path === '' && (name === 'resourceType' || name === 'id')) {
      value[name] = theirs[name] ?? ours[name] ?? null
      continue
    }
    const member = { theirs: theirs[name], ours: ours[name], base: base[name] }
    const outcome = mergeNode(member, path === '' ? name : `${path}.${name}`, context)
    if (outcome.value !== undefined) value[name] = outcome.value
    if (outcome.owned !== undefined) owned[name] = outcome.owned
  }
  return { value: unlessEmpty(value), owned: unlessEmpty(owned) }
}

function membersOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

/** FHIR knows no empty objects and lists. */
function unlessEmpty<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value
}

function mergeValue(three: Three, path: string, context: Context): Outcome {
  const { theirs, ours, base } = three
  if (ours === undefined) return withdrawn(three)
  if (theirs === undefined) {
    if (base === undefined) return { value: ours, owned: ours }
    context.edits.push(path)
    return context.policy === 'respect' ? { value: undefined, owned: base } : { value: ours, owned: ours }
  }
  if (covers(theirs, ours)) {
    // Additions of others to an unchanged value stay; to a value that changed they need not belong any more.
    const kept = base === undefined || sameJson(ours, base)
    return { value: kept ? theirs : ours, owned: ours }
  }
  if (base === undefined) {
    return FIRST_COME.has(path) ? { value: theirs, owned: undefined } : { value: ours, owned: ours }
  }
  if (covers(theirs, base)) return { value: ours, owned: ours }
  context.edits.push(path)
  return context.policy === 'respect' ? { value: theirs, owned: base } : { value: ours, owned: ours }
}

/** What we say no longer: gone, unless somebody made it a value of his own. */
function withdrawn({ theirs, base }: Three): Outcome {
  const isOurs = theirs !== undefined && base !== undefined && covers(theirs, base)
  return { value: isOurs ? undefined : theirs, owned: undefined }
}

function mergeList(three: Three, path: string, context: Context): Outcome {
  const [theirs, ours, base] = [byKey(three.theirs), byKey(three.ours), byKey(three.base)]
  const value: Json[] = []
  const owned: Json[] = []
  for (const [key, item] of ours) {
    const outcome = mergeNode(
      { theirs: theirs.get(key), ours: item, base: base.get(key) },
      itemPath(path, key),
      context,
    )
    if (outcome.value !== undefined) value.push(outcome.value)
    if (outcome.owned !== undefined) owned.push(outcome.owned)
  }
  for (const item of foreignItems(three.theirs, theirs, ours, base)) {
    // Of these there is but what the index says: one more, or another one, is an edit of ours.
    if (isWhole(path, item) || isDisplaced(path, item, context)) {
      context.edits.push(itemPath(path, itemKey(item)))
      if (context.policy !== 'respect') continue
    }
    value.push(item)
  }
  return { value: unlessEmpty(value), owned: unlessEmpty(owned) }
}

/** Items are named by UID or not at all: every other key may be words about a patient, and paths go to attention rows. */
function itemPath(path: string, key: string): string {
  return /^[\d.]+$/u.test(key) ? `${path}[${key}]` : `${path}[]`
}

/** The modalities, and the one Study Instance UID, admit nothing foreign beside them. */
function isWhole(path: string, item: Json): boolean {
  if (path === 'modality') return true
  return path === 'identifier' && isObject(item) && item['system'] === 'urn:dicom:uid'
}

function instancesOf({ series }: Resource): Set<Json | undefined> {
  const all = objects(series).flatMap(({ instance }) => objects(instance))
  return new Set(all.map(({ uid }) => uid))
}

function objects(list: Json | undefined): JsonObject[] {
  return isList(list) ? list.filter((item) => isObject(item)) : []
}

/** Somebody gave our instances to a series of another UID: they are where the index says, and nowhere else. */
function isDisplaced(path: string, item: Json, { instances }: Context): boolean {
  if (!isObject(item)) return false
  if (path !== 'series')
    return path.startsWith('series[') && path.endsWith('].instance') && instances.has(item['uid'])
  const own = objects(item['instance'])
  return own.length > 0 && own.every(({ uid }) => instances.has(uid))
}

/**
 * The subject is never repaired: another Patient than ours is a person's decision, from which a correction of the DICOM
 * side may follow. It follows us as long as it is the one we wrote.
 */
function mergeSubject({ theirs, ours, base }: Three, context: Context): Outcome {
  if (theirs === undefined || ours === undefined || sameSubject(theirs, ours)) {
    const kept = theirs !== undefined && ours !== undefined && covers(theirs, ours)
    return { value: kept ? theirs : ours, owned: ours }
  }
  // Adopted: what is not decided there and names the same patient waits for the Patient that is found now.
  const isOurs =
    base === undefined
      ? isUndecided(theirs) && itemKey(theirs) === logicalKey(ours)
      : sameSubject(theirs, base)
  if (isOurs) return { value: ours, owned: ours }
  context.subjectMoved = isObject(theirs) && typeof theirs['reference'] === 'string'
  return { value: theirs, owned: base }
}

function sameSubject(a: Json, b: Json): boolean {
  return isUndecided(a) === isUndecided(b) && itemKey(a) === itemKey(b)
}

/** By what a subject would be known without its literal reference. */
function logicalKey(subject: Json): string {
  return itemKey(isObject(subject) ? without(subject, 'reference') : subject)
}

/** Without a literal reference. */
function isUndecided(subject: Json): boolean {
  return !isObject(subject) || typeof subject['reference'] !== 'string'
}
