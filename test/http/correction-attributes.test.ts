import { attributesOf } from '../../src/http/correction-attributes.ts'

const NAME = '00100010'

describe('attributes of a correction', () => {
  it('are text, none, or an element of DICOM JSON', () => {
    const jane = { [NAME]: { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane' }] } }
    expect(attributesOf({ PatientName: 'Doe^Jane' })).toEqual(jane)
    expect(attributesOf(jane)).toEqual(jane)
    const none = { [NAME]: { vr: 'PN' } }
    for (const PatientName of ['', null, {}, { vr: 'PN' }, { vr: 'PN', Value: [] }, { Value: [null] }])
      expect([PatientName, attributesOf({ PatientName })]).toEqual([PatientName, none])
  })

  it.each([
    { Alphabetic: 'Doe^Jane' },
    { vr: 'PN', value: ['Doe^Jane'] },
    { vr: 'PN', Value: 'Doe^Jane' },
    { vr: 'PN', Value: [{ alphabetic: 'Doe^Jane' }] },
    { vr: 'PN', Value: [{ Alphabetic: 7 }] },
    { vr: 'PN', Value: [['Doe^Jane']] },
    { vr: 'PN', Value: [7] },
    { vr: 'PN', Value: ['A', 'B'] },
    { vr: 'PN', BulkDataURI: 'http://h/' },
    ['Doe^Jane'],
    7,
  ])('are never taken for none where they are written otherwise: %j', (PatientName) => {
    expect(() => attributesOf({ PatientName })).toThrow(
      'PatientName must be text, or an element of DICOM JSON with one value.',
    )
  })
})
