/** The study that has one of each: pictures, a report on them, and a segmentation of them. */
import type { Attributes } from '../../src/dicom/compose.ts'
import { ADA, code, count, file, image, instance, studyOf, uid, type DemoFile } from './made.ts'
import { headSlice, pixelBytes } from './phantoms.ts'
import { ventricles, type Slice } from './segmentation.ts'

const SIZE = 256
const CT = '1.2.840.10008.5.1.4.1.1.2'

const PLACE = {
  FrameOfReferenceUID: uid('head/frame of reference'),
  ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
  PixelSpacing: [0.9375, 0.9375],
  SliceThickness: 5,
}

export function headStudy(): DemoFile[] {
  const slices = 24
  const study = studyOf('head', ADA, {
    StudyDate: '20260312',
    StudyTime: '091503',
    AccessionNumber: 'A-2026-0312',
    StudyDescription: 'CT head without contrast',
    Manufacturer: 'Philips',
    ManufacturerModelName: 'Demo CT 64',
    ProcedureCodeSequence: [code('30799-1', 'LN', 'CT Head WO contrast')],
    BodyPartExamined: 'HEAD',
  })
  const heights = count(slices, (index): Slice => ({
    SOPInstanceUID: uid(`head/ct/${index}`),
    z: -0.75 + (1.5 * index) / (slices - 1),
    ImagePositionPatient: [-120, -120, -60 + 5 * index],
  }))
  const images = heights.map(({ z, ImagePositionPatient }, index) =>
    file(`CT head, slice ${index + 1} of ${slices}`, study, {
      ...image('CT', CT, [SIZE, SIZE], 16, 1),
      ...instance('head', 'ct', 1, index),
      SeriesDescription: 'Brain 5.0 mm',
      KVP: 120,
      ...PLACE,
      ImagePositionPatient,
      WindowCenter: 40,
      WindowWidth: 120,
      RescaleIntercept: 0,
      RescaleSlope: 1,
      // A private block, so that the any-tag search has something of its own to find.
      '00190010': { vr: 'LO', Value: ['CONCORD DEMO 01'] },
      '00191001': { vr: 'LO', Value: ['phantom after Shepp and Logan'] },
      pixels: { vr: 'OW', bytes: pixelBytes(headSlice(SIZE, z)) },
    }),
  )
  const first = uid('head/ct/0')
  return [...images, report(study, first), ventricles(study, PLACE, SIZE, heights)]
}

/** A short report that cites the CT: shows that every tag is searched, those in sequences too. */
function report(study: Attributes, image: string): DemoFile {
  return file('Report on the CT head', study, {
    ...instance('head', 'sr', 2, 0),
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.88.11',
    Modality: 'SR',
    SeriesDescription: 'Report',
    CompletionFlag: 'COMPLETE',
    VerificationFlag: 'UNVERIFIED',
    ValueType: 'CONTAINER',
    ContinuityOfContent: 'SEPARATE',
    ConceptNameCodeSequence: [code('18748-4', 'LN', 'Diagnostic imaging report')],
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: uid('head'),
        ReferencedSeriesSequence: [
          {
            SeriesInstanceUID: uid('head/ct'),
            ReferencedSOPSequence: [{ ReferencedSOPClassUID: CT, ReferencedSOPInstanceUID: image }],
          },
        ],
      },
    ],
    ContentSequence: [
      {
        RelationshipType: 'CONTAINS',
        ValueType: 'TEXT',
        ConceptNameCodeSequence: [code('121071', 'DCM', 'Finding')],
        TextValue: 'A head of eleven ellipses. No haemorrhage, no fracture.',
      },
    ],
  })
}
