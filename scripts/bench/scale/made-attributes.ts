import type { Attributes } from '../../../src/dicom/compose.ts'
import { chance, pick } from './dice.ts'
import type { MadeSeries, MadeStudy } from './made-archive.ts'
import { CREATORS, FAMILIES, GIVEN, MACHINES, PARTS, SOP_CLASSES } from './made-names.ts'

const ROOT = '2.25.31415926535897932'
const DAY = 86_400_000
const DAYS = 5 * 365

export const studyUid = ({ seed, index }: MadeStudy): string => `${ROOT}.${seed}.1.${index}`
export const seriesUid = ({ study, index }: MadeSeries): string => `${ROOT}.${study.seed}.2.${index}`
/** As long for one number as for any other, so that it can be written over another one. */
export const instanceUid = (seed: number, n: number): string => `${ROOT}.${seed}.3.${10_000_000 + n}`

/** What questions are about, and what the attributes are made of. */
export interface StudyFacts {
  readonly PatientID: string
  readonly family: string
  readonly PatientName: string
  readonly AccessionNumber: string
  /** YYYYMMDD, within five years. */
  readonly StudyDate: string
}

export function studyFacts({ seed, index, patient }: MadeStudy): StudyFacts {
  const family = pick(FAMILIES, chance(seed, 20, patient))
  const given = pick(GIVEN, chance(seed, 21, patient))
  const middle = String.fromCharCode(65 + Math.floor(chance(seed, 22, patient) * 26))
  const groups = family === 'Yamada' ? '=山田^太郎=やまだ^たろう' : ''
  return {
    PatientID: `S${seed}-${String(patient).padStart(6, '0')}`,
    family,
    PatientName: `${family}^${given}^${middle}${groups}`,
    AccessionNumber: `ACC${String(index).padStart(7, '0')}`,
    StudyDate: dateOf(chance(seed, 23, index)),
  }
}

/** The step identifier in the RequestAttributesSequence of a series: no two have the same. */
export const stepId = ({ index }: MadeSeries): string => `SPS${index}`
/** The value of the first element of the private block. */
export const privateValue = ({ index }: MadeSeries): string => `private ${index % 10}`

function dateOf(at: number): string {
  return new Date(Date.UTC(2021, 0, 1) + Math.floor(at * DAYS) * DAY)
    .toISOString()
    .slice(0, 10)
    .replaceAll('-', '')
}

function timeOf(at: number): string {
  return new Date(Math.floor(at * DAY)).toISOString().slice(11, 19).replaceAll(':', '')
}

