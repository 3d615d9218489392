import type { FhirLink, FhirState, LinkKind } from '../database/ports/fhir-state.ts'
import { canonical, isObject } from '../fhir/mapping/canonical.ts'
import type { FhirRelease, Json, JsonObject } from '../fhir/ports.ts'

/** What a link remembers of our own writes: what the merge stands on. */
export interface Written {
  /** Owned part of the resource as last confirmed; null before the first time. */
  readonly base: JsonObject | null
  /** Written, or being written, with an outcome that is not known yet. */
  readonly pending: JsonObject | null
}

const NOTHING: Written = { base: null, pending: null }

/** Reads the memory of a link. One of another release says nothing about this one. */
export function writtenOf(link: FhirLink | null, release: FhirRelease): Written {
  const text = link?.projection ?? null
  if (text === null) return NOTHING
  const kept = JSON.parse(text) as Json
  if (!isObject(kept) || kept['release'] !== release) return NOTHING
  const { base, pending } = kept
  return { base: isObject(base) ? base : null, pending: isObject(pending) ? pending : null }
}

/** Text for {@link FhirLink.projection}. */
export function writtenText(written: Written, release: FhirRelease): string {
  return canonical({ release, base: written.base, pending: written.pending })
}

/** A link of which nothing is known yet but what it is for; `id` is empty until the server gave one. */
export function newLink(kind: LinkKind, key: string, resourceType: string): FhirLink {
  return { kind, key, resourceType, id: '', versionId: null, projection: null, gen: null, flags: [] }
}

/** Adds a flag to a link, made where there is none. */
export async function flagLink(state: FhirState, link: FhirLink, flag: string): Promise<FhirLink> {
  const flagged = { ...link, flags: [...new Set([...link.flags, flag])] }
  await state.saveLink(flagged)
  return flagged
}
