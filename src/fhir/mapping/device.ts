import type { Resource } from '../ports.ts'
import { prunedObject } from './canonical.ts'
import { ownSystem, ownTag } from './identifiers.ts'
import type { MappingSettings } from './settings.ts'

/** Key of the one Device that this software is: value of its identifier, and of its link. */
export const DEVICE_KEY = 'concord'

/** Search parameter value of the Device's identifier. */
export function deviceToken(archiveId: string): string {
  return `${ownSystem(archiveId, 'device')}|${DEVICE_KEY}`
}

/** This software as a Device: the agent of every Provenance that it writes. */
export function softwareDevice(settings: MappingSettings): Resource {
  const { archiveId, softwareVersion, release } = settings
  const named =
    release === 'R5'
      ? { name: [{ value: 'Concord', type: 'registered-name' }], type: [{ text: 'DICOM index service' }] }
      : { deviceName: [{ name: 'Concord', type: 'model-name' }], type: { text: 'DICOM index service' } }
  return {
    resourceType: 'Device',
    ...prunedObject({
      meta: { tag: [ownTag(archiveId)] },
      identifier: [{ system: ownSystem(archiveId, 'device'), value: DEVICE_KEY }],
      status: 'active',
      ...named,
      version: [{ value: softwareVersion }],
    }),
  }
}
