/**
 * WHAT A CORRECTED INSTANCE SAYS: the right values, new UIDs, and where it comes from (PS3.3 C.12.1.1.9, C.12.1). Image Type
 * stays, and there is no Derivation Description, for both speak of pixels, which are the same.
 */
import { composeDataSet, type Attributes } from './compose.ts'
import type { DataElement, DataSet, InstanceUids, ParsedInstance, Tag, Uid } from './data-set.ts'
import { partReferences, REFERENCED_SERIES, type PartedReferences } from './part-references.ts'
import type { Patch } from './patch.ts'
import { inZone, isZone } from './times.ts'
import { IMPLEMENTATION_VERSION_NAME } from './writer.ts'

export interface Correction {
  /** The right values; an element without one is written with zero length. */
  readonly attributes: DataSet
  /** Reason for the Attribute Modification: a wrong value, or one brought in line with a master index. */
  readonly reason: 'CORRECT' | 'COERCE'
  /** For people, without values: `Patient attributes corrected from FHIR Patient/p1/_history/7`. */
  readonly description: string
  /** UID of this archive as a maker of instances. */
  readonly InstanceCreatorUID: Uid
  readonly now: Date
  /** The study that instances leave for, where they were wrong in theirs; undefined: they stay. */
  readonly newStudy?: Uid
}

/** Attributes that may be corrected: they say whose an instance is, and what it was made for; none speaks of pixels. */
export const CORRECTABLE: ReadonlySet<Tag> = new Set([
  ...['00080020', '00080030', '00080050', '00080090', '00081030', '00100010', '00100020', '00100021'],
  ...['00100030', '00100032', '00100040', '00200010'],
])
/** Those that identify the patient. */
export const IDENTIFYING: ReadonlySet<Tag> = new Set(['00100020', '00100021'])

const ORIGINAL_ATTRIBUTES: Tag = '04000561'
const CONTRIBUTING_EQUIPMENT: Tag = '0018A001'
const SOURCE_IMAGES: Tag = '00082112'
const SOURCE_INSTANCES: Tag = '00420013'
const PREDECESSOR_DOCUMENTS: Tag = '0040A360'
const ISSUER_QUALIFIERS: Tag = '00100024'
const SIGNATURES: readonly Tag[] = ['4FFE0001', 'FFFAFFFA']
const OTHER_STUDIES: Tag = '00081200'
const SR_STORAGE = '1.2.840.10008.5.1.4.1.1.88.'
/** Their own module says what a Source Image Sequence is: of derived pixels, with a purpose (PS3.3 C.8.17.2). */
const OPHTHALMIC_STORAGE = '1.2.840.10008.5.1.4.1.1.77.1.5.'
/** Must list the series of what it refers to: the Common Instance Reference Module is mandatory (PS3.3 A.32.8, C.12.2). */
const WHOLE_SLIDE_STORAGE: Uid = '1.2.840.10008.5.1.4.1.1.77.1.6'
export const KEY_OBJECT_SELECTION: Uid = '1.2.840.10008.5.1.4.1.1.88.59'

/**
 * How the file of an instance is to be patched.
 * @param uids old UIDs and new ones of all series and instances that are corrected together, this one among them
 * @param sender who sent it, for Source of Previous Values; null: not known
 */
export function correctionPatch(
  parsed: ParsedInstance,
  uids: ReadonlyMap<Uid, Uid>,
  correction: Correction,
  sender: string | null,
): Patch {
  const { dataSet } = parsed
  const made = moment(correction.now, zoneOf(dataSet))
  const set = new Map<Tag, DataElement | null>(Object.entries(correction.attributes))
  const put = (attributes: Attributes): void => {
    for (const [tag, element] of Object.entries(composeDataSet(attributes))) set.set(tag, element)
  }
  put({
    SOPInstanceUID: uids.get(parsed.uids.instance) ?? parsed.uids.instance,
    SeriesInstanceUID: uids.get(parsed.uids.series) ?? parsed.uids.series,
    InstanceCreationDate: made.slice(0, 8),
    InstanceCreationTime: made.slice(8),
    InstanceCreatorUID: correction.InstanceCreatorUID,
    InstanceCoercionDateTime: dateTime(correction.now),
    StudyInstanceUID: correction.newStudy,
  })
  const changesIdentity = Object.keys(correction.attributes).some((tag) => IDENTIFYING.has(tag))
  // They qualify the issuer that is replaced.
  if (changesIdentity && dataSet[ISSUER_QUALIFIERS] !== undefined) set.set(ISSUER_QUALIFIERS, null)
  // A signature no longer verifies when a byte that it signs has changed.
  for (const tag of SIGNATURES) if (dataSet[tag] !== undefined) set.set(tag, null)
  const append = new Map([
    [ORIGINAL_ATTRIBUTES, modification(correction, sender)],
    [CONTRIBUTING_EQUIPMENT, equipment(correction)],
    ...sourceOf(parsed, correction),
  ])
  const references = referencesOf(parsed, uids, correction, append)
  for (const [tag, element] of references?.set ?? []) if (!set.has(tag)) set.set(tag, element)
  leaveBehind(append, references?.behind ?? [], parsed.uids)
  return {
    set,
    append,
    uids,
    keepUids: new Set([ORIGINAL_ATTRIBUTES]),
    ...(references !== undefined && { uidsOf: references.uidsOf }),
    // The identifiers are told even where they are the same, so that the item can be read by itself.
    originals: [...new Set([...set.keys(), '00100020', '00100021'])],
  }
}

