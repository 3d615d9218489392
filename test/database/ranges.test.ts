import fc from 'fast-check'
import { contains, rangeOf, united } from '../../src/database/ranges.ts'

const texts = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 90 }),
    fc.constantFrom('', 'x'.repeat(63) + '\u{1F600}', '\uFFFD', '\uE000', '\u{1F600}'),
  ),
  { minLength: 1, maxLength: 9 },
)
const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

describe('the range of values that have no posting', () => {
  it('contains the numbers that it was made of, and tells others from them', () => {
    const values = ['5', '-7.25', '1e-7', '123456789012345678901234567890']
    const all = values.map((value) => rangeOf('00201041 DS', value)).reduce(united)
    for (const value of values) expect(contains(all, rangeOf('00201041 DS', value))).toBe(true)
    expect(contains(all, rangeOf('00201041 DS', '-7.26'))).toBe(false)
  })

  it('orders dates and times as numbers, to the second at least', () => {
    const day = united(
      rangeOf('0040A120 DT', '20200131100000.000000'),
      rangeOf('0040A120 DT', '20200131120000.000000'),
    )
    expect(contains(day, rangeOf('0040A120 DT', '20200131110000.500000'))).toBe(true)
    expect(contains(day, rangeOf('0040A120 DT', '20200131120001.000000'))).toBe(false)
    expect(rangeOf('00080033 TM', '101500.250000')).toEqual({ low: 101500.25, high: 101500.25 })
  })

  it('orders texts by bytes, and is never too narrow where they are cut', () => {
    fc.assert(
      fc.property(texts, (values) => {
        const { low, high } = values.map((value) => rangeOf('00104000 LT', value)).reduce(united)
        for (const value of values) {
          expect(bytes(String(low), value)).toBeLessThanOrEqual(0)
          expect(bytes(value, String(high))).toBeLessThanOrEqual(0)
        }
      }),
    )
  })
})
