/** REJECTION NOTES: Key Object Selection documents that take instances out of use (IHE RAD TF-2: IOCM; PS3.16 CID 7011). */
import { composeDataSet, type Attributes } from './compose.ts'
import { inStudy, KEY_OBJECT_SELECTION } from './correction.ts'
import type { DataSet, ParsedInstance, Tag, Uid } from './data-set.ts'
import { ExplicitVRLittleEndian } from './transfer-syntax.ts'
import { writeInstance } from './writer.ts'

/** Document titles of DCM that reject, and whether what they reject should be kept from coming again. */
const TITLES: ReadonlyMap<string, { readonly meaning: string; readonly forGood: boolean }> = new Map([
  ['113001', { meaning: 'Rejected for Quality Reasons', forGood: false }],
  ['113037', { meaning: 'Rejected for Patient Safety Reasons', forGood: false }],
  ['113038', { meaning: 'Incorrect Modality Worklist Entry', forGood: false }],
  ['113039', { meaning: 'Data Retention Policy Expired', forGood: true }],
])

export interface Rejection {
  readonly title: string
  readonly meaning: string
  /** Its instances are not wanted here any more, rather than wrong. */
  readonly forGood: boolean
  /** SOP Instance UIDs. */
  readonly instances: readonly Uid[]
}

/** What an instance rejects; null when it is no rejection note. */
export function rejectionOf({
  SOPClassUID,
  dataSet,
  uids,
}: Pick<ParsedInstance, 'SOPClassUID' | 'dataSet' | 'uids'>): Rejection | null {
  if (SOPClassUID !== KEY_OBJECT_SELECTION) return null
  const [code] = itemsOf(dataSet, '0040A043')
  const title = textOf(code, '00080100')
  const known = textOf(code, '00080102') === 'DCM' ? TITLES.get(title) : undefined
  if (known === undefined) return null
  const instances = itemsOf(dataSet, '0040A375')
    .flatMap((study) => itemsOf(study, '00081115'))
    .flatMap((series) => itemsOf(series, '00081199'))
    .map((reference) => textOf(reference, '00081155'))
  return {
    title,
    ...known,
    instances: [...new Set(instances)].filter((uid) => uid !== '' && uid !== uids.instance),
  }
}

function itemsOf(dataSet: DataSet, tag: Tag): DataSet[] {
  const element = dataSet[tag]
  return element?.vr === 'SQ' ? ((element.Value ?? []) as DataSet[]) : []
}

function textOf(dataSet: DataSet | undefined, tag: Tag): string {
  const [value] = dataSet?.[tag]?.Value ?? []
  return typeof value === 'string' ? value : ''
}

/** An instance that a note rejects. */
export interface Rejected {
  readonly series: Uid
  readonly instance: Uid
  readonly SOPClassUID: Uid
  readonly isImage: boolean
}

/** Attributes of patient and study that a note takes over from what it rejects. */
const TAKEN: readonly Tag[] = [
  ...['00080020', '00080030', '00080050', '00080090', '00081030', '00100010', '00100020', '00100021'],
  ...['00100030', '00100040', '0020000D', '00200010'],
]

/**
 * A note (TID 2010) that says that instances were made for a wrong worklist entry: they name another patient.
 * @param like data set of one of them
 */
export function rejectionNote(
  like: DataSet,
  rejected: readonly Rejected[],
  made: { readonly series: Uid; readonly instance: Uid; readonly now: string },
): Buffer {
  const bySeries = Map.groupBy(rejected, ({ series }) => series)
  const references = [...bySeries].map(([series, own]) => ({ series, sops: own.map(referenceTo) }))
  const study = textOf(like, '0020000D')
  const own = composeDataSet({
    SOPClassUID: KEY_OBJECT_SELECTION,
    SOPInstanceUID: made.instance,
    SeriesInstanceUID: made.series,
    Modality: 'KO',
    SeriesDescription: 'Rejection note',
    SeriesNumber: null,
    InstanceNumber: 1,
    Manufacturer: 'Concord',
    ReferencedPerformedProcedureStepSequence: [],
    ContentDate: made.now.slice(0, 8),
    ContentTime: made.now.slice(8, 14),
    TimezoneOffsetFromUTC: made.now.slice(-5),
    CurrentRequestedProcedureEvidenceSequence: [inStudy({ study }, references)],
    ValueType: 'CONTAINER',
    ConceptNameCodeSequence: [
      {
        CodeValue: '113038',
        CodingSchemeDesignator: 'DCM',
        CodeMeaning: TITLES.get('113038')?.meaning ?? '',
      },
    ],
    ContinuityOfContent: 'SEPARATE',
    ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: '2010' }],
    ContentSequence: rejected.map((one) => ({
      RelationshipType: 'CONTAINS',
      ValueType: one.isImage ? 'IMAGE' : 'COMPOSITE',
      ReferencedSOPSequence: [referenceTo(one)],
    })),
  })
  const taken = TAKEN.map((tag) => [tag, like[tag] ?? absent(tag)] as const)
  return writeInstance(
    { ...Object.fromEntries(taken), ...own },
    { TransferSyntaxUID: ExplicitVRLittleEndian },
  )
}

function referenceTo({ SOPClassUID, instance }: Rejected): Attributes {
  return { ReferencedSOPClassUID: SOPClassUID, ReferencedSOPInstanceUID: instance }
}

/** Type 2: there, and empty. */
function absent(tag: Tag): DataSet[string] {
  return composeDataSet({ [tag]: null })[tag] ?? { vr: 'LO' }
}
