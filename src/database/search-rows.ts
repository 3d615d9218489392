import { aggregateOf } from '../dicom/attributes.ts'
import type { InstanceUids, Level } from '../dicom/data-set.ts'
import type { Row, Step } from './operation.ts'
import type { SearchRow } from './query.ts'
import { SERIES_OF_PATIENT } from './search-aggregates.ts'
import { fieldsOf, type Fields } from './search-fields.ts'
import { readDataSets, type Readings } from './search-instances.ts'
import type { Plan } from './search-plan.ts'
import { rowWriter, type RowDraft } from './search-row-text.ts'
import { ownTuplesOf } from './search-row-tuples.ts'
import { idIn, keptRowsOf } from './search-sql.ts'
import type { Match } from './search-verify.ts'
import { nothing, together } from './together.ts'

const STUDY = `s.study_uid, s.attributes AS study_attributes, s.mixed AS study_mixed, s.first_id AS study_first,
  s.modalities, s.sop_classes, s.n_series, s.n_instances`
const SERIES = `e.series_uid, e.attributes AS series_attributes, e.mixed AS series_mixed, e.first_id AS series_first,
  e.n_instances AS n_in_series`
const PATIENT = `p.attributes AS patient_attributes, p.mixed AS patient_mixed, p.first_id AS patient_first`
const PATIENT_COUNTS = `p.n_studies AS n_of_patient, p.n_instances AS n_instances_of_patient,
  ${SERIES_OF_PATIENT} AS n_series_of_patient`

const FROM: Readonly<
  Record<Level, { readonly columns: string; readonly tables: string; readonly id: string }>
> = {
  patient: { columns: PATIENT, tables: 'patient p', id: 'p.id' },
  study: { columns: STUDY, tables: 'study s', id: 's.id' },
  series: {
    columns: `${SERIES}, ${STUDY}`,
    tables: 'series e JOIN study s ON s.id = e.study_id',
    id: 'e.id',
  },
  instance: {
    columns: `i.sop_uid, e.series_uid, e.n_instances AS n_in_series, s.study_uid, s.modalities, s.sop_classes,
      s.n_series, s.n_instances`,
    tables: 'instance i JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id',
    id: 'i.id',
  },
}

/** The rows of matches: attributes of the instance that matched, aggregates of the whole entity. */
export function* rowsOfMatches(
  plan: Plan,
  matches: readonly Match[],
  readings: Readings,
): Generator<Step, SearchRow[], Row[]> {
  if (matches.length === 0) return []
  const { query, dialect } = plan
  const fields = fieldsOf(query)
  const writer = rowWriter(query, fields)
  const tuples = ownTuplesOf(query, [...fields.keys()], writer.stored)
  const [entities, all] = yield* together(dialect, [
    readEntities(plan, matches, fields),
    tuples.mayTell ? nothing() : readDataSets(dialect, instancesOf(matches), readings),
  ])
  const found = matches.flatMap(({ candidate, instance }) => {
    const entity = entities.get(candidate.id)
    return entity ? [{ entity, instance, tuple: tuples.of(entity, instance) }] : []
  })
  const unread = found.flatMap(({ tuple, instance }) => (tuple.isAll ? [] : [instance]))
  const dataSets = all ?? (yield* readDataSets(dialect, unread, readings))
  const drafts = found.flatMap(({ entity, instance, tuple }) => {
    const kept = dataSets.get(instance)
    if (kept === undefined && !tuple.isAll) return []
    return [
      { draft: writer.draft(entity, tuple.over(kept), query.include === 'all' ? kept : undefined), instance },
    ]
  })
  const origins = yield* originsOf(plan, drafts)
  return drafts.map(({ draft, instance }) => ({
    uids: draft.uids,
    json: writer.text(draft, origins.get(instance) ?? draft.uids),
  }))
}

function instancesOf(matches: readonly Match[]): number[] {
  return matches.map(({ instance }) => instance)
}

/** Bulk data is that of an instance, at whatever level it is shown. */
function* originsOf(
  { dialect, query }: Plan,
  rows: readonly { readonly draft: RowDraft; readonly instance: number }[],
): Generator<Step, Map<number, InstanceUids>, Row[]> {
  const bulky = query.level === 'instance' ? [] : rows.filter(({ draft }) => draft.isBulky)
  if (bulky.length === 0) return new Map()
  const place = idIn(
    dialect,
    'i.id',
    bulky.map(({ instance }) => instance),
  )
  const found = yield* keptRowsOf({
    sql: `SELECT i.id, i.sop_uid, e.series_uid, s.study_uid FROM instance i JOIN series e ON e.id = i.series_id
      JOIN study s ON s.id = e.study_id WHERE ${place.sql}`,
    params: place.params,
  })
  return new Map(
    found.map((row): [number, InstanceUids] => [
      Number(row['id']),
      {
        study: String(row['study_uid']),
        series: String(row['series_uid']),
        instance: String(row['sop_uid']),
      },
    ]),
  )
}

function* readEntities(
  plan: Plan,
  matches: readonly Match[],
  fields: Fields,
): Generator<Step, Map<number, Row>, Row[]> {
  const { columns, tables, id } = FROM[plan.query.level]
  const counts = [...fields.keys()].some((tag) => aggregateOf(tag)?.level === 'patient')
  const owner = plan.query.level === 'instance' ? 'i.patient_key' : 's.patient_key'
  const patients = counts && plan.query.level !== 'patient' ? ` JOIN patient p ON p.id = ${owner}` : ''
  const place = idIn(
    plan.dialect,
    id,
    matches.map(({ candidate }) => candidate.id),
  )
  const rows = yield* keptRowsOf({
    sql: `SELECT ${id} AS id, ${columns}${counts ? `, ${PATIENT_COUNTS}` : ''} FROM ${tables}${patients} WHERE ${place.sql}`,
    params: place.params,
  })
  return new Map(rows.map((row) => [Number(row['id']), row]))
}
