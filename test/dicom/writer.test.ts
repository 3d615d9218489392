import fc from 'fast-check'
import { composeDataSet } from '../../src/dicom/compose.ts'
import type { DataElement, DataSet, Vr } from '../../src/dicom/data-set.ts'
import { readPixelMap, pixelExtents } from '../../src/dicom/pixel-map.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
  JPEGBaseline8Bit,
} from '../../src/dicom/transfer-syntax.ts'
import { basicOffsetTable, writeDataSet, writeInstance } from '../../src/dicom/writer.ts'
import { bare, ct, sr } from '../samples.ts'

const UIDS = {
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
  SOPInstanceUID: '1.2.3.4',
  StudyInstanceUID: '1.2.3',
  SeriesInstanceUID: '1.2.3.1',
}
const EXPLICIT = [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]

/** Text without what a value cannot hold: delimiters, control characters, padding at the ends. */
const text = (maxLength: number) =>
  fc
    .string({ minLength: 1, maxLength, unit: fc.constantFrom(...Array.from('abcXYZ 09.-/ÄßéЖ日語')) })
    .map((raw) => raw.trim() || 'x')

const VALUES: Readonly<Record<string, fc.Arbitrary<NonNullable<DataElement['Value']>>>> = {
  US: fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 5 }),
  SS: fc.array(fc.integer({ min: -0x8000, max: 0x7fff }), { minLength: 1, maxLength: 5 }),
  UL: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 5 }),
  SL: fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), { minLength: 1, maxLength: 5 }),
  // The reader gives the shortest decimals that make the same float; eighths are short.
  FL: fc.array(
    fc.integer({ min: -99999, max: 99999 }).map((n) => n / 8),
    { minLength: 1, maxLength: 3 },
  ),
  FD: fc.array(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x || 0),
    { minLength: 1, maxLength: 3 },
  ),
  SV: fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 3 }),
  UV: fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 3 }),
  AT: fc.array(
    fc.nat({ max: 0xffffffff }).map((tag) => tag.toString(16).toUpperCase().padStart(8, '0')),
    { minLength: 1, maxLength: 3 },
  ),
  LO: fc.array(text(20), { minLength: 1, maxLength: 4 }),
  SH: fc.array(text(5), { minLength: 1, maxLength: 4 }),
  UC: fc.array(text(90), { minLength: 1, maxLength: 3 }),
  UT: fc.array(text(300), { minLength: 1, maxLength: 1 }),
  LT: fc.array(text(300), { minLength: 1, maxLength: 1 }),
  CS: fc.array(fc.constantFrom('A', 'BC_D', 'X 1'), { minLength: 1, maxLength: 4 }),
  DA: fc.constant(['20260314', '19700101']),
  UI: fc.constant(['1.2.840.10008.1.2', '2.25.1']),
  IS: fc.array(fc.integer({ min: -0x80000000, max: 0x7fffffff }), { minLength: 1, maxLength: 3 }),
  DS: fc.array(
    fc.integer({ min: -99999, max: 99999 }).map((n) => n / 8),
    { minLength: 1, maxLength: 3 },
  ),
  PN: fc.array(
    fc.record(
      { Alphabetic: text(12), Ideographic: text(4), Phonetic: text(4) },
      { requiredKeys: ['Alphabetic'] },
    ),
    { minLength: 1, maxLength: 3 },
  ),
}

const element: fc.Arbitrary<DataElement> = fc.oneof(
  ...Object.entries(VALUES).map(([vr, values]) => values.map((Value) => ({ vr: vr as Vr, Value }))),
  fc.constantFrom(...Object.keys(VALUES)).map((vr) => ({ vr: vr as Vr })),
  fc
    .record({
      vr: fc.constantFrom<Vr>('OB', 'OW', 'OL', 'OF', 'OD', 'OV'),
      words: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    })
    .map(({ vr, words }) => ({ vr, InlineBinary: Buffer.alloc(words.length * 8, words).toString('base64') })),
)
/** Private tags: their VR is what the file says. */
const elements = fc
  .dictionary(
    fc
      .integer({ min: 0x00091001, max: 0x000910ff })
      .map((tag) => tag.toString(16).padStart(8, '0').toUpperCase()),
    element,
    { maxKeys: 8 },
  )
  .map((more): DataSet => ({ '00090010': { vr: 'LO', Value: ['CONCORD TEST'] }, ...more }))
const nested = fc
  .record({ outer: elements, items: fc.array(elements, { maxLength: 3 }) })
  .map(({ outer, items }): DataSet => ({
    ...outer,
    ...composeDataSet({ ...UIDS, SpecificCharacterSet: 'ISO_IR 192' }),
    '00081140': items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items },
  }))

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

