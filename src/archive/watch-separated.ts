/** PATIENTS THAT WERE ONE AND ARE TWO AGAIN: a merge that was taken back, an identifier that went back to whom it was of. */
import type { CorrectionRow } from '../database/ports/corrections.ts'
import type { DataElement, DataSet } from '../dicom/data-set.ts'
import { isList, isObject } from '../fhir/mapping/canonical.ts'
import { dicomPerson } from '../fhir/mapping/dicom-person.ts'
import type { PatientKey } from '../fhir/mapping/identifiers.ts'
import type { FhirServer, JsonObject, Stored } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'
import { bearers } from './sync-patient.ts'
import { patientChange, proposeForStudy, type ProposeSettings, studiesOf } from './watch-propose.ts'

const ID = '00100020'
const MOST_CORRECTIONS = 100

/**
 * Proposes the way back for the studies that a correction gave to the Patient that stood for this one, when it stands for
 * itself again: what it says now, and of what it does not tell, what they said before. Studies that were always of the
 * other one stay there. How many proposals were new.
 */
export async function proposeBack(
  archive: Archive,
  settings: ProposeSettings,
  { key, patient, before }: { readonly key: PatientKey; readonly patient: Stored; readonly before: DataSet },
): Promise<number> {
  const [given] = before[ID]?.Value ?? []
  const now = dicomPerson(patient.resource, key)
  if (typeof given !== 'string' || given === key.value || now[ID]?.Value?.[0] !== key.value) return 0
  let proposed = 0
  const other = { ...key, value: given }
  for await (const study of studiesOf(archive, settings.mapping, other)) {
    const done = await archive.database.corrections.list({ study, state: 'done', limit: MOST_CORRECTIONS })
    const merge = done.find(({ to }) => to[ID] !== undefined)
    if (merge === undefined || !isMerge(merge, key, given, patient.id)) continue
    const description = `${patientChange(patient)}, which is not replaced by another one any more`
    const attributes = { ...saidBefore(merge), ...now }
    if (await proposeForStudy(archive, settings, { study, key: other, attributes, description })) proposed++
  }
  // Those that were not corrected meanwhile may have been told to be of the other one.
  for await (const study of studiesOf(archive, settings.mapping, key))
    await archive.database.outbox.touch(study)
  return proposed
}

/** Whether a correction followed another Patient than this one, and took instances of this one to it. */
function isMerge({ from, to, detail }: CorrectionRow, key: PatientKey, given: string, own: string): boolean {
  const [, followed] = /^FHIR Patient\/([A-Za-z0-9.-]+)/u.exec(detail.description) ?? []
  return (
    detail.proposedBy === 'fhir' &&
    followed !== undefined &&
    followed !== own &&
    to[ID]?.Value?.[0] === given &&
    from.every((tuple) => tuple[ID]?.Value?.[0] === key.value)
  )
}

/** What all instances said before the correction: an attribute in which they differed is not there. */
function saidBefore({ from, to }: CorrectionRow): DataSet {
  const said: Record<string, DataElement> = {}
  for (const [tag, { vr }] of Object.entries(to)) {
    const values = new Map(from.map((tuple) => [JSON.stringify(tuple[tag]?.Value ?? []), tuple[tag]?.Value]))
    const [value, ...others] = values.values()
    if (others.length === 0) said[tag] = value === undefined ? { vr } : { vr, Value: value }
  }
  return said
}

/**
 * Whether a Patient had the identifier beside others of its system, and has lost it alone: then the others are no new
 * names of the same patient, and the identifier is of somebody else again.
 */
export function hasLost(before: JsonObject, now: JsonObject, { system, value }: PatientKey): boolean {
  const [had, has] = [valuesOf(before, system), valuesOf(now, system)]
  return had.has(value) && !has.has(value) && has.size > 0 && [...has].every((one) => had.has(one))
}

function valuesOf({ identifier }: JsonObject, system: string): Set<unknown> {
  const own = (isList(identifier) ? identifier : []).filter((one) => isObject(one))
  return new Set(own.filter((one) => one['system'] === system).map((one) => one['value']))
}

/** The one Patient that bears an identifier now, or stands for the ones that do; null where it is not one. */
export async function bearerOf(server: FhirServer, token: string): Promise<Stored | null> {
  const [one, another] = await bearers({ server }, [token])
  return one === undefined || another !== undefined ? null : one.survivor
}

/** Has a person look at the studies of a patient whom nobody on the FHIR server stands for. */
export async function tellSeparated(
  archive: Archive,
  { mapping }: ProposeSettings,
  key: PatientKey,
  { id, versionId }: Stored,
): Promise<void> {
  for await (const study of studiesOf(archive, mapping, key))
    await archive.database.attention.raise({
      reason: 'patient-separated',
      study,
      detail: { patient: id, version: versionId },
    })
}
