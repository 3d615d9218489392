import type { PixelFormat } from '../dicom/pixel-format.ts'
import { expectedBytes } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

const HEADER = 64
const MOST_SEGMENTS = 15

/**
 * One RLE frame (PS3.5 Annex G): segments of PackBits, one for each byte of each sample, most significant first. Gives
 * samples by pixel in little endian. Segments are read within their bounds and never give more than the frame has.
 */
export function decodeRle(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // Cells of one bit are compressed eight at a time, as they lie in native pixel data.
  const cell = Math.max(8, format.BitsAllocated) / 8
  const segments = format.SamplesPerPixel * cell
  if (!Number.isInteger(cell) || segments > MOST_SEGMENTS) throw new UndecodableError('cells of such a size')
  if (bytes.length < HEADER || view.getUint32(0, true) !== segments) {
    throw new UndecodableError(`the frame has not ${segments} segments`)
  }
  const out = new Uint8Array(expectedBytes(format))
  for (let segment = 0; segment < segments; segment++) {
    const from = view.getUint32(4 + segment * 4, true)
    const to = segment + 1 < segments ? view.getUint32(8 + segment * 4, true) : bytes.length
    if (from < HEADER || from > to || to > bytes.length) throw new UndecodableError('a segment lies outside')
    const byte = cell - 1 - (segment % cell)
    unpack(bytes.subarray(from, to), out, Math.floor(segment / cell) * cell + byte, segments)
  }
  return out
}

/** PackBits (PS3.5 §G.3.1) into every `step`-th byte of `out` from `at` on; all of them have to come. */
function unpack(segment: Uint8Array, out: Uint8Array, at: number, step: number): void {
  let [from, to] = [0, at]
  while (to < out.length) {
    const control = segment[from++]
    if (control === undefined) throw new UndecodableError('a segment ends early')
    if (control === 0x80) continue
    const isRun = control > 0x80
    const count = isRun ? 257 - control : control + 1
    if (from + (isRun ? 1 : count) > segment.length) throw new UndecodableError('a segment ends early')
    for (let n = 0; n < count && to < out.length; n++) {
      out[to] = segment[isRun ? from : from + n] ?? 0
      to += step
    }
    from += isRun ? 1 : count
  }
}
