/** How the makers of an image mean it to be looked at: what the data set says of its values and its grey scale. */
import type { DataElement, DataSet, Tag } from './data-set.ts'

/** A look-up table as the data set has it (PS3.3 C.11.1.1.1): its descriptor, and the element of its data. */
export interface LutElements {
  readonly entries: number
  readonly first: number
  readonly bits: number
  readonly data: DataElement
}

export interface Display {
  readonly modality:
    | { readonly kind: 'rescale'; readonly slope: number; readonly intercept: number }
    | { readonly kind: 'lut'; readonly lut: LutElements }
  readonly voi:
    | { readonly kind: 'window'; readonly center: number; readonly width: number; readonly shape: VoiShape }
    | { readonly kind: 'lut'; readonly lut: LutElements }
    | { readonly kind: 'full' }
  /** Presentation LUT Shape says INVERSE, or MONOCHROME1 without one. */
  readonly isInverse: boolean
  readonly palette: { readonly colours: readonly PaletteColour[] } | null
  readonly padding: readonly [number, number] | null
  /** ICC Profile, of the image or of its first optical path (PS3.3 C.11.15, C.8.12.5). */
  readonly profile: DataElement | null
}

export type VoiShape = 'linear' | 'linear-exact' | 'sigmoid'

export interface PaletteColour {
  readonly lut: LutElements
  /** The data are segments (PS3.3 C.7.9.2). */
  readonly isSegmented: boolean
}

const SHARED: Tag = '52009229'
const PER_FRAME: Tag = '52009230'
const PIXEL_VALUE_TRANSFORMATION: Tag = '00289145'
const FRAME_VOI_LUT: Tag = '00289132'
const LUT_DATA: Tag = '00283006'
const ICC_PROFILE: Tag = '00282000'
const OPTICAL_PATHS: Tag = '00480105'
const SHAPES: Readonly<Record<string, VoiShape>> = { LINEAR_EXACT: 'linear-exact', SIGMOID: 'sigmoid' }

/** Everything that {@link displayOf} reads, so that the rest of a large data set can be forgotten. */
export function displayElements(dataSet: DataSet): DataSet {
  const kept: DataSet = {}
  for (const [tag, element] of Object.entries(dataSet)) {
    if (tag.startsWith('0028') || tag === '20500020') kept[tag] = element
  }
  const [path] = itemsOf(dataSet, OPTICAL_PATHS)
  const profile = path?.[ICC_PROFILE]
  if (profile !== undefined) kept[OPTICAL_PATHS] = { vr: 'SQ', Value: [{ [ICC_PROFILE]: profile }] }
  for (const tag of [SHARED, PER_FRAME]) {
    const items = itemsOf(dataSet, tag)
    if (items.length > 0) kept[tag] = { vr: 'SQ', Value: items.map(groupsOf) }
  }
  return kept
}

function groupsOf(item: DataSet): DataSet {
  const groups: DataSet = {}
  for (const tag of [PIXEL_VALUE_TRANSFORMATION, FRAME_VOI_LUT]) {
    const element = item[tag]
    if (element !== undefined) groups[tag] = element
  }
  return groups
}

/** What the data set says of frame `n`, counted from 1: functional groups of the frame first, then shared ones, then the root. */
export function displayOf(dataSet: DataSet, n: number): Display {
  const frame = itemsOf(dataSet, PER_FRAME)[n - 1]
  const [shared] = itemsOf(dataSet, SHARED)
  const group = (tag: Tag): DataSet => {
    const [item] = [frame, shared].flatMap((item) => (item === undefined ? [] : itemsOf(item, tag)))
    return item ?? dataSet
  }
  const interpretation = text(dataSet, '00280004')
  return {
    modality: modalityOf(dataSet, group(PIXEL_VALUE_TRANSFORMATION)),
    voi: voiOf(dataSet, group(FRAME_VOI_LUT)),
    isInverse: isInverse(interpretation, text(dataSet, '20500020')),
    palette: interpretation === 'PALETTE COLOR' ? paletteOf(dataSet) : null,
    padding: paddingOf(dataSet),
    profile: dataSet[ICC_PROFILE] ?? itemsOf(dataSet, OPTICAL_PATHS)[0]?.[ICC_PROFILE] ?? null,
  }
}

function isInverse(interpretation: string, shape: string): boolean {
  return shape === '' ? interpretation === 'MONOCHROME1' : shape === 'INVERSE'
}

function modalityOf(root: DataSet, group: DataSet): Display['modality'] {
  const [item] = itemsOf(root, '00283000')
  const lut = item === undefined ? null : lutOf(item['00283002'], item[LUT_DATA])
  if (lut !== null) return { kind: 'lut', lut }
  const slope = number(group, '00281053')
  return {
    kind: 'rescale',
    slope: slope === undefined || slope === 0 ? 1 : slope,
    intercept: number(group, '00281052') ?? 0,
  }
}

/** The first window, else the first table: what is said first is what is meant to be seen first. */
function voiOf(root: DataSet, group: DataSet): Display['voi'] {
  const [center, width] = [number(group, '00281050'), number(group, '00281051')]
  const shape = SHAPES[text(group, '00281056')] ?? 'linear'
  if (center !== undefined && width !== undefined && width > 0)
    return { kind: 'window', center, width, shape }
  const [item] = itemsOf(root, '00283010')
  const lut = item === undefined ? null : lutOf(item['00283002'], item[LUT_DATA])
  return lut === null ? { kind: 'full' } : { kind: 'lut', lut }
}

