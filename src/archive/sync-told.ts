import type { Database } from '../database/ports/database.ts'
import { citedDigests, listedCount, pushOf } from '../fhir/mapping/provenance.ts'
import { covers } from '../fhir/mapping/same.ts'
import { type FhirRelease, type FhirServer, isFhirError, type Stored } from '../fhir/ports.ts'
import { originsOf } from './origins.ts'
import { newLink, writtenText } from './sync-link.ts'

/** Whose Provenances are looked for. */
export interface Told {
  readonly study: string
  /** Of the ImagingStudy, which was on the server before anything of it was told from here. */
  readonly studyId: string
  readonly gen: number
  /** Highest row number of the study. */
  readonly upTo: number
  readonly archiveId: string
  readonly release: FhirRelease
}

/**
 * Takes over what the server has been told of a study by an index that is lost (reindex): a push record for each of our
 * Provenances, under the number that it had, with the instances that it cites by SHA-256, as far as they come one after the
 * other in this index. What is beyond that is told anew. One that cites a list is of as many instances as the list had;
 * it is written again in its place, for nobody has that list any more.
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
  for (const { push, provenance } of provenances) {
    const { resource, id, versionId } = provenance
    const listed = listedCount(resource)
    for (const digest of citedDigests(resource)) cited.add(digest)
    const before = next
    if (listed !== null) next = Math.min(next + listed, origins.length)
    while (cited.has(origins[next]?.fileSha256 ?? '')) next += 1
    if (next === before) continue
    await fhir.startPush(told.study, told.gen, push)
    await fhir.cutPush(push, told.study, next === origins.length ? told.upTo : (origins[next - 1]?.id ?? 0))
    const link = { ...newLink('provenance', push, 'Provenance'), id, versionId }
    // All of it was ours, and is to give way.
    const projection = writtenText({ base: resource, pending: null }, told.release)
    await fhir.saveLink(listed === null ? { ...link, gen: told.gen } : { ...link, projection })
    await fhir.endPush(push, 'told-before')
  }
}

/** A Provenance of ours, and the push that it tells. */
interface Ours {
  readonly push: string
  readonly provenance: Stored
}

/** Our Provenances of the ImagingStudy, in the order in which they were recorded. */
async function provenancesOf(server: FhirServer, { studyId, archiveId }: Told): Promise<Ours[]> {
  const reference = `ImagingStudy/${studyId}`
  const found: Ours[] = []
  try {
    for await (const page of server.pages('Provenance', { target: reference, _count: '50' }))
      for (const provenance of page) {
        const push = pushOf(provenance.resource, archiveId)
        if (push !== null && covers(provenance.resource['target'], [{ reference }]))
          found.push({ push, provenance })
      }
  } catch (error) {
    // A server that cannot search by target is told anew.
    if (!isFhirError(error, 'refused')) throw error
  }
  return found.sort((a, b) => (recordedOf(a.provenance) < recordedOf(b.provenance) ? -1 : 1))
}

function recordedOf({ resource: { recorded } }: Stored): string {
  return typeof recorded === 'string' ? recorded : ''
}
