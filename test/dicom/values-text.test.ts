import fc from 'fast-check'
import { isDate } from '../../src/dicom/times.ts'
import { isConformantUid, isUid } from '../../src/dicom/uid.ts'
import { textValues } from '../../src/dicom/values-text.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { element, instance } from './part10-bytes.ts'

describe('texts read without a detour are read as ever', () => {
  it('decimals of DS and IS are the doubles that Number makes of them', () => {
    const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), maxLength: 18 })
    const sign = fc.constantFrom('', '-', '+')
    const exponent = fc.constantFrom('', '', '', 'e3', 'E-7')
    fc.assert(
      fc.property(sign, digits, fc.constantFrom('', '.'), digits, exponent, (s, whole, point, places, e) => {
        const text = s + whole + point + (point === '' ? '' : places) + e
        const [value] = textValues('DS', text, [])
        if (typeof value === 'number') expect(value).toBe(Number(text) + 0)
        const [integer] = textValues('IS', text, [])
        if (typeof integer === 'number') expect([integer, point + e]).toEqual([Number(text) + 0, ''])
      }),
      { numRuns: 2000 },
    )
  })

  it('fifteen digits are a number, sixteen are text, zero has no sign', () => {
    expect(textValues('DS', '-0.10\\123456789.012345\\1234567890.123456\\-0\\.5\\5.', [])).toEqual([
      -0.1,
      123456789.012345,
      '1234567890.123456',
      0,
      0.5,
      5,
    ])
    const causes: string[] = []
    expect(textValues('IS', '1.0\\.\\-\\+7', causes)).toEqual(['1.0', '.', '-', 7])
    expect(causes).toEqual(['is no number'])
  })

  it('dates are the days of the calendar', () => {
    for (const year of ['0000', '1900', '2000', '2023', '2024', '9999'])
      for (let month = 0; month <= 13; month++)
        for (let day = 0; day <= 32; day++) {
          const [mm, dd] = [String(month).padStart(2, '0'), String(day).padStart(2, '0')]
          const moment = new Date(`${year}-${mm}-${dd}T00:00:00Z`)
          const isDay =
            !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(`${year}-${mm}-${dd}`)
          expect([year, mm, dd, isDate(year + mm + dd)]).toEqual([year, mm, dd, isDay])
          expect(isDate(`${year}.${mm}.${dd}`)).toBe(isDay)
        }
    expect(['2024010', '202401011', '2024-1-1', '2024.01-01', '        '].filter(isDate)).toEqual([])
  })

  it('UIDs are components of digits', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('00123.. a')), maxLength: 12 })
    fc.assert(
      fc.property(text, (uid) => {
        expect([uid, isUid(uid)]).toEqual([uid, /^\d+(?:\.\d+)*$/.test(uid)])
        const isConformant = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*$/.test(uid)
        expect([uid, isConformantUid(uid)]).toEqual([uid, isConformant])
      }),
      { numRuns: 2000 },
    )
  })

  it('texts of any length, wherever they lie in the window', () => {
    const texts = Array.from({ length: 400 }, (_, n) => `${n}:${'x'.repeat((n * 37) % 700)}.`)
    const elements = texts.map((text, n) =>
      element(`0071${(0x1000 + n).toString(16).toUpperCase()}`, 'UT', Buffer.from(text)),
    )
    const { dataSet } = readPart10(instance(elements))
    const values = texts.map((_, n) => dataSet[`0071${(0x1000 + n).toString(16).toUpperCase()}`]?.Value?.[0])
    expect(values).toEqual(texts)
  })
})
