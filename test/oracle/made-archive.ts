/** Archives by chance: studies that contradict themselves, odd values, several writers. */
import { composeDataSet, type Attributes, type AttributeValue } from '../../src/dicom/compose.ts'
import type { DataElement, DataSet, ParsedInstance, Uid, Value, Vr } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { bare } from '../samples.ts'
import { withTellers, type Stored } from './archive.ts'
import * as pools from './pools.ts'
import type { Chance } from './random.ts'

/** One file, in a form that can be printed and kept. */
export interface Recipe {
  readonly attributes: Attributes
  readonly TransferSyntaxUID?: string
  readonly SpecificCharacterSet?: string
  readonly undefinedLengths?: boolean
}
/** Something done to the archive: a request of some files, or instances hidden or brought back. */
export type Step =
  { readonly store: readonly Recipe[] } | { readonly change: readonly Uid[]; readonly to: Stored['state'] }
export type Steps = readonly Step[]

const SYNTAXES = [
  '1.2.840.10008.1.2',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.1',
  '1.2.840.10008.1.2.2',
  '1.2.840.10008.1.2.1.99',
]
const CHARSETS = ['ISO_IR 192', 'ISO_IR 100', 'ISO_IR 144', 'ISO_IR 192', '']

export function bytesOf({ attributes, ...options }: Recipe): Buffer {
  return bare(attributes, options).bytes
}

/** What is in the archive after the requests: of instances with one UID the first stays (design §4). */
export function storedOf(steps: Steps): Stored[] {
  let archive: Stored[] = []
  for (const step of steps) {
    if ('store' in step) archive = withTellers([...archive, ...newOf(archive, step.store)])
    else {
      const moved = (one: Stored): Stored =>
        step.change.includes(one.instance) ? { ...one, state: step.to } : one
      archive = withTellers(archive.map(moved))
    }
  }
  return archive
}

function newOf(archive: readonly Stored[], recipes: readonly Recipe[]): Stored[] {
  const known = new Set(archive.map(({ instance }) => instance))
  return recipes.flatMap((recipe): Stored[] => {
    const parsed = readPart10(bytesOf(recipe))
    if (known.has(parsed.uids.instance)) return []
    known.add(parsed.uids.instance)
    return [storedAs(parsed)]
  })
}

/** A file as the archive has it, with what is made for each (design §6). */
export function storedAs({ uids, meta, dataSet, TransferSyntaxUID }: ParsedInstance): Stored {
  const made: DataSet = {
    '00080056': { vr: 'CS', Value: ['ONLINE'] },
    '00083002': { vr: 'UI', Value: [TransferSyntaxUID] },
  }
  return { ...uids, dataSet: { ...meta, ...dataSet, ...made }, state: 'active', tells: [] }
}

/** Requests that make an archive of some studies. */
export function makeArchive(luck: Chance, studies: number): Steps {
  const patients = Array.from({ length: 3 }, () => some(luck, pools.PATIENT, 60))
  const recipes: Recipe[] = []
  for (let study = 1; study <= studies; study++) {
    const StudyInstanceUID = luck.percent(20) ? `1.2.3.0${study}` : `1.2.3.${study}`
    const shared = { ...luck.pick(patients), ...some(luck, pools.STUDY, 70), StudyInstanceUID }
    const hidden = luck.percent(15)
    for (let series = 1 + luck.below(3); series > 0; series--) {
      const SeriesInstanceUID = luck.percent(15) ? '1.2.4.9' : `1.2.4.${study}.${series}`
      const own = {
        ...some(luck, pools.SERIES, 55),
        ...(hidden ? {} : { Modality: luck.pick(pools.MODALITIES) }),
      }
      // Now and then a series of more instances than an index lists values of, and a search looks at in one go.
      const count = luck.percent(3) ? 20 + luck.below(80) : 1 + luck.below(4)
      for (let instance = count; instance > 0; instance--) {
        const SOPInstanceUID = `1.2.5.${study}.${series}.${luck.percent(10) ? '0' : ''}${instance}`
        const uids = { SeriesInstanceUID, SOPInstanceUID, SOPClassUID: luck.pick(pools.CLASSES) }
        recipes.push(
          recipeOf(luck, { ...shared, ...own, ...uids, ...instanceOf(luck), ...conflictsOf(luck, patients) }),
        )
      }
    }
  }
  const shuffled = luck.percent(50) ? recipes : recipes.toSorted(() => luck.below(3) - 1)
  // Another file under a known UID goes aside, and nothing of it is found.
  if (luck.percent(30) && shuffled[0]) {
    const { attributes, ...options } = shuffled[0]
    shuffled.push({ ...options, attributes: { ...attributes, PatientName: 'Straggler' } })
  }
  return inSteps(luck, shuffled)
}

function inSteps(luck: Chance, recipes: readonly Recipe[]): Steps {
  const steps: Step[] = []
  let batch: Recipe[] = []
  const hiding = luck.percent(60)
  recipes.forEach((recipe, index) => {
    batch.push(recipe)
    if (index < recipes.length - 1 && !luck.percent(15)) return
    steps.push({ store: batch })
    batch = []
    if (!hiding) return
    const known = recipes.slice(0, index + 1).map(({ attributes }) => attributes['SOPInstanceUID'] as Uid)
    if (luck.percent(35))
      steps.push({
        change: luck.some(known, 15),
        to: luck.pick(['deleted', 'superseded', 'rejected', 'superseded']),
      })
    if (luck.percent(20)) steps.push({ change: luck.some(known, 10), to: 'active' })
  })
  return steps.filter((step) => 'store' in step || step.change.length > 0)
}

