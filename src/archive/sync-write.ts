import { setTimeout as sleep } from 'node:timers/promises'
import type { FhirLink } from '../database/ports/fhir-state.ts'
import { type Merge, merge, mergeOver } from '../fhir/mapping/merge.ts'
import {
  FhirError,
  type FhirRelease,
  isFhirError,
  type JsonObject,
  type Resource,
  type Stored,
  type Written,
} from '../fhir/ports.ts'
import { flagLink, newLink, type Written as Kept, writtenOf, writtenText } from './sync-link.ts'
import type { PushContext } from './sync-context.ts'
import { isTagged, locate, namesakes, type Target } from './sync-locate.ts'

/** What came of a write. `merge` null: the resource was made, not merged. */
export interface WriteResult {
  readonly id: string
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'deleted-there'
  readonly merge: Merge | null
  /** Version in which hand edits can still be read. */
  readonly versionBefore: string | null
  /** Ids of other resources with the same identifier. */
  readonly duplicates: readonly string[]
  /** It was there, and somebody deleted it. */
  readonly wasDeleted: boolean
  /** What it says now had been looked at by an earlier push already: a person was told of it then. */
  readonly isKnown: boolean
}

/** Flag of a link whose resource the server found too large once: it is built without its list from then on. */
export const TOO_LARGE = 'series-only'

/** Flag of a link whose resource somebody deleted, which is respected. */
export const LEFT_DELETED = 'left-deleted'

/** How often a lost race is run again at once. */
const RACES = 5

/**
 * Brings the resource on the server to what `build` says: found by id or identifier and merged, or created. Reads before
 * every write, so that a write whose answer was lost is found done. Rejects with FhirError where that cannot be now.
 */
export async function writeResource(context: PushContext, target: Target): Promise<WriteResult> {
  for (let race = 0; race < RACES; race += 1) {
    if (race > 0) await sleep(50 + Math.random() * 450)
    try {
      return await writeOnce(context, target)
    } catch (error) {
      if (isFhirError(error, 'too-large')) await listLess(context, target, error)
      else if (!isFhirError(error, 'conflict', 'gone')) throw error
      else context.count('conflicts')
    }
  }
  throw new FhirError('conflict', `the resource was written by somebody else ${RACES} times in a row`)
}

/** 413: from now on without the list. Where that is done already, there is nothing left to leave out. */
async function listLess({ state }: PushContext, target: Target, error: FhirError): Promise<void> {
  const link =
    (await state.link(target.kind, target.key)) ?? newLink(target.kind, target.key, target.resourceType)
  if (link.flags.includes(TOO_LARGE)) throw error
  await flagLink(state, link, TOO_LARGE)
}

async function writeOnce(context: PushContext, target: Target): Promise<WriteResult> {
  const link =
    (await context.state.link(target.kind, target.key)) ??
    newLink(target.kind, target.key, target.resourceType)
  const { found, others } = await locate(context, target, link)
  if (found) {
    const isKnown = found.versionId !== null && found.versionId === link.versionId
    const done = await mergeInto(context, target, link, found)
    return {
      ...done,
      isKnown,
      duplicates: await settleDuplicates(context, target, others),
      wasDeleted: false,
    }
  }
  const wasDeleted = target.isConstant ? link.id !== '' : writtenOf(link, context.release).base !== null
  if (wasDeleted && target.remoteDelete === 'respect') {
    return {
      id: link.id,
      outcome: 'deleted-there',
      merge: null,
      versionBefore: null,
      duplicates: [],
      wasDeleted,
      isKnown: link.flags.includes(LEFT_DELETED),
    }
  }
  const made = await create(context, target, link)
  // Conditional creates race on real servers: what has the same identifier now was made in the same moment.
  const rivals = (await namesakes(context, target)).filter(({ id }) => id !== made.id)
  return { ...made, duplicates: await settleDuplicates(context, target, rivals), wasDeleted, isKnown: false }
}

type Done = Omit<WriteResult, 'duplicates' | 'wasDeleted' | 'isKnown'>

