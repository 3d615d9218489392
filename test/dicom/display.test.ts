/** What a data set says of how its frames are to be shown. */
import { composeDataSet } from '../../src/dicom/compose.ts'
import {
  displayElements,
  displayOf,
  expandSegments,
  lutEntries,
  segmentsOf,
} from '../../src/dicom/display.ts'
import { decodedFormat, pixelFormat } from '../../src/dicom/pixel-format.ts'

const IMAGE = { Rows: 4, Columns: 3, BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 1 }

describe('display', () => {
  it('takes the functional groups of the frame first, then the shared ones, then the root', () => {
    const dataSet = composeDataSet({
      ...IMAGE,
      WindowCenter: 1,
      WindowWidth: 2,
      RescaleSlope: 9,
      SharedFunctionalGroupsSequence: [
        {
          PixelValueTransformationSequence: [{ RescaleSlope: 2, RescaleIntercept: -5 }],
          FrameVOILUTSequence: [{ WindowCenter: 10, WindowWidth: 20, VOILUTFunction: 'SIGMOID' }],
        },
      ],
      PerFrameFunctionalGroupsSequence: [
        {
          FrameVOILUTSequence: [{ WindowCenter: [30, 99], WindowWidth: [40, 99] }],
          FrameContentSequence: [{ StackID: '1' }],
        },
        {},
      ],
    })
    for (const kept of [dataSet, displayElements(dataSet)]) {
      expect(displayOf(kept, 1)).toMatchObject({
        modality: { slope: 2, intercept: -5 },
        voi: { kind: 'window', center: 30, width: 40, shape: 'linear' },
      })
      expect(displayOf(kept, 2).voi).toMatchObject({ center: 10, width: 20, shape: 'sigmoid' })
    }
    expect(JSON.stringify(displayElements(dataSet))).not.toContain('00209111')
  })

  it('knows tables, inversion and padding', () => {
    const lut = { LUTDescriptor: [0, -5, 16], LUTData: Buffer.alloc(4) }
    const display = displayOf(
      composeDataSet({
        ...IMAGE,
        PhotometricInterpretation: 'MONOCHROME1',
        ModalityLUTSequence: [lut],
        VOILUTSequence: [lut],
        PixelPaddingValue: 10,
        PixelPaddingRangeLimit: -10,
      }),
      1,
    )
    expect(display).toMatchObject({
      isInverse: true,
      padding: [-10, 10],
      modality: { kind: 'lut', lut: { entries: 65536, first: -5 } },
    })
    expect(display.voi.kind).toBe('lut')
    const shaped = composeDataSet({
      ...IMAGE,
      PhotometricInterpretation: 'MONOCHROME1',
      PresentationLUTShape: 'IDENTITY',
    })
    expect(displayOf(shaped, 1).isInverse).toBe(false)
    expect(displayOf(composeDataSet({ ...IMAGE, WindowCenter: 1, WindowWidth: 0 }), 1).voi).toEqual({
      kind: 'full',
    })
  })

  it('reads entries of sixteen bits, of eight where there are only so many bytes, and numbers', () => {
    const of = (entries: number) => ({
      entries,
      first: 0,
      bits: 16,
      data: { vr: 'US' as const, Value: [7, 8, 9] },
    })
    expect([...lutEntries(of(2), Buffer.of(1, 2, 3, 4))]).toEqual([0x0201, 0x0403])
    expect([...lutEntries(of(4), Buffer.of(1, 2, 3, 4))]).toEqual([1, 2, 3, 4])
    expect([...lutEntries(of(2), null)]).toEqual([7, 8])
  })

  it('expands segments: values, lines and what was there before, never beyond the table', () => {
    // PS3.3 C.7.9.2: discrete 0, linear 1, indirect 2 with the word at which it begins.
    const words = Uint16Array.of(0, 2, 5, 10, 1, 4, 30, 2, 2, 0, 0)
    expect([...expandSegments(words, 12)]).toEqual([5, 10, 15, 20, 25, 30, 5, 10, 15, 20, 25, 30])
    expect([...expandSegments(words, 3)]).toEqual([5, 10, 15])
    // A segment that repeats itself would never end.
    expect([...expandSegments(Uint16Array.of(2, 9, 0, 0), 2)]).toEqual([0, 0])
    // A segment of no entries is none: many of them, and repetitions of those, would cost time without end.
    expect([...expandSegments(Uint16Array.of(1, 0, 7, 0, 1, 5), 2)]).toEqual([0, 0])
  })

  it('expands segments of eight bits, whose repetitions name their place in four of them', () => {
    const bytes = Buffer.of(0, 2, 5, 10, 1, 4, 30, 2, 2, 0, 0, 0, 0, 0, 1, 9)
    const expanded = [5, 10, 15, 20, 25, 30, 5, 10, 15, 20, 25, 30, 9]
    expect([...expandSegments(segmentsOf(bytes, 8), 13)]).toEqual(expanded)
    const wide = Buffer.from(Uint16Array.of(0, 2, 5, 10, 1, 4, 30).buffer)
    for (const bits of [8, 16])
      expect([...expandSegments(segmentsOf(wide, bits), 6)]).toEqual([5, 10, 15, 20, 25, 30])
  })
})

describe('pixel format', () => {
  it('takes impossible numbers for all bits, and no size for no picture', () => {
    const wrong = composeDataSet({ ...IMAGE, BitsStored: 17, HighBit: 40 })
    expect(pixelFormat(wrong, '7FE00010')).toMatchObject({ BitsStored: 16, HighBit: 15, isSigned: true })
    expect(pixelFormat(composeDataSet({ ...IMAGE, Rows: 0 }), '7FE00010')).toBeNull()
    expect(pixelFormat(composeDataSet({ ...IMAGE, BitsAllocated: 12 }), '7FE00010')).toBeNull()
    expect(pixelFormat(composeDataSet({ ...IMAGE, SamplesPerPixel: 4 }), '7FE00010')).toBeNull()
    expect(pixelFormat(composeDataSet(IMAGE), '7FE00008')).toMatchObject({
      isFloat: true,
      BitsAllocated: 32,
      isSigned: false,
    })
  })

  it.each([
    ['.4.50', 'YBR_FULL_422', 'RGB'],
    ['.4.90', 'YBR_RCT', 'RGB'],
    ['.4.91', 'YBR_ICT', 'RGB'],
    ['.4.70', 'YBR_FULL_422', 'YBR_FULL'],
    ['.4.80', 'YBR_FULL', 'YBR_FULL'],
    ['.5', 'RGB', 'RGB'],
  ])('of %s in %s is %s once decoded, by pixel', (suffix, PhotometricInterpretation, expected) => {
    const format = pixelFormat(
      composeDataSet({
        ...IMAGE,
        SamplesPerPixel: 3,
        BitsAllocated: 8,
        PlanarConfiguration: 1,
        PhotometricInterpretation,
      }),
      '7FE00010',
    )!
    expect(decodedFormat(format, `1.2.840.10008.1.2${suffix}`)).toEqual({
      ...format,
      isPlanar: false,
      PhotometricInterpretation: expected,
    })
    expect(decodedFormat(format, '1.2.840.10008.1.2.1')).toEqual(format)
  })
})
