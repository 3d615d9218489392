import type { DataSet, Uid } from '../../dicom/data-set.ts'
import type { Json, JsonObject } from '../ports.ts'
import { canonical } from './canonical.ts'
import { concept } from './coding.ts'
import { accessionIdentifier, otherPatientKeys, patientKey, type PatientKey } from './identifiers.ts'
import { personOf, type PersonFacts } from './patient.ts'
import { people } from './person.ts'
import { addSeriesInstance, type SeriesFacts, seriesOf } from './series-facts.ts'
import type { MappingSettings } from './settings.ts'
import { startedAt } from './started.ts'
import { items, text, texts } from './values.ts'

/** What is said of the study by its first received instance, as one tuple: no mixture of two instances (design §5). */
export interface StudyTuple {
  readonly patient: PatientKey | null
  /** Other identifiers of the same patient. */
  readonly otherIds: readonly PatientKey[]
  readonly person: PersonFacts
  readonly started: string | undefined
  readonly description: string
  /** References, with identifiers where the instance has them. */
  readonly referrer: JsonObject | undefined
  readonly interpreters: readonly JsonObject[]
  readonly location: string
}

/** Everything that an ImagingStudy says, gathered from the instances one by one. Grows with their number, not their tags. */
export interface StudyFacts {
  readonly study: Uid
  tuple: StudyTuple | null
  /** Row of the instance that the tuple comes from: the lowest seen. */
  tupleId: number
  instances: number
  readonly modalities: Set<string>
  /** Patients named by the instances, by key. */
  readonly patients: Map<string, PatientKey>
  /** By canonical text: each distinct value once. */
  readonly accessions: Map<string, JsonObject>
  readonly procedures: Map<string, JsonObject>
  readonly reasons: Map<string, JsonObject>
  readonly series: Map<Uid, SeriesFacts>
}

/** The instance as the index names it. */
export interface InstanceRow {
  /** In order of receipt. */
  readonly id: number
  readonly uids: { readonly series: Uid; readonly instance: Uid }
  readonly SOPClassUID: Uid
}

export function startFacts(study: Uid): StudyFacts {
  return {
    study,
    tuple: null,
    tupleId: Number.POSITIVE_INFINITY,
    instances: 0,
    modalities: new Set(),
    patients: new Map(),
    accessions: new Map(),
    procedures: new Map(),
    reasons: new Map(),
    series: new Map(),
  }
}

/** Adds one active instance; the result does not depend on the order in which instances come. */
export function addInstance(
  facts: StudyFacts,
  row: InstanceRow,
  dataSet: DataSet,
  settings: MappingSettings,
): void {
  facts.instances += 1
  if (row.id < facts.tupleId) {
    facts.tuple = studyTuple(dataSet, settings)
    facts.tupleId = row.id
  }
  const modality = text(dataSet, '00080060')
  if (modality !== '') facts.modalities.add(modality)
  const patient = patientKey(dataSet, settings)
  if (patient) facts.patients.set(`${patient.system}|${patient.value}`, patient)
  note(facts.accessions, accessionIdentifier(dataSet, settings))
  // Procedure Code Sequence; PS3.3 Table C.7-3.
  for (const item of items(dataSet, '00081032')) note(facts.procedures, concept(item, dataSet))
  for (const reason of reasons(dataSet)) note(facts.reasons, reason)
  addSeriesInstance(seriesOf(facts.series, row.uids.series), row, dataSet, settings)
}

function note(known: Map<string, JsonObject>, value: JsonObject | undefined): void {
  if (value) known.set(canonical(value), value)
}

/** The values in an order that the order of arrival does not change. */
export function distinct(known: ReadonlyMap<string, JsonObject>): Json[] {
  return [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

/** Reason codes and texts of the requested and performed procedure, also inside Request Attributes Sequence. */
function reasons(dataSet: DataSet): (JsonObject | undefined)[] {
  return [dataSet, ...items(dataSet, '00400275')].flatMap((place) => [
    ...[...items(place, '0040100A'), ...items(place, '00401012')].map((item) => concept(item, dataSet)),
    ...texts(place, '00401002').map((words) => ({ text: words })),
  ])
}

function studyTuple(dataSet: DataSet, settings: MappingSettings): StudyTuple {
  return {
    patient: patientKey(dataSet, settings),
    otherIds: otherPatientKeys(dataSet, settings),
    person: personOf(dataSet),
    started: startedAt(
      text(dataSet, '00080020'),
      text(dataSet, '00080030'),
      text(dataSet, '00080201'),
      settings.zone,
    ),
    description: text(dataSet, '00081030'),
    referrer: people(dataSet, ['00080090', '00080096'], settings)[0],
    interpreters: people(dataSet, ['00081060', '00081062'], settings),
    location: text(dataSet, '00081040') || text(dataSet, '00400243'),
  }
}
