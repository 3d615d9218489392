import { composeDataSet, type Attributes } from '../../../src/dicom/compose.ts'
import { writeInstance } from '../../../src/dicom/writer.ts'
import type { Vr } from '../../../src/dicom/data-set.ts'
import { tagOf } from '../../../src/dicom/dictionary.ts'
import { instanceUid, ofSeries, ofStudy, seriesUid } from './made-attributes.ts'
import type { MadeSeries, Modality } from './made-archive.ts'
import { ofModality, SIDE } from './made-modalities.ts'

/** The file of the first instance of a series, and where the others differ from it: they are written over a copy. */
export interface Template {
  readonly series: MadeSeries
  readonly bytes: Buffer
  readonly places: readonly { readonly at: number; readonly length: number; readonly field: Field }[]
}

/** An attribute that differs from instance to instance. As text it is padded with spaces to the width it has in the template. */
interface Field {
  readonly tag: string
  readonly vr: Vr
  readonly width: number
  /** Of the `i`-th instance of the series, which is the `n`-th of the archive. */
  readonly value: (i: number, n: number, series: MadeSeries) => string | number
}

/** Millimetres between two slices. */
const STEP = 2.5
export const sliceLocation = (i: number): number => i * STEP - 600

/** A private number that few instances of an archive have in common. */
export const serialOf = (n: number): number => (n * 7919) % 99_991

const field = (keyword: string, vr: Vr, width: number, value: Field['value']): Field => ({
  tag: tagOf(keyword) ?? keyword,
  vr,
  width,
  value,
})
const clock = (i: number, from: number): string => {
  const second = (from + Math.floor(i / 4)) % 86_400
  const two = (value: number) => String(value).padStart(2, '0')
  return two(Math.floor(second / 3600)) + two(Math.floor(second / 60) % 60) + two(second % 60)
}
const moment = (i: number, from: number): string =>
  `${clock(i, from)}.${String((i * 257_321) % 1_000_000).padStart(6, '0')}`

const ALWAYS: readonly Field[] = [
  field('InstanceCreationTime', 'TM', 6, (i, _, { index }) => clock(i, index * 7)),
  field('ContentTime', 'TM', 13, (i, _, { index }) => moment(i, index * 7)),
  field('AcquisitionTime', 'TM', 13, (i, _, { index }) => moment(i, index * 7)),
  field('InstanceNumber', 'IS', 6, (i) => String(i + 1)),
  field('WindowCenter', 'DS', 6, (i) => String(40 + (i % 7) * 10)),
  field('WindowWidth', 'DS', 6, (i) => String(400 + (i % 5) * 50)),
  field('SmallestImagePixelValue', 'US', 2, (i) => i % 13),
  field('LargestImagePixelValue', 'US', 2, (_, n) => 2000 + (n % 1999)),
  field('00191002', 'DS', 10, (i) => (i * 0.125).toFixed(3)),
  field('00211002', 'IS', 8, (_, n) => String(serialOf(n))),
]
const SLICED: readonly Field[] = [
  field('SliceLocation', 'DS', 10, (i) => sliceLocation(i).toFixed(3)),
  field('ImagePositionPatient', 'DS', 30, (i) => `-180.000\\-180.000\\${sliceLocation(i).toFixed(3)}`),
]
const FIELDS: Readonly<Record<Modality, readonly Field[]>> = {
  CT: [
    ...ALWAYS,
    ...SLICED,
    field('XRayTubeCurrent', 'IS', 4, (_, n) => String(100 + ((n * 31) % 400))),
    field('Exposure', 'IS', 4, (_, n) => String(20 + ((n * 17) % 200))),
  ],
  MR: [...ALWAYS, ...SLICED, field('TriggerTime', 'DS', 8, (i) => (i * 12.5).toFixed(1))],
  PT: [
    ...ALWAYS,
    ...SLICED,
    field('ImageIndex', 'US', 2, (i) => i + 1),
    field('FrameReferenceTime', 'DS', 10, (i) => String(1000 + i * 100)),
  ],
  US: ALWAYS,
  DX: ALWAYS,
}

/** Encodes the first instance of a series; some tenths of a millisecond. */
export function templateOf(series: MadeSeries): Template {
  const uid = instanceUid(series.study.seed, series.first)
  const fields = FIELDS[series.modality]
  const fillers: Attributes = Object.fromEntries(
    fields.map(({ tag, vr, width }) => [tag, { vr, Value: [vr === 'US' ? 0 : ' '.repeat(width)] }]),
  )
  const dataSet = composeDataSet({
    ...ofStudy(series.study),
    ...ofSeries(series),
    ...ofModality(series),
    ReferencedImageSequence: [
      {
        ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
        ReferencedSOPInstanceUID: `${seriesUid(series)}.5`,
      },
    ],
    SOPInstanceUID: uid,
    ...fillers,
  })
  const bytes = writeInstance(dataSet, { pixels: { vr: 'OW', bytes: PIXELS } })
  const at = elementsOf(bytes)
  const uidField = field('SOPInstanceUID', 'UI', uid.length, (_, n) => instanceUid(series.study.seed, n))
  return {
    series,
    bytes,
    places: [
      ...occurrences(bytes, uid).map((place) => ({ at: place, length: uid.length, field: uidField })),
      ...fields.map((one) => ({ ...place(at, one.tag), field: one })),
    ],
  }
}

/** The file of the `n`-th instance of the archive, which is one of the template's series; microseconds. */
export function instanceOf({ series, bytes, places }: Template, n: number): Buffer {
  const file = Buffer.from(bytes)
  for (const { at, length, field } of places) {
    const value = field.value(n - series.first, n, series)
    if (typeof value === 'number') file.writeUInt16LE(value, at)
    else file.write(value.padEnd(length), at, 'latin1')
  }
  return file
}

const PIXELS = Buffer.from(
  Array.from({ length: SIDE * SIDE * 2 }, (_, index) => (index % 2 ? index % 16 : index)),
)

/** Where the SOP Instance UID is: in group 0002, and in the data set. */
function occurrences(bytes: Buffer, text: string): number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at)
  return found
}

function place(
  elements: ReadonlyMap<string, { at: number; length: number }>,
  tag: string,
): { at: number; length: number } {
  const found = elements.get(tag)
  if (found === undefined) throw new Error(`the template has no ${tag}`)
  return found
}

const LONG: ReadonlySet<string> = new Set(['OB', 'OW', 'SQ', 'UN', 'UT', 'UC', 'UR'])

/** Where the values of the data set's own elements lie in a file of ours: Explicit VR Little Endian, lengths counted. */
function elementsOf(bytes: Buffer): Map<string, { at: number; length: number }> {
  const found = new Map<string, { at: number; length: number }>()
  let at = 132
  while (at < bytes.length) {
    const hex = (offset: number) => bytes.readUInt16LE(offset).toString(16).padStart(4, '0').toUpperCase()
    const isLong = LONG.has(bytes.toString('latin1', at + 4, at + 6))
    const length = isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6)
    const value = at + (isLong ? 12 : 8)
    found.set(hex(at) + hex(at + 2), { at: value, length })
    at = value + length
  }
  return found
}
