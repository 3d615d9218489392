import { logicalReferences, type LogicalReference, withFound } from '../fhir/mapping/references.ts'
import { hasIdentifier } from '../fhir/mapping/same.ts'
import type { Resource } from '../fhir/ports.ts'
import type { PushContext } from './sync-context.ts'

/** Misses that are remembered. */
const MOST_MISSED = 10_000
/** Look-ups for one study: a study of more orders and people is told with their identifiers alone. */
const MOST = 50

/** What was looked for and not found, with the time; one for a worker. */
export type Misses = Map<string, number>

/**
 * Orders and people that the index knows by identifier, found on the server: exactly one match becomes a literal
 * reference, beside the identifier. None is ever made: it would be an order that nobody placed, a person without a
 * name. For types that the server does not have nothing is asked. Answers with what puts them into the ImagingStudy.
 */
export async function findReferences(
  context: PushContext,
  resource: Resource,
): Promise<(study: Resource) => Resource> {
  const found = new Map<string, string>()
  for (const wanted of logicalReferences(resource).slice(0, MOST)) {
    if (!context.supports(wanted.type)) continue
    const reference = await look(context, wanted)
    if (reference !== null) found.set(keyOf(wanted), reference)
  }
  return (study) => withFound(study, (wanted) => found.get(keyOf(wanted)))
}

async function look(
  { server, misses, settings }: PushContext,
  wanted: LogicalReference,
): Promise<string | null> {
  const { type, token } = wanted
  const key = keyOf(wanted)
  const missed = misses.get(key)
  if (missed !== undefined && Date.now() - missed < settings.missedMs) return null
  const matches = await server.search(type, { identifier: token, _elements: 'identifier', _count: '3' })
  const [one, ...others] = matches.filter(({ resource }) => hasIdentifier(resource, token))
  misses.delete(key)
  if (one && others.length === 0) return `${type}/${one.id}`
  if (misses.size >= MOST_MISSED) misses.clear()
  misses.set(key, Date.now())
  return null
}

function keyOf({ type, token }: LogicalReference): string {
  return `${type} ${token}`
}
