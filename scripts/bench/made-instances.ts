import { composeDataSet } from '../../src/dicom/compose.ts'
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

/** UIDs and identifiers of the `n`-th instance: 100 a series, two series a study, two studies a patient. */
export function factsOf(n: number): {
  study: string
  series: string
  sop: string
  PatientID: string
  family: string
} {
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

/** The `n`-th synthetic instance: about 95 elements with a private block and a sequence, `side`² pixels of 16 bits. */
export function madeInstance(n: number, side = 32): Buffer {
  const { study, series, sop, PatientID, family } = factsOf(n)
  const ofSeries = Math.floor(n / 100)
  const ofStudy = Math.floor(ofSeries / 2)
  const number = (n % 100) + 1
  const [Manufacturer, ManufacturerModelName, Modality, SOPClassUID] =
    MACHINES[ofStudy % MACHINES.length] ?? MACHINES[0]
  const StudyDate = new Date(Date.UTC(2015, 0, 1 + ((ofStudy * 7919) % 3650)))
    .toISOString()
    .slice(0, 10)
    .replaceAll('-', '')
  const position = number * 2.5
  const dataSet = composeDataSet({
    SpecificCharacterSet: 'ISO_IR 192',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    InstanceCreationDate: StudyDate,
    InstanceCreationTime: '101500',
    SOPClassUID,
    SOPInstanceUID: sop,
    StudyDate,
    SeriesDate: StudyDate,
    AcquisitionDate: StudyDate,
    ContentDate: StudyDate,
    StudyTime: String(80000 + (ofStudy % 50000)).padStart(6, '0'),
    SeriesTime: '101010',
    AcquisitionTime: '101011.5',
    ContentTime: '101012',
    AccessionNumber: `A${ofStudy}`,
    Modality,
    Manufacturer,
    InstitutionName: 'Bench Hospital',
    InstitutionAddress: '1 Loopback Street',
    ReferringPhysicianName: `Ref^Doctor${ofStudy % 40}`,
    StationName: `ST${ofStudy % 9}`,
    StudyDescription: `Study ${PARTS[ofStudy % 4]} routine`,
    SeriesDescription: `Series ${ofSeries}`,
    InstitutionalDepartmentName: 'Radiology',
    PerformingPhysicianName: 'Perf^Doc',
    OperatorsName: 'Op^Tech',
    ManufacturerModelName,
    ReferencedImageSequence: [{ ReferencedSOPClassUID: SOPClassUID, ReferencedSOPInstanceUID: `${sop}.9` }],
    PatientName: `${family}^Bench^${PatientID.slice(2)}`,
    PatientID,
    PatientBirthDate: `19${30 + (ofStudy % 70)}0101`,
    PatientSex: ofStudy % 2 === 0 ? 'M' : 'F',
    PatientAge: `0${20 + (ofStudy % 70)}Y`,
    PatientSize: 1.75,
    PatientWeight: 50 + (ofStudy % 60),
    AdditionalPatientHistory: 'History none of note',
    BodyPartExamined: PARTS[ofStudy % 4] ?? '',
    ScanOptions: 'HELICAL',
    SliceThickness: [1.25, 2.5, 5][ofSeries % 3] ?? 5,
    KVP: 120,
    SpacingBetweenSlices: 2.5,
    DeviceSerialNumber: `SN${ofStudy % 17}`,
    SoftwareVersions: 'sw1.2.3',
    ProtocolName: `Protocol ${ofSeries % 20}`,
    ReconstructionDiameter: 360,
    DistanceSourceToDetector: 949,
    DistanceSourceToPatient: 541,
    GantryDetectorTilt: 0,
    TableHeight: 157,
    RotationDirection: 'CW',
    ExposureTime: 500,
    XRayTubeCurrent: 100 + number,
    Exposure: 50,
    FilterType: 'BODY',
    FocalSpots: 0.7,
    ConvolutionKernel: 'STANDARD',
    PatientPosition: 'HFS',
    '00190010': { vr: 'LO', Value: ['CONCORD BENCH 01'] },
    '00191001': { vr: 'LO', Value: [`private ${ofSeries % 10}`] },
    '00191002': { vr: 'DS', Value: [position] },
    '00191003': { vr: 'SH', Value: [`blk${ofStudy % 5}`] },
    StudyInstanceUID: study,
    SeriesInstanceUID: series,
    StudyID: `S${ofStudy}`,
    SeriesNumber: (ofSeries % 2) + 1,
    AcquisitionNumber: 1,
    InstanceNumber: number,
    ImagePositionPatient: [-125, -125, position],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    FrameOfReferenceUID: `${study}.8`,
    PositionReferenceIndicator: '',
    SliceLocation: position,
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
    RequestedProcedureDescription: 'CT routine',
    PerformedProcedureStepStartDate: StudyDate,
    PerformedProcedureStepStartTime: '101000',
    PerformedProcedureStepID: `PPS${ofStudy}`,
    RequestAttributesSequence: [
      {
        ScheduledProcedureStepDescription: `step ${ofStudy % 30}`,
        ScheduledProcedureStepID: `SPS${ofSeries}`,
      },
    ],
  })
  return writeInstance(dataSet, { pixels: { vr: 'OW', bytes: pixels(side) } })
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
