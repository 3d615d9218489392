import fc from 'fast-check'
import { composeDataSet } from '../../src/dicom/compose.ts'
import type { DataSet } from '../../src/dicom/data-set.ts'
import { startPixelMap } from '../../src/dicom/pixel-map-builder.ts'
import { frameExtents, pixelExtents, readPixelMap, type PixelMap } from '../../src/dicom/pixel-map.ts'
import { takeVarint, growing, putVarint } from '../../src/dicom/pixel-map-table.ts'
import {
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  JPEGBaseline8Bit,
  RLELossless,
  DeflatedExplicitVRLittleEndian,
} from '../../src/dicom/transfer-syntax.ts'
import { basicOffsetTable } from '../../src/dicom/writer.ts'

const MPEG4 = '1.2.840.10008.1.2.4.102'
const JPEG2000 = '1.2.840.10008.1.2.4.90'

interface Encapsulated {
  readonly fragments: readonly Buffer[]
  readonly frames?: number
  readonly offsetTable?: readonly number[]
  readonly extendedOffsets?: readonly number[]
  readonly extendedLengths?: readonly number[]
  readonly TransferSyntaxUID?: string
  readonly complete?: boolean
}

/** Lays fragments out as a file does from byte 1000 on, and tells the builder of them as the reader does. */
function scan(given: Encapsulated): { file: Buffer; map: PixelMap; size: number } {
  const {
    fragments,
    frames = 1,
    offsetTable = [],
    TransferSyntaxUID = JPEGBaseline8Bit,
    complete = true,
  } = given
  const builder = startPixelMap({
    tag: '7FE00010',
    vr: 'OB',
    TransferSyntaxUID,
    dataSet: composeDataSet({ NumberOfFrames: frames }),
    ...(given.extendedOffsets && { extendedOffsets: longs(given.extendedOffsets) }),
    ...(given.extendedLengths && { extendedLengths: longs(given.extendedLengths) }),
  })
  const table = Buffer.alloc(offsetTable.length * 4)
  offsetTable.forEach((offset, index) => table.writeUInt32LE(offset, index * 4))
  builder.offsetTable(table)
  const chunks: Buffer[] = [Buffer.alloc(1000)]
  let offset = 1000
  for (const bytes of fragments) {
    builder.fragment(offset + 8, bytes.length, bytes.subarray(0, 16), bytes.subarray(-16))
    chunks.push(Buffer.alloc(8), bytes)
    offset += 8 + bytes.length
  }
  const encoded = builder.finish(complete)
  return { file: Buffer.concat(chunks), map: readPixelMap(encoded), size: encoded.length }
}

function longs(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 8)
  numbers.forEach((number, index) => bytes.writeBigUInt64LE(BigInt(number), index * 8))
  return bytes
}

function frame({ file, map }: { file: Buffer; map: PixelMap }, n: number): string | null {
  const extents = frameExtents(map, n)
  if (extents === null) return null
  return Buffer.concat(extents.map(({ offset, length }) => file.subarray(offset, offset + length))).toString(
    'latin1',
  )
}

function native(
  attributes: Record<string, number | string>,
  length: number,
  TransferSyntaxUID = ExplicitVRLittleEndian,
) {
  const dataSet: DataSet = composeDataSet(attributes)
  const builder = startPixelMap({ tag: '7FE00010', vr: 'OW', TransferSyntaxUID, dataSet })
  builder.native(1234, length)
  return readPixelMap(builder.finish(true))
}

/** One frame in pieces of even length, marked as JPEG marks itself. */
const jpegFrame = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 })
  .map((pieces) => {
    const even = pieces.map((piece) => Buffer.concat([piece, piece]).fill(0x11, 0, 1))
    const begin = Buffer.of(0xff, 0xd8, 0xff, 0xe0)
    const end = Buffer.of(0xff, 0xd9)
    return even.map((piece, index) =>
      Buffer.concat([
        index === 0 ? begin : Buffer.alloc(0),
        piece,
        index === even.length - 1 ? end : Buffer.alloc(0),
      ]),
    )
  })
const jpegFrames = fc.array(jpegFrame, { minLength: 1, maxLength: 12 })

