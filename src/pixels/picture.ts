import sharp, { type Sharp } from 'sharp'
import type { PixelFormat } from '../dicom/pixel-format.ts'
import { annotated } from './annotate.ts'
import { colourFrame, paletteFrame } from './colour.ts'
import { greyFrame } from './grey.ts'
import { isRgbProfile, withProfile } from './icc.ts'
import type { Look, PictureWish } from './ports.ts'
import { UndecodableError } from './undecodable.ts'

// One job a thread; libvips would take every core for each, and its cache is ours to bound.
sharp.concurrency(1)
sharp.cache(false)

/** libjpeg takes no more, though the format has 65,535. */
const LONGEST_JPEG_SIDE = 65_500

/** A native frame as a picture file. Throws {@link UndecodableError} for what cannot be one. */
export async function pictureOf(
  frame: Uint8Array,
  format: PixelFormat,
  look: Look,
  wish: PictureWish,
): Promise<Uint8Array> {
  checkJpeg(format, wish)
  const { pixels, channels } = shown(frame, format, look)
  const raw = { width: format.Columns, height: format.Rows, channels }
  const limits = { limitInputPixels: false, raw }
  const whole = sharp(Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength), limits)
  const image = await annotated(fitted(whole, wish), channels, wish.annotation)
  if (channels === 1 || wish.profile === 'none') return encoded(image, channels, wish)
  const profile = look.profile !== null && isRgbProfile(look.profile) ? look.profile : null
  return inColours(image, profile, wish)
}

function checkJpeg({ Rows, Columns }: PixelFormat, { media, region, box }: PictureWish): void {
  const { width, height } = box ?? region ?? { width: Columns, height: Rows }
  if (media === 'image/jpeg' && Math.max(width, height) > LONGEST_JPEG_SIDE) {
    throw new UndecodableError(`JPEG has no side of more than ${LONGEST_JPEG_SIDE} pixels`)
  }
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
  // Red and blue of half the size would smear annotations and flow. Huffman tables of its own would make a picture smaller
  // by a twentieth, and take as long as all the rest.
  return inSpace.jpeg({ quality, chromaSubsampling: '4:4:4', optimiseCoding: false }).toBuffer()
}

/** Colours with the profile that is wished for; where the frame has none, they are taken for sRGB. */
async function inColours(image: Sharp, profile: Uint8Array | null, wish: PictureWish): Promise<Buffer> {
  if (wish.profile === 'own' && profile !== null) {
    return withProfile(await encoded(image, 3, wish), wish.media, profile)
  }
  if (profile === null) return encoded(image.withIccProfile('srgb'), 3, wish)
  // libvips takes a profile only from within a file.
  const file = withProfile(await image.png({ compressionLevel: 0 }).toBuffer(), 'image/png', profile)
  return encoded(sharp(file, { limitInputPixels: false }).withIccProfile('srgb'), 3, wish)
}
