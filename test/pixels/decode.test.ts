/** Every decoder gives exactly the samples that went in, and nothing but an error for bytes that are none. */
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { frameBytes, type PixelFormat } from '../../src/dicom/pixel-format.ts'
import { transferSyntaxes } from '../../src/dicom/transfer-syntax.ts'
import { decodeFrame, decodes } from '../../src/pixels/decode.ts'
import { byPixel, packed } from '../../src/pixels/samples.ts'
import { openPixelEngine } from '../../src/pixels/engine.ts'
import { UndecodableError } from '../../src/pixels/undecodable.ts'
import { isProblem } from '../../src/problem.ts'
import { format, highThroughput, jpeg2000, jpegLossless, jpegLs, rle } from './encoders.ts'

const uid = (suffix: string) => `1.2.840.10008.1.2${suffix}`
const RUNS = { numRuns: 60 }

/** Bytes of native pixel data for values, in cells of the format. */
function cells(values: readonly number[], { BitsAllocated }: PixelFormat): Uint8Array {
  if (BitsAllocated === 8) return Uint8Array.from(values)
  return new Uint8Array(
    BitsAllocated === 16 ? Uint16Array.from(values).buffer : Uint32Array.from(values).buffer,
  )
}

/** A format, and values of its samples: smooth ones with noise, as pictures are, or anything. */
const frames = (formats: fc.Arbitrary<Partial<PixelFormat>>) =>
  fc
    .record({ of: formats, Rows: fc.integer({ min: 1, max: 20 }), Columns: fc.integer({ min: 1, max: 20 }) })
    .chain(({ of, Rows, Columns }) => {
      const whole = format({ ...of, Rows, Columns })
      const count = Rows * Columns * whole.SamplesPerPixel
      const least = whole.isSigned ? -(2 ** (whole.BitsStored - 1)) : 0
      const most = least + 2 ** whole.BitsStored - 1
      const values = fc.oneof(
        fc.array(fc.integer({ min: least, max: most }), { minLength: count, maxLength: count }),
        fc.integer({ min: least, max: most }).map((value) => Array<number>(count).fill(value)),
      )
      return values.map((list) => ({ of: whole, values: list, native: cells(list, whole) }))
    })

const grey = fc.constantFrom<Partial<PixelFormat>>(
  { BitsAllocated: 8 },
  { BitsAllocated: 16 },
  { BitsAllocated: 16, BitsStored: 12 },
  { BitsAllocated: 16, BitsStored: 8 },
)
const any = fc.oneof(grey, fc.constant<Partial<PixelFormat>>({ BitsAllocated: 8, SamplesPerPixel: 3 }))
const signed = fc.constantFrom<Partial<PixelFormat>>(
  { BitsAllocated: 16, BitsStored: 12, isSigned: true },
  { BitsAllocated: 16, isSigned: true },
)

