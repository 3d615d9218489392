import type { FhirLink } from '../database/ports/fhir-state.ts'
import type { PatientKey } from '../fhir/mapping/identifiers.ts'
import { ownTag } from '../fhir/mapping/identifiers.ts'
import type { StudyFacts, StudyTuple } from '../fhir/mapping/facts.ts'
import {
  contradictions,
  literalSubject,
  logicalSubject,
  newPatient,
  patientProjection,
  replacedBy,
} from '../fhir/mapping/patient.ts'
import { covers, hasIdentifier } from '../fhir/mapping/same.ts'
import { uuidv5 } from '../dicom/uid.ts'
import { isFhirError, type JsonObject, type Resource, type Stored } from '../fhir/ports.ts'
import type { PushContext } from './sync-context.ts'

/** How many `replaced-by` links are followed: more is a loop, or nobody's intention. */
const HOPS = 5

/** Of Other Patient IDs so many are looked for. */
const MOST_OTHER_IDS = 10

/** Something that a person should look at, about the patient of a study; `detail` has ids and names of elements only. */
export interface PatientDoubt {
  readonly reason: 'ambiguous-patient' | 'identity-conflict' | 'identity-differs'
  readonly detail: Readonly<Record<string, unknown>>
}

export interface Subject {
  readonly reference: JsonObject
  readonly doubt: PatientDoubt | null
}

/**
 * `ImagingStudy.subject`: the Patient of this identifier, created where there is none, never written where there is one
 * (design §7). Whoever is not certain is referred to by identifier, and the study is pushed all the same.
 */
export async function findSubject(context: PushContext, facts: StudyFacts): Promise<Subject> {
  const { tuple } = facts
  if (!tuple) throw new TypeError('a study without instances has no subject')
  const { patient: key, person } = tuple
  if (!key || facts.patients.size > 1) return { reference: logicalSubject(key, person), doubt: null }
  // Two studies of one new patient, pushed at once, must not make two Patients.
  const found = await context.alone(`patient ${tokenOf(key)}`, () => findPatient(context, key, tuple))
  if (!('patient' in found)) return { reference: logicalSubject(key, person), doubt: found.doubt }
  const { patient } = found
  const differs = contradictions(patient.resource, person)
  const detail = { patient: patient.id, version: patient.versionId, elements: differs }
  if (differs.length > 1) {
    return { reference: logicalSubject(key, person), doubt: { reason: 'identity-conflict', detail } }
  }
  return {
    reference: literalSubject(patient.id, key),
    doubt: differs.length === 1 ? { reason: 'identity-differs', detail } : null,
  }
}

function tokenOf(key: PatientKey): string {
  return `${key.system}|${key.value}`
}

type Found = { readonly patient: Stored } | { readonly doubt: PatientDoubt | null }

async function findPatient(context: PushContext, key: PatientKey, tuple: StudyTuple): Promise<Found> {
  const known = await linkedPatient(context, key)
  if (known) return { patient: await survivorOf(context, known) }
  // Whom the Patient ID finds nobody doubts for the sake of another identifier.
  for (const keys of [[key], tuple.otherIds.slice(0, MOST_OTHER_IDS)]) {
    const found = await bearers(context, keys.map(tokenOf))
    if (found.length > 1) return ambiguous(found.map(({ survivor }) => survivor.id))
    const [one] = found
    if (one === undefined) continue
    await savePatient(context, key, one.match)
    return { patient: one.survivor }
  }
  return context.settings.patients === 'create' ? createPatient(context, key, tuple) : { doubt: null }
}

/** Patients that bear one of the identifiers (`system|value`), and those that stand for them: each of these once. */
export async function bearers(
  context: Pick<PushContext, 'server'>,
  tokens: readonly string[],
): Promise<{ readonly match: Stored; readonly survivor: Stored }[]> {
  const survivors = new Map<string, { match: Stored; survivor: Stored }>()
  for (const token of tokens) {
    const matches = await context.server.search('Patient', { identifier: token, _count: '3' })
    for (const match of matches.filter(({ resource }) => hasIdentifier(resource, token))) {
      const survivor = await survivorOf(context, match)
      survivors.set(survivor.id, { match, survivor })
    }
  }
  return [...survivors.values()]
}

