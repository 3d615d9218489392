import type { JsonObject, Resource } from '../ports.ts'
import { isObject, prunedObject, without } from './canonical.ts'
import { distinct, type StudyFacts } from './facts.ts'
import { ownTag, studyIdentifier } from './identifiers.ts'
import { acquisitionModalities, modalityCoding } from './modality.ts'
import { imagingStudyR5 } from './r5.ts'
import type { InstanceFacts, SeriesFacts } from './series-facts.ts'
import type { MappingSettings } from './settings.ts'
import { sopClassName } from './sop-class.ts'

/** Beyond this many instances `auto` lists series only: about 180 bytes of JSON an instance. */
const LISTED = 5000

/** What the ImagingStudy needs that is not in the study's instances. */
export interface StudyContext {
  /** `ImagingStudy.subject`, as the Patient look-up left it. */
  readonly subject: JsonObject
  /** Id of the Endpoint of this deployment. */
  readonly endpointId: string
  /** The server found the whole list too large once. */
  readonly seriesOnly: boolean
}

/**
 * THE PROJECTION: all that Concord owns in the ImagingStudy of a study with at least one active instance, in the
 * configured release, without id. The same facts give the same bytes (through `canonical`).
 * Elements and sources: R4 ImagingStudy, mapping to DICOM.
 */
export function imagingStudy(facts: StudyFacts, context: StudyContext, settings: MappingSettings): Resource {
  const { tuple } = facts
  const accessions = distinct(facts.accessions).filter((identifier) => isObject(identifier))
  const sorted = [...facts.modalities].sort()
  const r5 = settings.release === 'R5'
  const modalities = r5 ? sorted : acquisitionModalities(sorted)
  const endpoint = [{ reference: `Endpoint/${context.endpointId}` }]
  const detail = {
    isListed: listsInstances(facts.instances, context, settings),
    ...(settings.profile === 'mado' && { endpoint }),
  }
  const r4: Resource = {
    resourceType: 'ImagingStudy',
    ...prunedObject({
      meta: { tag: [ownTag(settings.archiveId)] },
      // R5 moved the accession number out of the identifiers: there it is the order's alone (FHIR-22118).
      identifier: [studyIdentifier(facts.study), ...(r5 ? [] : accessions)],
      status: 'available',
      modality: modalities.map(modalityCoding),
      subject: context.subject,
      started: tuple?.started,
      basedOn: accessions.map((identifier) => ({ type: 'ServiceRequest', identifier })),
      referrer: tuple?.referrer,
      interpreter: tuple?.interpreters,
      endpoint,
      numberOfSeries: facts.series.size,
      numberOfInstances: facts.instances,
      procedureCode: distinct(facts.procedures),
      location: { display: tuple?.location },
      reasonCode: distinct(facts.reasons),
      description: tuple?.description,
      series: [...facts.series.values()].sort(inOrder).map((series) => seriesOf(series, detail)),
    }),
  }
  return r5 ? imagingStudyR5(r4) : r4
}

function listsInstances(instances: number, context: StudyContext, settings: MappingSettings): boolean {
  const detail = settings.instanceDetail ?? 'auto'
  // MADO: `series.instance` 1..*
  const isFew = instances <= LISTED || settings.profile === 'mado'
  return !context.seriesOnly && (detail === 'always' || (detail === 'auto' && isFew))
}

/**
 * The projection of a study whose last active instance is gone: what it last said, with its series withdrawn. Deleting
 * the resource would break what refers to it.
 */
export function withdrawnStudy(last: Resource, status: 'cancelled' | 'entered-in-error'): Resource {
  return {
    ...without(last, 'series'),
    resourceType: last.resourceType,
    status,
    numberOfSeries: 0,
    numberOfInstances: 0,
  }
}

/** How much is said of a series; `endpoint` where a profile wants it there too. */
interface Detail {
  readonly isListed: boolean
  readonly endpoint?: readonly JsonObject[]
}

function seriesOf(facts: SeriesFacts, { isListed, endpoint }: Detail): JsonObject {
  const { tuple } = facts
  return {
    uid: facts.uid,
    number: tuple?.number,
    modality: modalityCoding(tuple?.modality ?? ''),
    description: tuple?.description,
    numberOfInstances: facts.instances.length,
    bodySite: tuple?.bodySite,
    laterality: laterality(facts),
    specimen: distinct(facts.specimens),
    started: tuple?.started ?? facts.acquired,
    performer: tuple?.performers,
    endpoint,
    instance: isListed
      ? [...facts.instances].sort(inOrder).map((one) => instanceOf(one, endpoint !== undefined))
      : undefined,
  }
}

const NUMBER_OF_FRAMES = 'https://profiles.ihe.net/RAD/MADO/StructureDefinition/MadoNumberOfFrames'

function instanceOf(facts: InstanceFacts, isMado: boolean): JsonObject {
  const hasFrames = isMado && facts.frames !== undefined
  const display = sopClassName(facts.sopClass)
  return {
    ...(hasFrames && { extension: [{ url: NUMBER_OF_FRAMES, valueInteger: facts.frames }] }),
    uid: facts.uid,
    sopClass: { system: 'urn:ietf:rfc:3986', code: `urn:oid:${facts.sopClass}`, ...(display && { display }) },
    number: facts.number,
    title: facts.title,
  }
}

/** CID 244. `U` says that the body part is unpaired: it has no side, and FHIR gets none. */
const SIDES: Readonly<Record<string, readonly [code: string, display: string]>> = {
  L: ['7771000', 'Left'],
  R: ['24028007', 'Right'],
  B: ['51440002', 'Bilateral'],
}

/** Laterality of the series (0020,0060), else that of its images (0020,0062) where all have the same. */
function laterality(facts: SeriesFacts): JsonObject | undefined {
  const ofSeries = facts.tuple?.laterality ?? ''
  const [ofImages = '', ...others] = facts.lateralities
  const side = ofSeries === '' && others.length === 0 ? ofImages : ofSeries
  const [code, display] = SIDES[side] ?? []
  return code === undefined ? undefined : { system: 'http://snomed.info/sct', code, display }
}

interface Numbered {
  readonly uid: string
  readonly number?: number | undefined
  readonly tuple?: { readonly number: number | undefined } | null
}

/** By number, those without at the end, then by UID. */
function inOrder(a: Numbered, b: Numbered): number {
  const [x, y] = [a, b].map((one) => one.number ?? one.tuple?.number ?? Number.POSITIVE_INFINITY)
  if (x !== y) return (x ?? 0) < (y ?? 0) ? -1 : 1
  return a.uid < b.uid ? -1 : 1
}
