import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type * as JxlOxide from 'jxl-oxide-wasm'
import type { PixelFormat } from '../dicom/pixel-format.ts'
import { readJpegXlHead } from './jpeg-xl-head.ts'
import { checkSize, type Decoded } from './samples.ts'
import { isTrap, UndecodableError } from './undecodable.ts'

type Codec = typeof JxlOxide

let loaded: Promise<Codec> | undefined

/**
 * JPEG XL of integers up to 16 bits, with or without boxes; colours come out as RGB. A trap of the codec (an error of
 * WebAssembly) comes out as it is: the module cannot be loaded anew in this thread.
 */
export async function decodeJpegXl(bytes: Uint8Array, format: PixelFormat): Promise<Decoded> {
  const { width, height, bits } = readJpegXlHead(bytes)
  checkSize(format, width, height, format.SamplesPerPixel)
  loaded ??= load()
  return samplesOf(pngOf(bytes, await loaded), bits)
}

async function load(): Promise<Codec> {
  const codec = await import('jxl-oxide-wasm')
  const folder = dirname(createRequire(import.meta.url).resolve('jxl-oxide-wasm/package.json'))
  codec.initSync({ module: await readFile(join(folder, 'jxl_oxide_wasm_bg.wasm')) })
  return codec
}

/** The codec hands out its samples as PNG alone: of 8 bits, or of 16 where they have more. */
function pngOf(bytes: Uint8Array, { JxlImage }: Codec): Uint8Array {
  const image = new JxlImage()
  try {
    image.feedBytes(bytes)
    if (!image.tryInit() || !image.loaded) throw new UndecodableError('the compressed data ends early')
    // This frees the picture too.
    const png = image.render().encodeToPng()
    image.free()
    return png
  } catch (error) {
    if (isTrap(error)) throw error
    image.free()
    if (error instanceof UndecodableError) throw error
    throw new UndecodableError('the codec refuses the compressed data', { cause: error })
  }
}

async function samplesOf(png: Uint8Array, bits: number): Promise<Decoded> {
  const { default: sharp } = await import('sharp')
  // What the profile says is the business of who looks at it: these are the samples.
  const image = sharp(png, { ignoreIcc: true, limitInputPixels: false })
  const { depth, channels } = await image.metadata()
  const isWide = depth === 'ushort'
  const space = channels === 1 ? (isWide ? 'grey16' : 'b-w') : isWide ? 'rgb16' : 'srgb'
  const raw = image.toColourspace(space).raw({ depth: isWide ? 'ushort' : 'uchar' })
  const { data, info } = await raw.toBuffer({ resolveWithObject: true })
  return {
    width: info.width,
    height: info.height,
    components: info.channels,
    bits,
    isSigned: false,
    ...unstretched(data, bits, isWide),
  }
}

/** PNG has the largest sample at its own largest number, and all others in proportion. */
function unstretched(
  data: Buffer,
  bits: number,
  isWide: boolean,
): Pick<Decoded, 'samples' | 'bytesPerSample'> {
  const most = 2 ** bits - 1
  const scale = most / (isWide ? 65535 : 255)
  if (!isWide) {
    // A copy in any case: memory of libvips cannot change hands.
    const samples = Uint8Array.from(data, (value) => Math.round(value * scale))
    return { samples, bytesPerSample: 1 }
  }
  const values = new Uint16Array(data.buffer, data.byteOffset, data.length >> 1)
  const own = Uint16Array.from(values, (value) => Math.round(value * scale))
  return { samples: new Uint8Array(own.buffer), bytesPerSample: 2 }
}
