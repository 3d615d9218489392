import type { PixelFormat } from '../dicom/pixel-format.ts'
import { readHead, type JpegHead } from './jpeg-markers.ts'
import { byPixel, checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

/** A module that is loaded when it is first needed, and anew after a failure, which leaves its memory as it fell. */
interface Lazy<M> {
  readonly load: () => Promise<M>
  loaded: Promise<M> | undefined
}

/**
 * The codecs print what they think of a stream; nobody reads it. A new object each time: what is loaded makes its module
 * of it.
 */
function quiet(): object {
  return { print: () => undefined, printErr: () => undefined }
}

const jpegModule = lazy(async () =>
  (await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')).default(quiet()),
)
const jpegLsModule = lazy(async () =>
  (await import('@cornerstonejs/codec-charls/decodewasmjs')).default(quiet()),
)
const jpeg2000Module = lazy(async () =>
  (await import('@cornerstonejs/codec-openjpeg/decodewasmjs')).default(quiet()),
)
const htModule = lazy(async () => (await import('@cornerstonejs/codec-openjph/wasmjs')).default(quiet()))

function lazy<M>(load: () => Promise<M>): Lazy<M> {
  return { load, loaded: undefined }
}

async function guarded<M>(module: Lazy<M>, decode: (module: M) => Decoded): Promise<Decoded> {
  module.loaded ??= module.load()
  const loaded = await module.loaded
  try {
    return decode(loaded)
  } catch (error) {
    module.loaded = undefined
    if (error instanceof UndecodableError) throw error
    // Exceptions of C++ are numbers, its traps are errors of WebAssembly: what they say is of no use outside.
    throw new UndecodableError('the codec refuses the compressed data', { cause: error })
  }
}

/** Sequential and progressive JPEG of 8 bits; colours come out as RGB. */
export function decodeJpeg(bytes: Uint8Array, format: PixelFormat): Promise<Decoded> {
  const head = readHead(bytes)
  const { precision, width, height, components } = head.frame
  if (precision !== 8) throw new UndecodableError(`JPEG of ${precision} bits`)
  checkSize(format, width, height, components.length)
  return guarded(jpegModule, ({ JPEGDecoder }) => run(new JPEGDecoder(), withColours(bytes, head, format)))
}

/**
 * Where neither marker nor names of components tell the colours, the decoder would guess YBR; PS3.5 §8.2.1 has
 * Photometric Interpretation tell. An Adobe marker (transform 0) says RGB.
 */
function withColours(bytes: Uint8Array, { colours }: JpegHead, format: PixelFormat): Uint8Array {
  if (format.SamplesPerPixel !== 3 || colours !== 'untold' || format.PhotometricInterpretation !== 'RGB')
    return bytes
  const marker = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0]
  return Buffer.concat([bytes.subarray(0, 2), Buffer.from(marker), bytes.subarray(2)])
}

/** JPEG-LS, lossless and near-lossless. */
export function decodeJpegLs(bytes: Uint8Array, format: PixelFormat): Promise<Decoded> {
  const { frame } = readHead(bytes)
  checkSize(format, frame.width, frame.height, frame.components.length)
  return guarded(jpegLsModule, ({ JpegLSDecoder }) => {
    const decoder = new JpegLSDecoder()
    const decoded = run(decoder, bytes, () => decoder.getInterleaveMode())
    if (decoded.interleave !== 0 || decoded.components === 1) return decoded
    return { ...decoded, samples: byPixel(decoded.samples, decoded.components, decoded.bytesPerSample) }
  })
}

/** JPEG 2000 Part 1; a colour transform within the stream is undone. */
export function decodeJpeg2000(bytes: Uint8Array, format: PixelFormat): Promise<Decoded> {
  checkCodestream(bytes, format)
  return guarded(jpeg2000Module, ({ J2KDecoder }) => run(new J2KDecoder(), bytes))
}

/** High-Throughput JPEG 2000 (ISO/IEC 15444-15). */
export function decodeHighThroughput(bytes: Uint8Array, format: PixelFormat): Promise<Decoded> {
  checkCodestream(bytes, format)
  return guarded(htModule, ({ HTJ2KDecoder }) => run(new HTJ2KDecoder(), bytes))
}

/**
 * The size and the components that SIZ claims (ISO/IEC 15444-1 §A.5.1), before the codec takes memory for it, and the end
 * of the stream: a codec would make a coarse picture of half of it and say nothing.
 */
function checkCodestream(bytes: Uint8Array, format: PixelFormat): void {
  const stream = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = stream.indexOf(Buffer.of(0xff, 0x4f, 0xff, 0x51))
  if (start < 0 || start + 42 > stream.length) throw new UndecodableError('the frame is no JPEG 2000')
  const end = stream.lastIndexOf(Buffer.of(0xff, 0xd9))
  if (end < stream.length - 16) throw new UndecodableError('the compressed data ends early')
  const [width, height] = [8, 12].map(
    (at) => stream.readUInt32BE(start + at) - stream.readUInt32BE(start + at + 8),
  )
  const components = stream.readUInt16BE(start + 40)
  checkSize(format, width ?? 0, height ?? 0, components)
  const sampling = stream.subarray(start + 42, start + 42 + components * 3)
  // The codecs take the first for all: of smaller ones they would read on, into what frames before have left there.
  const areAlike = sampling.every((byte, at) => (at % 3 === 0 ? byte === sampling[0] : byte === 1))
  if (!areAlike) throw new UndecodableError('components of different kinds in JPEG 2000')
}

/** Puts the bytes in, decodes, and takes a copy of the samples out. */
function run(
  decoder: WasmDecoder,
  bytes: Uint8Array,
  interleaveOf = () => 2,
): Decoded & { readonly interleave: number } {
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes)
    decoder.decode()
    const { width, height, componentCount, bitsPerSample, isSigned = false } = decoder.getFrameInfo()
    const bytesPerSample = bitsPerSample > 8 ? 2 : 1
    const samples = new Uint8Array(decoder.getDecodedBuffer())
    if (bitsPerSample > 16) throw new UndecodableError(`samples of ${bitsPerSample} bits`)
    return {
      width,
      height,
      components: componentCount,
      bits: bitsPerSample,
      isSigned,
      bytesPerSample,
      samples,
      interleave: interleaveOf(),
    }
  } finally {
    decoder.delete()
  }
}
