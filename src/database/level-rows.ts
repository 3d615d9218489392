/** Rows of patient, study and series while a batch changes them, under the locks of their studies and patients. */
import { IN_FORCE } from './in-force.ts'
import { disagreements, MIXED, type LevelColumns } from './level-tuples.ts'
import type { Row, Step } from './operation.ts'
import type { PlannedSeries } from './plan.ts'
import { RestartError } from './operation.ts'

export interface Entity {
  id: number
  readonly isNew: boolean
  /** Tuple as JSON text; replaced when there was no active instance left. */
  attributes: string
  columns: LevelColumns | null
  firstId: number
  mixed: number
  nInstances: number
}

export interface PatientEntity extends Entity {
  readonly issuer: string
  readonly patientId: string
  readonly pseudoStudy: string
  nStudies: number
}

export interface StudyEntity extends Entity {
  readonly uid: string
  patient: PatientEntity
  /** Row of the patient that it was of before the batch; null for a study that is new. */
  readonly patientBefore: number | null
  readonly modalities: Set<string>
  readonly sopClasses: Set<string>
  nSeries: number
  /** A correction of it is in force. */
  readonly isCorrected: boolean
}

export interface SeriesEntity extends Entity {
  readonly planned: PlannedSeries
  readonly study: StudyEntity
  /** Hidden instances that the batch adds. */
  nHidden: number
}

const none = { isNew: true, attributes: '', columns: null, firstId: 0, mixed: 0, nInstances: 0, id: 0 }

function loaded(row: Row): Entity {
  return {
    id: Number(row['id']),
    isNew: false,
    attributes: String(row['attributes']),
    columns: null,
    firstId: Number(row['first_id'] ?? 0),
    mixed: Number(row['mixed']),
    nInstances: Number(row['n_instances']),
  }
}

export interface PatientKey {
  readonly issuer: string
  readonly patientId: string
  readonly pseudoStudy: string
}

export function patientText(key: PatientKey): string {
  return `${key.patientId}\u0001${key.issuer}\u0001${key.pseudoStudy}`
}

export function* loadPatients(
  keys: ReadonlyMap<string, PatientKey>,
): Generator<Step, Map<string, PatientEntity>, Row[]> {
  const rows = yield {
    sql: `SELECT p.id, p.issuer, p.patient_id, p.pseudo_study, p.attributes, p.first_id, p.mixed, p.n_instances, p.n_studies
      FROM (VALUES (?, ?, ?)) AS v
      JOIN patient p ON p.patient_id = v.column1 AND p.issuer = v.column2 AND p.pseudo_study = v.column3`,
    types: 'text, text, text',
    each: [...keys.values()].map((key) => [key.patientId, key.issuer, key.pseudoStudy]),
  }
  const patients = new Map<string, PatientEntity>()
  for (const row of rows) {
    const key = {
      issuer: String(row['issuer']),
      patientId: String(row['patient_id']),
      pseudoStudy: String(row['pseudo_study']),
    }
    patients.set(patientText(key), { ...loaded(row), ...key, nStudies: Number(row['n_studies']) })
  }
  for (const [text, key] of keys)
    if (!patients.has(text)) patients.set(text, { ...none, ...key, nStudies: 0 })
  return patients
}

export function* loadStudies(
  uids: Iterable<string>,
  patientOf: (uid: string) => PatientEntity,
): Generator<Step, Map<string, StudyEntity>, Row[]> {
  const wanted = [...new Set(uids)]
  const rows = yield {
    sql: `SELECT s.id, s.study_uid, s.patient_key, s.attributes, s.modalities, s.sop_classes, s.first_id, s.mixed, s.n_series, s.n_instances,
        (SELECT count(*) FROM correction c WHERE c.study_uid = s.study_uid AND ${IN_FORCE}) AS n_corrections
      FROM (VALUES (?)) AS v JOIN study s ON s.study_uid = v.column1`,
    types: 'text',
    each: wanted.map((uid) => [uid]),
  }
  const studies = new Map<string, StudyEntity>()
  for (const row of rows) {
    const uid = String(row['study_uid'])
    studies.set(uid, {
      ...loaded(row),
      uid,
      patient: patientOf(uid),
      patientBefore: Number(row['patient_key']),
      modalities: setOf(row['modalities']),
      sopClasses: setOf(row['sop_classes']),
      nSeries: Number(row['n_series']),
      isCorrected: Number(row['n_corrections']) > 0,
    })
  }
  for (const uid of wanted)
    if (!studies.has(uid))
      studies.set(uid, {
        ...none,
        uid,
        patient: patientOf(uid),
        patientBefore: null,
        modalities: new Set(),
        sopClasses: new Set(),
        nSeries: 0,
        isCorrected: false,
      })
  return studies
}

