/** A handful of studies for the demo, made by code: the people in them never lived. The same bytes at every start. */
import { headStudy } from './head.ts'
import { ADA, code, count, file, image, instance, studyOf, uid, type DemoFile, type Person } from './made.ts'
import { brainSlice, chest, pixelBytes, sector, testCard } from './phantoms.ts'

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

/** Every file of the demo, study by study. */
export function demoFiles(): readonly DemoFile[] {
  return [...headStudy(), ...brainMr(), ...chestRadiograph(), ...heartUltrasound(), ...testPicture()]
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
