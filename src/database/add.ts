/** ADD: one batch of instances, with everything that must change with them, in one transaction (design §4). */
import {
  pathNumbers,
  sopClassNumbers,
  storeNumbers,
  transferSyntaxNumbers,
  valueKey,
  valueNumbers,
  type DictionaryValue,
} from './dictionaries.ts'
import { insertInstances } from './add-instances.ts'
import { insertLevels, touchOutbox, updateLevels } from './add-rows.ts'
import { insertPostings } from './add-postings.ts'
import { countAll } from './add-count.ts'
import { caughtBy, wake } from './in-force.ts'
import { known } from './known.ts'
import {
  levelValues,
  loadPatients,
  loadSeriesRows,
  loadStudies,
  patientText,
  type PatientEntity,
  type PatientKey,
  type SeriesEntity,
  type StudyEntity,
} from './level-rows.ts'
import { lockKeys, nextIds, patientLock, studyLock } from './locks.ts'
import { flagMixtures } from './mixture.ts'
import { RestartError, type Row, type Step, type Writer } from './operation.ts'
import { planInstance, plannedSeries, type PlannedInstance, type PlannedSeries } from './plan.ts'
import type { InstanceState, KnownInstance } from './ports/instance.ts'
import type { PreparedInstance } from './prepare.ts'
import { loadSeries } from './series-state.ts'
import { markerId } from './terms.ts'

/** Per instance: null when it was added, else what the index has under its SOP Instance UID. */
export type Added = KnownInstance | null

/**
 * Steps before `begin` work out encodings and postings and write the dictionaries; what they assume is checked under
 * the locks, and the operation restarts when another writer has come in between.
 * @param looked what was found under the UIDs, where that was looked up in this transaction
 */
export function* add(
  writer: Writer,
  batch: readonly PreparedInstance[],
  as: InstanceState = 'active',
  looked?: Taken,
): Generator<Step, Added[], Row[]> {
  if (writer.lockFirst) yield* lockAll(writer, batch)
  const taken = looked ?? (yield* takenUids(writer, batch))
  const fresh = new Map<string, PreparedInstance>()
  for (const instance of batch)
    if (!taken.has(instance.sopUid) && !fresh.has(instance.sopUid)) fresh.set(instance.sopUid, instance)
  const ids = fresh.size === 0 ? new Map<string, number>() : yield* addFresh(writer, [...fresh.values()], as)
  return batch.map((instance) => {
    const kept = taken.get(instance.sopUid)
    if (kept !== undefined) return kept
    if (fresh.get(instance.sopUid) === instance) return null
    const first = fresh.get(instance.sopUid) ?? instance
    return asKnown(first, ids.get(first.sopUid) ?? 0)
  })
}

/** Locks of every study and patient that the batch changes. */
function* lockAll(writer: Writer, batch: readonly PreparedInstance[]): Generator<Step, void, Row[]> {
  yield* lockKeys(
    batch.flatMap((one) => [studyLock(one.studyUid), patientLock(patientText(patientKey(writer, one)))]),
  )
}

/** What the index has, in whatever state, under SOP Instance UIDs of a batch. */
export type Taken = ReadonlyMap<string, KnownInstance>

export function* takenUids(
  writer: Writer,
  batch: readonly PreparedInstance[],
): Generator<Step, Taken, Row[]> {
  const uids = new Set(batch.map(({ sopUid }) => sopUid))
  const rows = yield* known(writer.dialect, [...uids])
  return new Map(rows.map((row) => [row.uids.instance, row]))
}

function asKnown(instance: PreparedInstance, id: number): KnownInstance {
  return {
    id,
    uids: { study: instance.studyUid, series: instance.seriesUid, instance: instance.sopUid },
    SOPClassUID: instance.sopClass,
    TransferSyntaxUID: instance.transferSyntax,
    fileSha256: instance.fileSha256,
    datasetSha256: instance.datasetSha256,
    state: 'active',
  }
}

