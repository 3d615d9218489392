/** What archives and questions are made of: attributes of every level and VR, and values that are near each other. */
import type { Vr } from '../../src/dicom/data-set.ts'
import type { PrivateElement } from '../../src/dicom/private-elements.ts'

export interface Pooled {
  readonly name: string
  readonly vr: Vr
  /** May have several values. */
  readonly many?: boolean
}

const attributes = (vr: Vr, names: string, many = false): Pooled[] =>
  names.split(' ').map((name) => ({ name, vr, ...(many && { many }) }))

export const PATIENT: readonly Pooled[] = [
  ...attributes('PN', 'PatientName'),
  ...attributes('LO', 'PatientID IssuerOfPatientID'),
  ...attributes('DA', 'PatientBirthDate'),
  ...attributes('TM', 'PatientBirthTime'),
  ...attributes('CS', 'PatientSex'),
  ...attributes('PN', 'OtherPatientNames', true),
  ...attributes('SH', 'EthnicGroup'),
  ...attributes('LT', 'PatientComments'),
  ...attributes('AS', 'PatientAge'),
  ...attributes('DS', 'PatientWeight'),
  ...attributes('UC', 'StrainDescription'),
]
export const STUDY: readonly Pooled[] = [
  ...attributes('DA', 'StudyDate'),
  ...attributes('TM', 'StudyTime'),
  ...attributes('SH', 'AccessionNumber StudyID TimezoneOffsetFromUTC'),
  ...attributes('PN', 'ReferringPhysicianName'),
  ...attributes('PN', 'NameOfPhysiciansReadingStudy', true),
  ...attributes('LO', 'StudyDescription InstitutionName'),
  ...attributes('ST', 'InstitutionAddress'),
]
export const SERIES: readonly Pooled[] = [
  ...attributes('CS', 'Modality BodyPartExamined'),
  ...attributes('IS', 'SeriesNumber'),
  ...attributes('LO', 'SeriesDescription Manufacturer ProtocolName'),
  ...attributes('LO', 'SoftwareVersions', true),
  ...attributes('SH', 'StationName'),
  ...attributes('PN', 'OperatorsName', true),
  ...attributes('DA', 'SeriesDate PerformedProcedureStepStartDate'),
  ...attributes('TM', 'SeriesTime PerformedProcedureStepStartTime'),
  ...attributes('DA', 'DateOfLastCalibration', true),
  ...attributes('TM', 'TimeOfLastCalibration', true),
  ...attributes('AE', 'StationAETitle', true),
]
export const INSTANCE: readonly Pooled[] = [
  ...attributes('IS', 'InstanceNumber NumberOfFrames'),
  ...attributes('CS', 'ImageType', true),
  ...attributes('US', 'Rows Columns'),
  ...attributes('DT', 'AcquisitionDateTime'),
  ...attributes('DA', 'ContentDate'),
  ...attributes('TM', 'ContentTime'),
  ...attributes('DS', 'SliceThickness KVP SliceLocation'),
  ...attributes('DS', 'WindowCenter ImagePositionPatient', true),
  ...attributes('AT', 'FrameIncrementPointer', true),
  ...attributes('UR', 'RetrieveURI'),
  ...attributes('LT', 'ImageComments'),
  ...attributes('UT', 'TextValue'),
  ...attributes('FD', 'RealWorldValueSlope'),
  ...attributes('FL', 'ExaminedBodyThickness'),
  ...attributes('SV', 'SelectorSVValue', true),
  ...attributes('UV', 'SelectorUVValue', true),
  ...attributes('UL', 'SimpleFrameList', true),
  ...attributes('SL', 'ReferencePixelX0'),
  ...attributes('UI', 'FrameOfReferenceUID'),
  ...attributes('US', 'SmallestImagePixelValue'),
  ...attributes('OB', 'ICCProfile'),
]
export const IN_ITEMS: readonly Pooled[] = [
  ...attributes('SH', 'CodeValue CodingSchemeDesignator'),
  ...attributes('LO', 'CodeMeaning'),
  ...attributes('SH', 'ScheduledProcedureStepID RequestedProcedureID'),
  ...attributes('UI', 'ReferencedSOPInstanceUID'),
  ...attributes('DA', 'ScheduledProcedureStepStartDate'),
  ...attributes('TM', 'ScheduledProcedureStepStartTime'),
  ...attributes('PN', 'PersonName'),
  ...attributes('IS', 'ReferencedFrameNumber', true),
]
export const SEQUENCES = [
  'RequestAttributesSequence',
  'ProcedureCodeSequence',
  'ReferencedImageSequence',
] as const
export const INNER_SEQUENCES = ['ScheduledProtocolCodeSequence', 'PurposeOfReferenceCodeSequence'] as const

/** Elements of a private block: element number, VR in explicit files. */
export const PRIVATE: readonly { readonly element: string; readonly vr: Vr }[] = [
  { element: '01', vr: 'LO' },
  { element: '02', vr: 'DS' },
  { element: '03', vr: 'US' },
  { element: '04', vr: 'DA' },
  { element: '05', vr: 'SQ' },
  { element: '06', vr: 'PN' },
  { element: '07', vr: 'TM' },
  { element: '09', vr: 'DT' },
  { element: '08', vr: 'CS' },
]
export const CREATORS = ['PEERLAB 01', 'ACME [X]%_1.0', 'SIEMENS CSA HEADER', 'peerlab 01'] as const
/** The creator whose elements the site's dictionary explains; one of it contradicts the files. */
export const EXPLAINED: readonly PrivateElement[] = [0x19, 0x29].flatMap((group) =>
  PRIVATE.map(({ element, vr }) => ({
    creator: 'PEERLAB 01',
    group,
    element: parseInt(element, 16),
    vr: element === '09' ? 'LO' : vr,
  })),
)
export const GROUPS = ['0019', '0029'] as const
export const BLOCKS = ['10', '11', '7F'] as const

