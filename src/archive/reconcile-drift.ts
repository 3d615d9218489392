import type { Database } from '../database/ports/database.ts'
import type { FhirLink, PushRecord } from '../database/ports/fhir-state.ts'
import { provenanceToken } from '../fhir/mapping/provenance.ts'
import { studyToken } from '../fhir/mapping/identifiers.ts'
import { mergeOver } from '../fhir/mapping/merge.ts'
import { type FhirServer, isFhirError, type Stored } from '../fhir/ports.ts'
import { writtenOf } from './sync-link.ts'
import type { Settled } from './sync-context.ts'
import { LOOK_AROUND, wishFor } from './sync-wish.ts'
import { hasIdentifier } from '../fhir/mapping/same.ts'
import { LEFT_DELETED } from './sync-write.ts'

/** What a comparison stands on. */
export interface Comparison {
  readonly database: Database
  readonly server: FhirServer
  readonly settings: Settled
}

/** In what way a study there is not as we left it. `foreign`: only things that are not ours changed. */
export type Drift = 'edited' | 'deleted' | 'duplicated' | 'moved' | 'orphaned' | 'untold' | 'foreign'

/** Studies a request: their identifiers go into one URL. */
export const PAGE = 20
/** Provenances a request. */
const TAGS = 20

/**
 * Compares studies with what is on the server, and owes those once more that are not as they were left: the push merges,
 * makes again or leaves alone, by policy, and says so. Nothing is written here that a push writes, so the two cannot
 * get in each other's way. Answers with what was found, study by study.
 */
export async function compareStudies(
  comparison: Comparison,
  links: readonly FhirLink[],
): Promise<readonly (readonly [study: string, drift: Drift])[]> {
  const { database, server } = comparison
  const known = links.filter(({ id }) => id !== '')
  if (known.length === 0) return []
  const identifier = known.map(({ key }) => studyToken(key)).join(',')
  // The list of instances is not needed yet, and large.
  const parameters = { identifier, _elements: 'identifier,status', _count: '100' }
  const matches = await server.search('ImagingStudy', parameters)
  const untold = await untoldStudies(comparison, known)
  const found: (readonly [string, Drift])[] = []
  for (const link of known) {
    const study = link.key
    const here = matches.filter(({ resource }) => hasIdentifier(resource, studyToken(study)))
    const drifts = await driftOf(comparison, link, here)
    if (untold.has(study)) drifts.push('untold')
    if (drifts.includes('duplicated')) await database.fhir.saveFact(wishFor(study), LOOK_AROUND)
    if (drifts.length > 0) await database.outbox.touch(study)
    found.push(...drifts.map((drift) => [study, drift] as const))
  }
  return found
}

async function driftOf(
  { server, settings }: Comparison,
  link: FhirLink,
  here: readonly Stored[],
): Promise<Drift[]> {
  const drifts: Drift[] = []
  const isLive = ({ id, resource }: Stored): boolean =>
    id !== link.id && resource['status'] !== 'entered-in-error'
  if (here.some(isLive)) drifts.push('duplicated')
  const seen = here.find(({ id }) => id === link.id)
  if (seen && seen.versionId !== null && seen.versionId === link.versionId) return drifts
  // What the search does not find may be there all the same: a search index lags.
  const stored = await server.read(link.resourceType, link.id)
  if (stored === null) {
    if (!link.flags.includes(LEFT_DELETED)) drifts.push('deleted')
    return drifts
  }
  if (stored.versionId !== null && stored.versionId === link.versionId) return drifts
  return [...drifts, ...editsOf(link, stored, settings)]
}

/** What others did to what we last wrote; with a server without versions, nothing is found where nothing was done. */
function editsOf(link: FhirLink, stored: Stored, { mapping }: Settled): Drift[] {
  const { base, pending } = writtenOf(link, mapping.release)
  const bases = [base, pending].filter((one) => one !== null)
  const [ours] = bases
  if (!ours) return ['foreign']
  const merged = mergeOver(stored.resource, { ...ours, resourceType: link.resourceType }, bases)
  if (merged.subjectMoved) return merged.edits.length > 0 ? ['moved', 'edited'] : ['moved']
  if (merged.edits.length > 0) return ['edited']
  return stored.versionId === null && !merged.changed ? [] : ['foreign']
}

/** Studies of which a Provenance is gone, or was edited; it is noted as not told, so that the next push tells it. */
async function untoldStudies(
  comparison: Comparison,
  links: readonly FhirLink[],
): Promise<ReadonlySet<string>> {
  const { fhir } = comparison.database
  const pushes: PushRecord[] = []
  for (const { key } of links) pushes.push(...(await fhir.cuts(key)))
  const untold = new Set<string>()
  for (let at = 0; at < pushes.length; at += TAGS) {
    for (const push of await changedPushes(comparison, pushes.slice(at, at + TAGS))) untold.add(push.study)
  }
  return untold
}

/** Their Provenances; none where the server cannot find them by their tag: then each is read. */
async function provenancesOf(
  { server, settings }: Comparison,
  pushes: readonly PushRecord[],
): Promise<readonly Stored[]> {
  const { archiveId } = settings.mapping
  const _tag = pushes.map(({ id }) => provenanceToken(archiveId, id)).join(',')
  try {
    return await server.search('Provenance', { _tag, _elements: 'target', _count: '50' })
  } catch (error) {
    if (isFhirError(error, 'refused')) return []
    throw error
  }
}

async function changedPushes(
  comparison: Comparison,
  pushes: readonly PushRecord[],
): Promise<readonly PushRecord[]> {
  const { database, server } = comparison
  const matches = await provenancesOf(comparison, pushes)
  const changed: PushRecord[] = []
  for (const push of pushes) {
    const link = await database.fhir.link('provenance', push.id)
    if (link?.gen === undefined || link.gen === null) continue
    const stored = matches.find(({ id }) => id === link.id) ?? (await server.read('Provenance', link.id))
    if (stored !== null && (stored.versionId === null || stored.versionId === link.versionId)) continue
    await database.fhir.saveLink({ ...link, gen: null })
    changed.push(push)
  }
  return changed
}