/** Adds instances whose SOP Instance UIDs are new, each once; their numbers by SOP Instance UID. */
function* addFresh(
  writer: Writer,
  instances: readonly PreparedInstance[],
  as: InstanceState,
): Generator<Step, Map<string, number>, Row[]> {
  const { series, planned } = yield* plan(writer, instances)
  const numbers = yield* dictionaryNumbers(writer, series, planned)
  yield { sql: '', begin: true }
  const patientKeys = new Map(
    instances.map((one) => [patientText(patientKey(writer, one)), patientKey(writer, one)]),
  )
  if (writer.dialect === 'postgres') {
    if (!writer.lockFirst) yield* lockAll(writer, instances)
    const since = yield* takenUids(writer, instances)
    if (since.size > 0) throw new RestartError('another writer has added one of the instances')
  }
  const patients = yield* loadPatients(patientKeys)
  const patientOf = (instance: PreparedInstance): PatientEntity => {
    const patient = patients.get(patientText(patientKey(writer, instance)))
    if (patient === undefined) throw new Error('a planned instance is of no planned patient')
    return patient
  }
  const studies = yield* loadStudies(
    instances.map((one) => one.studyUid),
    (uid) => patientOf(instances.find((one) => one.studyUid === uid) ?? first(instances)),
  )
  const rows = yield* loadSeriesRows(series, studies)
  yield* numberEntities(writer, [...patients.values()], [...studies.values()], rows)
  const ids = yield* nextIds(writer.dialect, 'instance', planned.length)
  const caught = as === 'active' ? yield* caughtIn(instances, studies) : new Map<PreparedInstance, string>()
  const stateOf = (instance: PreparedInstance): InstanceState => (caught.has(instance) ? 'superseded' : as)
  const values = levelValues()
  const links = countAll(planned, { rows, ids, patientOf, stateOf, values })
  yield* insertLevels(writer.dialect, [...patients.values()], [...studies.values()], rows)
  yield* insertInstances(writer.dialect, planned, { rows, ids, patientOf, stateOf, numbers })
  yield* insertPostings(rows, numbers)
  yield* updateLevels(writer.dialect, {
    patients: [...patients.values()],
    studies: [...studies.values()],
    series: rows,
    links,
    values,
    shown: planned.filter((one) => stateOf(one.instance) === 'active'),
  })
  yield* flagMixtures(writer, links)
  const touched = new Set(links.flatMap((link) => (link.n > 0 ? [link.study] : [])))
  yield* touchOutbox(writer, [...touched])
  yield* wake(caught.values())
  remember(writer, rows)
  return new Map(planned.map((one, at) => [one.instance.sopUid, ids[at] ?? 0]))
}

/** Instances that a correction in force waits for; most studies have none. */
function* caughtIn(
  instances: readonly PreparedInstance[],
  studies: ReadonlyMap<string, StudyEntity>,
): Generator<Step, Map<PreparedInstance, string>, Row[]> {
  const corrected = [...studies.values()].filter((study) => study.isCorrected).map(({ uid }) => uid)
  return corrected.length === 0 ? new Map() : yield* caughtBy(instances, corrected)
}

function first<T>(list: readonly T[]): T {
  const [one] = list
  if (one === undefined) throw new Error('an empty batch is not added')
  return one
}

/** (Issuer or the default issuer, Patient ID); without an ID, one pseudo-patient per study (design §5). */
function patientKey(writer: Writer, instance: PreparedInstance): PatientKey {
  if (instance.patientId === '') return { issuer: '', patientId: '', pseudoStudy: instance.studyUid }
  const issuer = instance.issuer === '' ? writer.settings.defaultIssuer : instance.issuer
  return { issuer, patientId: instance.patientId, pseudoStudy: '' }
}

