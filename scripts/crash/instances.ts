import { composeDataSet } from '../../src/dicom/compose.ts'
import { writeInstance } from '../../src/dicom/writer.ts'

/** One instance for the crash driver: small, or now and then large enough for a file of its own. */
export interface MadeInstance {
  readonly study: string
  readonly series: string
  readonly sop: string
  /** Path of the instance below the DICOMweb root. */
  readonly path: string
  readonly bytes: Buffer
}

const ROOT = '2.25.3141592653589793'

/** The `n`-th instance of the run, in one of `studies` studies of two series each. */
export function makeInstance(n: number, studies: number): MadeInstance {
  const study = `${ROOT}.1.${n % studies}`
  const series = `${ROOT}.2.${n % (2 * studies)}`
  const sop = `${ROOT}.3.${n}`
  const side = n % 25 === 0 ? 256 : 16
  const dataSet = composeDataSet({
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
    SOPInstanceUID: sop,
    StudyInstanceUID: study,
    SeriesInstanceUID: series,
    StudyDate: '20260102',
    PatientID: `CRASH-${n % studies}`,
    PatientName: `Crash^Number ${n % studies}`,
    Modality: 'OT',
    SeriesNumber: 1 + Math.floor((n % (2 * studies)) / studies),
    InstanceNumber: n + 1,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: side,
    Columns: side,
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 0,
  })
  const pixels = Buffer.alloc(side * side * 2)
  for (let index = 0; index < pixels.length; index += 2)
    pixels.writeUInt16LE((index * 13 + n) & 0xffff, index)
  return {
    study,
    series,
    sop,
    path: `/studies/${study}/series/${series}/instances/${sop}`,
    bytes: writeInstance(dataSet, { pixels: { vr: 'OW', bytes: pixels } }),
  }
}