function paletteOf(dataSet: DataSet): Display['palette'] {
  const colours = ['1', '2', '3'].flatMap((colour): PaletteColour[] => {
    const descriptor = dataSet[`0028110${colour}`]
    const plain = lutOf(descriptor, dataSet[`0028120${colour}`])
    if (plain !== null) return [{ lut: plain, isSegmented: false }]
    const segmented = lutOf(descriptor, dataSet[`0028122${colour}`])
    return segmented === null ? [] : [{ lut: segmented, isSegmented: true }]
  })
  return colours.length === 3 ? { colours } : null
}

function lutOf(descriptor: DataElement | undefined, data: DataElement | undefined): LutElements | null {
  const [entries, first, bits] = (descriptor?.Value ?? []).map(Number)
  if (entries === undefined || first === undefined || bits === undefined || data === undefined) return null
  if (![entries, first, bits].every(Number.isFinite) || bits < 1 || bits > 16) return null
  // 65,536 does not fit into the 16 bits of the descriptor; a signed reading of it is negative.
  return { entries: entries === 0 ? 65536 : entries < 0 ? entries + 65536 : entries, first, bits, data }
}

function paddingOf(dataSet: DataSet): Display['padding'] {
  const value = number(dataSet, '00280120')
  if (value === undefined) return null
  const limit = number(dataSet, '00280121') ?? value
  return [Math.min(value, limit), Math.max(value, limit)]
}

/** The entries of a table from its data: numbers, bytes of 16 bits, or of 8 where there are only so many. */
export function lutEntries({ entries, data }: LutElements, bytes: Buffer | null): Uint16Array {
  if (bytes === null) return Uint16Array.from((data.Value ?? []).slice(0, entries), Number)
  const isNarrow = bytes.length < entries * 2
  const count = Math.min(entries, isNarrow ? bytes.length : bytes.length >> 1)
  return Uint16Array.from({ length: count }, (_, at) =>
    isNarrow ? (bytes[at] ?? 0) : bytes.readUInt16LE(at * 2),
  )
}

const DISCRETE = 0
const LINEAR = 1
const INDIRECT = 2

/**
 * The members of segments, of 8 or 16 bits as the entries are; entries of 8 bits in words of 16 are common too, and told
 * by the size of the first segment, which is never 0.
 */
export function segmentsOf(bytes: Buffer, bits: number): Segments {
  if (bits <= 8 && bytes[1] !== 0) return bytes
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readUInt16LE(at * 2))
}

type Segments = Uint8Array | Uint16Array

/**
 * The entries that segments stand for (PS3.3 C.7.9.2): runs of values, lines from the value before, and repetitions of
 * segments that were there. Never more than the descriptor says.
 */
export function expandSegments(words: Segments, entries: number): Uint16Array {
  const expansion = { words, out: new Uint16Array(entries), length: 0 }
  expand(expansion, 0, { count: Infinity, isNested: false })
  return expansion.out
}

interface Expansion {
  readonly words: Segments
  readonly out: Uint16Array
  length: number
}

function expand(
  expansion: Expansion,
  from: number,
  { count, isNested }: { readonly count: number; readonly isNested: boolean },
): void {
  const { words, out } = expansion
  let at = from
  for (let segment = 0; segment < count && at < words.length && expansion.length < out.length; segment++) {
    const [kind, size = 0, low = 0] = words.subarray(at, at + 3)
    // It would add nothing, and repetitions of such could go on for hours.
    if (size === 0) return
    if (kind === DISCRETE) {
      out.set(
        words.subarray(at + 2, at + 2 + Math.min(size, out.length - expansion.length)),
        expansion.length,
      )
      expansion.length = Math.min(out.length, expansion.length + size)
      at += 2 + size
    } else if (kind === LINEAR) {
      drawLine(expansion, size, low)
      at += 3
    } else if (kind === INDIRECT && !isNested) {
      const place = words.subarray(at + 2, at + 2 + 4 / words.BYTES_PER_ELEMENT)
      expand(expansion, numberOf(place), { count: size, isNested: true })
      at += 2 + place.length
    } else return
  }
}

/** 32 bits, the lowest first. */
function numberOf(members: Segments): number {
  const base = 256 ** members.BYTES_PER_ELEMENT
  return [...members].reduceRight((sum, member) => sum * base + member, 0)
}

/** From the last value there is to `end`, in `size` steps. */
function drawLine(expansion: Expansion, size: number, end: number): void {
  const { out } = expansion
  const start = expansion.length === 0 ? 0 : (out[expansion.length - 1] ?? 0)
  for (let n = 1; n <= size && expansion.length < out.length; n++) {
    out[expansion.length++] = Math.round(start + ((end - start) * n) / size)
  }
}

function itemsOf(dataSet: DataSet, tag: Tag): DataSet[] {
  return (dataSet[tag]?.Value ?? []).filter(
    (item): item is DataSet => typeof item === 'object' && item !== null,
  )
}

function number(dataSet: DataSet, tag: Tag): number | undefined {
  const value = dataSet[tag]?.Value?.[0]
  const read = value === null || value === undefined || value === '' ? NaN : Number(value)
  return Number.isFinite(read) ? read : undefined
}

function text(dataSet: DataSet, tag: Tag): string {
  const value = dataSet[tag]?.Value?.[0]
  return typeof value === 'string' ? value : ''
}
