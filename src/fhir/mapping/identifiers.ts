import type { DataSet } from '../../dicom/data-set.ts'
import { isConformantUid } from '../../dicom/uid.ts'
import type { JsonObject } from '../ports.ts'
import type { MappingSettings } from './settings.ts'
import { items, text } from './values.ts'

export const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const IDENTIFIER_TYPE = 'http://terminology.hl7.org/CodeSystem/v2-0203'

/** System of what this archive itself names; stable when it moves, unlike an address. `#` opens a URN's f-component (RFC 8141). */
export function ownSystem(archiveId: string, suffix: string): string {
  return `urn:uuid:${archiveId}#${suffix}`
}

/** The tag on every resource that Concord writes. */
export function ownTag(archiveId: string): JsonObject {
  return { system: ownSystem(archiveId, 'origin'), code: 'derived-from-dicom' }
}

/** Search parameter value of {@link ownTag}. */
export function ownTagToken(archiveId: string): string {
  return `${ownSystem(archiveId, 'origin')}|derived-from-dicom`
}

/** Search parameter value of the study's identifier: the form that R4's ImagingStudy notes prescribe. */
export function studyToken(studyUid: string): string {
  return `urn:dicom:uid|urn:oid:${studyUid}`
}

/** The one official identifier of an ImagingStudy; typed as MADO wants it. */
export function studyIdentifier(studyUid: string): JsonObject {
  return {
    use: 'official',
    type: { coding: [{ system: DCM, code: '110180', display: 'Study Instance UID' }] },
    system: 'urn:dicom:uid',
    value: `urn:oid:${studyUid}`,
  }
}

/** Identifier of AccessionNumber (0008,0050) with its issuer; undefined without one. */
export function accessionIdentifier(dataSet: DataSet, settings: MappingSettings): JsonObject | undefined {
  const value = text(dataSet, '00080050')
  if (value === '') return undefined
  const issuer = items(dataSet, '00080051')[0]
  const system =
    (issuer && entitySystem(issuer, settings)) ??
    named(settings.accessionIssuer, settings) ??
    // MADO: `system` 1..1. One of our own claims no issuer that nobody named.
    (settings.profile === 'mado' ? ownSystem(settings.archiveId, 'accession') : undefined)
  return {
    type: {
      coding: [
        { system: IDENTIFIER_TYPE, code: 'ACSN' },
        { system: DCM, code: '121022', display: 'Accession Number' },
      ],
    },
    ...(system !== undefined && { system }),
    value,
  }
}

export interface PatientKey {
  readonly system: string
  readonly value: string
}

/**
 * (issuer, Patient ID) of a data set as FHIR knows it; null without Patient ID (0010,0020). The issuer comes from the
 * qualifiers, then from the text of Issuer of Patient ID, then from the site's default; with none of these the system is
 * this archive's own, so that numbers of unknown origin never meet those of a known one.
 */
export function patientKey(dataSet: DataSet, settings: MappingSettings): PatientKey | null {
  const value = text(dataSet, '00100020')
  if (value === '') return null
  const system =
    issuerOf(dataSet, settings) ??
    named(settings.defaultIssuer, settings) ??
    ownSystem(settings.archiveId, 'patient')
  return { system, value }
}

/**
 * Other Patient IDs (0010,1002) by which the patient may be known, each once. Those without an issuer of their own are left
 * out: a number of the default issuer may well be somebody else's.
 */
export function otherPatientKeys(dataSet: DataSet, settings: MappingSettings): PatientKey[] {
  const own = patientKey(dataSet, settings)
  const keys = items(dataSet, '00101002').flatMap((item) => {
    const value = text(item, '00100020')
    const system = value === '' ? undefined : issuerOf(item, settings)
    return system === undefined ? [] : [{ system, value }]
  })
  const distinct = new Map(keys.map((key) => [`${key.system}|${key.value}`, key]))
  if (own !== null) distinct.delete(`${own.system}|${own.value}`)
  return [...distinct.values()]
}

/** System of the issuer that a Patient ID names; undefined where it names none. */
function issuerOf(dataSet: DataSet, settings: MappingSettings): string | undefined {
  const qualifiers = items(dataSet, '00100024')[0]
  return (qualifiers && universalSystem(qualifiers)) ?? named(text(dataSet, '00100021'), settings)
}

/** System of an HL7v2 hierarchic designator item: its universal ID, else its local namespace (PS3.3 Table 10-17). */
export function entitySystem(item: DataSet, settings: MappingSettings): string | undefined {
  return universalSystem(item) ?? named(text(item, '00400031'), settings)
}

/** Universal Entity ID (0040,0032) with its type (0040,0033) as a URI. */
function universalSystem(item: DataSet): string | undefined {
  return universalUri(text(item, '00400032'), text(item, '00400033'))
}

function universalUri(id: string, type: string): string | undefined {
  if (id === '') return undefined
  switch (type.toUpperCase()) {
    case 'ISO':
      return isConformantUid(id) ? `urn:oid:${id}` : undefined
    case 'UUID':
      return `urn:uuid:${id.toLowerCase()}`
    case 'URI':
      return isUri(id) ? id : undefined
    case 'DNS':
      return isUri(`https://${id}`) ? `https://${id}` : undefined
    default:
      return undefined
  }
}

/** System of a name: as the site maps it, else the URI, OID or HL7 HD (`NAME&1.2.3&ISO`) that it is, else made of our own. */
function named(name: string | undefined, settings: MappingSettings): string | undefined {
  const plain = name?.trim() ?? ''
  if (plain === '') return undefined
  const mapped = settings.issuers?.get(plain)
  if (mapped !== undefined) return mapped
  if (isUri(plain)) return plain
  if (plain.includes('.') && isConformantUid(plain)) return `urn:oid:${plain}`
  const [, id = '', type = ''] = plain.split('&')
  return universalUri(id, type) ?? ownSystem(settings.archiveId, `issuer:${encodeURIComponent(plain)}`)
}

function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\S+$/iu.test(text) && URL.canParse(text)
}
