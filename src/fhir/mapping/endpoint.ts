import type { Resource } from '../ports.ts'
import { ownSystem, ownTag } from './identifiers.ts'
import { endpointR5 } from './r5.ts'
import type { MappingSettings } from './settings.ts'

/** Key of the one Endpoint of a deployment: value of its identifier, and of its link. */
export const ENDPOINT_KEY = 'dicomweb'

/** Search parameter value of the Endpoint's identifier. Never by address or name: those may change. */
export function endpointToken(archiveId: string): string {
  return `${ownSystem(archiveId, 'endpoint')}|${ENDPOINT_KEY}`
}

/**
 * The Endpoint of this deployment: its address is the base of the DICOMweb service, to which clients append
 * `/studies/{uid}` (R4 ImagingStudy notes; SMART Imaging Access).
 */
export function endpoint(settings: MappingSettings): Resource {
  const r4: Resource = {
    resourceType: 'Endpoint',
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
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/endpoint-payload-type', code: 'any' }],
        text: 'DICOM WADO-RS',
      },
    ],
    payloadMimeType: ['application/dicom'],
    address: settings.dicomwebUrl,
  }
  return settings.release === 'R5' ? endpointR5(r4) : r4
}