/** The `\`-joined text of a column as a set. */
export function setOf(text: Row[string] | undefined): Set<string> {
  return new Set(typeof text !== 'string' || text === '' ? [] : text.split('\\'))
}

export function textOfSet(values: ReadonlySet<string>): string {
  return [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).join('\\')
}

/** Throws RestartError when a row is no longer what its planned state was read from. */
export function* loadSeriesRows(
  planned: readonly PlannedSeries[],
  studies: ReadonlyMap<string, StudyEntity>,
): Generator<Step, SeriesEntity[], Row[]> {
  const existing = planned.flatMap((one) => {
    const study = studies.get(one.studyUid)
    return study === undefined || study.isNew ? [] : [[study.id, one.seriesUid]]
  })
  const rows = yield {
    sql: `SELECT e.id, e.study_id, e.series_uid, e.attributes, e.first_id, e.mixed, e.n_instances, e.n_paths, e.epoch
      FROM (VALUES (?, ?)) AS v JOIN series e ON e.study_id = v.column1 AND e.series_uid = v.column2`,
    types: 'bigint, text',
    each: existing,
  }
  const byKey = new Map(rows.map((row) => [`${Number(row['study_id'])}/${String(row['series_uid'])}`, row]))
  return planned.map((one) => {
    const study = studies.get(one.studyUid)
    if (study === undefined) throw new Error('a planned series is of no planned study')
    const row = byKey.get(`${study.id}/${one.seriesUid}`)
    const { state } = one
    if (row === undefined) {
      if (state.id !== 0) throw new RestartError('a series that was there is gone')
      return { ...none, planned: one, study, nHidden: 0 }
    }
    if (
      Number(row['id']) !== state.id ||
      Number(row['epoch']) !== state.epoch ||
      Number(row['n_paths']) !== state.nPaths
    )
      throw new RestartError('another writer has changed the postings of the series')
    return { ...loaded(row), planned: one, study, nHidden: 0 }
  })
}

/** Counts of values in which instances differ from their entity, by level, attribute, value and entity. */
export interface LevelValues {
  add(level: 'patient' | 'study' | 'series', entity: Entity, attribute: string, value: string): void
  lists(): (string | number)[][]
}

export function levelValues(): LevelValues {
  const counts = new Map<
    string,
    { level: string; entity: Entity; attribute: string; value: string; n: number }
  >()
  return {
    add: (level, entity, attribute, value) => {
      const key = `${level} ${entity.id} ${attribute} ${value}`
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { level, entity, attribute, value, n: 1 })
      else known.n++
    },
    lists: () =>
      [...counts.values()].map(({ level, entity, attribute, value, n }) => [
        level,
        attribute,
        value,
        entity.id,
        n,
      ]),
  }
}

/** Counts an active instance in an entity: the first one gives it its attributes, others may disagree. */
export function countIn(
  level: 'patient' | 'study' | 'series',
  entity: Entity,
  instance: { readonly id: number; readonly lines: readonly string[]; readonly columns: () => LevelColumns },
  values: LevelValues,
): void {
  if (entity.nInstances === 0) {
    const columns = instance.columns()
    entity.columns = columns
    entity.attributes = columns.attributes
    entity.firstId = instance.id
    entity.mixed = columns.inexact
  } else
    for (const { attribute, value } of disagreements(entity.attributes, instance.lines)) {
      entity.mixed |= MIXED
      values.add(level, entity, attribute, value)
    }
  entity.nInstances++
}

/** A hidden instance counts nowhere; it only gives its attributes to an entity that has none at all yet. */
export function hideIn(entity: Entity, columns: () => LevelColumns): void {
  if (!entity.isNew || entity.columns !== null) return
  entity.columns = columns()
  entity.attributes = entity.columns.attributes
}
