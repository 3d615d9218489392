import { dataSetOf, type Key, type Query } from '../database/query.ts'
import type { DataSet, Uid } from '../dicom/data-set.ts'
import { type PatientKey, patientKey } from '../fhir/mapping/identifiers.ts'
import { dicomPerson } from '../fhir/mapping/dicom-person.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'
import type { FhirServer, Stored } from '../fhir/ports.ts'
import { isProblem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { proposeCorrection } from './correct.ts'
import type { CorrectionPolicies } from './correct-policy.ts'
import type { Wanted } from './correct-preview.ts'
import { survivorOf } from './sync-patient.ts'
import type { MovedSubject } from './watch-subjects.ts'

/** What a FHIR Patient says now, and whose studies it concerns. */
export interface Change {
  readonly key: PatientKey
  readonly attributes: DataSet
  readonly description: string
}

const PAGE = 200

export interface ProposeSettings {
  readonly mapping: MappingSettings
  readonly policy: CorrectionPolicies
}

/** Proposes the same correction for every study of a patient; how many were new. */
export async function proposeForPatient(
  archive: Archive,
  settings: ProposeSettings,
  change: Change,
): Promise<number> {
  let proposed = 0
  for await (const study of studiesOf(archive, settings.mapping, change.key))
    if (await proposeForStudy(archive, settings, { ...change, study })) proposed++
  return proposed
}

/** Proposes a correction for a study of a patient; whether it was new. */
export async function proposeForStudy(
  archive: Archive,
  { policy }: ProposeSettings,
  { study, key, attributes, description }: Change & { readonly study: Uid },
): Promise<boolean> {
  if (await isMixed(archive, study, key)) {
    // The values of one patient would be written over those of the other.
    const detail = { source: description }
    await archive.database.attention.raise({ reason: 'correction-of-mixed-patients', study, detail })
    return false
  }
  // A master index was changed, and DICOM follows it (PS3.3 C.12.1.1.9: COERCE).
  return isProposed(archive, policy, { study, attributes, reason: 'COERCE', description, proposedBy: 'fhir' })
}

/** How a correction says which Patient it follows. */
export function patientChange({ id, versionId }: Pick<Stored, 'id' | 'versionId'>): string {
  return `FHIR Patient/${id}${versionId === null ? '' : `/_history/${versionId}`}`
}

/**
 * Proposes that a study be of the Patient that somebody gave its ImagingStudy; whether that is new. Nothing where that one has
 * no identifier of the system by which the archive knows its patients, or the one that the study has.
 */
export async function proposeForSubject(
  { archive, server }: { readonly archive: Archive; readonly server: FhirServer },
  { mapping, policy }: ProposeSettings,
  { study, resource, patient }: MovedSubject,
): Promise<boolean> {
  const { rows } = await archive.database.index.search(queryOf('study', { study }, []))
  const [row] = rows
  const subject = await server.read('Patient', patient)
  if (row === undefined || subject === null) return false
  const survivor = await survivorOf({ server }, subject)
  const own = patientKey(dataSetOf(row), mapping)
  // Without a Patient ID: the system that one without an issuer would have.
  const { system } = own ?? patientKey({ '00100020': { vr: 'LO', Value: ['-'] } }, mapping) ?? { system: '' }
  const attributes = dicomPerson(survivor.resource, { system, value: '' })
  const [id] = attributes['00100020']?.Value ?? []
  if (id === undefined || id === own?.value) return false
  const description = `subject of FHIR ImagingStudy/${resource.id} is Patient/${survivor.id}`
  if (own !== null && (await isMixed(archive, study, own))) {
    const detail = { source: description }
    await archive.database.attention.raise({ reason: 'correction-of-mixed-patients', study, detail })
    return false
  }
  // Somebody has said no to it, and need not say it again after every start.
  const before = await archive.database.corrections.list({ study, state: 'rejected', limit: 100 })
  if (before.some(({ detail }) => detail.description === description)) return false
  return isProposed(archive, policy, {
    ...{ study, attributes, reason: 'CORRECT', description, proposedBy: 'fhir', isSubject: true },
  })
}

/** Whether a proposal is new; it is none where the study says so already, is gone, or nothing of that kind is corrected. */
async function isProposed(archive: Archive, policy: CorrectionPolicies, wanted: Wanted): Promise<boolean> {
  try {
    return (await proposeCorrection(archive, policy, wanted)).isNew
  } catch (error) {
    if (!isProblem(error, 'conflict', 'not-found')) throw error
    return false
  }
}

function patientIdKey({ value }: PatientKey): Key {
  return { path: ['00100020'], vr: 'LO', match: { kind: 'values', values: [value] } }
}

function queryOf(level: Query['level'], within: Query['within'], keys: readonly Key[]): Query {
  return {
    ...{ level, within, keys, aggregates: [], orderBy: [], offset: 0, limit: PAGE },
    ...{ include: [], required: ['00100020', '00100021', '00100024'] },
  }
}

/** Studies of the patient, by Patient ID and issuer as FHIR is told them. */
export async function* studiesOf(
  { database }: Archive,
  mapping: MappingSettings,
  key: PatientKey,
): AsyncGenerator<Uid> {
  for (let after: string | undefined; ;) {
    const query = queryOf('study', {}, [patientIdKey(key)])
    const page = await database.index.search({ ...query, ...(after !== undefined && { after }) })
    for (const row of page.rows) {
      const { uids } = row
      const own = patientKey(dataSetOf(row), mapping)
      if (uids.study !== undefined && own?.system === key.system && own.value === key.value) yield uids.study
    }
    if (!page.more) return
    after = page.next
  }
}

async function isMixed({ database }: Archive, study: Uid, key: PatientKey): Promise<boolean> {
  const all = await database.index.count(queryOf('instance', { study }, []))
  return all !== (await database.index.count(queryOf('instance', { study }, [patientIdKey(key)])))
}