describe('the Part 10 writer', () => {
  it('writes what the reader reads again, in every explicit encoding', () => {
    fc.assert(
      fc.property(
        nested,
        fc.constantFrom(...EXPLICIT),
        fc.boolean(),
        (dataSet, TransferSyntaxUID, undefinedLengths) => {
          const parsed = readPart10(writeInstance(dataSet, { TransferSyntaxUID, undefinedLengths }))

          expect(plain(parsed.dataSet)).toEqual(plain(dataSet))
          expect(parsed.oddities).toEqual([])
          expect(parsed.TransferSyntaxUID).toBe(TransferSyntaxUID)
        },
      ),
    )
  })

  it('writes samples that read the same in every encoding', () => {
    for (const TransferSyntaxUID of [...EXPLICIT, ImplicitVRLittleEndian]) {
      for (const make of [ct, sr]) {
        const { dataSet, bytes, uids } = make({ PatientName: 'Jäger^Hans=山田^太郎' }, { TransferSyntaxUID })
        const parsed = readPart10(bytes)

        expect(plain(parsed.dataSet)).toEqual(plain(dataSet))
        expect(parsed.uids).toEqual(uids)
        expect(parsed.oddities).toEqual([])
      }
    }
  })

  it.each(['ISO_IR 100', 'ISO_IR 101', 'ISO_IR 144', 'ISO_IR 126', 'ISO_IR 13', 'ISO_IR 166', 'ISO_IR 192'])(
    'writes text in %s',
    (SpecificCharacterSet) => {
      const names: Record<string, string> = {
        'ISO_IR 100': 'Jérôme^Buc',
        'ISO_IR 101': 'Wałęsa',
        'ISO_IR 144': 'Люкceмбypг',
        'ISO_IR 126': 'Διονυσιος',
        'ISO_IR 13': 'ﾔﾏﾀﾞ^ﾀﾛｳ',
        'ISO_IR 166': 'นามสกุล',
        'ISO_IR 192': '王^小東',
      }
      const { bytes, dataSet } = bare(
        { PatientName: names[SpecificCharacterSet] ?? '', SpecificCharacterSet },
        { SpecificCharacterSet },
      )

      expect(plain(readPart10(bytes).dataSet)).toEqual(plain(dataSet))
    },
  )

  it('refuses text that the character set cannot hold, and numbers beyond their VR', () => {
    expect(() => bare({ PatientName: '王' }, { SpecificCharacterSet: 'ISO_IR 100' })).toThrow('00100010')
    expect(() => bare({ Rows: 70_000 })).toThrow('out of range')
    expect(() => bare({ PatientName: 'x' }, { SpecificCharacterSet: 'ISO 2022 IR 87' })).toThrow(
      'ISO 2022 IR 87',
    )
    expect(() => bare({}, { TransferSyntaxUID: '1.2.3' })).toThrow('1.2.3')
    expect(() => bare({ EncapsulatedDocument: { vr: 'OB', offset: 1, length: 2 } })).toThrow('00420011')
  })

  it('takes a character set away from items, since they inherit the one that is written', () => {
    const { bytes } = bare({
      SpecificCharacterSet: 'ISO_IR 100',
      ReferencedImageSequence: [{ SpecificCharacterSet: 'ISO_IR 144', ImageComments: 'Привет' }],
    })
    const { dataSet } = readPart10(bytes)

    expect(dataSet['00080005']?.Value).toEqual(['ISO_IR 192'])
    expect(dataSet['00081140']?.Value).toEqual([{ '00204000': { vr: 'LT', Value: ['Привет'] } }])
  })

  it('keeps decimals within 16 bytes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), (number) => {
        const bytes = writeDataSet(composeDataSet({ SliceThickness: number }))
        const written = bytes.toString('latin1', 8).trim()

        expect(bytes.length).toBeLessThanOrEqual(8 + 16)
        expect(Math.abs(Number(written) - number)).toBeLessThanOrEqual(Math.abs(number) * 1e-8)
      }),
    )
  })

  it('writes bulk values from where it is told to read them', () => {
    const document = Buffer.alloc(2000, 'pdf')
    const dataSet = composeDataSet({ ...UIDS, EncapsulatedDocument: { vr: 'OB', offset: 77, length: 2000 } })

    const bytes = writeInstance(dataSet, {
      bulk: ({ offset }) => (offset === 77 ? document : Buffer.alloc(0)),
    })

    expect(readPart10(bytes).dataSet['00420011']).toEqual({
      vr: 'OB',
      offset: bytes.length - 2000,
      length: 2000,
    })
    expect(bytes.subarray(-2000)).toEqual(document)
  })

  it('writes fragments with their offset table, each of even length', () => {
    const fragments = [Buffer.from('abc'), Buffer.from('de'), Buffer.from('f')]
    const offsetTable = basicOffsetTable(fragments, [2, 1])
    const { bytes } = bare(
      { NumberOfFrames: 2, BitsAllocated: 8 },
      { TransferSyntaxUID: JPEGBaseline8Bit, pixels: { fragments, offsetTable } },
    )
    const { pixelMap, oddities } = readPart10(bytes)
    const extents = pixelExtents(readPixelMap(pixelMap ?? Buffer.alloc(0)))

    expect(offsetTable).toEqual([0, 22])
    expect(extents.map(({ offset, length }) => bytes.toString('latin1', offset, offset + length))).toEqual([
      'abc\0',
      'de',
      'f\0',
    ])
    expect(oddities).toEqual([])
  })
})
