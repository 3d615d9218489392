import fc from 'fast-check'
import { composeDataSet } from '../../../src/dicom/compose.ts'
import { changedAttributes, dicomPerson } from '../../../src/fhir/mapping/dicom-person.ts'
import { newPatient, patientProjection, personOf } from '../../../src/fhir/mapping/patient.ts'
import type { JsonObject } from '../../../src/fhir/ports.ts'

const KEY = { system: 'urn:oid:1.2.3', value: 'A' }
const ARCHIVE = '00000000-0000-4000-8000-000000000000'

const said = (patient: JsonObject): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(dicomPerson(patient, KEY)).map(([tag, element]) => [tag, element.Value?.[0]]),
  )

describe('a FHIR Patient as DICOM says it', () => {
  it('is the person of whom the Patient was made', () => {
    const word = fc.stringMatching(/^[A-Z][a-zäöü]{1,9}$/u)
    const people = fc.record({
      name: fc.tuple(word, word, word).map((parts) => parts.join('^')),
      born: fc.date({ min: new Date('1900-01-01'), max: new Date('2026-01-01'), noInvalidDate: true }),
      sex: fc.constantFrom('M', 'F', 'O'),
    })
    fc.assert(
      fc.property(people, ({ name, born, sex }) => {
        const PatientBirthDate = born.toISOString().slice(0, 10).replaceAll('-', '')
        const dataSet = composeDataSet({
          PatientName: name,
          PatientBirthDate,
          PatientSex: sex,
          PatientID: 'A',
        })
        const patient = newPatient(KEY, personOf(dataSet), ARCHIVE)
        expect(dicomPerson(patient, KEY)).toEqual(dataSet)
        // And by way of what is kept of it.
        expect(dicomPerson(JSON.parse(patientProjection(patient)) as JsonObject, KEY)).toEqual(dataSet)
      }),
    )
  })

  it.each<[JsonObject, object]>([
    [{ name: [{ use: 'old', family: 'X' }, { use: 'usual', family: 'B' }, { use: 'official', family: 'A' }] }, { '00100010': { Alphabetic: 'A' } }], // prettier-ignore
    [{ name: [{ use: 'maiden', family: 'X' }] }, {}],
    [
      { name: [{ family: 'A^B=C\\D', given: ['E', 'F G'] }] },
      { '00100010': { Alphabetic: 'A B C D^E^F G' } },
    ],
    [{ name: [{ text: 'Jane Doe' }] }, { '00100010': { Alphabetic: 'Jane Doe' } }],
    [
      { name: [{ family: 'D', prefix: ['Dr'], suffix: ['MD'] }] },
      { '00100010': { Alphabetic: 'D^^^Dr^MD' } },
    ],
    [{ name: [{ family: 'x'.repeat(80) }] }, { '00100010': { Alphabetic: 'x'.repeat(64) } }],
    [{ birthDate: '1970-02' }, {}],
    [{ birthDate: '1970-02-03' }, { '00100030': '19700203' }],
    [{ gender: 'unknown' }, { '00100040': undefined }],
    [{ identifier: [{ system: 'urn:oid:9', value: 'B' }] }, {}],
    [{ identifier: [{ system: KEY.system, value: 'B' }] }, { '00100020': 'B' }],
    [{ identifier: [{ system: KEY.system, value: 'B' }, { system: KEY.system, value: 'A' }] }, { '00100020': 'A' }], // prettier-ignore
    [{ identifier: [{ system: KEY.system, value: 'B' }, { system: KEY.system, value: 'A', use: 'old' }] }, { '00100020': 'B' }], // prettier-ignore
    [
      {
        identifier: [
          { system: KEY.system, value: 'B' },
          { system: KEY.system, value: 'C' },
        ],
      },
      {},
    ],
  ])('says %j', (patient, expected) => {
    expect(said(patient)).toEqual(expected)
  })

  it('differs only in what it tells and told otherwise', () => {
    const before = dicomPerson({ name: [{ family: 'A' }], gender: 'male' }, KEY)
    const now = dicomPerson({ name: [{ family: 'B' }], gender: 'male', birthDate: '1970-01-01' }, KEY)
    expect(Object.keys(changedAttributes(before, now)).sort()).toEqual(['00100010', '00100030'])
    expect(changedAttributes(now, dicomPerson({ gender: 'male' }, KEY))).toEqual({})
  })
})