describe('lossless round trips', () => {
  it('RLE, up to cells of 32 bits and three samples', async () => {
    const wide = fc.constantFrom<Partial<PixelFormat>>(
      { BitsAllocated: 32, BitsStored: 31 },
      { BitsAllocated: 16, SamplesPerPixel: 3 },
    )
    await fc.assert(
      fc.asyncProperty(frames(fc.oneof(any, wide)), async ({ of, native }) => {
        expect(await decodeFrame(rle(native, of), uid('.5'), of)).toEqual(native)
      }),
      RUNS,
    )
  })

  it('JPEG lossless, every predictor, 2 to 16 bits, restarts and point transform', async () => {
    const bits = fc
      .integer({ min: 2, max: 16 })
      .map((BitsStored) => ({ BitsAllocated: BitsStored > 8 ? 16 : 8, BitsStored }))
    const options = fc.record({
      predictor: fc.integer({ min: 1, max: 7 }),
      restart: fc.integer({ min: 0, max: 3 }),
      shift: fc.constantFrom(0, 0, 1),
    })
    const colours = fc.constant<Partial<PixelFormat>>({ BitsAllocated: 16, SamplesPerPixel: 3 })
    await fc.assert(
      fc.asyncProperty(frames(fc.oneof(bits, any, colours)), options, async ({ of, values }, how) => {
        const kept = values.map((value) => (value >> how.shift) << how.shift)
        const bytes = jpegLossless(Uint16Array.from(values), of, how)
        expect(await decodeFrame(bytes, uid('.4.57'), of)).toEqual(cells(kept, of))
      }),
      RUNS,
    )
  })

  it('JPEG-LS, in every interleave mode', async () => {
    await fc.assert(
      fc.asyncProperty(frames(any), fc.constantFrom(0, 1, 2), async ({ of, native }, interleave) => {
        const isPlanes = of.SamplesPerPixel === 3 && interleave === 0
        const samples =
          of.BitsAllocated === 16 && of.BitsStored === 8 ? native.filter((_, at) => at % 2 === 0) : native
        const bytes = await jpegLs(samples, of, interleave)
        const expected = isPlanes ? byPixel(native, 3, 1) : native
        expect(await decodeFrame(bytes, uid('.4.80'), of)).toEqual(expected)
      }),
      RUNS,
    )
  })

  it.each([
    ['JPEG 2000', '.4.90', jpeg2000],
    ['HTJ2K', '.4.201', highThroughput],
  ] as const)('%s, signed and unsigned, grey and colour', async (_name, suffix, encode) => {
    await fc.assert(
      fc.asyncProperty(frames(fc.oneof(any, signed)), async ({ of, native }) => {
        const samples =
          of.BitsAllocated === 16 && of.BitsStored === 8 ? native.filter((_, at) => at % 2 === 0) : native
        expect(await decodeFrame(await encode(samples, of), uid(suffix), of)).toEqual(native)
      }),
      RUNS,
    )
  })

  it('deflated and encapsulated uncompressed frames', async () => {
    const of = format({ Rows: 3, Columns: 5 })
    const native = cells(
      [...Array(15).keys()].map((value) => value * 4000),
      of,
    )
    expect(await decodeFrame(Buffer.concat([deflateRawSync(native), Buffer.of(0)]), uid('.8.1'), of)).toEqual(
      Buffer.from(native),
    )
    expect(await decodeFrame(native, uid('.1.98'), of)).toEqual(native)
  })

  it('cells of one bit, however they were compressed', async () => {
    const of = format({ Rows: 5, Columns: 7, BitsAllocated: 1 })
    const samples = Uint8Array.from({ length: 35 }, (_, at) => (at % 3 === 0 ? 1 : 0))
    const bits = packed(samples)

    expect(await decodeFrame(rle(bits, of), uid('.5'), of)).toEqual(bits)
    expect(await decodeFrame(await jpeg2000(samples, { ...of, BitsStored: 1 }), uid('.4.90'), of)).toEqual(
      bits,
    )
    expect(await decodeFrame(deflateRawSync(bits), uid('.8.1'), of)).toEqual(Buffer.from(bits))
  })
})

describe('colours of baseline JPEG', () => {
  const of = format({ Rows: 16, Columns: 16, BitsAllocated: 8, SamplesPerPixel: 3 })
  const red = Buffer.alloc(16 * 16 * 3).fill(Buffer.of(200, 30, 20))
  /** By libvips, which names its components 1, 2, 3 and writes no marker that tells of colours. */
  const encode = () =>
    sharp(red, { raw: { width: 16, height: 16, channels: 3 } })
      .jpeg({ quality: 100 })
      .toBuffer()
  const JFIF = Buffer.from([0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 2, 0, 0, 1, 0, 1, 0, 0])
  const average = (bytes: Uint8Array) =>
    [0, 1, 2].map((channel) =>
      Math.round(bytes.filter((_, at) => at % 3 === channel).reduce((sum, one) => sum + one, 0) / 256),
    )

  it('are RGB where the stream says YCbCr, whatever the data set says', async () => {
    const bare = await encode()
    const jfif = Buffer.concat([bare.subarray(0, 2), JFIF, bare.subarray(2)])
    for (const PhotometricInterpretation of ['YBR_FULL_422', 'RGB']) {
      const decoded = await decodeFrame(jfif, uid('.4.50'), { ...of, PhotometricInterpretation })
      for (const [channel, value] of average(decoded).entries()) {
        expect(Math.abs(value - [200, 30, 20][channel]!)).toBeLessThan(4)
      }
    }
  })

  it('are those of the data set where the stream says nothing', async () => {
    const bare = await encode()
    const ybr = average(
      await decodeFrame(bare, uid('.4.50'), { ...of, PhotometricInterpretation: 'YBR_FULL' }),
    )
    const rgb = average(await decodeFrame(bare, uid('.4.50'), of))

    expect(Math.abs(ybr[0]! - 200)).toBeLessThan(4)
    // Luma as it is: 0.299 · 200 + 0.587 · 30 + 0.114 · 20.
    expect(Math.abs(rgb[0]! - 80)).toBeLessThan(4)
  })
})