/** What becomes of references to the study; undefined where it stays as it is. */
function referencesOf(
  { dataSet, uids: { study } }: ParsedInstance,
  uids: ReadonlyMap<Uid, Uid>,
  { newStudy }: Correction,
  append: ReadonlyMap<Tag, DataSet>,
): PartedReferences | undefined {
  if (newStudy === undefined) return undefined
  return partReferences(dataSet, { uids, study: { from: study, to: newStudy } }, new Set(append.keys()))
}

/** What an instance has left behind is in another study now, and is listed there (PS3.3 C.12.2). */
function leaveBehind(
  append: Map<Tag, DataSet>,
  behind: readonly DataSet[],
  { study }: Pick<InstanceUids, 'study'>,
): void {
  if (behind.length === 0) return
  const listed = (append.get(OTHER_STUDIES)?.[REFERENCED_SERIES]?.Value ?? []) as DataSet[]
  const series = { ReferencedSeriesSequence: [...listed, ...behind] }
  append.set(OTHER_STUDIES, composeDataSet({ StudyInstanceUID: study, ...series }))
}

function modification({ now, reason }: Correction, sender: string | null): DataSet {
  return composeDataSet({
    AttributeModificationDateTime: dateTime(now),
    ModifyingSystem: IMPLEMENTATION_VERSION_NAME,
    SourceOfPreviousValues: longString(sender ?? ''),
    ReasonForTheAttributeModification: reason,
  })
}

/** Senders give themselves names that no LO may hold (PS3.5 Table 6.2-1). */
function longString(text: string): string {
  return text.replaceAll(/[\\\p{Cc}]+/gu, ' ').trim().slice(0, 64) // prettier-ignore
}

function equipment({ now, description }: Correction): DataSet {
  return composeDataSet({
    PurposeOfReferenceCodeSequence: [
      { CodeValue: '109103', CodingSchemeDesignator: 'DCM', CodeMeaning: 'Modifying Equipment' },
    ],
    Manufacturer: 'Concord',
    SoftwareVersions: IMPLEMENTATION_VERSION_NAME,
    ContributionDateTime: dateTime(now),
    ContributionDescription: description,
  })
}

/**
 * The reference to the instance that is replaced. Without a purpose code: CID 7202 has none that would not claim a
 * derivation of pixels, and at this place it is optional.
 */
function sourceOf(
  { SOPClassUID, uids, pixelMap }: ParsedInstance,
  { newStudy }: Correction,
): readonly (readonly [Tag, DataSet])[] {
  const reference = { ReferencedSOPClassUID: SOPClassUID, ReferencedSOPInstanceUID: uids.instance }
  if (SOPClassUID.startsWith(SR_STORAGE) && SOPClassUID !== KEY_OBJECT_SELECTION)
    return [
      [PREDECESSOR_DOCUMENTS, composeDataSet(inStudy(uids, [{ series: uids.series, sops: [reference] }]))],
    ]
  const isImage = pixelMap !== null && !SOPClassUID.startsWith(OPHTHALMIC_STORAGE)
  const source = [isImage ? SOURCE_IMAGES : SOURCE_INSTANCES, composeDataSet(reference)] as const
  if (SOPClassUID !== WHOLE_SLIDE_STORAGE) return [source]
  const series = { SeriesInstanceUID: uids.series, ReferencedInstanceSequence: [reference] }
  if (newStudy === undefined) return [source, [REFERENCED_SERIES, composeDataSet(series)]]
  const other = { StudyInstanceUID: uids.study, ReferencedSeriesSequence: [series] }
  return [source, [OTHER_STUDIES, composeDataSet(other)]]
}

/** References to instances by their hierarchy (PS3.3 Table C.17-3b). */
export function inStudy(
  { study }: Pick<InstanceUids, 'study'>,
  series: readonly { readonly series: Uid; readonly sops: readonly Attributes[] }[],
): Attributes {
  return {
    StudyInstanceUID: study,
    ReferencedSeriesSequence: series.map((one) => ({
      SeriesInstanceUID: one.series,
      ReferencedSOPSequence: one.sops,
    })),
  }
}

/** A moment as DT in UTC, with its offset. */
export function dateTime(now: Date): string {
  return `${moment(now, '+0000')}+0000`
}

/** The digits of a moment, `YYYYMMDDHHMMSS.ffffff`, as a clock in a zone shows them. */
function moment(now: Date, zone: string): string {
  const digits = `${now.toISOString().slice(0, 23).replaceAll(/[-:T]/gu, '')}000`
  return inZone(digits, '+0000', zone)
}

/** Dates and times of a data set without offset are read as UTC: nobody says otherwise. */
function zoneOf(dataSet: DataSet): string {
  const [offset] = dataSet['00080201']?.Value ?? []
  return typeof offset === 'string' && isZone(offset) ? offset : '+0000'
}
