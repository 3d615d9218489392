/** How a frame becomes a picture, with the tables and the colour profile that its data set has for it. */
import { buffer } from 'node:stream/consumers'
import type { IndexedInstance } from '../database/ports.ts'
import type { DataElement } from '../dicom/data-set.ts'
import {
  expandSegments,
  lutEntries,
  type Display,
  type LutElements,
  type PaletteColour,
} from '../dicom/display.ts'
import type { Look, Lut } from '../pixels/ports.ts'
import type { Archive } from './archive.ts'
import { valueOf } from './retrieve.ts'

/** The colour profile is read where it is wished for: it is large. */
export async function lookOf(
  archive: Archive,
  instance: IndexedInstance,
  display: Display,
  { withProfile }: { readonly withProfile: boolean },
): Promise<Look> {
  const { modality, voi, palette, isInverse, padding } = display
  const load = (lut: LutElements) => loadLut(archive, instance, { lut, isSegmented: false })
  const [red, green, blue] = await Promise.all(
    (palette?.colours ?? []).map((colour) => loadLut(archive, instance, colour)),
  )
  return {
    modality: modality.kind === 'lut' ? { kind: 'lut', lut: await load(modality.lut) } : modality,
    voi: voi.kind === 'lut' ? { kind: 'lut', lut: await load(voi.lut) } : voi,
    palette: red && green && blue ? { red, green, blue } : null,
    isInverse,
    padding,
    profile:
      withProfile && display.profile !== null
        ? await buffer(await valueOf(archive, instance, display.profile).open())
        : null,
  }
}

async function loadLut(
  archive: Archive,
  instance: IndexedInstance,
  { lut, isSegmented }: PaletteColour,
): Promise<Lut> {
  const { data, first, bits, entries } = lut
  const bytes = isBinary(data) ? await buffer(await valueOf(archive, instance, data).open()) : null
  if (!isSegmented) return { first, bits, entries: lutEntries(lut, bytes) }
  const words = lutEntries({ ...lut, entries: (bytes?.length ?? 0) >> 1 }, bytes)
  return { first, bits, entries: expandSegments(words, entries) }
}

function isBinary({ InlineBinary, offset }: DataElement): boolean {
  return InlineBinary !== undefined || offset !== undefined
}
