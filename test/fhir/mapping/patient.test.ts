import { patientKey } from '../../../src/fhir/mapping/identifiers.ts'
import {
  contradictions,
  logicalSubject,
  newPatient,
  personOf,
  replacedBy,
} from '../../../src/fhir/mapping/patient.ts'
import type { MappingSettings } from '../../../src/fhir/mapping/settings.ts'
import type { JsonObject, Resource } from '../../../src/fhir/ports.ts'
import { type Attributes, composeDataSet } from '../../../src/dicom/compose.ts'
import { faultsInR4 } from '../validators.ts'
import { SETTINGS } from './studies.ts'

const KEY = { system: 'urn:oid:1.2.3', value: 'P1' }

function madeOf(attributes: Attributes): Resource {
  const patient = newPatient(KEY, personOf(composeDataSet(attributes)), SETTINGS.archiveId)
  expect(faultsInR4(patient)).toEqual([])
  return patient
}

describe('a new Patient', () => {
  it('has the components of the name, the birth date and the sex', () => {
    expect(
      madeOf({
        PatientName: 'Adams^John Robert^Quincy^Rev.^B.A. M.Div.',
        PatientBirthDate: '17670711',
        PatientSex: 'M',
      }),
    ).toMatchObject({
      identifier: [KEY],
      name: [
        {
          use: 'official',
          family: 'Adams',
          given: ['John', 'Robert', 'Quincy'],
          prefix: ['Rev.'],
          suffix: ['B.A.', 'M.Div.'],
        },
      ],
      birthDate: '1767-07-11',
      gender: 'male',
    })
  })

  it('has one name for each component group', () => {
    const { name } = madeOf({ PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう' })
    const url = 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation'
    expect(name).toEqual([
      { use: 'official', family: 'Yamada', given: ['Tarou'] },
      { extension: [{ url, valueCode: 'IDE' }], family: '山田', given: ['太郎'] },
      { extension: [{ url, valueCode: 'SYL' }], family: 'やまだ', given: ['たろう'] },
    ])
  })

  it.each([
    [{ PatientName: 'UNKNOWN PERSON' }, { name: [{ use: 'official', text: 'UNKNOWN PERSON' }] }],
    [{ PatientName: '^Jane' }, { name: [{ use: 'official', given: ['Jane'] }] }],
  ])('of %o says no more than that', (attributes, expected) => {
    expect(madeOf(attributes)).toMatchObject(expected)
  })

  it.each([
    { PatientName: '' },
    { PatientName: '^^^' },
    { PatientBirthDate: '19701301' },
    { PatientSex: 'X' },
    {},
  ])('of %o leaves out what is not known', (attributes: Attributes) => {
    const patient = madeOf(attributes)
    expect(Object.keys(patient).sort()).toEqual(['identifier', 'meta', 'resourceType'])
  })
})

describe('the key of a patient', () => {
  const issuers = new Map([['RADIOLOGY', 'https://hospital.example.org/mrn']])
  const own = `urn:uuid:${SETTINGS.archiveId}`
  const cases: readonly (readonly [Attributes, Partial<MappingSettings>, string])[] = [
    [{ IssuerOfPatientID: '1.2.3' }, {}, 'urn:oid:1.2.3'],
    [{ IssuerOfPatientID: 'https://x.example.org/id' }, {}, 'https://x.example.org/id'],
    [{ IssuerOfPatientID: 'HOSP&1.2.4&ISO' }, {}, 'urn:oid:1.2.4'],
    [{ IssuerOfPatientID: 'HOSP&mrn.example.org&DNS' }, {}, 'https://mrn.example.org'],
    [{ IssuerOfPatientID: 'RADIOLOGY' }, { issuers }, 'https://hospital.example.org/mrn'],
    [{ IssuerOfPatientID: 'Ward 7' }, { issuers }, `${own}#issuer:Ward%207`],
    [{}, { defaultIssuer: 'urn:oid:1.9' }, 'urn:oid:1.9'],
    [{}, { defaultIssuer: 'RADIOLOGY', issuers }, 'https://hospital.example.org/mrn'],
    [{}, {}, `${own}#patient`],
    [
      {
        IssuerOfPatientID: 'x',
        IssuerOfPatientIDQualifiersSequence: [{ UniversalEntityID: '1.2.5', UniversalEntityIDType: 'ISO' }],
      },
      {},
      'urn:oid:1.2.5',
    ],
  ]

  it.each(cases)('of %j with %j has the system %s', (attributes, settings, system) => {
    const dataSet = composeDataSet({ PatientID: 'P1', ...attributes })
    expect(patientKey(dataSet, { ...SETTINGS, ...settings })).toEqual({ system, value: 'P1' })
  })

  it('is none without Patient ID', () => {
    expect(patientKey(composeDataSet({ PatientID: ' ', IssuerOfPatientID: '1.2.3' }), SETTINGS)).toBeNull()
    const person = personOf(composeDataSet({ PatientName: 'Roe^Jane' }))
    expect(logicalSubject(null, person)).toEqual({ display: 'Roe, Jane' })
    expect(logicalSubject(null, personOf({}))).toEqual({ display: 'Unknown patient' })
  })
})

describe('what contradicts', () => {
  const person = personOf(
    composeDataSet({ PatientName: 'Müller-Łuka^Jane=田中^花子', PatientBirthDate: '19700102' }),
  )
  const patient = (more: JsonObject): Resource => ({ resourceType: 'Patient', ...more })

  it.each([
    [{}, []],
    [{ birthDate: '1970-01-02', name: [{ family: 'Muller-Luka' }] }, []],
    [{ birthDate: '1970', name: [{ text: 'Jane MÜLLER' }] }, []],
    [{ birthDate: '1970-01', name: [{ family: 'Doe' }, { family: '田中' }] }, []],
    [{ birthDate: '1970-02-01', name: [{ family: 'Müller' }] }, ['birthDate']],
    [{ birthDate: '1971', name: [{ family: 'Doe' }] }, ['birthDate', 'family']],
    [{ name: [{ given: ['Jane'] }] }, []],
  ])('in %j is %j', (more, expected) => {
    expect(contradictions(patient(more), person)).toEqual(expected)
  })
})

describe('the Patient that replaces another', () => {
  const url = 'https://fhir.example.org/base'
  it.each([
    ['Patient/new', 'new'],
    ['https://fhir.example.org/base/Patient/new', 'new'],
    ['Patient/new/_history/2', 'new'],
    ['https://elsewhere.example.org/Patient/new', null],
    ['RelatedPerson/new', null],
  ])('by %s is %s', (reference, expected) => {
    const link = [
      { type: 'seealso', other: { reference: 'Patient/no' } },
      { type: 'replaced-by', other: { reference } },
    ]
    expect(replacedBy({ resourceType: 'Patient', link }, url)).toBe(expected)
  })
})
