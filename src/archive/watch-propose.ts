import type { Key, Query } from '../database/query.ts'
import type { DataSet, Uid } from '../dicom/data-set.ts'
import { type PatientKey, patientKey } from '../fhir/mapping/identifiers.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'
import { isProblem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { proposeCorrection } from './correct.ts'
import type { CorrectionPolicies } from './correct-policy.ts'

/** What a FHIR Patient says now, and whose studies it concerns. */
export interface Change {
  readonly key: PatientKey
  readonly attributes: DataSet
  readonly description: string
}

const PAGE = 200

/** Proposes the same correction for every study of a patient; how many were new. */
export async function proposeForPatient(
  archive: Archive,
  { mapping, policy }: { readonly mapping: MappingSettings; readonly policy: CorrectionPolicies },
  { key, attributes, description }: Change,
): Promise<number> {
  let proposed = 0
  for await (const study of studiesOf(archive, mapping, key)) {
    if (await isMixed(archive, study, key)) {
      // The values of one patient would be written over those of the other.
      await archive.database.attention.raise({
        reason: 'correction-of-mixed-patients',
        study,
        detail: { source: description },
      })
      continue
    }
    try {
      // A master index was changed, and DICOM follows it (PS3.3 C.12.1.1.9: COERCE).
      const wanted = { study, attributes, reason: 'COERCE', description, proposedBy: 'fhir' } as const
      const { isNew } = await proposeCorrection(archive, policy, wanted)
      if (isNew) proposed++
    } catch (error) {
      // It says so already, or is gone.
      if (!isProblem(error, 'conflict', 'not-found')) throw error
    }
  }
  return proposed
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
async function* studiesOf(
  { database }: Archive,
  mapping: MappingSettings,
  key: PatientKey,
): AsyncGenerator<Uid> {
  for (let after: string | undefined; ;) {
    const query = queryOf('study', {}, [patientIdKey(key)])
    const page = await database.index.search({ ...query, ...(after !== undefined && { after }) })
    for (const { uids, dataSet } of page.rows) {
      const own = patientKey(dataSet, mapping)
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
