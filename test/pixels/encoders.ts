/** Compressed frames for tests: by the encoders of the codec packages, and by hand where there are none. */
import loadCharls from '@cornerstonejs/codec-charls/wasmjs'
import loadOpenJpeg from '@cornerstonejs/codec-openjpeg/wasmjs'
import loadOpenJph from '@cornerstonejs/codec-openjph/wasmjs'
import type { PixelFormat } from '../../src/dicom/pixel-format.ts'
import type { Look } from '../../src/pixels/ports.ts'

const quiet = () => ({ print: () => undefined, printErr: () => undefined })
const charls = loadCharls(quiet())
const openJpeg = loadOpenJpeg(quiet())
const openJph = loadOpenJph(quiet())

/** A look that leaves the values as they are. */
export const PLAIN: Look = {
  modality: { kind: 'rescale', slope: 1, intercept: 0 },
  voi: { kind: 'full' },
  isInverse: false,
  palette: null,
  padding: null,
  profile: null,
}

/** A format with what most frames have. */
export function format(changes: Partial<PixelFormat> = {}): PixelFormat {
  const BitsAllocated = changes.BitsAllocated ?? 16
  const BitsStored = changes.BitsStored ?? BitsAllocated
  return {
    Rows: 8,
    Columns: 8,
    SamplesPerPixel: 1,
    BitsAllocated,
    BitsStored,
    HighBit: BitsStored - 1,
    isSigned: false,
    isPlanar: false,
    isFloat: false,
    PhotometricInterpretation: changes.SamplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
    ...changes,
  }
}

function frameOf({ Rows, Columns, BitsStored, SamplesPerPixel, isSigned }: PixelFormat) {
  return {
    width: Columns,
    height: Rows,
    bitsPerSample: BitsStored,
    componentCount: SamplesPerPixel,
    isSigned,
    isUsingColorTransform: SamplesPerPixel === 3,
  }
}

function run(encoder: WasmEncoder, frame: WasmFrame, samples: Uint8Array): Buffer {
  try {
    encoder.getDecodedBuffer(frame).set(samples)
    encoder.encode()
    return Buffer.from(encoder.getEncodedBuffer())
  } finally {
    encoder.delete()
  }
}

/** Samples by pixel, but by plane for `interleave` 0. */
export async function jpegLs(
  samples: Uint8Array,
  of: PixelFormat,
  interleave = 2,
  near = 0,
): Promise<Buffer> {
  const { JpegLSEncoder } = await charls
  const encoder = new JpegLSEncoder()
  encoder.setNearLossless(near)
  encoder.setInterleaveMode(of.SamplesPerPixel === 1 ? 0 : interleave)
  return run(encoder, frameOf(of), samples)
}

export async function jpeg2000(samples: Uint8Array, of: PixelFormat): Promise<Buffer> {
  const { J2KEncoder } = await openJpeg
  const encoder = new J2KEncoder()
  // Halving pictures of a few pixels leaves nothing.
  encoder.setDecompositions(0)
  return run(encoder, frameOf(of), samples)
}

export async function highThroughput(samples: Uint8Array, of: PixelFormat): Promise<Buffer> {
  const { HTJ2KEncoder } = await openJph
  const encoder = new HTJ2KEncoder()
  encoder.setQuality(true, 0)
  return run(encoder, frameOf(of), samples)
}

/** PackBits with runs and literals, one segment for each byte of a sample, most significant first (PS3.5 Annex G). */
export function rle(samples: Uint8Array, { SamplesPerPixel, BitsAllocated }: PixelFormat): Buffer {
  const cell = Math.max(1, BitsAllocated / 8)
  const step = SamplesPerPixel * cell
  const segments: Buffer[] = []
  for (let sample = 0; sample < SamplesPerPixel; sample++) {
    for (let byte = cell - 1; byte >= 0; byte--) {
      const plane = samples.filter((_, at) => at % step === sample * cell + byte)
      const bytes = packBits(plane)
      segments.push(bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.of(0)]))
    }
  }
  const header = Buffer.alloc(64)
  header.writeUInt32LE(segments.length, 0)
  let at = 64
  segments.forEach((segment, index) => {
    header.writeUInt32LE(at, 4 + index * 4)
    at += segment.length
  })
  return Buffer.concat([header, ...segments])
}

function packBits(bytes: Uint8Array): Buffer {
  const out: number[] = []
  let at = 0
  while (at < bytes.length) {
    let run = 1
    while (run < 128 && bytes[at + run] === bytes[at]) run++
    if (run > 1) {
      out.push(257 - run, bytes[at]!)
      at += run
      continue
    }
    let end = at + 1
    while (end < bytes.length && end - at < 128 && bytes[end] !== bytes[end + 1]) end++
    out.push(end - at - 1, ...bytes.subarray(at, end))
    at = end
  }
  return Buffer.from(out)
}

/**
 * Lossless JPEG by hand (ISO/IEC 10918-1 Annex H): all lengths of differences have codes of five bits. `restart`: lines
 * between restart markers, 0 for none.
 */
