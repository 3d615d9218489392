/** WHERE A RESOURCE OF OURS IS on the FHIR server, and what else has its identifier. */
import type { FhirLink, LinkKind } from '../database/ports/fhir-state.ts'
import { isObject } from '../fhir/mapping/canonical.ts'
import { ownTag } from '../fhir/mapping/identifiers.ts'
import type { EditPolicy } from '../fhir/mapping/merge.ts'
import { covers, hasIdentifier, tokenParts } from '../fhir/mapping/same.ts'
import type { Resource, Stored } from '../fhir/ports.ts'
import type { PushContext } from './sync-context.ts'

/** One resource that Concord owns a part of. */
export interface Target {
  readonly kind: LinkKind
  readonly key: string
  readonly resourceType: string
  /** Of its identifier, `system|value`; or of a tag, for resources that have no identifier. */
  readonly token: string
  readonly by?: '_tag'
  /** Id that is tried first where the server takes ids from clients. */
  readonly clientId: string
  /** Generation of the index that `build` speaks of. */
  readonly gen: number | null
  /** The projection; `flags` are those of the link (`series-only`). */
  readonly build: (flags: readonly string[]) => Resource
  readonly policy: EditPolicy
  /** What to do where it was, and was deleted. */
  readonly remoteDelete: 'recreate' | 'respect'
  /** Whether to look for others with the same identifier, though the resource is known by id. */
  readonly looksAround?: boolean
  /** `build` says the same at any time: what was written is what it says now, and need not be kept. */
  readonly isConstant?: true
}

/** The resource of this target on the server: by the ids that we know, else by identifier; and what else has that. */
export async function locate(
  context: PushContext,
  target: Target,
  link: FhirLink,
): Promise<{ found: Stored | null; others: readonly Stored[] }> {
  const { server, settings } = context
  const { resourceType, clientId } = target
  // An id of the server's own may mean something else once the server was replaced; one that we made cannot.
  const known = link.id === '' || link.id === clientId ? null : await server.read(resourceType, link.id)
  const others = async ({ id }: Stored): Promise<readonly Stored[]> =>
    target.looksAround ? (await namesakes(context, target)).filter((one) => one.id !== id) : []
  if (known && bears(known.resource, target)) return { found: known, others: await others(known) }
  const own = (await context.takesClientIds(resourceType)) ? await server.read(resourceType, clientId) : null
  if (own) return { found: own, others: await others(own) }
  const { archiveId } = settings.mapping
  const [found = null, ...rest] = (await namesakes(context, target)).sort(
    (a, b) => rank(b.resource, archiveId) - rank(a.resource, archiveId) || (age(a) < age(b) ? -1 : 1),
  )
  return { found, others: rest }
}

export async function namesakes({ server }: PushContext, target: Target): Promise<Stored[]> {
  const { resourceType, by = 'identifier', token } = target
  const matches = await server.search(resourceType, { [by]: token, _count: '5' })
  return matches.filter(({ resource }) => bears(resource, target))
}

function bears(resource: Resource, { by, token }: Target): boolean {
  if (by === undefined) return hasIdentifier(resource, token)
  const [system, code] = tokenParts(token)
  return covers(resource['meta'], { tag: [{ system, code }] })
}

/** Among duplicates: those that are not withdrawn, then those that others have added to, then ours. */
function rank(resource: Resource, archiveId: string): number {
  const isLive = resource['status'] !== 'entered-in-error'
  const isUsed = ['note', 'encounter', 'procedureReference', 'reasonReference', 'partOf'].some(
    (name) => name in resource,
  )
  return (isLive ? 4 : 0) + (isUsed ? 2 : 0) + (isTagged(resource, archiveId) ? 1 : 0)
}

function age({ resource, id }: Stored): string {
  const meta = resource['meta']
  return `${isObject(meta) && typeof meta['lastUpdated'] === 'string' ? meta['lastUpdated'] : ''} ${id}`
}

export function isTagged(resource: Resource, archiveId: string): boolean {
  return covers(resource['meta'], { tag: [ownTag(archiveId)] })
}
