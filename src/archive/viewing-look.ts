/** How a frame becomes a picture, with the tables and the colour profile that its data set has for it. */
import { buffer } from 'node:stream/consumers'
import type { IndexedInstance } from '../database/ports/instance.ts'
import type { DataElement } from '../dicom/data-set.ts'
import {
  expandSegments,
  lutEntries,
  segmentsOf,
  type Display,
  type LutElements,
  type PaletteColour,
} from '../dicom/display.ts'
import type { Look, Lut } from '../pixels/ports.ts'
import type { Archive } from './archive.ts'
import { valueOf } from './retrieve.ts'

/** 65,536 entries of 16 bits, written as the shortest segments that there are (PS3.3 C.7.9.2). */
const MOST_OF_TABLE = 65_536 * 8
/** More than a file of JPEG can hold; of what is longer, the part is no profile. */
const MOST_OF_PROFILE = 16 * 1024 * 1024

/** Three of a palette for each of a dozen instances; 128 KiB each at most. */
const MOST_TABLES = 36

/** Tables by the element of their data, which stays the same object while the facts of an instance are remembered. */
export type Tables = (instance: IndexedInstance, colour: PaletteColour) => Promise<Lut>

/** The tables that were asked for last, so that a loop of frames reads them once. */
export function rememberTables(archive: Archive, most = MOST_TABLES): Tables {
  const known = new Map<DataElement, Promise<Lut>>()
  return (instance, colour) => {
    const { data } = colour.lut
    const table = known.get(data) ?? loadLut(archive, instance, colour)
    // A map keeps the order in which keys were set.
    known.delete(data)
    known.set(data, table)
    for (const oldest of known.keys()) {
      if (known.size <= most) break
      known.delete(oldest)
    }
    // What could not be read this time is tried anew the next.
    table.catch(() => known.get(data) === table && known.delete(data))
    return table
  }
}

/** The colour profile is read where it is wished for: it is large. */
export async function lookOf(
  { archive, tables }: { readonly archive: Archive; readonly tables: Tables },
  instance: IndexedInstance,
  display: Display,
  { withProfile }: { readonly withProfile: boolean },
): Promise<Look> {
  const { modality, voi, palette, isInverse, padding } = display
  const load = (lut: LutElements) => tables(instance, { lut, isSegmented: false })
  const [red, green, blue] = await Promise.all(
    (palette?.colours ?? []).map((colour) => tables(instance, colour)),
  )
  return {
    modality: modality.kind === 'lut' ? { kind: 'lut', lut: await load(modality.lut) } : modality,
    voi: voi.kind === 'lut' ? { kind: 'lut', lut: await load(voi.lut) } : voi,
    palette: red && green && blue ? { red, green, blue } : null,
    isInverse,
    padding,
    profile:
      withProfile && display.profile !== null
        ? await bytesOf(archive, instance, display.profile, MOST_OF_PROFILE)
        : null,
  }
}

async function loadLut(
  archive: Archive,
  instance: IndexedInstance,
  { lut, isSegmented }: PaletteColour,
): Promise<Lut> {
  const { data, first, bits, entries } = lut
  const bytes = isBinary(data) ? await bytesOf(archive, instance, data, MOST_OF_TABLE) : null
  if (!isSegmented) return { first, bits, entries: lutEntries(lut, bytes) }
  const segments = segmentsOf(bytes ?? Buffer.alloc(0), bits)
  return { first, bits, entries: expandSegments(segments, entries) }
}

/** A value, but no more of it than `most` bytes: an element can have 4 GiB. */
async function bytesOf(
  archive: Archive,
  instance: IndexedInstance,
  element: DataElement,
  most: number,
): Promise<Buffer> {
  const { length, open } = valueOf(archive, instance, element)
  return buffer(await open({ offset: 0, length: Math.min(length ?? most, most) }))
}

function isBinary({ InlineBinary, offset }: DataElement): boolean {
  return InlineBinary !== undefined || offset !== undefined
}
