import { aggregateOf } from '../dicom/attributes.ts'
import { numberText, valueTest } from '../dicom/matching-values.ts'
import type { Tag } from '../dicom/data-set.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key, Query } from './query.ts'
import { valuesOf } from './search-posted.ts'
import { findSeries } from './search-postings.ts'
import { allOf, anyOf, contains, FALSE, idIn, sql, TRUE, type Sql } from './search-sql.ts'
import { termCondition } from './search-terms.ts'

/** Lists of a study: the column, and the attribute of its instances that it gathers (PS3.4 C.3.4). */
const LISTS: ReadonlyMap<Tag, { readonly column: string; readonly source: Tag }> = new Map([
  ['00080061', { column: 's.modalities', source: '00080060' }],
  ['00080062', { column: 's.sop_classes', source: '00080016' }],
])
/** Series of a patient `p`: of a study that is shared with another patient, those with an instance of this one. */
export const SERIES_OF_PATIENT = `coalesce((SELECT sum(CASE WHEN l.n_instances = t.n_instances THEN t.n_series ELSE (
    SELECT count(DISTINCT f.id) FROM series f JOIN instance j ON j.series_id = f.id
    WHERE f.study_id = t.id AND j.patient_key = p.id AND j.state = 0) END)
  FROM patient_study l JOIN study t ON t.id = l.study_id WHERE l.patient_key = p.id), 0)`
const COUNTS: ReadonlyMap<Tag, string> = new Map([
  ['00201200', 'p.n_studies'],
  ['00201202', SERIES_OF_PATIENT],
  ['00201204', 'p.n_instances'],
  ['00201206', 's.n_series'],
  ['00201208', 's.n_instances'],
  ['00201209', 'e.n_instances'],
])
const FEW = 2000
const ALIAS = { patient: 'p', study: 's', series: 'e' } as const

/**
 * The aggregates of a search as one condition. They speak of whole entities, each alone (design §5): of those to which a
 * row belongs, or of any that belongs to a row of a higher level.
 */
export function* aggregateConditions(dialect: Dialect, query: Query): Generator<Step, Sql, Row[]> {
  const conditions: Sql[] = []
  for (const key of query.aggregates) {
    const [tag = ''] = key.path
    const level = aggregateOf(tag)?.level
    if (key.match.kind === 'universal' || level === undefined || level === 'instance') continue
    const list = LISTS.get(tag)
    const own = list ? yield* listCondition(dialect, list, key) : countCondition(COUNTS.get(tag) ?? '', key)
    conditions.push(related(query, level, own))
    if (list && query.level !== 'patient') conditions.push(yield* rareStudies(dialect, list.source, key))
  }
  return allOf(conditions)
}

function* listCondition(
  dialect: Dialect,
  { column, source }: { readonly column: string; readonly source: Tag },
  key: Key,
): Generator<Step, Sql, Row[]> {
  const enclosed = `'\\' || ${column} || '\\'`
  const has = (value: string): Sql => contains(dialect, enclosed, `\\${value}\\`)
  const { match } = key
  if (match.kind === 'values') return anyOf(match.values.map(has))
  if (match.kind === 'every') return allOf(match.values.map(has))
  if (match.kind === 'empty') return sql(`${column} = ''`)
  if (match.kind !== 'wildcard') return FALSE
  // Patterns are tried on the values that there are: modalities are few.
  const term = termCondition(dialect, 'v.value', key)
  const values = yield* valuesOf([source], term)
  const test = valueTest(key.vr, match)
  return anyOf(values.flatMap((value) => (test(value) ? [has(value)] : [])))
}

function countCondition(expression: string, { match }: Key): Sql {
  if (match.kind !== 'values') return FALSE
  const numbers = match.values.flatMap((value) => {
    const number = numberText('IS', value)
    return number !== null && /^\d{1,15}$/u.test(number) ? [Number(number)] : []
  })
  return numbers.length === 0
    ? FALSE
    : sql(`${expression} IN (${numbers.map(() => '?').join(', ')})`, ...numbers)
}

/** Studies with a series that has a rare value: found from there, so that nothing walks past all the others. */
function* rareStudies(dialect: Dialect, source: Tag, key: Key): Generator<Step, Sql, Row[]> {
  if (key.match.kind !== 'values' && key.match.kind !== 'every') return TRUE
  const found = yield* findSeries(
    { dialect, byRow: false, series: 'e.id' },
    { path: [source], vr: key.vr, match: key.match },
    { few: FEW, isTold: true },
  )
  if (found.series === null) return TRUE
  const list = idIn(dialect, 'r.id', found.series)
  return { sql: `s.id IN (SELECT r.study_id FROM series r WHERE ${list.sql})`, params: list.params }
}

/** A condition on an entity of `level`, said of a row of the search's level. */
function related(query: Query, level: 'patient' | 'study' | 'series', condition: Sql): Sql {
  const { level: searched } = query
  const within = (text: string): Sql => ({ sql: text, params: condition.params })
  if (searched === level || (level === 'study' && (searched === 'series' || searched === 'instance')))
    return condition
  if (level === 'series' && searched === 'instance') return condition
  if (level === 'patient') {
    const owner = searched === 'instance' ? 'i.patient_key' : 's.patient_key'
    return within(`EXISTS (SELECT 1 FROM patient p WHERE p.id = ${owner} AND ${condition.sql})`)
  }
  if (searched === 'study') {
    return within(
      `EXISTS (SELECT 1 FROM series e WHERE e.study_id = s.id AND e.n_instances > 0 AND ${condition.sql})`,
    )
  }
  const join = level === 'series' ? ' JOIN series e ON e.study_id = s.id' : ''
  return within(
    `EXISTS (SELECT 1 FROM patient_study ps JOIN study s ON s.id = ps.study_id${join}
      WHERE ps.patient_key = p.id AND ${ALIAS[level]}.n_instances > 0 AND ${isOfPatient(query, level)} AND ${condition.sql})`,
  )
}

/** Of a study that two patients share, each has the series with an instance of its own that the search may show. */
function isOfPatient({ includeSuperseded }: Query, level: 'study' | 'series'): string {
  const isHidden = includeSuperseded === true
  const own = (of: string): string => `EXISTS (SELECT 1 FROM series f JOIN instance j ON j.series_id = f.id
    WHERE ${of} AND j.patient_key = p.id AND j.state ${isHidden ? 'IN (0, 1)' : '= 0'})`
  const inStudy = isHidden ? `(ps.n_instances > 0 OR ${own('f.study_id = s.id')})` : 'ps.n_instances > 0'
  if (level === 'study') return inStudy
  const inSeries = own('f.id = e.id')
  return isHidden ? inSeries : `(${inStudy} AND (ps.n_instances = s.n_instances OR ${inSeries}))`
}
