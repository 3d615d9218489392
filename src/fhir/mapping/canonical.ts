import type { Json, JsonObject } from '../ports.ts'

/**
 * JSON text with the names of every object in order of their code units, without spaces: equal values have equal text
 * (in the manner of RFC 8785, for the strings and integers that our projections hold).
 */
export function canonical(value: Json | undefined): string {
  if (value === undefined || value === null || typeof value !== 'object') return JSON.stringify(value ?? null)
  if (isList(value)) return `[${value.map(canonical).join(',')}]`
  const members = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
  return `{${members.join(',')}}`
}

export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonical(a) === canonical(b))
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object without the members named. */
export function without(value: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
}

/**
 * Without what FHIR forbids (R4 §2.6.2, JSON): empty strings, empty lists, empty objects, null. Undefined when nothing
 * is left. Mappings build freely and pass their result through here.
 */
export function pruned(value: Json | undefined): Json | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (typeof value !== 'object') return value
  if (isList(value)) {
    const items = value.map(pruned).filter((item) => item !== undefined)
    return items.length === 0 ? undefined : items
  }
  const members = Object.entries(value).flatMap(([name, member]) => {
    const kept = pruned(member)
    return kept === undefined ? [] : [[name, kept] as const]
  })
  return members.length === 0 ? undefined : Object.fromEntries(members)
}

/** {@link pruned} for what cannot become empty: it has a constant in it. */
export function prunedObject(value: JsonObject): JsonObject {
  const kept = pruned(value)
  return isObject(kept) ? kept : {}
}
