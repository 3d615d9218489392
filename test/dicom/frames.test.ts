import fc from 'fast-check'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { deflateRawSync } from 'node:zlib'
import { writeFileMeta } from '../../src/dicom/writer.ts'
import { composeDataSet } from '../../src/dicom/compose.ts'
import type { DataElement } from '../../src/dicom/data-set.ts'
import {
  bulkValue,
  cut,
  frameLength,
  frameStream,
  pixelStream,
  type OpenFile,
} from '../../src/dicom/frames.ts'
import { startPixelMap } from '../../src/dicom/pixel-map-builder.ts'
import { readPixelMap, type Extent } from '../../src/dicom/pixel-map.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  JPEGBaseline8Bit,
} from '../../src/dicom/transfer-syntax.ts'
import { until } from '../until.ts'

const DEFLATED_HEAD = Buffer.concat([
  Buffer.alloc(128),
  Buffer.from('DICM'),
  writeFileMeta({}, DeflatedExplicitVRLittleEndian),
])

/** A file in memory that is read in pieces of `piece` bytes and counts what was read and closed. */
function fileOf(bytes: Buffer, piece = 7) {
  const seen = { opened: 0, closed: 0, read: 0 }
  const open: OpenFile = (extent: Extent = { offset: 0, length: bytes.length }) => {
    if (extent.offset + extent.length > bytes.length) throw new RangeError('beyond the file')
    seen.opened++
    let at = extent.offset
    const end = extent.offset + extent.length
    const stream = new Readable({
      highWaterMark: piece,
      read() {
        const chunk = bytes.subarray(at, Math.min(end, at + piece))
        at += chunk.length
        seen.read += chunk.length
        this.push(chunk.length === 0 ? null : chunk)
      },
    })
    stream.on('close', () => seen.closed++)
    return Promise.resolve(stream)
  }
  return { open, seen }
}

function nativeMap(
  attributes: Record<string, number>,
  offset: number,
  length: number,
  TransferSyntaxUID: string,
) {
  const dataSet = composeDataSet(attributes)
  const builder = startPixelMap({ tag: '7FE00010', vr: 'OW', TransferSyntaxUID, dataSet })
  builder.native(offset, length)
  return readPixelMap(builder.finish(true))
}

async function frame(open: OpenFile, map: ReturnType<typeof nativeMap>, n: number): Promise<Buffer | null> {
  const stream = await frameStream(open, map, n)
  return stream && buffer(stream)
}

const pieces = fc.integer({ min: 1, max: 40 })

