import type { DataElement, DataSet, PersonName, Tag } from '../../dicom/data-set.ts'
import type { Json, JsonObject } from '../ports.ts'
import { canonical, isList, isObject } from './canonical.ts'
import type { PatientKey } from './identifiers.ts'

/**
 * What DICOM would say of a FHIR Patient: the way back of `mapping/patient.ts`. An attribute that the Patient does not tell,
 * or tells less of than DICOM can hold (a year for a birth date), is not there: then DICOM stays as it is.
 * @param patient of it `identifier`, `name`, `birthDate` and `gender`, as a projection keeps them too
 * @param key the identifier under which the study's patient is known: Patient ID is taken from none but its system
 */
export function dicomPerson(patient: JsonObject, key: PatientKey): DataSet {
  const dataSet: DataSet = {}
  const put = (tag: Tag, element: DataElement | null): void => {
    if (element !== null) dataSet[tag] = element
  }
  put('00100010', nameElement(objects(patient['name'])))
  put('00100020', identifierElement(objects(patient['identifier']), key))
  put('00100030', birthElement(patient['birthDate']))
  put('00100040', SEXES.get(patient['gender']) ?? null)
  return dataSet
}

/** Attributes of which a Patient says something else now than it did before. */
export function changedAttributes(before: DataSet, now: DataSet): DataSet {
  return Object.fromEntries(
    Object.entries(now).filter(
      ([tag, element]) => canonical(plain(before[tag])) !== canonical(plain(element)),
    ),
  )
}

function plain(element: DataElement | undefined): Json {
  return JSON.parse(JSON.stringify(element?.Value ?? [])) as Json
}

/** Names that are in use, the best first. */
const USES = ['official', 'usual']
const NOT_IN_USE = new Set(['old', 'maiden', 'nickname', 'anonymous', 'temp'])
const REPRESENTATION = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation'
/** PS3.5 Table 6.2-1: characters of one component group. */
const LONGEST_GROUP = 64
const LONGEST_ID = 64

function nameElement(names: readonly JsonObject[]): DataElement | null {
  const used = names.filter(({ use }) => typeof use !== 'string' || !NOT_IN_USE.has(use))
  const groupOf = (representation: string | null): string => {
    const own = used.filter((name) => representationOf(name) === representation)
    const best = USES.flatMap((use) => own.filter((name) => name['use'] === use))[0] ?? own[0]
    return best === undefined ? '' : groupText(best)
  }
  const groups: PersonName = {}
  const [alphabetic, ideographic, phonetic] = [
    groupOf(null) || groupOf('ABC'),
    groupOf('IDE'),
    groupOf('SYL'),
  ]
  if (alphabetic !== '') groups.Alphabetic = alphabetic
  if (ideographic !== '') groups.Ideographic = ideographic
  if (phonetic !== '') groups.Phonetic = phonetic
  return Object.keys(groups).length === 0 ? null : { vr: 'PN', Value: [groups] }
}

function representationOf(name: JsonObject): string | null {
  const code = objects(name['extension']).find(({ url }) => url === REPRESENTATION)?.['valueCode']
  return typeof code === 'string' ? code : null
}

/** Family^given^middle^prefix^suffix (PS3.5 §6.2.1.1); the first given name is the given name, others are middle names. */
function groupText(name: JsonObject): string {
  const given = texts(name['given'])
  const components = [
    ...[component(name['family']), given[0] ?? '', given.slice(1).join(' ')],
    ...[texts(name['prefix']).join(' '), texts(name['suffix']).join(' ')],
  ]
  const text = components.join('^').replace(/\^+$/u, '')
  const whole = text === '' ? component(name['text']) : text
  return Array.from(whole).slice(0, LONGEST_GROUP).join('').trimEnd()
}

function texts(value: Json | undefined): string[] {
  return (isList(value) ? value : []).map((one) => component(one)).filter((one) => one !== '')
}

/** Text without what delimits components, groups and values, and without control characters. */
function component(value: Json | undefined): string {
  if (typeof value !== 'string') return ''
  return value.replaceAll(/[\\^=\p{Cc}]+/gu, ' ').replaceAll(/ {2,}/gu, ' ').trim() // prettier-ignore
}

/** Patient ID stays as long as the Patient bears it; else it is the one other identifier of the same system. */
function identifierElement(identifiers: readonly JsonObject[], key: PatientKey): DataElement | null {
  const values = identifiers.flatMap(({ system, value, use }) =>
    system === key.system && use !== 'old' && typeof value === 'string' ? [component(value)] : [],
  )
  const distinct = values.includes(key.value) ? [key.value] : [...new Set(values)]
  const [value = ''] = distinct
  // Of several nobody can say which one it is.
  return value === '' || value.length > LONGEST_ID || distinct.length > 1
    ? null
    : { vr: 'LO', Value: [value] }
}

function birthElement(birthDate: Json | undefined): DataElement | null {
  const isDay = typeof birthDate === 'string' && /^\d{4}-\d\d-\d\d$/u.test(birthDate)
  return isDay ? { vr: 'DA', Value: [birthDate.replaceAll('-', '')] } : null
}

/** What is not known is empty; what FHIR does not tell stays. */
const SEXES: ReadonlyMap<Json | undefined, DataElement> = new Map([
  ['male', { vr: 'CS', Value: ['M'] }],
  ['female', { vr: 'CS', Value: ['F'] }],
  ['other', { vr: 'CS', Value: ['O'] }],
  ['unknown', { vr: 'CS' }],
])

function objects(value: Json | undefined): JsonObject[] {
  return isList(value) ? value.filter((item) => isObject(item)) : []
}