describe('what is no frame', () => {
  const of = format({ Rows: 12, Columns: 10 })
  const native = cells(
    [...Array(120).keys()].map((value) => value * 500),
    of,
  )
  const encoded = async () =>
    [
      ['.5', rle(native, of)],
      ['.4.70', jpegLossless(new Uint16Array(native.buffer), of)],
      ['.4.80', await jpegLs(native, of)],
      ['.4.90', await jpeg2000(native, of)],
      ['.4.201', await highThroughput(native, of)],
      ['.8.1', deflateRawSync(native)],
    ] as const

  it('is refused, or has the size of the frame: never a crash, never another size, never for ever', async () => {
    // A codec may loop on damaged bytes: only a thread can be ended.
    const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 1000, cacheBytes: 0 })
    for (const [suffix, bytes] of await encoded()) {
      const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
      await fc.assert(
        fc.asyncProperty(fc.array(edit, { maxLength: 6 }), fc.nat(bytes.length), async (edits, cut) => {
          const damaged = Buffer.from(bytes.subarray(0, edits.length === 0 ? cut : bytes.length))
          for (const [at, value] of edits) damaged[at] = value
          const read = () => Promise.resolve(damaged)
          const frame = { key: damaged.toString('base64'), TransferSyntaxUID: uid(suffix), format: of, read }
          const decoded = await engine.decode(frame).catch((error: unknown) => error)
          const isFine = Buffer.isBuffer(decoded)
            ? decoded.length === native.length
            : isProblem(decoded, 'not-acceptable')
          expect([suffix, isFine, decoded]).toEqual([suffix, true, decoded])
        }),
        { numRuns: 30, seed: 7 },
      )
    }
    await engine.close()
  })

  it('is refused where the data set says another size', async () => {
    for (const [suffix, bytes] of await encoded()) {
      const other = format({ Rows: 13, Columns: 10 })
      await expect(decodeFrame(bytes, uid(suffix), other)).rejects.toThrow(UndecodableError)
    }
  })

  it.each(['.4.90', '.4.201'])('is refused where it has smaller components, in %s', async (suffix) => {
    const colours = format({ BitsAllocated: 8, SamplesPerPixel: 3 })
    const encode = suffix === '.4.90' ? jpeg2000 : highThroughput
    const bytes = Buffer.from(
      await encode(
        Uint8Array.from({ length: 192 }, (_, at) => at),
        colours,
      ),
    )
    expect(await decodeFrame(bytes, uid(suffix), colours)).toHaveLength(192)
    // XRsiz and YRsiz of the last component (ISO/IEC 15444-1 §A.5.1).
    bytes.fill(2, bytes.indexOf(Buffer.of(0xff, 0x51)) + 47, bytes.indexOf(Buffer.of(0xff, 0x51)) + 49)
    await expect(decodeFrame(bytes, uid(suffix), colours)).rejects.toThrow(UndecodableError)
  })

  it('is refused where a few bytes claim more than any frame has', async () => {
    const huge = format({ Rows: 65535, Columns: 65535 })
    for (const [suffix, bytes] of await encoded()) {
      await expect(decodeFrame(bytes, uid(suffix), huge)).rejects.toThrow(/too large/)
    }
    expect(frameBytes(huge)).toBe(65535 * 65535 * 2)
  })

  it('is refused where no codec is known, as for video', async () => {
    for (const syntax of transferSyntaxes().filter(
      ({ encapsulated, uid: own }) => encapsulated && !decodes(own),
    )) {
      await expect(decodeFrame(Buffer.alloc(100), syntax.uid, of)).rejects.toThrow(UndecodableError)
    }
    expect(transferSyntaxes().filter(({ video, uid: own }) => video && decodes(own))).toEqual([])
  })
})
