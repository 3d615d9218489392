import fc from 'fast-check'
import type { DataElement, Vr } from '../../src/dicom/data-set.ts'
import { attributeJson } from '../../src/dicom/element-json.ts'

describe('attributeJson', () => {
  it('writes what JSON.stringify writes, whatever the values are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"', '\\', '\n', '\u007f', '\u2028', '\ud800', '😀', ''),
    )
    const value = fc.oneof(
      text,
      fc.double(),
      fc.integer(),
      fc.constant(null),
      fc.record({ Alphabetic: text }),
    )
    const element = fc.oneof(
      fc.record({ vr: fc.constantFrom<Vr>('LO', 'DS'), Value: fc.array(value, { maxLength: 3 }) }),
      fc.record({ vr: fc.constant<Vr>('LO'), Value: fc.tuple(text), undecoded: fc.constant('AA==') }),
      fc.constantFrom<DataElement>(
        { vr: 'OB', InlineBinary: 'AA==' },
        { vr: 'OW', offset: 1, length: 2 },
        { vr: 'SQ', Value: [{ '00080060': { vr: 'CS', Value: ['CT'] } }] },
        { vr: 'LO' },
      ),
    )
    fc.assert(
      fc.property(element, fc.constantFrom('00080060', '00191010'), (one, tag) => {
        expect(attributeJson(tag, one)).toBe(`"${tag}":${JSON.stringify(one)}`)
      }),
      { numRuns: 3000 },
    )
  })
})
