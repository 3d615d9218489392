import { composeDataSet, type Attributes } from '../../src/dicom/compose.ts'
import { writeInstance } from '../../src/dicom/writer.ts'

const MACHINES = [
  ['GE MEDICAL SYSTEMS', 'Revolution CT', 'CT', '1.2.840.10008.5.1.4.1.1.2'],
  ['Philips', 'Ingenuity CT', 'CT', '1.2.840.10008.5.1.4.1.1.2'],
  ['Philips', 'Ingenia', 'MR', '1.2.840.10008.5.1.4.1.1.4'],
  ['SIEMENS', 'Skyra', 'MR', '1.2.840.10008.5.1.4.1.1.4'],
  ['SIEMENS', 'Biograph', 'PT', '1.2.840.10008.5.1.4.1.1.128'],
] as const
const FAMILIES = [
  'Müller',
  'García',
  'Nguyen',
  'Smith',
  'Yamada',
  'Ivanov',
  'Okafor',
  'Dubois',
  'Rossi',
  'Kim',
]
const PARTS = ['CHEST', 'HEAD', 'ABDOMEN', 'KNEE']
const ROOT = '2.25.27182818284590452'

export interface Facts {
  readonly study: string
  readonly series: string
  readonly sop: string
  readonly PatientID: string
  readonly family: string
}

/** UIDs and identifiers of the `n`-th instance: 100 a series, two series a study, two studies a patient. */
export function factsOf(n: number): Facts {
  const series = Math.floor(n / 100)
  const study = Math.floor(series / 2)
  const patient = Math.floor(study / 2)
  return {
    study: `${ROOT}.1.${study}`,
    series: `${ROOT}.2.${series}`,
    sop: `${ROOT}.3.${n}`,
    PatientID: `B-${String(patient).padStart(6, '0')}`,
    family: FAMILIES[patient % FAMILIES.length] ?? '',
  }
}

/**
 * The `n`-th synthetic instance: about 95 elements with a private block and a sequence, `side`² pixels of 16 bits; `own`
 * attributes take the place of these.
 */
export function madeInstance(n: number, side = 32, own: Attributes = {}): Buffer {
  const facts = factsOf(n)
  const dataSet = composeDataSet({
    ...ofStudy(n, facts),
    ...ofSeries(n, facts),
    ...ofInstance(n, facts),
    ...image(side),
    ...own,
  })
  return writeInstance(dataSet, { pixels: { vr: 'OW', bytes: pixels(side) } })
}

function ofStudy(n: number, { study, PatientID, family }: Facts): Attributes {
  const s = Math.floor(n / 200)
  const day = new Date(Date.UTC(2015, 0, 1 + ((s * 7919) % 3650), 8, 0, s % 36_000))
  const StudyDate = day.toISOString().slice(0, 10).replaceAll('-', '')
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    StudyInstanceUID: study,
    StudyID: `S${s}`,
    StudyDate,
    SeriesDate: StudyDate,
    AcquisitionDate: StudyDate,
    ContentDate: StudyDate,
    InstanceCreationDate: StudyDate,
    PerformedProcedureStepStartDate: StudyDate,
    StudyTime: day.toISOString().slice(11, 19).replaceAll(':', ''),
    AccessionNumber: `A${s}`,
    InstitutionName: 'Bench Hospital',
    InstitutionAddress: '1 Loopback Street',
    InstitutionalDepartmentName: 'Radiology',
    ReferringPhysicianName: `Ref^Doctor${s % 40}`,
    PerformingPhysicianName: 'Perf^Doc',
    OperatorsName: 'Op^Tech',
    StationName: `ST${s % 9}`,
    StudyDescription: `Study ${PARTS[s % 4] ?? ''} routine`,
    PatientName: `${family}^Bench^${PatientID.slice(2)}`,
    PatientID,
    PatientBirthDate: `19${30 + (s % 70)}0101`,
    PatientSex: s % 2 === 0 ? 'M' : 'F',
    PatientAge: `0${20 + (s % 70)}Y`,
    PatientSize: 1.75,
    PatientWeight: 50 + (s % 60),
    AdditionalPatientHistory: 'History none of note',
    BodyPartExamined: PARTS[s % 4] ?? '',
    DeviceSerialNumber: `SN${s % 17}`,
    SoftwareVersions: 'sw1.2.3',
    FrameOfReferenceUID: `${study}.8`,
    RequestedProcedureDescription: 'CT routine',
    PerformedProcedureStepID: `PPS${s}`,
    '00191003': { vr: 'SH', Value: [`blk${s % 5}`] },
  }
}

function ofSeries(n: number, { series }: Facts): Attributes {
  const e = Math.floor(n / 100)
  const s = Math.floor(e / 2)
  const [Manufacturer, ManufacturerModelName, Modality, SOPClassUID] =
    MACHINES[s % MACHINES.length] ?? MACHINES[0]
  return {
    SeriesInstanceUID: series,
    SeriesNumber: (e % 2) + 1,
    SeriesTime: '101010',
    SeriesDescription: `Series ${e}`,
    Manufacturer,
    ManufacturerModelName,
    Modality,
    SOPClassUID,
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    ScanOptions: 'HELICAL',
    SliceThickness: [1.25, 2.5, 5][e % 3] ?? 5,
    SpacingBetweenSlices: 2.5,
    KVP: 120,
    ProtocolName: `Protocol ${e % 20}`,
    ReconstructionDiameter: 360,
    DistanceSourceToDetector: 949,
    DistanceSourceToPatient: 541,
    GantryDetectorTilt: 0,
    TableHeight: 157,
    RotationDirection: 'CW',
    ExposureTime: 500,
    Exposure: 50,
    FilterType: 'BODY',
    FocalSpots: 0.7,
    ConvolutionKernel: 'STANDARD',
    PatientPosition: 'HFS',
    PerformedProcedureStepStartTime: '101000',
    RequestAttributesSequence: [
      { ScheduledProcedureStepDescription: `step ${s % 30}`, ScheduledProcedureStepID: `SPS${e}` },
    ],
    '00190010': { vr: 'LO', Value: ['CONCORD BENCH 01'] },
    '00191001': { vr: 'LO', Value: [`private ${e % 10}`] },
  }
}

function ofInstance(n: number, { sop }: Facts): Attributes {
  const number = (n % 100) + 1
  const position = number * 2.5
  return {
    SOPInstanceUID: sop,
    InstanceNumber: number,
    InstanceCreationTime: '101500',
    AcquisitionNumber: 1,
    AcquisitionTime: '101011.5',
    ContentTime: '101012',
    ReferencedImageSequence: [
      { ReferencedSOPClassUID: MACHINES[0][3], ReferencedSOPInstanceUID: `${sop}.9` },
    ],
    XRayTubeCurrent: 100 + number,
    ImagePositionPatient: [-125, -125, position],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PositionReferenceIndicator: '',
    SliceLocation: position,
    '00191002': { vr: 'DS', Value: [position] },
  }
}

function image(side: number): Attributes {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: side,
    Columns: side,
    PixelSpacing: [0.7, 0.7],
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    WindowCenter: 40,
    WindowWidth: 400,
    RescaleIntercept: -1024,
    RescaleSlope: 1,
  }
}

const PIXELS = new Map<number, Buffer>()
function pixels(side: number): Buffer {
  const made = PIXELS.get(side) ?? Buffer.alloc(side * side * 2)
  if (!PIXELS.has(side)) {
    for (let index = 0; index < made.length; index += 2) made.writeUInt16LE((index * 37) % 4096, index)
    PIXELS.set(side, made)
  }
  return made
}
