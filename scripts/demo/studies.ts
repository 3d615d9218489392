/** A handful of studies for the demo, made by code: the people in them never lived. The same bytes at every start. */
import { composeDataSet, type Attributes } from '../../src/dicom/compose.ts'
import { uidFrom } from '../../src/dicom/uid.ts'
import { writeInstance, type Pixels } from '../../src/dicom/writer.ts'
import { brainSlice, chest, headSlice, pixelBytes, sector, testCard } from './phantoms.ts'

const NAMESPACE = '5f0c6f3e-7d0b-4d0a-8a55-2f1c9f6f9d31'

export interface DemoFile {
  /** For people: `CT head, slice 3 of 24`. */
  readonly title: string
  readonly bytes: Buffer
}

interface Person {
  readonly PatientName: string
  readonly PatientID: string
  readonly PatientBirthDate: string
  readonly PatientSex: string
}

const ADA: Person = {
  PatientName: 'Beispiel^Ada',
  PatientID: 'DEMO-1001',
  PatientBirthDate: '19511210',
  PatientSex: 'F',
}
const JOSE: Person = {
  PatientName: 'Ejemplo^José',
  PatientID: 'DEMO-1002',
  PatientBirthDate: '19840229',
  PatientSex: 'M',
}
const HANAKO: Person = {
  PatientName: 'Yamada^Hanako=山田^花子=やまだ^はなこ',
  PatientID: 'DEMO-1003',
  PatientBirthDate: '19670704',
  PatientSex: 'F',
}

const code = (CodeValue: string, CodingSchemeDesignator: string, CodeMeaning: string): Attributes => ({
  CodeValue,
  CodingSchemeDesignator,
  CodeMeaning,
})

/** Every file of the demo, study by study. */
export function demoFiles(): readonly DemoFile[] {
  return [...headCt(), ...brainMr(), ...chestRadiograph(), ...heartUltrasound(), ...testPicture()]
}