describe('pixel map: native pixel data', () => {
  it('lays the frames end to end, and says which are not there', () => {
    fc.assert(
      fc.property(
        fc.record({
          Rows: fc.integer({ min: 1, max: 40 }),
          Columns: fc.integer({ min: 1, max: 40 }),
          SamplesPerPixel: fc.constantFrom(1, 3),
          BitsAllocated: fc.constantFrom(8, 16, 32),
          NumberOfFrames: fc.integer({ min: 1, max: 9 }),
        }),
        fc.nat({ max: 9 }),
        (image, missing) => {
          const size = (image.Rows * image.Columns * image.SamplesPerPixel * image.BitsAllocated) / 8
          const there = Math.max(0, image.NumberOfFrames - missing)
          const map = native(image, there * size)

          const extents = Array.from({ length: image.NumberOfFrames }, (_, index) =>
            frameExtents(map, index + 1),
          )

          expect(map.mode).toBe('range')
          expect(extents).toEqual(
            extents.map((_, index) =>
              index < there ? [{ offset: 1234 + index * size, length: size }] : null,
            ),
          )
        },
      ),
    )
  })

  it('has no frame 0, none behind the last and none in between', () => {
    const map = native({ Rows: 2, Columns: 2, BitsAllocated: 8, NumberOfFrames: 3 }, 100)

    expect([0, -1, 1.5, 4, Number.NaN].map((n) => frameExtents(map, n))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('covers frames of single bits by the bytes that they share', () => {
    const map = native({ Rows: 5, Columns: 5, SamplesPerPixel: 1, BitsAllocated: 1, NumberOfFrames: 3 }, 10)

    expect(map).toMatchObject({ mode: 'bits', frameBits: 25, frames: 3 })
    expect([1, 2, 3].map((n) => frameExtents(map, n))).toEqual([
      [{ offset: 1234, length: 4 }],
      [{ offset: 1237, length: 4 }],
      [{ offset: 1240, length: 4 }],
    ])
  })

  it('counts two samples a pixel for YBR_FULL_422, unless the value is as long as three need', () => {
    const image = { Rows: 4, Columns: 4, SamplesPerPixel: 3, BitsAllocated: 8, NumberOfFrames: 2 }
    const subsampled = { ...image, PhotometricInterpretation: 'YBR_FULL_422' }

    expect(frameExtents(native(subsampled, 64), 2)).toEqual([{ offset: 1234 + 32, length: 32 }])
    expect(frameExtents(native(subsampled, 96), 2)).toEqual([{ offset: 1234 + 48, length: 48 }])
    expect(frameExtents(native({ ...image, PhotometricInterpretation: 'YBR_FULL' }, 96), 2)).toEqual([
      { offset: 1234 + 48, length: 48 },
    ])
  })

  it('swaps by the cell in Big Endian and reads through inflate where the data set is deflated', () => {
    const image = { Rows: 2, Columns: 2, BitsAllocated: 16 }

    expect(native(image, 8, ExplicitVRBigEndian)).toMatchObject({ mode: 'swap', wordSize: 2 })
    expect(native({ ...image, BitsAllocated: 32 }, 16, ExplicitVRBigEndian)).toMatchObject({
      mode: 'swap',
      wordSize: 4,
    })
    expect(native({ ...image, BitsAllocated: 8 }, 4, ExplicitVRBigEndian)).toMatchObject({
      mode: 'swap',
      wordSize: 2,
    })
    expect(native(image, 8, DeflatedExplicitVRLittleEndian)).toMatchObject({
      mode: 'inflate',
      inflated: true,
    })
  })

  it('gives all there is as frame 1 where the data set does not tell the size of a frame', () => {
    const map = native({ PatientID: 'no image module' }, 77)

    expect(frameExtents(map, 1)).toEqual([{ offset: 1234, length: 77 }])
    expect(pixelExtents(map)).toEqual([{ offset: 1234, length: 77 }])
  })

  it('takes absurd sizes for frames that are not there', () => {
    const image = {
      Rows: 65535,
      Columns: 65535,
      SamplesPerPixel: 65535,
      BitsAllocated: 65535,
      NumberOfFrames: 1e300,
    }

    expect(frameExtents(native(image, 1000), 1)).toBeNull()
  })
})

describe('pixel map: encapsulated pixel data', () => {
  it.each(['a Basic Offset Table', 'an Extended Offset Table', 'no table', 'a table that lies'])(
    'finds every frame with %s',
    (which) => {
      fc.assert(
        fc.property(jpegFrames, (frames) => {
          const fragments = frames.flat()
          const offsets = basicOffsetTable(fragments, frames.map((pieces) => pieces.length)) // prettier-ignore
          const scanned = scan({
            fragments,
            frames: frames.length,
            ...(which === 'a Basic Offset Table' && { offsetTable: offsets }),
            ...(which === 'an Extended Offset Table' && { extendedOffsets: offsets, offsetTable: [] }),
            ...(which === 'a table that lies' && { offsetTable: offsets.map((offset) => offset + 2) }),
          })

          const found = frames.map((_, index) => frame(scanned, index + 1))

          expect(found).toEqual(frames.map((pieces) => Buffer.concat(pieces).toString('latin1')))
          expect(frame(scanned, frames.length + 1)).toBeNull()
          expect(pixelExtents(scanned.map)).toHaveLength(fragments.length)
        }),
      )
    },
  )

  it('splits behind the ends where the beginnings do not tell', () => {
    const fragments = ['ab', 'c\xff\xd9\0', 'de', 'f\xff\xd9\0'].map((text) => Buffer.from(text, 'latin1'))

    const scanned = scan({ fragments, frames: 2 })

    expect([1, 2].map((n) => frame(scanned, n))).toEqual(['abc\xff\xd9\0', 'def\xff\xd9\0'])
  })

  it('does not guess frames that nothing tells apart', () => {
    const fragments = ['ab', 'cd', 'ef'].map((text) => Buffer.from(text, 'latin1'))

    expect(frame(scan({ fragments, frames: 2 }), 1)).toBeNull()
  })

  it('gives RLE one fragment a frame, whatever the other counts say', () => {
    const fragments = ['ab', 'cd', 'ef'].map((text) => Buffer.from(text, 'latin1'))
    const scanned = scan({ fragments, frames: 5, TransferSyntaxUID: RLELossless })

    expect([1, 2, 3, 4, 5].map((n) => frame(scanned, n))).toEqual(['ab', 'cd', 'ef', null, null])
  })

  it('serves a video as one stream, however many frames it counts', () => {
    const fragments = ['ab', 'cd', 'ef'].map((text) => Buffer.from(text, 'latin1'))
    const scanned = scan({ fragments, frames: 900, TransferSyntaxUID: MPEG4 })

    expect(scanned.map.frames).toBe(1)
    expect(frame(scanned, 1)).toBe('abcdef')
    expect(frame(scanned, 2)).toBeNull()
  })

  it('knows JPEG 2000 by its first marker', () => {
    const begin = Buffer.of(0xff, 0x4f, 0xff, 0x51)
    const fragments = [begin, Buffer.from('ab'), Buffer.from('cd'), begin, Buffer.from('ef')]
    const scanned = scan({ fragments, frames: 2, TransferSyntaxUID: JPEG2000 })

    expect(frame(scanned, 2)).toBe('\xff\x4f\xff\x51ef')
  })

  it('leaves the pad byte out where the Extended Offset Table Lengths tell it', () => {
    const fragments = ['abc\0', 'defg'].map((text) => Buffer.from(text, 'latin1'))
    const scanned = scan({
      fragments,
      frames: 2,
      extendedOffsets: [0, 12],
      extendedLengths: [3, 4],
    })

    expect([1, 2].map((n) => frame(scanned, n))).toEqual(['abc', 'defg'])
  })

  it('serves of a file cut short the frames that are there whole, with and without a table', () => {
    fc.assert(
      fc.property(jpegFrames, fc.nat(), fc.boolean(), (frames, seed, withTable) => {
        const fragments = frames.flat()
        const there = seed % (fragments.length + 1)
        const counts = frames.map((pieces) => pieces.length)
        const scanned = scan({
          fragments: fragments.slice(0, there),
          frames: frames.length,
          complete: false,
          ...(withTable && { offsetTable: basicOffsetTable(fragments, counts) }),
        })
        let end = 0
        const expected = frames.map((pieces) => {
          end += pieces.length
          return end <= there ? Buffer.concat(pieces).toString('latin1') : null
        })

        const found = frames.map((_, index) => frame(scanned, index + 1))

        expect(found).toEqual(expected)
      }),
    )
  })

  it('stays small and finds any frame of 100,000 fragments', () => {
    const fragments = Array.from({ length: 100_000 }, (_, index) =>
      Buffer.alloc(2 + ((index * 2) % 9000), index & 0xff),
    )
    const scanned = scan({ fragments, frames: 100_000 })
    const bare = scan({ fragments: [Buffer.from('ab')] })

    expect(scanned.size).toBeLessThan(350_000)
    expect(bare.size).toBeLessThanOrEqual(32)
    for (const n of [1, 255, 256, 257, 51_200, 99_999, 100_000]) {
      expect(frame(scanned, n)).toBe(fragments[n - 1]?.toString('latin1'))
    }
  })

  it('finds frames of several fragments far inside of a large table', () => {
    const fragments = Array.from({ length: 3000 }, (_, index) => Buffer.from(String(index).padStart(4, '0')))
    const perFrame = Array.from({ length: 1000 }, () => 3)
    const scanned = scan({ fragments, frames: 1000, offsetTable: basicOffsetTable(fragments, perFrame) })

    expect([1, 86, 257, 1000].map((n) => frame(scanned, n))).toEqual([
      '000000010002',
      '025502560257',
      '076807690770',
      '299729982999',
    ])
  })

  it('refuses a map of a format that it does not know', () => {
    expect(() => readPixelMap(Buffer.of(2, 0, 0, 0, 0, 0, 0, 0, 1))).toThrow(RangeError)
  })
})

describe('varints', () => {
  it('keep every whole number up to 2^53 − 1', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const target = growing(1)
        for (const number of numbers) putVarint(target, number)
        const cursor = { bytes: target.bytes, position: 0 }

        expect(numbers.map(() => takeVarint(cursor))).toEqual(numbers)
        expect(cursor.position).toBe(target.length)
      }),
    )
  })
})