describe('frames of a stored file', () => {
  it('in mode range are the bytes as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 60 }, (_, index) => index))
    const map = nativeMap(
      { Rows: 2, Columns: 4, BitsAllocated: 16, NumberOfFrames: 3 },
      5,
      48,
      ExplicitVRLittleEndian,
    )
    const { open } = fileOf(bytes)

    expect(await frame(open, map, 2)).toEqual(bytes.subarray(21, 37))
    expect(frameLength(map, 2)).toBe(16)
    expect(await frame(open, map, 4)).toBeNull()
    expect(frameLength(map, 4)).toBeNull()
  })

  it('in mode swap are little endian, also where frames are no whole number of words', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          Rows: fc.integer({ min: 1, max: 5 }),
          Columns: fc.integer({ min: 1, max: 5 }),
          SamplesPerPixel: fc.constantFrom(1, 3),
          BitsAllocated: fc.constantFrom(8, 16, 32, 64),
          NumberOfFrames: fc.integer({ min: 1, max: 4 }),
        }),
        pieces,
        async (image, piece) => {
          const size = (image.Rows * image.Columns * image.SamplesPerPixel * image.BitsAllocated) / 8
          const length = size * image.NumberOfFrames + ((size * image.NumberOfFrames) % 2)
          const little = Buffer.from(Array.from({ length }, (_, index) => (index * 7) & 0xff))
          const word = image.BitsAllocated === 8 ? 2 : image.BitsAllocated / 8
          const big = Buffer.from(little)
          for (let at = 0; at < length; at += word) big.subarray(at, at + word).reverse()
          const { open, seen } = fileOf(Buffer.concat([Buffer.alloc(13), big]), piece)
          const map = nativeMap(image, 13, length, ExplicitVRBigEndian)

          for (let n = 1; n <= image.NumberOfFrames; n++) {
            expect(await frame(open, map, n)).toEqual(little.subarray((n - 1) * size, n * size))
          }
          expect(await buffer(await pixelStream(open, map))).toEqual(little)
          expect(seen.closed).toBe(seen.opened)
        },
      ),
    )
  })

  it('in mode bits begin at a whole byte and end with zero bits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 2, max: 6 }),
        fc.constantFrom(ExplicitVRLittleEndian, ExplicitVRBigEndian),
        pieces,
        async (Rows, Columns, NumberOfFrames, TransferSyntaxUID, piece) => {
          const pixels = Array.from(
            { length: Rows * Columns * NumberOfFrames },
            (_, index) => ((index * 5) >> 2) & 1,
          )
          const packed = pack(pixels)
          const value = Buffer.concat([packed, Buffer.alloc(packed.length % 2)])
          const stored = TransferSyntaxUID === ExplicitVRBigEndian ? Buffer.from(value).swap16() : value
          const image = { Rows, Columns, SamplesPerPixel: 1, BitsAllocated: 1, NumberOfFrames }
          const map = nativeMap(image, 3, value.length, TransferSyntaxUID)
          const { open, seen } = fileOf(Buffer.concat([Buffer.alloc(3), stored]), piece)

          for (let n = 1; n <= NumberOfFrames; n++) {
            const own = pixels.slice((n - 1) * Rows * Columns, n * Rows * Columns)
            expect(await frame(open, map, n)).toEqual(pack(own))
            expect(frameLength(map, n)).toBe(pack(own).length)
          }
          expect(seen.closed).toBe(seen.opened)
        },
      ),
    )
  })

  it('in mode inflate are read through the stream and no further', async () => {
    const dataSet = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * index) & 0xff))
    const file = Buffer.concat([DEFLATED_HEAD, deflateRawSync(dataSet, { level: 0 })])
    const image = { Rows: 10, Columns: 10, BitsAllocated: 8, NumberOfFrames: 3 }
    const map = nativeMap(image, 1000, 300, DeflatedExplicitVRLittleEndian)
    const { open, seen } = fileOf(file, 100)

    expect(await frame(open, map, 3)).toEqual(dataSet.subarray(1200, 1300))
    expect(seen.read).toBeLessThan(200_000)
    await until(() => seen.closed === 1)
  })

  it('fails where the deflated stream is broken', async () => {
    const map = nativeMap(
      { Rows: 10, Columns: 10, BitsAllocated: 8 },
      10,
      100,
      DeflatedExplicitVRLittleEndian,
    )
    const { open } = fileOf(Buffer.concat([DEFLATED_HEAD, Buffer.alloc(400, 0xff)]))

    await expect(frame(open, map, 1)).rejects.toThrow('invalid')
  })

  it('of encapsulated syntaxes are their fragments joined', async () => {
    const builder = startPixelMap({
      tag: '7FE00010',
      vr: 'OB',
      TransferSyntaxUID: JPEGBaseline8Bit,
      dataSet: composeDataSet({ NumberOfFrames: 1 }),
    })
    builder.offsetTable(Buffer.alloc(0))
    builder.fragment(2, 3, Buffer.alloc(0), Buffer.alloc(0))
    builder.fragment(8, 0, Buffer.alloc(0), Buffer.alloc(0))
    builder.fragment(10, 2, Buffer.alloc(0), Buffer.alloc(0))
    const map = readPixelMap(builder.finish(true))
    const { open } = fileOf(Buffer.from('..abc.....de'), 2)

    expect((await frame(open, map, 1))?.toString()).toBe('abcde')
    expect((await buffer(await pixelStream(open, map))).toString()).toBe('abcde')
    expect(frameLength(map, 1)).toBe(5)
  })

  it('wait for a slow client and close the file when it goes away', async () => {
    const { open, seen } = fileOf(Buffer.alloc(4_000_000), 1000)
    const image = { Rows: 1000, Columns: 1000, BitsAllocated: 16 }
    const stream = await frameStream(open, nativeMap(image, 0, 2_000_000, ExplicitVRBigEndian), 1)

    for await (const chunk of stream ?? []) {
      expect(chunk).toBeInstanceOf(Buffer)
      break
    }
    await new Promise((resolve) => setImmediate(resolve))

    expect(seen.read).toBeLessThan(200_000)
    expect(seen.closed).toBe(1)
  })
})

describe('bulk values', () => {
  const element = (vr: DataElement['vr'], offset: number, length: number) => ({ vr, offset, length })

  it('are turned round by their VR in Big Endian, in whole or in part', async () => {
    const { open } = fileOf(Buffer.from('..ABCDEFGH'))
    const read = async (...given: Parameters<typeof bulkValue>) =>
      (await buffer(await bulkValue(...given))).toString()

    expect(await read(open, element('OW', 2, 8), ExplicitVRBigEndian)).toBe('BADCFEHG')
    expect(await read(open, element('OF', 2, 8), ExplicitVRBigEndian)).toBe('DCBAHGFE')
    expect(await read(open, element('OD', 2, 8), ExplicitVRBigEndian)).toBe('HGFEDCBA')
    expect(await read(open, element('OB', 2, 8), ExplicitVRBigEndian)).toBe('ABCDEFGH')
    expect(await read(open, element('OW', 2, 8), ExplicitVRLittleEndian)).toBe('ABCDEFGH')
    expect(await read(open, element('OL', 2, 8), ExplicitVRBigEndian, { offset: 3, length: 3 })).toBe('AHG')
  })

  it('of a deflated file count from the inflated data set', async () => {
    const file = Buffer.concat([DEFLATED_HEAD, deflateRawSync(Buffer.from('0123456789'.repeat(300)))])

    const value = await bulkValue(fileOf(file).open, element('OB', 2005, 6), DeflatedExplicitVRLittleEndian)

    expect((await buffer(value)).toString()).toBe('567890')
  })
})

describe('a cut of a stream', () => {
  it('is those bytes, and the rest is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 120 }), fc.nat({ max: 120 }), pieces, async (skip, length, piece) => {
        const bytes = Buffer.from(Array.from({ length: 100 }, (_, index) => index))
        const { open, seen } = fileOf(bytes, piece)

        expect(await buffer(cut(await open(), skip, length))).toEqual(bytes.subarray(skip, skip + length))
        expect(seen.closed).toBe(1)
      }),
    )
  })
})

/** Pixels of one bit, the first one lowest, in whole bytes. */
function pack(pixels: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(pixels.length / 8))
  pixels.forEach((pixel, index) => (bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (pixel << (index & 7))))
  return bytes
}
