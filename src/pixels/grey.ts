/** Stored values to grey: modality transform, values of interest, presentation (PS3.4 §N.2, PS3.3 C.11). */
import type { PixelFormat } from '../dicom/pixel-format.ts'
import type { Look, Lut, ModalityTransform, ValuesOfInterest } from './ports.ts'
import { cellsOf, rangeOf, storedValue, storedValues } from './values.ts'

type Transform = (value: number) => number

/** A frame of one sample a pixel in 256 greys, 0 black. */
export function greyFrame(bytes: Uint8Array, format: PixelFormat, look: Look): Uint8Array {
  const isNarrow = format.BitsAllocated === 8 || format.BitsAllocated === 16
  if (isNarrow && !format.isFloat) return byTable(cellsOf(bytes, format), format, look)
  const values = storedValues(bytes, format)
  const toGrey = greyOf(look, rangeOf(values, look.padding))
  const out = new Uint8Array(values.length)
  for (let at = 0; at < values.length; at++) out[at] = toGrey(values[at] ?? 0)
  return out
}

/** By a table of the cells that were met: no more than most frames have, and no number is worked out twice. */
function byTable(cells: Uint8Array | Uint16Array, format: PixelFormat, look: Look): Uint8Array {
  const isFull = look.voi.kind === 'full'
  const toGrey = greyOf(look, isFull ? rangeOfCells(cells, format, look.padding) : [0, 0])
  const table = tableFor(format, look)
  const out = new Uint8Array(cells.length)
  for (let at = 0; at < cells.length; at++) {
    const cell = cells[at] ?? 0
    const known = table[cell] ?? UNKNOWN
    if (known !== UNKNOWN) out[at] = known
    else {
      table[cell] = toGrey(storedValue(cell, format))
      out[at] = table[cell]
    }
  }
  return out
}

const UNKNOWN = -1
/** Of 128 KiB at most. */
const MOST_TABLES = 8
const tables = new Map<string, Int16Array>()

/** The pictures of a series have one look: then the table of the frame before goes on to be filled. */
function tableFor(format: PixelFormat, { modality, voi, isInverse }: Look): Int16Array {
  const { BitsAllocated, BitsStored, HighBit, isSigned } = format
  const empty = () => new Int16Array(2 ** BitsAllocated).fill(UNKNOWN)
  if (modality.kind !== 'rescale' || voi.kind !== 'window') return empty()
  const key = JSON.stringify([modality, voi, isInverse, BitsAllocated, BitsStored, HighBit, isSigned])
  const table = tables.get(key) ?? empty()
  // A map keeps the order in which keys were set.
  tables.delete(key)
  tables.set(key, table)
  for (const oldest of tables.keys()) {
    if (tables.size <= MOST_TABLES) break
    tables.delete(oldest)
  }
  return table
}

function rangeOfCells(
  cells: Uint8Array | Uint16Array,
  format: PixelFormat,
  padding: Look['padding'],
): readonly [number, number] {
  const isThere = new Uint8Array(2 ** format.BitsAllocated)
  for (const cell of cells) isThere[cell] = 1
  const values: number[] = []
  for (let cell = 0; cell < isThere.length; cell++) {
    if (isThere[cell] === 1) values.push(storedValue(cell, format))
  }
  return rangeOf(values, padding)
}

function greyOf({ modality, voi, isInverse }: Look, range: readonly [number, number]): Transform {
  const meaning = modalityOf(modality)
  const [one, other] = [meaning(range[0]), meaning(range[1])]
  const visible = visibleOf(voi, Math.min(one, other), Math.max(one, other))
  // Typed arrays take the integer part, and NaN for black.
  return (value) => {
    const grey = Math.round(Math.max(0, Math.min(255, visible(meaning(value)))))
    return isInverse ? 255 - grey : grey
  }
}

function modalityOf(transform: ModalityTransform): Transform {
  if (transform.kind === 'lut') return (value) => entryOf(transform.lut, value)
  const { slope, intercept } = transform
  return (value) => value * slope + intercept
}

function visibleOf(voi: ValuesOfInterest, least: number, greatest: number): Transform {
  if (voi.kind === 'full') {
    const span = greatest - least
    return (value) => (span > 0 ? ((value - least) / span) * 255 : 0)
  }
  if (voi.kind === 'lut') {
    const top = 2 ** voi.lut.bits - 1
    return (value) => (entryOf(voi.lut, value) / top) * 255
  }
  const { center, width, shape } = voi
  if (shape === 'sigmoid') return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width))
  if (shape === 'linear-exact') return (value) => ((value - center) / width + 0.5) * 255
  // A width of one is a threshold (PS3.3 C.11.2.1.2.1).
  if (width <= 1) return (value) => (value <= center - 0.5 ? 0 : 255)
  return (value) => ((value - (center - 0.5)) / (width - 1) + 0.5) * 255
}

/** The entry of a value: the first for all before, the last for all behind. */
export function entryOf({ first, entries }: Lut, value: number): number {
  const at = Math.max(0, Math.min(entries.length - 1, Math.round(value) - first))
  return entries[at] ?? 0
}
