import sharp, { type Sharp } from 'sharp'
import type { PixelFormat } from '../dicom/pixel-format.ts'
import { colourFrame, paletteFrame } from './colour.ts'
import { greyFrame } from './grey.ts'
import type { Look, PictureWish } from './ports.ts'
import { UndecodableError } from './undecodable.ts'

// One job a thread; libvips would take every core for each, and its cache is ours to bound.
sharp.concurrency(1)
sharp.cache(false)

/** A native frame as a picture file. */
export async function pictureOf(
  frame: Uint8Array,
  format: PixelFormat,
  look: Look,
  wish: PictureWish,
): Promise<Uint8Array> {
  const { pixels, channels } = shown(frame, format, look)
  const raw = { width: format.Columns, height: format.Rows, channels }
  const limits = { limitInputPixels: false, raw }
  const whole = sharp(Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength), limits)
  return encoded(fitted(whole, wish), channels, wish)
}

function shown(frame: Uint8Array, format: PixelFormat, look: Look): { pixels: Uint8Array; channels: 1 | 3 } {
  const { PhotometricInterpretation: interpretation, SamplesPerPixel } = format
  if (SamplesPerPixel === 3) return { pixels: colourFrame(frame, format), channels: 3 }
  if (interpretation === 'PALETTE COLOR') {
    if (look.palette === null) throw new UndecodableError('the palette is missing')
    return { pixels: paletteFrame(frame, format, look.palette), channels: 3 }
  }
  return { pixels: greyFrame(frame, format, look), channels: 1 }
}

/** The region first, then its size (PS3.18 §8.3.5.1.3). */
function fitted(image: Sharp, { region, box }: PictureWish): Sharp {
  let cut = image
  if (region !== null) {
    const { left, top, width, height } = region
    cut = cut.extract({ left, top, width, height })
    if (region.isMirrored) cut = cut.flop()
    if (region.isUpsideDown) cut = cut.flip()
  }
  return box === null ? cut : cut.resize({ ...box, fit: 'inside' })
}

function encoded(image: Sharp, channels: 1 | 3, { media, quality }: PictureWish): Promise<Buffer> {
  const inSpace = channels === 1 ? image.toColourspace('b-w') : image
  if (media === 'image/png') return inSpace.png({ compressionLevel: 6 }).toBuffer()
  if (media === 'image/gif') return inSpace.gif({ dither: 0 }).toBuffer()
  // Red and blue of half the size would smear annotations and flow.
  return inSpace.jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer()
}
