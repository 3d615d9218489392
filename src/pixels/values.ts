/** Stored samples as numbers (PS3.5 §8.1.1, PS3.3 C.7.6.3.1). */
import type { PixelFormat } from '../dicom/pixel-format.ts'

/** Stored values of all samples, in their order: bits below and above those stored are gone, signs extended. */
export function storedValues(bytes: Uint8Array, format: PixelFormat): Float64Array | Int32Array {
  const count = format.Rows * format.Columns * format.SamplesPerPixel
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { BitsAllocated, isFloat } = format
  if (isFloat) {
    const wide = BitsAllocated === 64
    return Float64Array.from({ length: count }, (_, at) =>
      wide ? view.getFloat64(at * 8, true) : view.getFloat32(at * 4, true),
    )
  }
  if (BitsAllocated === 1)
    return Int32Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1)
  if (BitsAllocated === 64) return wideValues(view, count, format.isSigned)
  return integers(bytes, view, count, format)
}

function wideValues(view: DataView, count: number, isSigned: boolean): Float64Array {
  return Float64Array.from({ length: count }, (_, at) =>
    Number(isSigned ? view.getBigInt64(at * 8, true) : view.getBigUint64(at * 8, true)),
  )
}

function integers(
  bytes: Uint8Array,
  view: DataView,
  count: number,
  format: PixelFormat,
): Int32Array | Float64Array {
  // An unsigned number of 32 bits does not fit into the signed one.
  const out = format.BitsStored === 32 && !format.isSigned ? new Float64Array(count) : new Int32Array(count)
  const { BitsAllocated } = format
  for (let at = 0; at < count; at++) {
    const cell =
      BitsAllocated === 8
        ? (bytes[at] ?? 0)
        : BitsAllocated === 16
          ? view.getUint16(at * 2, true)
          : view.getInt32(at * 4, true)
    out[at] = storedValue(cell, format)
  }
  return out
}

/** The value that a cell of at most 32 bits has. */
export function storedValue(cell: number, { BitsStored, HighBit, isSigned }: PixelFormat): number {
  const above = 31 - HighBit
  const unused = 32 - BitsStored
  return isSigned ? (cell << above) >> unused : (cell << above) >>> unused
}

/** Cells of 8 or 16 bits as they lie there. */
export function cellsOf(
  bytes: Uint8Array,
  { Rows, Columns, BitsAllocated }: PixelFormat,
): Uint8Array | Uint16Array {
  const count = Rows * Columns
  if (BitsAllocated === 8) return bytes.subarray(0, count)
  // Numbers of 16 bits begin at even addresses, in the order of the processor: little endian wherever Node runs here.
  const even = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes)
  return new Uint16Array(even.buffer, even.byteOffset, count)
}

/**
 * The least and the greatest stored value, but for padding where the others tell values apart; [0, 0] where there is no
 * number at all.
 */
export function rangeOf(
  values: Float64Array | Int32Array | readonly number[],
  padding: readonly [number, number] | null,
): readonly [number, number] {
  let [least, greatest] = [Infinity, -Infinity]
  for (const value of values) {
    if (padding !== null && value >= padding[0] && value <= padding[1]) continue
    if (value < least) least = value
    if (value > greatest) greatest = value
  }
  if (padding !== null && !(least < greatest)) return rangeOf(values, null)
  return Number.isFinite(least) && Number.isFinite(greatest) ? [least, greatest] : [0, 0]
}