/** What makes an instance differ from its neighbours: another patient, or single attributes of any level. */
function conflictsOf(luck: Chance, patients: readonly Attributes[]): Attributes {
  const other = luck.percent(8) ? luck.pick(patients) : {}
  const single = luck.percent(25) ? some(luck, [...pools.PATIENT, ...pools.STUDY, ...pools.SERIES], 8) : {}
  const missing = luck.percent(10) ? { [luck.pick([...pools.PATIENT, ...pools.STUDY]).name]: undefined } : {}
  return { ...other, ...single, ...missing }
}

function instanceOf(luck: Chance): Attributes {
  return {
    ...some(luck, pools.INSTANCE, 35),
    ...(luck.percent(30) && { PixelRepresentation: luck.below(2) }),
    ...Object.fromEntries(luck.some(pools.SEQUENCES, 35).map((name) => [name, items(luck, 2)])),
    ...(luck.percent(40) ? privateBlock(luck) : {}),
    ...(luck.percent(10) ? privateBlock(luck) : {}),
    ...(luck.percent(3) && { SoftwareVersions: manyTexts(luck), SimpleFrameList: manyNumbers(luck) }),
    // So long that a data set is kept apart from those of its series.
    ...(luck.percent(1) && { TextValue: 'large '.repeat(50_000) }),
  }
}

function manyTexts(luck: Chance): string[] {
  return Array.from({ length: 60 + luck.below(20) }, (_, index) => `v${index}`)
}

function manyNumbers(luck: Chance): number[] {
  return Array.from({ length: 14 + luck.below(6) }, (_, index) => index + luck.below(2))
}

function recipeOf(luck: Chance, attributes: Attributes): Recipe {
  const defined = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
  const options = { TransferSyntaxUID: luck.pick(SYNTAXES), undefinedLengths: luck.percent(30) }
  const recipe = { attributes: defined, ...options, SpecificCharacterSet: luck.pick(CHARSETS) }
  try {
    bytesOf(recipe)
    return recipe
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { ...recipe, SpecificCharacterSet: 'ISO_IR 192' }
  }
}

function some(luck: Chance, from: readonly pools.Pooled[], often: number): Attributes {
  return Object.fromEntries(
    luck.some(from, often).map((attribute) => [attribute.name, valueOf(luck, attribute)]),
  )
}

function valueOf(luck: Chance, { name, vr, many }: pools.Pooled): AttributeValue {
  if (name === 'TimezoneOffsetFromUTC') return luck.pick(pools.ZONES)
  if (name === 'PatientID') return luck.pick(['A1', 'a1', 'A_1', '', 'P 1'])
  if (name === 'IssuerOfPatientID') return luck.pick(['', 'HOSP', 'hosp'])
  if (name === 'SmallestImagePixelValue') return luck.pick([0, 7])
  if (vr === 'OB')
    return { vr, InlineBinary: Buffer.alloc(luck.pick([2, 1400]), luck.below(250)).toString('base64') }
  const raw = rawElement(luck, vr, many === true)
  return raw
}

/** As odd as the pool has it: numbers keep their spelling. */
function rawElement(luck: Chance, vr: Vr, many: boolean): DataElement {
  if (luck.percent(2) && ['LO', 'SH', 'PN', 'UC', 'LT'].includes(vr))
    return { vr, undecoded: Buffer.from([0x41, 0xff, 0xfe, 0x42]).toString('base64') }
  const count = many ? 1 + luck.below(3) : 1
  const values = Array.from({ length: count }, () => luck.pick(pools.POOLS[vr]))
  const filled = values.map((value): Value =>
    value === '' ? null : vr === 'PN' ? nameOf(String(value)) : value,
  )
  return filled.length === 1 && filled[0] === null && vr !== 'FD' && vr !== 'FL'
    ? { vr }
    : { vr, Value: filled }
}

function nameOf(text: string): Value {
  const [Alphabetic, Ideographic, Phonetic] = text.split('=')
  return {
    ...(Alphabetic && { Alphabetic }),
    ...(Ideographic && { Ideographic }),
    ...(Phonetic && { Phonetic }),
  }
}

function items(luck: Chance, depth: number): Attributes[] {
  return Array.from({ length: luck.below(4) }, () => ({
    ...some(luck, pools.IN_ITEMS, 35),
    ...(depth > 0 && luck.percent(40) ? { [luck.pick(pools.INNER_SEQUENCES)]: items(luck, depth - 1) } : {}),
    ...(luck.percent(15) ? privateBlock(luck, 1) : {}),
  }))
}

/** Elements of a creator; its sequence has codes, and blocks of the same or other creators, within its items. */
function privateBlock(luck: Chance, depth = 2): Attributes {
  const [group, block] = [luck.pick(pools.GROUPS), luck.pick(pools.BLOCKS)]
  const elements = luck.some(pools.PRIVATE, 60).flatMap(({ element, vr }): [string, AttributeValue][] => {
    if (vr !== 'SQ') return [[`${group}${block}${element}`, rawElement(luck, vr, luck.percent(20))]]
    const Value = Array.from({ length: depth > 0 ? 1 + luck.below(2) : 0 }, () => ({
      ...(luck.percent(80) && { '00080100': rawElement(luck, 'SH', false) }),
      ...(luck.percent(30) && { '00080104': rawElement(luck, 'LO', false) }),
      ...(luck.percent(50) ? privateBlock(luck, depth - 1) : {}),
    }))
    return [[`${group}${block}${element}`, { vr, Value: Value.map(composeDataSet) }]]
  })
  return {
    [`${group}00${block}`]: { vr: 'LO', Value: [luck.pick(pools.CREATORS)] },
    ...Object.fromEntries(elements),
  }
}
