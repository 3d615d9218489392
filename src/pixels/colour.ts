/** Colours as red, green and blue of eight bits, by pixel (PS3.3 C.7.6.3.1.2). */
import { frameBytes, type PixelFormat } from '../dicom/pixel-format.ts'
import { entryOf } from './grey.ts'
import type { Look, Lut } from './ports.ts'
import { byPixel } from './samples.ts'
import { UndecodableError } from './undecodable.ts'
import { storedValues } from './values.ts'

type Palette = NonNullable<Look['palette']>

/** A frame of palette indices. */
export function paletteFrame(
  bytes: Uint8Array,
  format: PixelFormat,
  { red, green, blue }: Palette,
): Uint8Array {
  const values = storedValues(bytes, format)
  const out = new Uint8Array(values.length * 3)
  const channels = [red, green, blue].map((lut) => ({ lut, shift: shiftOf(lut) }))
  channels.forEach(({ lut, shift }, channel) => {
    for (let at = 0; at < values.length; at++) out[at * 3 + channel] = entryOf(lut, values[at] ?? 0) >> shift
  })
  return out
}

/** Tables that claim 16 bits and use 8 of them are common; all of their entries would be black. */
function shiftOf({ entries, bits }: Lut): number {
  return bits > 8 && entries.some((entry) => entry > 0xff) ? bits - 8 : 0
}

/** A frame of three samples a pixel, as its Photometric Interpretation has them. */
export function colourFrame(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  const { PhotometricInterpretation: colours, BitsAllocated } = format
  const isHalf = bytes.length < frameBytes(format)
  if (isHalf && BitsAllocated !== 8) throw new UndecodableError('subsampled colours of more than eight bits')
  const whole = isHalf ? fromSubsampled(bytes, format) : pixelsOf(bytes, format)
  if (colours === 'RGB' || colours === 'YBR_RCT' || colours === 'YBR_ICT') return whole
  if (colours === 'YBR_FULL' || colours === 'YBR_FULL_422') return toRgb(whole, 0, 255 / 255)
  if (colours.startsWith('YBR_PARTIAL_42')) return toRgb(whole, 16, 255 / 219)
  throw new UndecodableError('colours of this photometric interpretation')
}

/** Samples by pixel, of eight bits. */
function pixelsOf(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  const { BitsStored, BitsAllocated, isPlanar, HighBit } = format
  if (isPlanar && BitsAllocated >= 8) {
    return pixelsOf(byPixel(bytes, 3, BitsAllocated / 8), { ...format, isPlanar: false })
  }
  if (BitsAllocated === 8 && BitsStored === 8 && HighBit === 7) return bytes
  const values = storedValues(bytes, format)
  const scale = 255 / (2 ** BitsStored - 1)
  return Uint8Array.from(values, (value) => Math.round(value * scale))
}

/** Two pixels in four bytes: Y1 Y2 Cb Cr. */
function fromSubsampled(bytes: Uint8Array, { Rows, Columns }: PixelFormat): Uint8Array {
  const pixels = Rows * Columns
  const out = new Uint8Array(pixels * 3)
  for (let pixel = 0; pixel < pixels; pixel++) {
    const pair = (pixel >> 1) * 4
    out[pixel * 3] = bytes[pair + (pixel & 1)] ?? 0
    out[pixel * 3 + 1] = bytes[pair + 2] ?? 0
    out[pixel * 3 + 2] = bytes[pair + 3] ?? 0
  }
  return out
}

/** YCbCr with all 256 values or, where `black` is 16, those of television (ITU-R BT.601). */
function toRgb(ybr: Uint8Array, black: number, gain: number): Uint8Array {
  const chroma = black === 0 ? 1 : 255 / 224
  const out = new Uint8ClampedArray(ybr.length)
  for (let at = 0; at + 2 < ybr.length; at += 3) {
    const y = ((ybr[at] ?? 0) - black) * gain
    const cb = ((ybr[at + 1] ?? 0) - 128) * chroma
    const cr = ((ybr[at + 2] ?? 0) - 128) * chroma
    out[at] = y + 1.402 * cr
    out[at + 1] = y - 0.344136 * cb - 0.714136 * cr
    out[at + 2] = y + 1.772 * cb
  }
  return new Uint8Array(out.buffer)
}
