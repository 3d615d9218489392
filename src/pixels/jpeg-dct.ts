/** From coefficients to samples of 12 bits (ISO/IEC 10918-1 Annex A). */
import type { Plane } from './jpeg-planes.ts'
import { UndecodableError } from './undecodable.ts'

/** Grey, and what is no colour. */
export const MIDDLE = 2048

/** Order of coefficients in the stream (ISO/IEC 10918-1 Figure A.6). */
const ZIGZAG = Uint8Array.of(
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
) // prettier-ignore

/** `BASIS[x * 8 + u]`: the inverse cosine transform in one direction (§A.3.3). */
const BASIS = Float64Array.from({ length: 64 }, (_, index) => {
  const [x, u] = [index >> 3, index & 7]
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16)
})

/** The samples of a component, of 12 bits, by line. */
export function samplesOf({ width, height, across, coefficients, quantization }: Plane): Uint16Array {
  if (quantization === undefined) throw new UndecodableError('a component or its table is missing')
  const out = new Uint16Array(width * height)
  const [block, half] = [new Float64Array(64), new Float64Array(64)]
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      const at = ((top >> 3) * across + (left >> 3)) * 64
      for (let k = 0; k < 64; k++) {
        block[ZIGZAG[k] ?? 0] = (coefficients[at + k] ?? 0) * (quantization[k] ?? 0)
      }
      inverse(block, half)
      putBlock(block, out, { left, top, width, height })
    }
  }
  return out
}

/** The inverse cosine transform, rows and then columns, in place. */
function inverse(block: Float64Array, half: Float64Array): void {
  for (let row = 0; row < 8; row++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0
      for (let u = 0; u < 8; u++) sum += (block[row * 8 + u] ?? 0) * (BASIS[x * 8 + u] ?? 0)
      half[row * 8 + x] = sum
    }
  }
  for (let column = 0; column < 8; column++) {
    for (let y = 0; y < 8; y++) {
      let sum = 0
      for (let v = 0; v < 8; v++) sum += (half[v * 8 + column] ?? 0) * (BASIS[y * 8 + v] ?? 0)
      block[y * 8 + column] = sum
    }
  }
}

function putBlock(
  samples: Float64Array,
  out: Uint16Array,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
): void {
  for (let y = 0; y < Math.min(8, height - top); y++) {
    for (let x = 0; x < Math.min(8, width - left); x++) {
      const value = (samples[y * 8 + x] ?? 0) + MIDDLE
      out[(top + y) * width + left + x] = clamped(value)
    }
  }
}

/** The nearest sample of 12 bits. */
export function clamped(value: number): number {
  return Math.max(0, Math.min(4095, Math.round(value)))
}
