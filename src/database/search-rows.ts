import { aggregateOf, isInAll } from '../dicom/attributes.ts'
import type { DataElement, DataSet, InstanceUids, Level, Tag } from '../dicom/data-set.ts'
import { MIXED } from './level-tuples.ts'
import type { Row, Step } from './operation.ts'
import type { SearchRow } from './query.ts'
import { SERIES_OF_PATIENT } from './search-aggregates.ts'
import {
  allFields,
  allShownOf,
  fieldsOf,
  isInTuple,
  shownOf,
  storedTag,
  type AllFields,
  type Fields,
} from './search-fields.ts'
import {
  readDataSets,
  readTuple,
  type Bases,
  type KeptDataSet,
  type StoredDataSet,
} from './search-instances.ts'
import type { Plan } from './search-plan.ts'
import { idIn, rowsOf } from './search-sql.ts'
import type { Match } from './search-verify.ts'

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
const TUPLES = ['series', 'study', 'patient'] as const

/** The rows of matches: attributes of the instance that matched, aggregates of the whole entity. */
export function* rowsOfMatches(
  plan: Plan,
  matches: readonly Match[],
  bases: Bases,
): Generator<Step, SearchRow[], Row[]> {
  if (matches.length === 0) return []
  const { query, dialect } = plan
  const fields = fieldsOf(query)
  const entities = yield* readEntities(plan, matches, fields)
  const tags = [...fields.keys()]
  const all = query.include === 'all' ? allFields(query.level, fields, madeIn(query.level)) : undefined
  // Tuples tell of what is active.
  const isActive = query.includeSuperseded !== true
  const found = matches.map(({ candidate, instance }) => {
    const entity = entities.get(candidate.id)
    const tuple =
      entity && all === undefined && query.level !== 'instance'
        ? tupleOf(entity, tags, { instance, isActive })
        : undefined
    return { entity, instance, tuple }
  })
  const unread = found.flatMap(({ tuple, instance }) => (tuple ? [] : [instance]))
  const dataSets =
    unread.length === 0 ? new Map<number, KeptDataSet>() : yield* readDataSets(dialect, unread, bases)
  const rows = found.flatMap(({ entity, instance, tuple }) => {
    const kept = dataSets.get(instance)
    if (entity && all && kept) return [{ row: allRowOf(all, entity, kept), instance }]
    const whole = tuple ?? kept
    return entity && whole ? [{ row: rowOf(fields, entity, whole), instance }] : []
  })
  return yield* withOrigins(plan, rows)
}

/** Bulk data is that of an instance, at whatever level it is shown. */
function* withOrigins(
  { dialect, query }: Plan,
  rows: readonly { readonly row: SearchRow; readonly instance: number }[],
): Generator<Step, SearchRow[], Row[]> {
  const bulky = query.level === 'instance' ? [] : rows.filter(({ row }) => hasBulk(row.dataSet))
  if (bulky.length === 0) return rows.map(({ row }) => row)
  const place = idIn(
    dialect,
    'i.id',
    bulky.map(({ instance }) => instance),
  )
  const found = yield* rowsOf({
    sql: `SELECT i.id, i.sop_uid, e.series_uid, s.study_uid FROM instance i JOIN series e ON e.id = i.series_id
      JOIN study s ON s.id = e.study_id WHERE ${place.sql}`,
    params: place.params,
  })
  const origins = new Map(
    found.map((row): [number, InstanceUids] => [
      Number(row['id']),
      {
        study: String(row['study_uid']),
        series: String(row['series_uid']),
        instance: String(row['sop_uid']),
      },
    ]),
  )
  return rows.map(({ row, instance }) => {
    const shown = origins.get(instance)
    return shown && hasBulk(row.dataSet) ? { ...row, shown } : row
  })
}

function hasBulk(dataSet: DataSet): boolean {
  return Object.values(dataSet).some(({ vr, Value, offset }) => {
    if (offset !== undefined) return true
    return vr === 'SQ' && (Value ?? []).some((item) => hasBulk((item ?? {}) as DataSet))
  })
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
  const rows = yield* rowsOf({
    sql: `SELECT ${id} AS id, ${columns}${counts ? `, ${PATIENT_COUNTS}` : ''} FROM ${tables}${patients} WHERE ${place.sql}`,
    params: place.params,
  })
  return new Map(rows.map((row) => [Number(row['id']), row]))
}