/** Attributes of patient and study. */
export function ofStudy(study: MadeStudy): Attributes {
  const { seed, index, patient } = study
  const facts = studyFacts(study)
  const part = pick(PARTS, chance(seed, 24, index))
  const { StudyDate } = facts
  const StudyTime = timeOf(chance(seed, 25, index))
  const code = {
    CodeValue: `P${index % 60}`,
    CodingSchemeDesignator: '99BENCH',
    CodeMeaning: `${part} routine`,
  }
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    StudyInstanceUID: studyUid(study),
    StudyID: `${index % 10_000}`,
    StudyDate,
    SeriesDate: StudyDate,
    AcquisitionDate: StudyDate,
    ContentDate: StudyDate,
    InstanceCreationDate: StudyDate,
    StudyTime,
    AccessionNumber: facts.AccessionNumber,
    InstitutionName: `Bench Hospital ${index % 3}`,
    InstitutionAddress: '1 Loopback Street, 127001 Localhost',
    InstitutionalDepartmentName: 'Radiology',
    ReferringPhysicianName: `${pick(FAMILIES, chance(seed, 26, index % 40))}^Doctor`,
    PerformingPhysicianName: 'Perform^Doctor',
    NameOfPhysiciansReadingStudy: `${pick(FAMILIES, chance(seed, 27, index % 15))}^Reader`,
    OperatorsName: `Op^${pick(GIVEN, chance(seed, 28, index))}`,
    StationName: `ST${index % 9}`,
    StudyDescription: `${part} routine`,
    ProcedureCodeSequence: [code],
    PatientName: facts.PatientName,
    PatientID: facts.PatientID,
    PatientBirthDate: `${1930 + (patient % 80)}0${1 + (patient % 9)}1${patient % 10}`,
    PatientSex: patient % 2 === 0 ? 'M' : 'F',
    PatientAge: `0${20 + (patient % 70)}Y`,
    PatientSize: 1.5 + (patient % 50) / 100,
    PatientWeight: 50 + (patient % 60),
    EthnicGroup: 'UNKNOWN',
    MedicalAlerts: 'NONE',
    Allergies: 'NONE KNOWN',
    PregnancyStatus: 4,
    AdditionalPatientHistory: 'History: none of note. Referred by the general practitioner.',
    BodyPartExamined: part,
    FrameOfReferenceUID: `${studyUid(study)}.8`,
    RequestingPhysician: 'Request^Doctor',
    RequestedProcedureDescription: `${part} routine`,
    RequestedProcedureCodeSequence: [code],
    CurrentPatientLocation: `Ward ${index % 12}`,
    PerformedStationAETitle: `AE${index % 9}`,
    PerformedProcedureStepStartDate: StudyDate,
    PerformedProcedureStepStartTime: StudyTime,
    PerformedProcedureStepEndDate: StudyDate,
    PerformedProcedureStepID: `PPS${index}`,
    PerformedProcedureStepDescription: `${part} routine`,
    CommentsOnThePerformedProcedureStep: '',
    ReferencedPerformedProcedureStepSequence: [
      { ReferencedSOPClassUID: '1.2.840.10008.3.1.2.3.3', ReferencedSOPInstanceUID: `${studyUid(study)}.6` },
    ],
  }
}

/** Attributes of a series whatever its modality, with nested sequences and three private blocks. */
export function ofSeries(series: MadeSeries): Attributes {
  const { study, index, ordinal, modality } = series
  const machine = pick(MACHINES[modality], chance(study.seed, 30, study.index))
  const SOPClassUID = SOP_CLASSES[modality]
  const code = {
    CodeValue: `${index % 30}`,
    CodingSchemeDesignator: '99BENCH',
    CodeMeaning: `step ${index % 30}`,
  }
  return {
    ...machine,
    SeriesInstanceUID: seriesUid(series),
    SeriesNumber: ordinal + 1,
    SeriesTime: timeOf(chance(study.seed, 31, index)),
    SeriesDescription: `${modality} series ${ordinal + 1}`,
    Modality: modality,
    SOPClassUID,
    DeviceSerialNumber: `SN${study.index % 17}`,
    SoftwareVersions: ['sw1.2.3', `b${study.index % 5}`],
    ProtocolName: `${pick(PARTS, chance(study.seed, 24, study.index))} protocol ${index % 20}`,
    PatientPosition: 'HFS',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    AcquisitionNumber: 1,
    RequestAttributesSequence: [
      {
        RequestedProcedureID: `RP${study.index}`,
        ScheduledProcedureStepDescription: `step ${study.index % 30}`,
        ScheduledProcedureStepID: stepId(series),
        ScheduledProtocolCodeSequence: [
          { ...code, ProtocolContextSequence: [{ ValueType: 'TEXT', ConceptNameCodeSequence: [code] }] },
        ],
      },
    ],
    ...privateBlock('0019', CREATORS[0], series),
    ...privateBlock('0021', CREATORS[1], series),
    ...privateBlock('0029', CREATORS[2], series),
  }
}

function privateBlock(group: string, creator: string, series: MadeSeries): Attributes {
  const { index } = series
  return {
    [`${group}0010`]: { vr: 'LO', Value: [creator] },
    [`${group}1001`]: {
      vr: 'LO',
      Value: [group === '0019' ? privateValue(series) : `${group} block ${index % 7}`],
    },
    [`${group}1003`]: { vr: 'SH', Value: [`blk${index % 5}`] },
    [`${group}1005`]: { vr: 'DS', Value: ['0.5', '1.5'] },
  }
}
