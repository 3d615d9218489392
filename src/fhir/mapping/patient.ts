import type { DataSet, PersonName } from '../../dicom/data-set.ts'
import { personNameWords } from '../../dicom/person-name.ts'
import { readDate } from '../../dicom/times.ts'
import type { Json, JsonObject, Resource } from '../ports.ts'
import { canonical, isList, isObject, prunedObject } from './canonical.ts'
import { ownTag, type PatientKey } from './identifiers.ts'
import { displayName, names, plain, text } from './values.ts'

/** The person as an instance describes it. */
export interface PersonFacts {
  readonly name: PersonName | null
  /** `YYYY-MM-DD`; undefined for anything that is no day of the calendar. */
  readonly birthDate: string | undefined
  readonly gender: 'male' | 'female' | 'other' | undefined
}

export function personOf(dataSet: DataSet): PersonFacts {
  const born = readDate(text(dataSet, '00100030'))?.from
  return {
    name: names(dataSet, '00100010')[0] ?? null,
    birthDate: born && `${born.slice(0, 4)}-${born.slice(4, 6)}-${born.slice(6)}`,
    gender: genderOf(text(dataSet, '00100040')),
  }
}

/** Patient's Sex (0010,0040): M, F, O. Anything else is not known, which is not the same as FHIR's `unknown`. */
function genderOf(sex: string): PersonFacts['gender'] {
  switch (sex.toUpperCase()) {
    case 'M':
      return 'male'
    case 'F':
      return 'female'
    case 'O':
      return 'other'
    default:
      return undefined
  }
}

/** A Patient to be created where the server has none of this identifier. Existing ones are never written. */
export function newPatient(
  key: PatientKey,
  person: PersonFacts,
  archiveId: string,
  otherIds: readonly PatientKey[] = [],
): Resource {
  return {
    resourceType: 'Patient',
    ...prunedObject({
      meta: { tag: [ownTag(archiveId)] },
      identifier: [key, ...otherIds].map(({ system, value }) => ({ system, value })),
      name: humanNames(person.name),
      gender: person.gender,
      birthDate: person.birthDate,
    }),
  }
}

const REPRESENTATION = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation'

/** One HumanName for each component group of a person name (PS3.5 §6.2.1). */
function humanNames(name: PersonName | null): JsonObject[] {
  if (!name) return []
  const groups = [
    { group: name.Alphabetic, more: { use: 'official' } },
    { group: name.Ideographic, more: { extension: [{ url: REPRESENTATION, valueCode: 'IDE' }] } },
    { group: name.Phonetic, more: { extension: [{ url: REPRESENTATION, valueCode: 'SYL' }] } },
  ]
  return groups.flatMap(({ group, more }) =>
    group === undefined || plain(group.replaceAll('^', ' ')) === '' ? [] : [{ ...more, ...humanName(group) }],
  )
}

function humanName(group: string): JsonObject {
  if (!group.includes('^')) return { text: plain(group) }
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map(plain)
  return { family, given: [...words(given), ...words(middle)], prefix: words(prefix), suffix: words(suffix) }
}

function words(component: string): string[] {
  return component.split(' ').filter((word) => word !== '')
}

/** `ImagingStudy.subject` where the Patient is found: by id, with the identifier by which it was. */
export function literalSubject(id: string, key: PatientKey): JsonObject {
  return { reference: `Patient/${id}`, identifier: { system: key.system, value: key.value } }
}

/** `ImagingStudy.subject` where the Patient is not certain, or there is no Patient ID: nothing that can be followed wrongly. */
export function logicalSubject(key: PatientKey | null, person: PersonFacts): JsonObject {
  const shown = person.name ? displayName(person.name) : ''
  const display = shown === '' ? 'Unknown patient' : shown
  return key
    ? { type: 'Patient', identifier: { system: key.system, value: key.value }, display }
    : { display }
}

/** In what a FHIR Patient and the person of an instance contradict each other; what either does not say is no contradiction. */
export function contradictions(patient: Resource, person: PersonFacts): ('birthDate' | 'family')[] {
  const birthDate = typeof patient['birthDate'] === 'string' ? patient['birthDate'] : ''
  const otherBirth =
    birthDate !== '' && person.birthDate !== undefined && !person.birthDate.startsWith(birthDate)
  return [
    ...(otherBirth ? ['birthDate' as const] : []),
    ...(otherFamily(patient, person) ? ['family' as const] : []),
  ]
}

/** Whether no family name of one has a word in common with those of the other, case and accents folded. */
function otherFamily(patient: Resource, person: PersonFacts): boolean {
  const ours = new Set(
    Object.values(person.name ?? {}).flatMap((group: string) => nameWords(group.split('^')[0] ?? '')),
  )
  const theirs = list(patient['name']).flatMap((name) => {
    const family = name['family'] ?? name['text']
    return typeof family === 'string' ? nameWords(family) : []
  })
  return ours.size > 0 && theirs.length > 0 && !theirs.some((word) => ours.has(word))
}

/** Double names are written with a hyphen or a space, and halves of them are left out. */
function nameWords(name: string): string[] {
  return personNameWords(name.replaceAll('-', ' '))
}

/** Id of the Patient that replaces this one (`link.type` `replaced-by`), or null. References to other servers are not followed. */
export function replacedBy(patient: Resource, serverUrl: string): string | null {
  const link = list(patient['link']).find((candidate) => candidate['type'] === 'replaced-by')
  const other = link?.['other']
  const reference = isObject(other) && typeof other['reference'] === 'string' ? other['reference'] : ''
  const local = reference.startsWith(`${serverUrl}/`) ? reference.slice(serverUrl.length + 1) : reference
  return /^Patient\/([A-Za-z0-9.-]{1,64})(?:\/_history\/.*)?$/u.exec(local)?.[1] ?? null
}

/** Canonical text of all that DICOM would say of a FHIR Patient: unequal later means that a correction may be due. */
export function patientProjection(patient: Resource): string {
  const { identifier, name, birthDate, gender, link } = patient
  return canonical({ identifier, name, birthDate, gender, link })
}

function list(value: Json | undefined): JsonObject[] {
  return isList(value) ? value.filter((item) => isObject(item)) : []
}
