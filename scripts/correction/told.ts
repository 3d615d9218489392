import { studyToken } from '../../src/fhir/mapping/identifiers.ts'
import { citedDigests } from '../../src/fhir/mapping/provenance.ts'
import type { JsonObject } from '../../src/fhir/ports.ts'
import { sha256 } from './proof.ts'
import type { CorrectingService } from './service.ts'
import type { StudyFile } from './studies.ts'

/** What lineage and the FHIR server say of a corrected study. */
export interface Told {
  readonly faults: readonly string[]
  /** In words, for people. */
  readonly lines: readonly string[]
  readonly json: object
}

/** Whether lineage leads from each new instance to its file, and ImagingStudy and Provenance say the same. */
export async function toldFaults(
  service: CorrectingService,
  study: string,
  stored: readonly StudyFile[],
): Promise<Told> {
  const faults: string[] = []
  const lineage = await service.lineage(study)
  const digests = new Set(stored.map(({ bytes }) => sha256(bytes)))
  const made = lineage.instances.filter(({ state }) => state === 'active')
  for (const { madeOf, SOPInstanceUID } of made)
    if (!digests.has(madeOf?.sha256 ?? ''))
      faults.push(`lineage of ${SOPInstanceUID} does not lead to a file`)
  const [imagingStudy, ...others] = await service.server.search('ImagingStudy', {
    identifier: studyToken(study),
  })
  if (imagingStudy === undefined || others.length > 0)
    return { faults: [...faults, 'not one ImagingStudy'], lines: [], json: lineage }
  if (imagingStudy.resource['numberOfInstances'] !== made.length)
    faults.push('ImagingStudy has another count')
  const listed = JSON.stringify(imagingStudy.resource['series'])
  if (made.some(({ SOPInstanceUID }) => !listed.includes(SOPInstanceUID)))
    faults.push('ImagingStudy lists other instances')
  const reference = `ImagingStudy/${imagingStudy.id}`
  const provenances = await service.server.search('Provenance', { target: reference, _count: '50' })
  const revisions = provenances.filter(({ resource }) => rolesOf(resource).includes('revision'))
  const cited = new Set(revisions.flatMap(({ resource }) => citedDigests(resource)))
  const sources = made.flatMap(({ madeOf }) => madeOf?.sha256 ?? [])
  // Of many originals it cites a list.
  if (revisions.length === 0 && made.length <= 100)
    faults.push('no Provenance says of what the instances are a revision')
  else if (made.length <= 100 && sources.some((one) => !cited.has(one)))
    faults.push('Provenance does not cite every original')
  return {
    faults,
    lines: [
      `lineage: ${made.length} of ${lineage.instances.length} instances are active, each made of a file by SHA-256`,
      `FHIR: ${reference}/_history/${imagingStudy.versionId ?? '-'}, ${revisions.map(({ id, resource }) => `Provenance/${id} (${rolesText(resource)})`).join(', ')}`,
    ],
    json: {
      lineage,
      imagingStudy: imagingStudy.resource,
      provenances: revisions.map(({ resource }) => resource),
    },
  }
}

function rolesOf({ entity }: JsonObject): string[] {
  return ((entity ?? []) as readonly { role: string }[]).map(({ role }) => role)
}

function rolesText(resource: JsonObject): string {
  const counts = Map.groupBy(rolesOf(resource), (role) => role)
  return [...counts].map(([role, all]) => `${all.length} ${role}`).join(', ')
}
