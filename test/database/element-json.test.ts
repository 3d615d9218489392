import fc from 'fast-check'
import { elementJson } from '../../src/database/element-json.ts'
import type { DataElement, Value, Vr } from '../../src/dicom/data-set.ts'

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', '"', '\\', '\u0000', '\u007f', 'Müller', '[]~ !#'),
  fc.double(),
  fc.integer(),
  fc.constant(-0),
  fc.constant(null),
  fc.record({ Alphabetic: fc.string() }),
  fc.constant<Value>({ '00080100': { vr: 'SH', Value: ['x'] } }),
)

const element: fc.Arbitrary<DataElement> = fc.oneof(
  fc.record({ vr: fc.constantFrom<Vr>('LO', 'DS', 'PN', 'SQ') }),
  fc.record({ vr: fc.constantFrom<Vr>('LO', 'DS', 'PN', 'SQ'), Value: fc.array(value, { maxLength: 4 }) }),
  fc.record({ vr: fc.constant<Vr>('OB'), InlineBinary: fc.base64String() }),
  fc.record({ vr: fc.constant<Vr>('OW'), offset: fc.nat(), length: fc.nat() }),
  fc.record({ vr: fc.constant<Vr>('LO'), Value: fc.array(value), undecoded: fc.base64String() }),
)

describe('JSON text of an element', () => {
  it('is what JSON.stringify makes of it', () => {
    fc.assert(
      fc.property(element, (one) => {
        expect(elementJson(one)).toBe(JSON.stringify(one))
      }),
      { numRuns: 2000 },
    )
  })
})