function headCt(): DemoFile[] {
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
  const images = count(slices, (index) => {
    const position = -60 + 5 * index
    return file(`CT head, slice ${index + 1} of ${slices}`, study, {
      ...image('CT', '1.2.840.10008.5.1.4.1.1.2', [256, 256], 16, 1),
      ...instance('head', 'ct', 1, index),
      SeriesDescription: 'Brain 5.0 mm',
      KVP: 120,
      SliceThickness: 5,
      ImagePositionPatient: [-120, -120, position],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      FrameOfReferenceUID: uid('head/frame of reference'),
      PixelSpacing: [0.9375, 0.9375],
      WindowCenter: 40,
      WindowWidth: 120,
      RescaleIntercept: 0,
      RescaleSlope: 1,
      // A private block, so that the any-tag search has something of its own to find.
      '00190010': { vr: 'LO', Value: ['CONCORD DEMO 01'] },
      '00191001': { vr: 'LO', Value: ['phantom after Shepp and Logan'] },
      pixels: { vr: 'OW', bytes: pixelBytes(headSlice(256, -0.75 + (1.5 * index) / (slices - 1))) },
    })
  })
  const first = uid('head/ct/0')
  return [...images, report(study, first)]
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
            ReferencedSOPSequence: [
              { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2', ReferencedSOPInstanceUID: image },
            ],
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

function brainMr(): DemoFile[] {
  const slices = 12
  const study = studyOf('brain', JOSE, {
    StudyDate: '20260405',
    StudyTime: '140011',
    AccessionNumber: 'A-2026-0405',
    StudyDescription: 'MR brain',
    Manufacturer: 'Siemens Healthineers',
    ManufacturerModelName: 'Demo MR 3T',
    ProcedureCodeSequence: [code('24590-2', 'LN', 'MR Brain')],
    BodyPartExamined: 'BRAIN',
  })
  return ([1, -1] as const).flatMap((weight, series) =>
    count(slices, (index) =>
      file(`MR brain, T${series + 1}, slice ${index + 1} of ${slices}`, study, {
        ...image('MR', '1.2.840.10008.5.1.4.1.1.4', [256, 256], 16),
        ...instance('brain', `t${series + 1}`, series + 1, index),
        SeriesDescription: weight === 1 ? 't1 tse tra' : 't2 tse tra',
        MagneticFieldStrength: 3,
        RepetitionTime: weight === 1 ? 600 : 4200,
        EchoTime: weight === 1 ? 11 : 98,
        SliceThickness: 6,
        ImagePositionPatient: [-110, -110, -36 + 6 * index],
        ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
        FrameOfReferenceUID: uid('brain/frame of reference'),
        PixelSpacing: [0.859375, 0.859375],
        WindowCenter: 480,
        WindowWidth: 900,
        pixels: { vr: 'OW', bytes: pixelBytes(brainSlice(256, -0.6 + (1.2 * index) / (slices - 1), weight)) },
      }),
    ),
  )
}

function chestRadiograph(): DemoFile[] {
  const study = studyOf('chest', HANAKO, {
    StudyDate: '20260501',
    StudyTime: '083000',
    AccessionNumber: 'A-2026-0501',
    StudyDescription: 'Chest PA',
    Manufacturer: 'Philips',
    ManufacturerModelName: 'Demo DR',
    BodyPartExamined: 'CHEST',
  })
  return [
    file('Radiograph of a chest', study, {
      ...image('CR', '1.2.840.10008.5.1.4.1.1.1', [640, 512], 16),
      ...instance('chest', 'pa', 1, 0),
      SeriesDescription: 'PA',
      ViewPosition: 'PA',
      PixelSpacing: [0.6, 0.6],
      WindowCenter: 1900,
      WindowWidth: 3800,
      pixels: { vr: 'OW', bytes: pixelBytes(chest(512, 640)) },
    }),
  ]
}

function heartUltrasound(): DemoFile[] {
  const frames = 30
  const study = studyOf('heart', JOSE, {
    StudyDate: '20260502',
    StudyTime: '110245',
    AccessionNumber: 'A-2026-0502',
    StudyDescription: 'Echocardiography',
    Manufacturer: 'GE HealthCare',
    ManufacturerModelName: 'Demo US',
    BodyPartExamined: 'HEART',
  })
  const pictures = Array.from({ length: frames }, (_, index) => pixelBytes(sector(320, 240, index / frames)))
  return [
    file(`Ultrasound of a heart, ${frames} frames`, study, {
      ...image('US', '1.2.840.10008.5.1.4.1.1.3.1', [240, 320], 8),
      ...instance('heart', 'loop', 1, 0),
      SeriesDescription: 'Apical view',
      NumberOfFrames: frames,
      FrameTime: 33.3,
      FrameIncrementPointer: '00181063',
      pixels: { vr: 'OB', bytes: Buffer.concat(pictures) },
    }),
  ]
}

function testPicture(): DemoFile[] {
  const study = studyOf('card', ADA, {
    StudyDate: '20260503',
    StudyTime: '120000',
    AccessionNumber: '',
    StudyDescription: 'Test card',
    Manufacturer: 'Concord',
  })
  return [
    file('Test card in colour', study, {
      ...image('OT', '1.2.840.10008.5.1.4.1.1.7', [240, 320], 8),
      ...instance('card', 'card', 1, 0),
      SeriesDescription: 'Colour bars',
      ConversionType: 'SYN',
      SamplesPerPixel: 3,
      PhotometricInterpretation: 'RGB',
      PlanarConfiguration: 0,
      pixels: { vr: 'OB', bytes: Buffer.from(testCard(320, 240)) },
    }),
  ]
}

function studyOf(name: string, person: Person, attributes: Attributes): Attributes {
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    StudyInstanceUID: uid(name),
    StudyID: '1',
    ReferringPhysicianName: 'Muster^Erika^^Dr.',
    InstitutionName: 'Concord Demo Hospital',
    TimezoneOffsetFromUTC: '+0100',
    ...person,
    ...attributes,
  }
}

function instance(study: string, series: string, SeriesNumber: number, index: number): Attributes {
  return {
    SeriesInstanceUID: uid(`${study}/${series}`),
    SeriesNumber,
    SOPInstanceUID: uid(`${study}/${series}/${index}`),
    InstanceNumber: index + 1,
  }
}

function image(
  Modality: string,
  SOPClassUID: string,
  [Rows, Columns]: readonly [number, number],
  bits: 8 | 16,
  PixelRepresentation = 0,
): Attributes {
  return {
    Modality,
    SOPClassUID,
    ImageType: ['ORIGINAL', 'PRIMARY'],
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows,
    Columns,
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    PixelRepresentation,
  }
}

function file(
  title: string,
  study: Attributes,
  { pixels, ...own }: Attributes & { pixels?: Pixels },
): DemoFile {
  const dataSet = composeDataSet({ ...study, ...own })
  return { title, bytes: writeInstance(dataSet, pixels === undefined ? {} : { pixels }) }
}

function count<T>(length: number, make: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index))
}

function uid(name: string): string {
  return uidFrom(NAMESPACE, name)
}
