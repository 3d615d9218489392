/** WHAT IS THE SAME THING in two readings of a resource, though servers write it differently. */
import type { Json, Resource } from '../ports.ts'
import { canonical, isList, isObject, sameJson } from './canonical.ts'

/** Whether `value` says all that `part` says, and maybe more. */
export function covers(value: Json | undefined, part: Json | undefined): boolean {
  if (isList(part)) {
    return isList(value) && part.every((item) => value.some((candidate) => covers(candidate, item)))
  }
  if (isObject(part)) {
    return isObject(value) && Object.entries(part).every(([name, member]) => covers(value[name], member))
  }
  return sameJson(value, part)
}

/** Whether a resource bears an identifier, `system|value`. */
export function hasIdentifier(resource: Resource, token: string): boolean {
  const [system, value] = tokenParts(token)
  const { identifier } = resource
  return isList(identifier) && identifier.some((one) => covers(one, { system, value }))
}

/** The parts of a search token; a system is a URI and has no bar in it. */
export function tokenParts(token: string): readonly [system: string, value: string] {
  const bar = token.indexOf('|')
  return [token.slice(0, bar), token.slice(bar + 1)]
}

/** The items of a list, each once. */
export function byKey(list: Json | undefined): Map<string, Json> {
  const known = new Map<string, Json>()
  for (const item of isList(list) ? list : []) {
    const key = itemKey(item)
    if (!known.has(key)) known.set(key, item)
  }
  return known
}

/** What others put into a list, as it stands there: also twice, and also a namesake of ours, but for UIDs, which are unique. */
export function foreignItems(
  list: Json | undefined,
  theirs: ReadonlyMap<string, Json>,
  ours: ReadonlyMap<string, Json>,
  base: ReadonlyMap<string, Json>,
): readonly Json[] {
  return (isList(list) ? list : []).filter((item) => {
    const key = itemKey(item)
    const isNamesake = theirs.get(key) !== item && !(isObject(item) && 'uid' in item)
    return isNamesake ? ours.has(key) || !base.has(key) : !ours.has(key) && !base.has(key)
  })
}

/** By what an item of a list is known again: UID, reference, identifier, code, words; by its shape, for every release. */
export function itemKey(item: Json | undefined): string {
  if (!isObject(item)) return canonical(item ?? null)
  const { uid, concept, reference, identifier, coding, text, actor, display } = item
  if (typeof uid === 'string') return uid
  if (actor !== undefined) return `${itemKey(item['function'])} ${itemKey(actor)}`
  if (concept !== undefined) return itemKey(concept)
  if (typeof reference === 'string') return localReference(reference)
  if (isObject(identifier)) return itemKey(identifier)
  const code = item['value'] ?? item['code']
  if (typeof code === 'string') return `${typeof item['system'] === 'string' ? item['system'] : ''}|${code}`
  if (isList(coding)) return itemKey(coding[0])
  // What is remembered has its members in another order than what a server sends.
  return canonical(text ?? display ?? item)
}

/** `Type/id` of a reference: servers make references absolute, and add versions. */
function localReference(reference: string): string {
  return /([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]+)?$/u.exec(reference)?.[1] ?? reference
}
