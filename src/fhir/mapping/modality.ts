import type { JsonObject } from '../ports.ts'
import { DCM } from './identifiers.ts'

/** PS3.16 CID 29 Acquisition Modality, to which R4 binds ImagingStudy.modality. */
const ACQUISITION = new Set(
  (
    'AR BDUS BI BMD CR CT DG DX ECG EEG EMG EOG EPS ES GM HD IO IVOCT IVUS KER LEN LS MG MR NM OAM OCT OP OPM OPT ' +
    'OPTBSV OPTENF OPV OSS PA POS PT PX RESP RF RG RTIMAGE SM SRF TG US VA XA XC'
  ).split(' '),
)

/** A value of Modality (0008,0060) as a Coding. Series must have one in FHIR: `OT` (other) where DICOM has none. */
export function modalityCoding(modality: string): JsonObject {
  return { system: DCM, code: modality === '' ? 'OT' : modality }
}

/** Those of the modalities that acquire; all of them when none does, so that a study of reports alone still says what it is. */
export function acquisitionModalities(modalities: readonly string[]): readonly string[] {
  const acquiring = modalities.filter((modality) => ACQUISITION.has(modality))
  return acquiring.length > 0 ? acquiring : modalities
}
