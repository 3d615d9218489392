import { frameBytes, type PixelFormat } from '../dicom/pixel-format.ts'
import { UndecodableError } from './undecodable.ts'

/** What a codec made of one frame: samples by pixel, of one byte or of two in little endian. */
export interface Decoded {
  readonly width: number
  readonly height: number
  readonly components: number
  /** Bits that a sample has. */
  readonly bits: number
  readonly isSigned: boolean
  readonly bytesPerSample: 1 | 2
  readonly samples: Uint8Array
}

/** More than any detector or slide tile has; a few bytes of compressed data may claim anything. */
const MOST_FRAME_BYTES = 256 * 1024 * 1024

/** Bytes of a frame of this format; throws where no machine should try to hold it. */
export function expectedBytes(format: PixelFormat): number {
  const bytes = frameBytes(format)
  if (bytes > MOST_FRAME_BYTES) throw new UndecodableError(`a frame of ${bytes} bytes is too large`)
  return bytes
}

/** Checks the size that compressed data claims, before memory is taken for it. */
export function checkSize(format: PixelFormat, width: number, height: number, components: number): void {
  const { Rows, Columns, SamplesPerPixel } = format
  if (width !== Columns || height !== Rows || components !== SamplesPerPixel) {
    throw new UndecodableError('the compressed frame has another size than the data set says')
  }
}

/** The samples in cells of Bits Allocated, little endian: what native pixel data of the format would have. */
export function inCells(decoded: Decoded, format: PixelFormat): Uint8Array {
  checkSize(format, decoded.width, decoded.height, decoded.components)
  const count = format.Rows * format.Columns * format.SamplesPerPixel
  const { samples, bytesPerSample, bits, isSigned } = decoded
  if (samples.length < count * bytesPerSample) throw new UndecodableError('there are too few samples')
  const { BitsAllocated } = format
  if (bits > BitsAllocated) throw new UndecodableError('samples have more bits than are allocated')
  const own = samples.subarray(0, count * bytesPerSample)
  if (bytesPerSample * 8 === BitsAllocated) return own
  if (BitsAllocated === 8) return Uint8Array.from({ length: count }, (_, at) => own[at * 2] ?? 0)
  if (BitsAllocated !== 16 && BitsAllocated !== 32) throw new UndecodableError('cells of such a size')
  return widened(own, bytesPerSample, { isSigned, cell: BitsAllocated / 8, count })
}

function widened(
  samples: Uint8Array,
  bytesPerSample: 1 | 2,
  { isSigned, cell, count }: { isSigned: boolean; cell: number; count: number },
): Uint8Array {
  const out = new Uint8Array(count * cell)
  for (let at = 0; at < count; at++) {
    const last = samples[at * bytesPerSample + bytesPerSample - 1] ?? 0
    const fill = isSigned && last > 0x7f ? 0xff : 0
    for (let byte = 0; byte < cell; byte++) {
      out[at * cell + byte] = byte < bytesPerSample ? (samples[at * bytesPerSample + byte] ?? 0) : fill
    }
  }
  return out
}

/** Samples that lie colour by colour, put by pixel. */
export function byPixel(planes: Uint8Array, components: number, bytesPerSample: number): Uint8Array {
  const out = new Uint8Array(planes.length)
  const pixels = planes.length / components / bytesPerSample
  for (let plane = 0; plane < components; plane++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const from = (plane * pixels + pixel) * bytesPerSample
      const to = (pixel * components + plane) * bytesPerSample
      for (let byte = 0; byte < bytesPerSample; byte++) out[to + byte] = planes[from + byte] ?? 0
    }
  }
  return out
}

/** One bit a sample, the first in the lowest bit (PS3.5 §8.1.1). */
export function packed(samples: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(samples.length / 8))
  for (let at = 0; at < samples.length; at++) {
    if (samples[at] !== 0) out[at >> 3] = (out[at >> 3] ?? 0) | (1 << (at & 7))
  }
  return out
}
