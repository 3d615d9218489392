import type { DataSet, Uid } from '../../dicom/data-set.ts'
import type { JsonObject } from '../ports.ts'
import { bodySite } from './body-site.ts'
import { canonical } from './canonical.ts'
import { coding } from './coding.ts'
import type { InstanceRow } from './facts.ts'
import { entitySystem } from './identifiers.ts'
import { people } from './person.ts'
import type { MappingSettings } from './settings.ts'
import { startedAt } from './started.ts'
import { items, text, unsigned } from './values.ts'

/** What is said of the series by its first received instance. */
export interface SeriesTuple {
  readonly number: number | undefined
  readonly modality: string
  readonly description: string
  readonly bodySite: JsonObject | undefined
  /** Of the series (0020,0060); `''` where only its images may tell. */
  readonly laterality: string
  readonly started: string | undefined
  readonly performers: readonly JsonObject[]
}

export interface InstanceFacts {
  readonly uid: Uid
  readonly sopClass: Uid
  readonly number: number | undefined
  readonly title: string
  readonly frames: number | undefined
}

export interface SeriesFacts {
  readonly uid: Uid
  tuple: SeriesTuple | null
  tupleId: number
  /** Image Laterality (0020,0062) and Frame Laterality (0020,9072) of the instances, `''` for those without. */
  readonly lateralities: Set<string>
  /** Earliest acquisition, for series without date: compared as text, all made by the same rule. */
  acquired: string | undefined
  readonly specimens: Map<string, JsonObject>
  readonly instances: InstanceFacts[]
}

/** The facts of a series, begun when its first instance comes. */
export function seriesOf(known: Map<Uid, SeriesFacts>, uid: Uid): SeriesFacts {
  let facts = known.get(uid)
  if (!facts) {
    facts = {
      uid,
      tuple: null,
      tupleId: Number.POSITIVE_INFINITY,
      lateralities: new Set(),
      acquired: undefined,
      specimens: new Map(),
      instances: [],
    }
    known.set(uid, facts)
  }
  return facts
}

export function addSeriesInstance(
  facts: SeriesFacts,
  row: InstanceRow,
  dataSet: DataSet,
  settings: MappingSettings,
): void {
  if (row.id < facts.tupleId) {
    facts.tuple = seriesTuple(dataSet, settings)
    facts.tupleId = row.id
  }
  for (const side of imageSides(dataSet)) facts.lateralities.add(side)
  const acquired = acquisition(dataSet, settings)
  if (acquired !== undefined && (facts.acquired === undefined || acquired < facts.acquired)) {
    facts.acquired = acquired
  }
  for (const specimen of specimens(dataSet, settings)) facts.specimens.set(canonical(specimen), specimen)
  facts.instances.push({
    uid: row.uids.instance,
    sopClass: row.SOPClassUID,
    number: unsigned(dataSet, '00200013'),
    title: title(row.SOPClassUID, dataSet),
    frames: unsigned(dataSet, '00280008'),
  })
}

function seriesTuple(dataSet: DataSet, settings: MappingSettings): SeriesTuple {
  return {
    number: unsigned(dataSet, '00200011'),
    modality: text(dataSet, '00080060'),
    description: text(dataSet, '0008103E'),
    bodySite: anatomy(dataSet) ?? bodySite(text(dataSet, '00180015')),
    laterality: text(dataSet, '00200060'),
    started: startedAt(
      text(dataSet, '00080021'),
      text(dataSet, '00080031'),
      text(dataSet, '00080201'),
      settings.zone,
    ),
    performers: performers(dataSet, settings),
  }
}

/** Frame Anatomy Sequence (0020,9071) of all frames and of each, where an image is an enhanced multi-frame one. */
function frameAnatomies(dataSet: DataSet): DataSet[] {
  return ['52009229', '52009230'].flatMap((groups) =>
    items(dataSet, groups).flatMap((group) => items(group, '00209071')),
  )
}

/** The sides that the images of an instance say they show. */
function imageSides(dataSet: DataSet): Set<string> {
  const own = text(dataSet, '00200062')
  const frames = own === '' ? frameAnatomies(dataSet).map((one) => text(one, '00209072')) : []
  return new Set(frames.length === 0 ? [own] : frames)
}

/**
 * Anatomic Region Sequence (0008,2218), of the image or of its frames, says it better than Body Part Examined where it is
 * coded in SNOMED CT.
 */
function anatomy(dataSet: DataSet): JsonObject | undefined {
  const [region] = [dataSet, ...frameAnatomies(dataSet)].flatMap((place) => items(place, '00082218'))
  const coded = region && coding(region, dataSet)
  return coded?.['system'] === 'http://snomed.info/sct' ? coded : undefined
}

/** Acquisition DateTime (0008,002A), else Acquisition Date and Time (0008,0022), (0008,0032). */
function acquisition(dataSet: DataSet, settings: MappingSettings): string | undefined {
  const own = text(dataSet, '00080201')
  const moment = /^(\d{8})(\d{4,6}(?:\.\d{1,6})?)?([+-]\d{4})?$/u.exec(text(dataSet, '0008002A'))
  if (moment) return startedAt(moment[1] ?? '', moment[2] ?? '', moment[3] ?? own, settings.zone)
  return startedAt(text(dataSet, '00080022'), text(dataSet, '00080032'), own, settings.zone)
}

const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType'

/** Performing physician, operator and equipment. */
function performers(dataSet: DataSet, settings: MappingSettings): JsonObject[] {
  const device = [text(dataSet, '00080070'), text(dataSet, '00081090')]
    .filter((part) => part !== '')
    .join(' ')
  return [
    ...people(dataSet, ['00081050', '00081052'], settings).map((person) => performer('PRF', person)),
    ...people(dataSet, ['00081070', '00081072'], settings).map((person) => performer('SPRF', person)),
    ...(device === '' ? [] : [performer('DEV', { display: device })]),
  ]
}

function performer(code: string, actor: JsonObject): JsonObject {
  return { function: { coding: [{ system: PARTICIPATION, code }] }, actor }
}

/** Specimens of a slide, as logical references: Specimen Description Sequence (0040,0560). */
function specimens(dataSet: DataSet, settings: MappingSettings): JsonObject[] {
  return items(dataSet, '00400560').flatMap((item) => {
    const id = text(item, '00400551')
    const uid = text(item, '00400554')
    const issuer = items(item, '00400562')[0]
    const system = issuer && entitySystem(issuer, settings)
    if (id !== '') return [logicalSpecimen({ ...(system !== undefined && { system }), value: id })]
    return uid === '' ? [] : [logicalSpecimen({ system: 'urn:ietf:rfc:3986', value: `urn:oid:${uid}` })]
  })
}

function logicalSpecimen(identifier: JsonObject): JsonObject {
  return { type: 'Specimen', identifier }
}

const STORAGE = '1.2.840.10008.5.1.4.1.1'

/** Only documents and presentation states have a title; plain images have none. */
function title(sopClass: Uid, dataSet: DataSet): string {
  if (sopClass.startsWith(`${STORAGE}.88.`)) {
    // Structured reports and key object selections: meaning of the document title, Concept Name Code Sequence.
    const name = items(dataSet, '0040A043')[0]
    return name ? text(name, '00080104') : ''
  }
  // Presentation states: Content Label. The mapping table of ImagingStudy prints (0007,0080) for it.
  if (sopClass.startsWith(`${STORAGE}.11.`)) return text(dataSet, '00700080')
  if (sopClass.startsWith(`${STORAGE}.104.`)) return text(dataSet, '00420010')
  return ''
}