const LONG = 'long '.repeat(51)
const TEXTS = [
  ...[
    'A1',
    'a1',
    'A_1',
    'AB1',
    'A%1',
    'A1*',
    'CHEST',
    'Chest X',
    'x+y',
    '[A-1]',
    '(A',
    'a.b',
    'Doe, John',
    '""',
  ],
  ...[
    'Müller',
    'Muller',
    'Жук',
    '山田',
    'é',
    'e\u0301',
    "O'Neil",
    '"A1"',
    'null',
    '0',
    '00',
    '20260314',
    '1-2',
  ],
  ...[`${LONG}a`, `${LONG}b`, LONG, 'A  1', 'ſ', 'ß', '😀', 'A?1', '=', '^', '#', '&', 'NaN', '-1', ''],
]
const NAMES = [
  ...[
    'Doe^Jane',
    'Doe^John',
    'DOE^JANE',
    'doe^jane^^',
    'Müller^Jürgen',
    'Mueller^Jürgen',
    'Muller^Jurgen',
    'Doe',
  ],
  ...[
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    '=山田^太郎',
    'Ångström^Åsa',
    'Иванов^Иван',
    'Łuk^Weiß',
    '^Jane',
  ],
  ...[
    'Doe^Jane^Q^Dr',
    "O'Neil^Pat",
    'Jo_n^%',
    'Doe-Smith^A B',
    'Doe ^ Jane',
    'Æ^Ø',
    'Doe^Jane==ドウ',
    `${LONG}^X`,
  ],
  ...[`${LONG}^Y`, 'Σίσυφος', 'ΣΊΣΥΦΟΣ', 'ジ^か', ''],
]
const CODES = [
  'CT',
  'MR',
  'PT',
  'AXIAL',
  'ORIGINAL',
  'DERIVED',
  'PRIMARY',
  'HEAD',
  'A_B',
  'AXB',
  'ct',
  'F',
  'M',
  '',
]

export const POOLS: Readonly<Record<Vr, readonly (string | number | null)[]>> = {
  AE: ['AE_1', 'AE1', 'AEX1', 'ae1', 'A E', ''],
  AS: ['045Y', '045M', '45', ''],
  AT: ['00181063', '00280010', '7FE00010'],
  CS: CODES,
  DA: [
    '20260314',
    '20260315',
    '20260101',
    '2026.03.14',
    '20261301',
    '19700101',
    '20240229',
    '20230229',
    '202603',
    '',
  ],
  DS: [
    '1.5',
    '1.50',
    '+1.5',
    '15E-1',
    '0',
    '-0',
    '1e3',
    '1000',
    '0.12345678901234',
    '0.123456789012345',
    'abc',
    '.5',
    '',
  ],
  DT: [
    ...[
      '20260314101530',
      '202603141015',
      '20260314',
      '2026',
      '20260314101530.25+0100',
      '20260314091530.250000+0000',
    ],
    ...['20260314235900-0500', '20260315045900+0000', 'junk', '20260314101530-0100', ''],
  ],
  FD: [0.1, 1e-7, 1e300, -2.5, 0, null],
  FL: [0.1, 1.5, -2, 16777216, 0.30000001192092896, null],
  IS: ['7', '007', '+7', '-3', '0', '12', 'abc', '7.0', '2147483647', '2', '10', ''],
  LO: TEXTS,
  LT: [...TEXTS, 'line one\r\nline two', 'a\\b', ' lead', '100% a_b', '\tone\r\n'],
  OB: [],
  OD: [],
  OF: [],
  OL: [],
  OV: [],
  OW: [],
  PN: NAMES,
  SH: TEXTS,
  SL: [-1, 0, 7, 2147483647],
  SQ: [],
  SS: [-1, 0, 7],
  ST: [...TEXTS, 'line one\r\nline two', 'a\\b', ' lead'],
  SV: ['-9007199254740993', '-9007199254740992', -5, 7],
  TM: [
    '101530',
    '1015',
    '10',
    '101530.5',
    '10:15:30',
    '235959.999999',
    '000000',
    '99',
    '093000',
    '101530.500000',
    '',
  ],
  UC: [...TEXTS, ' lead'],
  UI: ['1.2.3', '1.2.03', '1.2.3.4', '1.2', '1.2.840.10008.1.2', ''],
  UL: [0, 7, 4294967295, 512],
  UN: [],
  UR: ['http://a/b?c=1%202', 'http://a/b', 'HTTP://A/B', ''],
  US: [0, 7, 512, 65535],
  UT: [...TEXTS, 'line one\r\nline two', 'a\\b', ' lead'],
  UV: ['18446744073709551615', '18446744073709551614', 7, 0],
}
export const ZONES = ['+0100', '+0000', '-0500', 'junk'] as const
export const MODALITIES = ['CT', 'MR', 'PT', 'SR', 'CT', 'MR'] as const
export const CLASSES = [
  '1.2.840.10008.5.1.4.1.1.2',
  '1.2.840.10008.5.1.4.1.1.4',
  '1.2.840.10008.5.1.4.1.1.7',
] as const