/** The tuples of an entity's levels as one data set, if they hold all the tags and the instance agrees with them. */
function tupleOf(
  entity: Row,
  tags: readonly Tag[],
  { instance, isActive }: { readonly instance: number; readonly isActive: boolean },
): StoredDataSet | undefined {
  const valid = TUPLES.filter((level) => {
    if (typeof entity[`${level}_attributes`] !== 'string') return false
    const isUniform = isActive && (Number(entity[`${level}_mixed`]) & MIXED) === 0
    return isUniform || Number(entity[`${level}_first`]) === instance
  })
  const isThere = (tag: Tag): boolean =>
    aggregateOf(tag) !== undefined || isMade(tag) || valid.some((level) => isInTuple(level, storedTag(tag)))
  if (!tags.every(isThere)) return undefined
  const tuples = valid.map((level) => readTuple(String(entity[`${level}_attributes`])))
  return {
    element: (tag) => {
      for (const tuple of tuples) {
        const element = tuple.element(tag)
        if (element) return element
      }
      return undefined
    },
    tags: () => [...new Set(tuples.flatMap((tuple) => tuple.tags()))].sort(),
  }
}

/** RetrieveURL, InstanceAvailability and RetrieveAETitle are made for the answer. */
const MADE: readonly Tag[] = ['00081190', '00080056', '00080054']

function isMade(tag: Tag): boolean {
  return MADE.includes(tag)
}

/** What a row with everything has that is not, or not always, what the data sets say. */
function madeIn(level: Level): Tag[] {
  return [...MADE, ...Object.keys(AGGREGATES).filter((tag) => isAllAggregate(level, tag))]
}

function rowOf(fields: Fields, entity: Row, whole: StoredDataSet): SearchRow {
  const shown = shownOf(fields, whole)
  for (const tag of fields.keys()) if (aggregateOf(tag)) setAggregate(shown, tag, entity)
  return { uids: uidsOf(entity), dataSet: ascending(shown) }
}

function allRowOf(all: AllFields, entity: Row, whole: KeptDataSet): SearchRow {
  const { shown, text } = allShownOf(all, whole)
  for (const tag of all.fields.keys()) if (aggregateOf(tag)) setAggregate(shown, tag, entity)
  for (const tag of madeIn(all.level)) if (aggregateOf(tag)) setAggregate(shown, tag, entity)
  return { uids: uidsOf(entity), dataSet: ascending(shown), text }
}

function uidsOf(entity: Row): Partial<InstanceUids> {
  const uids: { -readonly [K in keyof InstanceUids]?: string } = {}
  const [study, series, instance] = [entity['study_uid'], entity['series_uid'], entity['sop_uid']]
  if (typeof study === 'string') uids.study = study
  if (typeof series === 'string') uids.series = series
  if (typeof instance === 'string') uids.instance = instance
  return uids
}

function isAllAggregate(level: Level, tag: Tag): boolean {
  return level !== 'instance' && isInAll(level, tag)
}

/** How each aggregate is made of the row of an entity. */
const AGGREGATES: Readonly<Record<Tag, (entity: Row) => DataElement | undefined>> = {
  '00080061': (entity) => list('CS', entity['modalities']),
  '00080062': (entity) => list('UI', entity['sop_classes']),
  '00201200': (entity) => count(entity['n_of_patient']),
  '00201202': (entity) => count(entity['n_series_of_patient']),
  '00201204': (entity) => count(entity['n_instances_of_patient']),
  '00201206': (entity) => count(entity['n_series']),
  '00201208': (entity) => count(entity['n_instances']),
  '00201209': (entity) => count(entity['n_in_series']),
}

/** An aggregate replaces what an instance says of the whole; left out where there is nothing to say (design §6). */
function setAggregate(shown: DataSet, tag: Tag, entity: Row): void {
  const element = AGGREGATES[tag]?.(entity)
  if (element) shown[tag] = element
  else Reflect.deleteProperty(shown, tag)
}

function list(vr: 'CS' | 'UI', text: Row[string] | undefined): DataElement | undefined {
  return typeof text === 'string' && text !== '' ? { vr, Value: text.split('\\') } : undefined
}

function count(number: Row[string] | undefined): DataElement | undefined {
  return number === undefined || number === null ? undefined : { vr: 'IS', Value: [Number(number)] }
}

function ascending(dataSet: DataSet): DataSet {
  return Object.fromEntries(Object.entries(dataSet).sort(([a], [b]) => (a < b ? -1 : 1)))
}
