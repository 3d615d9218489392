import type { DataElement, Value, Vr } from './data-set.ts'
import { tagText } from './dictionary.ts'
import type { VrRule } from './element-vr.ts'

/** A binary value of more bytes than this is given by its place in the file. */
export const MOST_INLINE = 1024

type ReadNumber = (view: DataView, at: number, little: boolean) => Value

/** How one number of each numeric VR is read (PS3.5 §6.2, PS3.18 §F.2.3). */
const READ: Partial<Record<Vr, ReadNumber>> = {
  US: (view, at, little) => view.getUint16(at, little),
  SS: (view, at, little) => view.getInt16(at, little),
  AT: (view, at, little) => tagText(view.getUint16(at, little) * 0x10000 + view.getUint16(at + 2, little)),
  UL: (view, at, little) => view.getUint32(at, little),
  SL: (view, at, little) => view.getInt32(at, little),
  FL: (view, at, little) => jsonNumber(shortestFloat(view.getFloat32(at, little))),
  FD: (view, at, little) => jsonNumber(view.getFloat64(at, little)),
  SV: (view, at, little) => jsonInteger(view.getBigInt64(at, little)),
  UV: (view, at, little) => jsonInteger(view.getBigUint64(at, little)),
}

/**
 * The values of a numeric VR of `width` bytes each at `start` to `end`, or undefined when that is no whole number of
 * them. Integers of SV and UV that a double cannot hold are decimal text; NaN is null and infinity the greatest double,
 * as dcm4che writes them, because JSON has neither.
 */
export function readNumbers(
  { vr, width }: VrRule,
  view: DataView,
  start: number,
  end: number,
  little: boolean,
): Value[] | undefined {
  const read = READ[vr]
  const step = vr === 'AT' ? 4 : width
  if (read === undefined || (end - start) % step !== 0) return undefined
  if (end - start === step) return [read(view, start, little)]
  const values: Value[] = []
  for (let at = start; at < end; at += step) values.push(read(view, at, little))
  return values
}

/** A short binary value; its words come out little endian (PS3.18 §F.2.7). */
export function inlineBinary({ vr, width }: VrRule, bytes: Buffer, bigEndian: boolean): DataElement {
  if (bytes.length === 0) return { vr }
  if (!bigEndian || width === 1 || bytes.length % width !== 0) {
    return { vr, InlineBinary: bytes.toString('base64') }
  }
  const swapped = Buffer.from(bytes)
  if (width === 2) swapped.swap16()
  else if (width === 4) swapped.swap32()
  else swapped.swap64()
  return { vr, InlineBinary: swapped.toString('base64') }
}

function jsonNumber(number: number): number | null {
  if (Number.isFinite(number)) return number === 0 ? 0 : number
  if (Number.isNaN(number)) return null
  return number > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE
}

function jsonInteger(integer: bigint): number | string {
  const number = Number(integer)
  return Number.isSafeInteger(number) ? number : integer.toString()
}

/** Below this, a float32 has fewer digits than the others. */
const LEAST_NORMAL = 2 ** -126

/** The double whose decimal text is the shortest that comes back as the same float32: 0.1, not 0.10000000149011612. */
function shortestFloat(single: number): number {
  const size = Math.abs(single)
  if (!Number.isFinite(single) || (size < 2 ** 24 && Number.isInteger(single))) return single
  for (let digits = size < LEAST_NORMAL ? 1 : 6; digits < 9; digits++) {
    const number = Number(single.toPrecision(digits))
    if (Math.fround(number) === single) return number
  }
  return Number(single.toPrecision(9))
}