function* plan(
  writer: Writer,
  instances: readonly PreparedInstance[],
): Generator<Step, { series: PlannedSeries[]; planned: PlannedInstance[] }, Row[]> {
  const bySeries = new Map<string, PlannedSeries>()
  const planned: PlannedInstance[] = []
  for (const instance of instances) {
    const key = seriesKey(instance.studyUid, instance.seriesUid)
    let series = bySeries.get(key)
    if (series === undefined) {
      const state =
        writer.memory.series.take(key) ?? (yield* loadSeries(instance.studyUid, instance.seriesUid))
      series = plannedSeries(instance.studyUid, instance.seriesUid, state)
      bySeries.set(key, series)
    }
    planned.push(planInstance(writer.dialect, series, instance))
  }
  return { series: [...bySeries.values()], planned }
}

const seriesKey = (studyUid: string, seriesUid: string): string => `${studyUid}/${seriesUid}`

/** Numbers of everything that the batch names. */
export interface Numbers {
  readonly store: ReadonlyMap<string, number>
  readonly sopClass: ReadonlyMap<string, number>
  readonly transferSyntax: ReadonlyMap<string, number>
  /** Value numbers to post, by planned series. */
  readonly postings: ReadonlyMap<PlannedSeries, readonly number[]>
  readonly paths: ReadonlyMap<string, number>
}

/** Numbers of what the planned instances name, and the postings that their series get. */
export function* dictionaryNumbers(
  writer: Writer,
  series: readonly PlannedSeries[],
  planned: readonly PlannedInstance[],
): Generator<Step, Numbers, Row[]> {
  const store = yield* storeNumbers(
    writer,
    planned.map((one) => one.instance.store),
  )
  const sopClass = yield* sopClassNumbers(
    writer,
    planned.map((one) => one.instance.sopClass),
  )
  const transferSyntax = yield* transferSyntaxNumbers(
    writer,
    planned.map((one) => one.instance.transferSyntax),
  )
  const used = series.flatMap(({ postings }) => [
    ...[...postings.values, ...postings.marks].map((one) => one.path),
    ...postings.ranges.keys(),
  ])
  const paths = yield* pathNumbers(writer, used)
  const pathId = (path: string): number => paths.get(path) ?? 0
  const valueOf = (one: { path: string; value: string }): DictionaryValue => ({
    pathId: pathId(one.path),
    value: one.value,
  })
  const wanted = new Map<string, DictionaryValue>()
  for (const { postings } of series)
    for (const one of postings.values) wanted.set(valueKey(pathId(one.path), one.value), valueOf(one))
  const values = yield* valueNumbers(writer, [...wanted.values()])
  const postings = new Map(
    series.map((one) => [
      one,
      [
        ...one.postings.values.map((value) => values.get(valueKey(pathId(value.path), value.value)) ?? 0),
        ...one.postings.marks.map((mark) => markerId(pathId(mark.path), mark.marker)),
      ],
    ]),
  )
  return { store, sopClass, transferSyntax, postings, paths }
}

/** Numbers for the rows that are new. */
function* numberEntities(
  writer: Writer,
  patients: readonly PatientEntity[],
  studies: readonly StudyEntity[],
  series: readonly SeriesEntity[],
): Generator<Step, void, Row[]> {
  for (const [table, entities] of [
    ['patient', patients],
    ['study', studies],
    ['series', series],
  ] as const) {
    const fresh = entities.filter((entity) => entity.isNew)
    const ids = yield* nextIds(writer.dialect, table, fresh.length)
    for (const [at, entity] of fresh.entries()) entity.id = ids[at] ?? 0
  }
}

/** Once committed, the states of the series are true of the rows again. */
function remember(writer: Writer, rows: readonly SeriesEntity[]): void {
  writer.afterCommit(() => {
    for (const { id, planned } of rows) {
      const { state } = planned
      state.id = id
      state.nPaths = state.posted.size
      writer.memory.series.set(seriesKey(planned.studyUid, planned.seriesUid), state)
    }
  })
}