/** The Patient found at an earlier push, as it is now; null when it is gone or no longer bears the identifier. */
async function linkedPatient(context: PushContext, key: PatientKey): Promise<Stored | null> {
  const { server, state } = context
  const link = await state.link('patient', tokenOf(key))
  if (!link) return null
  const patient = await server.read('Patient', link.id)
  if (patient && hasIdentifier(patient.resource, tokenOf(key))) return patient
  if (patient && (await isUnseen(context, link, patient))) return patient
  await state.removeLink('patient', tokenOf(key))
  return null
}

/**
 * Whether a Patient has changed since it was last compared with what its link says of it. Without the link nobody would
 * ever compare them, and DICOM would not follow: it stays the Patient of its studies until then.
 */
async function isUnseen(context: PushContext, link: FhirLink, patient: Stored): Promise<boolean> {
  if (!context.settings.isWatched || link.projection === null) return false
  return link.projection !== patientProjection((await survivorOf(context, patient)).resource)
}

/** Follows `link.type` `replaced-by` to the Patient that stands for this one now. */
export async function survivorOf({ server }: Pick<PushContext, 'server'>, patient: Stored): Promise<Stored> {
  const seen = new Set([patient.id])
  let current = patient
  for (let hop = 0; hop < HOPS; hop += 1) {
    const next = replacedBy(current.resource, server.url)
    if (next === null || seen.has(next)) return current
    seen.add(next)
    const survivor = await server.read('Patient', next)
    if (!survivor) return current
    current = survivor
  }
  return current
}

async function createPatient(
  context: PushContext,
  key: PatientKey,
  { person, otherIds }: StudyTuple,
): Promise<Found> {
  const { server, settings } = context
  const resource = newPatient(key, person, settings.mapping.archiveId, otherIds)
  const made = (await context.takesClientIds('Patient'))
    ? await createById(context, key, resource)
    : await server.create(resource, { identifier: tokenOf(key) })
  if (!made) return ambiguous([clientId(context, key)])
  const matches = await server.search('Patient', { identifier: tokenOf(key), _count: '3' })
  const others = matches.filter(
    ({ id, resource: other }) => id !== made.id && hasIdentifier(other, tokenOf(key)),
  )
  if (others.length > 0) return ambiguous([made.id, ...others.map(({ id }) => id)])
  await savePatient(context, key, made)
  return { patient: made }
}

/** Null when our id is taken by a Patient that no longer bears the identifier: a person changed it, and it stays. */
async function createById(context: PushContext, key: PatientKey, resource: Resource): Promise<Stored | null> {
  const id = clientId(context, key)
  const taken = await context.server.read('Patient', id)
  if (taken) return hasIdentifier(taken.resource, tokenOf(key)) ? taken : null
  try {
    return await context.server.update({ ...resource, id })
  } catch (error) {
    if (!isFhirError(error, 'refused', 'gone')) throw error
    const made = await context.server.create(resource, { identifier: tokenOf(key) })
    await context.rememberNoClientIds('Patient')
    return made
  }
}

function clientId({ settings }: PushContext, key: PatientKey): string {
  return uuidv5(settings.mapping.archiveId, `patient ${tokenOf(key)}`)
}

function ambiguous(patients: readonly string[]): Found {
  return { doubt: { reason: 'ambiguous-patient', detail: { patients } } }
}

async function savePatient(
  { state, settings }: PushContext,
  key: PatientKey,
  patient: Stored,
): Promise<void> {
  const isOurs = covers(patient.resource['meta'], { tag: [ownTag(settings.mapping.archiveId)] })
  await state.saveLink({
    kind: 'patient',
    key: tokenOf(key),
    resourceType: 'Patient',
    id: patient.id,
    versionId: patient.versionId,
    projection: patientProjection(patient.resource),
    gen: null,
    flags: isOurs ? ['created-here'] : [],
  })
}
