import type { Json, JsonObject, Resource } from '../ports.ts'
import { isList, isObject } from './canonical.ts'

/** A reference by identifier that a server may know better. */
export interface LogicalReference {
  readonly type: 'ServiceRequest' | 'Practitioner'
  /** `system|value` of its identifier. */
  readonly token: string
}

/**
 * The references of an ImagingStudy to orders and people that are named by an identifier with a system, each once. An
 * accession number without issuer is another order in every hospital, and a name is no identity.
 */
export function logicalReferences(study: Resource): LogicalReference[] {
  const known = new Map<string, LogicalReference>()
  walk(study, (reference) => {
    known.set(`${reference.type} ${reference.token}`, reference)
    return undefined
  })
  return [...known.values()]
}

/** The ImagingStudy with literal references beside the identifiers of those that were found. */
export function withFound(
  study: Resource,
  found: (reference: LogicalReference) => string | undefined,
): Resource {
  return { ...walk(study, found), resourceType: study.resourceType }
}

type Found = (reference: LogicalReference) => string | undefined

/** Where an ImagingStudy refers to orders and people. */
function walk(study: Resource, found: Found): JsonObject {
  const { basedOn, referrer, interpreter, series } = study
  return {
    ...study,
    ...(basedOn !== undefined && { basedOn: each(basedOn, (one) => resolved(one, found)) }),
    ...(referrer !== undefined && { referrer: resolved(referrer, found) }),
    ...(interpreter !== undefined && { interpreter: each(interpreter, (one) => resolved(one, found)) }),
    ...(series !== undefined && {
      series: each(series, (one) =>
        member(one, 'performer', (performers) =>
          each(performers, (performer) => member(performer, 'actor', (actor) => resolved(actor, found))),
        ),
      ),
    }),
  }
}

function each(value: Json, map: (one: Json) => Json): Json {
  return isList(value) ? value.map(map) : value
}

function member(value: Json, name: string, map: (member: Json) => Json): Json {
  if (!isObject(value)) return value
  const own = value[name]
  return own === undefined ? value : { ...value, [name]: map(own) }
}

function resolved(value: Json, found: Found): Json {
  if (!isObject(value) || value['reference'] !== undefined) return value
  const { type, identifier } = value
  if ((type !== 'ServiceRequest' && type !== 'Practitioner') || !isObject(identifier)) return value
  const { system, value: id } = identifier
  if (typeof system !== 'string' || typeof id !== 'string') return value
  const reference = found({ type, token: `${system}|${id}` })
  return reference === undefined ? value : { reference, ...value }
}
