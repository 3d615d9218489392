import type { Database } from '../database/ports/database.ts'
import { isList, isObject } from '../fhir/mapping/canonical.ts'
import { ownSystem } from '../fhir/mapping/identifiers.ts'
import { citedDigests } from '../fhir/mapping/provenance.ts'
import { covers } from '../fhir/mapping/merge.ts'
import { type FhirServer, isFhirError, type Stored } from '../fhir/ports.ts'
import { originsOf } from './origins.ts'

/** Whose Provenances are looked for. */
export interface Told {
  readonly study: string
  /** Of the ImagingStudy, which was on the server before anything of it was told from here. */
  readonly studyId: string
  readonly gen: number
  /** Highest row number of the study. */
  readonly upTo: number
  readonly archiveId: string
}

/**
 * Takes over what the server has been told of a study by an index that is lost (reindex): a push record for each of our
 * Provenances, with the instances that it cites by SHA-256, as far as they come one after the other in this index. What
 * is beyond that is told anew; so is what a Provenance cites by a list, for nobody has that list any more.
 */
export async function takeOverTold(
  server: FhirServer,
  { fhir, index }: Database,
  told: Told,
  renew: () => Promise<void>,
): Promise<void> {
  const provenances = await provenancesOf(server, told)
  if (provenances.length === 0) return
  const origins = await originsOf(index, told.study, { after: 0, upTo: told.upTo }, renew)
  const cited = new Set<string>()
  let next = 0
  for (const { resource, id, versionId } of provenances) {
    for (const digest of citedDigests(resource)) cited.add(digest)
    const before = next
    while (cited.has(origins[next]?.fileSha256 ?? '')) next += 1
    if (next === before) continue
    const push = await fhir.startPush(told.study, told.gen)
    await fhir.cutPush(push, told.study, next === origins.length ? told.upTo : (origins[next - 1]?.id ?? 0))
    const link = { kind: 'provenance', key: push, resourceType: 'Provenance', projection: null } as const
    await fhir.saveLink({ ...link, id, versionId, gen: told.gen, flags: [] })
    await fhir.endPush(push, 'told-before')
  }
}

/** Our Provenances of the ImagingStudy, in the order in which they were recorded. */
async function provenancesOf(server: FhirServer, { studyId, archiveId }: Told): Promise<Stored[]> {
  const reference = `ImagingStudy/${studyId}`
  const found: Stored[] = []
  try {
    for await (const page of server.pages('Provenance', { target: reference, _count: '50' }))
      found.push(
        ...page.filter((one) => isOurs(one, archiveId) && covers(one.resource['target'], [{ reference }])),
      )
  } catch (error) {
    // A server that cannot search by target is told anew.
    if (!isFhirError(error, 'refused')) throw error
  }
  return found.sort((a, b) => (recordedOf(a) < recordedOf(b) ? -1 : 1))
}

function isOurs({ resource: { meta } }: Stored, archiveId: string): boolean {
  const tags = isObject(meta) && isList(meta['tag']) ? meta['tag'] : []
  return tags.some((tag) => covers(tag, { system: ownSystem(archiveId, 'push') }))
}

function recordedOf({ resource: { recorded } }: Stored): string {
  return typeof recorded === 'string' ? recorded : ''
}