async function mergeInto(context: PushContext, target: Target, link: FhirLink, found: Stored): Promise<Done> {
  const { server, state, release } = context
  const ours = target.build(link.flags)
  const kept = writtenOf(link, release)
  const known = target.isConstant ? [ours, ...written(kept)] : bases(kept, found.resource, context)
  const merged = mergeOver(found.resource, ours, known, target.policy)
  const held = { ...link, id: found.id }
  let result = found
  if (merged.changed) {
    // Kept before it is sent: should the answer be lost, what the server then holds is known to be ours. The version
    // stays the one of which a person has been told.
    await state.saveLink({
      ...held,
      projection: memory(target, { base: kept.base, pending: merged.owned }, release),
    })
    result = await server.update({ ...merged.resource, id: found.id }, found.versionId)
  }
  await confirm(context, target, held, result, merged.owned)
  const outcome = merged.changed ? 'updated' : 'unchanged'
  return { id: found.id, outcome, merge: merged, versionBefore: found.versionId }
}

/** What may have been our last word there. Without memory, what bears our tag has its series from nobody else. */
function bases(kept: Kept, theirs: Resource, { settings }: PushContext): readonly JsonObject[] {
  const known = written(kept)
  if (known.length > 0 || !isTagged(theirs, settings.mapping.archiveId)) return known
  return theirs['series'] === undefined ? [] : [{ series: theirs['series'] }]
}

function written({ base, pending }: Kept): JsonObject[] {
  return [base, pending].filter((one) => one !== null)
}

/** The write is known to be done: from here on it is the base. */
async function confirm(
  { state, release }: PushContext,
  target: Target,
  link: FhirLink,
  written: Stored,
  owned: JsonObject,
): Promise<void> {
  await state.saveLink({
    ...link,
    id: written.id,
    versionId: written.versionId,
    gen: target.gen,
    flags: link.flags.filter((flag) => flag !== LEFT_DELETED),
    projection: memory(target, { base: owned, pending: null }, release),
  })
}

function memory({ isConstant }: Target, kept: Kept, release: FhirRelease): string | null {
  return isConstant ? null : writtenText(kept, release)
}

async function create(context: PushContext, target: Target, link: FhirLink): Promise<Done> {
  const { state, release } = context
  const ours = target.build(link.flags)
  const { owned } = merge(ours, ours, null)
  const takesIds = await context.takesClientIds(target.resourceType)
  const projection = memory(target, { base: null, pending: owned }, release)
  const planned = { ...link, id: takesIds ? target.clientId : '', versionId: null, projection }
  await state.saveLink(planned)
  const made = takesIds
    ? await createById(context, target, ours)
    : await createByCondition(context, target, ours)
  await confirm(context, target, planned, made, owned)
  return { id: made.id, outcome: 'created', merge: null, versionBefore: null }
}

/** `PUT` to our own id: two racing writers meet in one resource. A server that refuses ids is asked the other way, and remembered. */
async function createById(context: PushContext, target: Target, ours: Resource): Promise<Written> {
  try {
    return await context.server.update({ ...ours, id: target.clientId })
  } catch (error) {
    if (!isFhirError(error, 'refused', 'gone')) throw error
    const made = await createByCondition(context, target, ours)
    // The body was accepted, so it was the id that was not.
    await context.rememberNoClientIds(target.resourceType)
    return made
  }
}

/** `POST` with `If-None-Exist`; when it finds one (200), that is no creation of ours: read it, and merge. */
async function createByCondition({ server }: PushContext, target: Target, ours: Resource): Promise<Written> {
  const made = await server.create(ours, { [target.by ?? 'identifier']: target.token })
  if (!made.created) throw new FhirError('conflict', 'somebody else made the resource first')
  return made
}

/** Duplicates that are ours alone are marked as errors; the ids of all others are left for a person to look at. */
async function settleDuplicates(
  context: PushContext,
  target: Target,
  duplicates: readonly Stored[],
): Promise<readonly string[]> {
  const ours = target.build([])
  const left: string[] = []
  for (const { resource, id, versionId } of duplicates) {
    const isForeign = Object.keys(resource).some(
      (name) => !(name in ours) && name !== 'id' && name !== 'text',
    )
    if (isForeign || !isTagged(resource, context.settings.mapping.archiveId)) left.push(id)
    else if (resource['status'] !== 'entered-in-error') {
      await context.server.update({ ...resource, id, status: 'entered-in-error' }, versionId)
    }
  }
  return left
}