export function jpegLossless(
  values: Uint16Array,
  of: PixelFormat,
  { predictor = 1, shift = 0, restart = 0 } = {},
): Buffer {
  const { Rows, Columns, SamplesPerPixel, BitsStored } = of
  const intervals: string[][] = []
  for (let y = 0; y < Rows; y++) {
    const isFirst = y === 0 || (restart > 0 && y % restart === 0)
    if (isFirst) intervals.push([])
    for (let at = 0; at < Columns * SamplesPerPixel; at++) {
      const initial = 1 << (BitsStored - shift - 1)
      const difference = differenceAt(values, of, {
        y,
        at,
        shift,
        predictor: isFirst ? 0 : predictor,
        initial,
      })
      intervals.at(-1)?.push(codeOf(difference))
    }
  }
  const ids = Array.from({ length: SamplesPerPixel }, (_, index) => index + 1)
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xc3, [
      BitsStored,
      ...word(Rows),
      ...word(Columns),
      ids.length,
      ...ids.flatMap((id) => [id, 0x11, 0]),
    ]),
    segment(0xc4, [
      0,
      ...Array.from({ length: 16 }, (_, index) => (index === 4 ? 17 : 0)),
      ...Array(17).keys(),
    ]),
    ...(restart > 0 ? [segment(0xdd, word(restart * Columns))] : []),
    segment(0xda, [ids.length, ...ids.flatMap((id) => [id, 0]), predictor, 0, shift]),
    ...intervals.flatMap((codes, index) => [
      ...(index === 0 ? [] : [Buffer.of(0xff, 0xd0 + ((index - 1) % 8))]),
      stuffed(codes.join('')),
    ]),
    Buffer.of(0xff, 0xd9),
  ])
}

/** A sample less its prediction, modulo 65,536, as -32,767 to 32,768. Predictor 0: the first line. */
function differenceAt(
  values: Uint16Array,
  { Columns, SamplesPerPixel }: PixelFormat,
  {
    y,
    at,
    shift,
    predictor,
    initial,
  }: { y: number; at: number; shift: number; predictor: number; initial: number },
): number {
  const line = Columns * SamplesPerPixel
  const sample = (left: number, up: number) =>
    (values[(y - up) * line + at - left * SamplesPerPixel] ?? 0) >> shift
  const [a, b, c] = [sample(1, 0), sample(0, 1), sample(1, 1)]
  const inLine = at < SamplesPerPixel ? initial : a
  const predicted =
    predictor > 0 && at < SamplesPerPixel
      ? b
      : [inLine, a, b, c, a + b - c, a + ((b - c) >> 1), b + ((a - c) >> 1), (a + b) >> 1][predictor]!
  const wrapped = (sample(0, 0) - predicted) & 0xffff
  return wrapped > 32768 ? wrapped - 65536 : wrapped
}

function codeOf(difference: number): string {
  const length = difference === 32768 ? 16 : 32 - Math.clz32(Math.abs(difference))
  const bits = difference < 0 ? difference + (1 << length) - 1 : difference
  const own = length === 0 || length === 16 ? '' : bits.toString(2).padStart(length, '0')
  return length.toString(2).padStart(5, '0') + own
}

/**
 * Sequential JPEG of 12 bits by hand: units of 8 × 8 pixels side by side, each of one colour. Codes of constants have four
 * bits, there is nothing else but the end of a block. `restart`: units between restart markers, 0 for none.
 */
export function jpegOfConstants(units: readonly (readonly number[])[], restart: number): Buffer {
  const intervals: string[][] = []
  let previous: readonly number[] = []
  units.forEach((colour, at) => {
    if (at === 0 || (restart > 0 && at % restart === 0)) {
      intervals.push([])
      previous = [2048, 2048, 2048]
    }
    const differences = colour.map((value, sample) => value - (previous[sample] ?? 0))
    intervals.at(-1)?.push(...differences.map((one) => `${codeOf(one).slice(1)}0`))
    previous = colour
  })
  const counts = (length: number, count: number) =>
    Array.from({ length: 16 }, (_, at) => (at === length - 1 ? count : 0))
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xdb, [0, ...Array<number>(64).fill(8)]),
    segment(0xc1, [
      12,
      ...word(8),
      ...word(units.length * 8),
      3,
      ...[1, 2, 3].flatMap((id) => [id, 0x11, 0]),
    ]),
    segment(0xc4, [0, ...counts(4, 14), ...Array(14).keys()]),
    segment(0xc4, [0x10, ...counts(1, 1), 0]),
    ...(restart > 0 ? [segment(0xdd, word(restart))] : []),
    segment(0xda, [3, ...[1, 2, 3].flatMap((id) => [id, 0]), 0, 63, 0]),
    ...intervals.flatMap((codes, index) => [
      ...(index === 0 ? [] : [Buffer.of(0xff, 0xd0 + ((index - 1) % 8))]),
      stuffed(codes.join('')),
    ]),
    Buffer.of(0xff, 0xd9),
  ])
}

/** Bits as bytes, the last filled with ones, each FF followed by a zero (§B.1.1.5). */
function stuffed(bits: string): Buffer {
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1').match(/.{8}/g) ?? []
  const bytes = whole.map((byte) => Number.parseInt(byte, 2))
  return Buffer.from(bytes.flatMap((byte) => (byte === 0xff ? [byte, 0] : [byte])))
}

function segment(marker: number, bytes: readonly number[]): Buffer {
  return Buffer.from([0xff, marker, ...word(bytes.length + 2), ...bytes])
}

function word(value: number): number[] {
  return [value >> 8, value & 0xff]
}
