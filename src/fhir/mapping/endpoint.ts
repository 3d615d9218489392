import { uidFromUuid } from '../../dicom/uid.ts'
import type { JsonObject, Resource } from '../ports.ts'
import { ownSystem, ownTag } from './identifiers.ts'
import { endpointR5 } from './r5.ts'
import type { MappingSettings } from './settings.ts'

/** Key of the one Endpoint of a deployment: value of its identifier, and of its link. */
export const ENDPOINT_KEY = 'dicomweb'

/** Search parameter value of the Endpoint's identifier. Never by address or name: those may change. */
export function endpointToken(archiveId: string): string {
  return `${ownSystem(archiveId, 'endpoint')}|${ENDPOINT_KEY}`
}

const PAYLOAD = 'http://terminology.hl7.org/CodeSystem/endpoint-payload-type'
const RETRIEVE_LOCATION =
  'https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoRetrieveLocationUIDExtension'
const REQUIRES_TOKEN = 'http://fhir.org/argonaut/smart-imaging/StructureDefinition/requires-access-token'

/** What the profiles want beyond FHIR: MADO a UID of the place (0040,E011), SMART whether a token is needed. */
function extensions({ profile, archiveId, needsToken }: MappingSettings): JsonObject[] {
  if (profile === 'mado') return [{ url: RETRIEVE_LOCATION, valueString: uidFromUuid(archiveId) }]
  if (profile === 'smart') return [{ url: REQUIRES_TOKEN, valueBoolean: needsToken === true }]
  return []
}

/**
 * The Endpoint of this deployment: its address is the base of the DICOMweb service, to which clients append
 * `/studies/{uid}` (R4 ImagingStudy notes; SMART Imaging Access).
 */
export function endpoint(settings: MappingSettings): Resource {
  const isMado = settings.profile === 'mado'
  const extension = extensions(settings)
  const r4: Resource = {
    resourceType: 'Endpoint',
    ...(extension.length > 0 && { extension }),
    meta: { tag: [ownTag(settings.archiveId)] },
    identifier: [{ system: ownSystem(settings.archiveId, 'endpoint'), value: ENDPOINT_KEY }],
    status: 'active',
    connectionType: {
      system: 'http://terminology.hl7.org/CodeSystem/endpoint-connection-type',
      code: 'dicom-wado-rs',
      display: 'DICOM WADO-RS',
    },
    name: 'DICOMweb',
    payloadType: [
      {
        coding: [{ system: PAYLOAD, code: isMado ? 'none' : 'any' }],
        text: 'DICOM WADO-RS',
      },
    ],
    payloadMimeType: isMado
      ? ['application/dicom', 'application/octet-stream', 'application/dicom+xml', 'application/dicom+json']
      : ['application/dicom'],
    address: settings.dicomwebUrl,
  }
  return settings.release === 'R5' ? endpointR5(r4) : r4
}
