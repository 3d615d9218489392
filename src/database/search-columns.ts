import type { Level, Tag } from '../dicom/data-set.ts'
import { numberText } from '../dicom/matching-values.ts'
import { Problem } from '../problem.ts'
import { NO_NUMBER } from './level-tuples.ts'
import type { Dialect } from './operation.ts'
import type { Key, Query } from './query.ts'
import { allOf, FALSE, sql, textIn, TRUE, type SortColumn, type Sql } from './search-sql.ts'
import { columnCondition, type Condition } from './search-terms.ts'

/** Where attributes have columns. Aliases are the same in every statement: patient p, study s, series e, instance i. */
export type Alias = 'p' | 's' | 'e' | 'i'

export interface Column {
  readonly alias: Alias
  readonly expression: string
  /** A text that an index serves for equality and ranges, with the order of its level behind it. */
  readonly isIndexed: boolean
  /** The index by which its level is ordered has it too, so that a walk need not visit the rows. */
  readonly isInOrder?: boolean
  /** How it compares: texts in normal form, UIDs that are never empty or mixed, numbers. */
  readonly kind: 'text' | 'uid' | 'number'
  /** Of UIDs: the condition by which an index finds them, `(?)` for the list. */
  readonly lookup?: string
}

const text = (alias: Alias, column: string, isIndexed = false): Column => ({
  alias,
  expression: `${alias}.${column}`,
  isIndexed,
  kind: 'text',
})
const uid = (alias: Alias, expression: string, lookup = `${expression} IN (?)`): Column => ({
  alias,
  expression,
  isIndexed: true,
  kind: 'uid',
  lookup,
})
const SOP_CLASS = '(SELECT c.uid FROM sop_class c WHERE c.id = i.sop_class_id)'

const COLUMNS: ReadonlyMap<Tag, Column> = new Map([
  ['0020000D', uid('s', 's.study_uid')],
  ['00080020', text('s', 'study_date', true)],
  ['00080030', text('s', 'study_time')],
  ['00080050', text('s', 'accession_number', true)],
  ['00200010', text('s', 'study_ident')],
  ['00081030', text('s', 'study_description')],
  ['00080090', text('s', 'referring_physician')],
  ['00100010', { ...text('s', 'patient_name'), isInOrder: true }],
  ['00100020', text('s', 'patient_id', true)],
  ['00100021', text('s', 'issuer')],
  ['00100030', text('s', 'birth_date')],
  ['00100040', text('s', 'sex')],
  ['0020000E', uid('e', 'e.series_uid')],
  ['00080060', text('e', 'modality', true)],
  ['00200011', { alias: 'e', expression: 'e.number', isIndexed: false, kind: 'number' }],
  ['0008103E', text('e', 'series_description')],
  ['00180015', text('e', 'body_part')],
  ['00400244', text('e', 'pps_start_date')],
  ['00400245', text('e', 'pps_start_time')],
  ['00200013', { alias: 'i', expression: 'i.number', isIndexed: false, kind: 'number' }],
  ['00080018', uid('i', 'i.sop_uid', 'i.id IN (SELECT o.instance_id FROM sop o WHERE o.sop_uid IN (?))')],
  ['00080016', uid('i', SOP_CLASS, 'i.sop_class_id IN (SELECT c.id FROM sop_class c WHERE c.uid IN (?))')],
])

/** Columns of patients as entities; elsewhere a patient's attributes are those that the study has. */
const PATIENT_COLUMNS: ReadonlyMap<Tag, Column> = new Map([
  ['00100010', text('p', 'patient_name')],
  ['00100030', text('p', 'birth_date')],
  ['00100040', text('p', 'sex')],
])

/** The column that holds an attribute for a search at this level; undefined for those in the tag index alone. */
export function columnOf(level: Level, key: Pick<Key, 'path'>): Column | undefined {
  const [tag] = key.path
  if (tag === undefined || key.path.length > 1) return undefined
  return (level === 'patient' ? PATIENT_COLUMNS.get(tag) : undefined) ?? COLUMNS.get(tag)
}

/** A key on its column; of numbers only whole ones are exact. */
export function conditionOn(dialect: Dialect, column: Column, key: Key): Condition {
  const { match } = key
  if (column.kind === 'uid') {
    if (match.kind === 'values') return { ...lookUp(column.lookup ?? '', match.values), isExact: true }
    // A UID is always there; the class of a pattern is left to the data sets.
    return match.kind === 'empty' ? { ...FALSE, isExact: true } : { ...TRUE, isExact: false }
  }
  if (column.kind === 'text') return columnCondition(dialect, column.expression, key)
  const numbers = match.kind === 'values' ? match.values.map((value) => numberText('IS', value)) : []
  const whole = numbers.filter((number) => number !== null && /^-?\d{1,9}$/u.test(number)).map(Number)
  if (numbers.length === 0 || whole.length < numbers.length) return { ...TRUE, isExact: false }
  // Instances with several numbers, or with one that is not whole, have no number in their column.
  const listed = column.alias === 'i' ? [...whole, NO_NUMBER] : whole
  return {
    sql: `${column.expression} IN (${listed.map(() => '?').join(', ')})`,
    params: listed,
    isExact: true,
    ...(column.alias === 'i' && { when: sql(`${column.expression} <> ?`, NO_NUMBER) }),
  }
}

function lookUp(lookup: string, uids: readonly string[]): Sql {
  return sql(lookup.replace('(?)', `(${uids.map(() => '?').join(', ')})`), ...uids)
}

/** Attributes by which rows can be ordered, beyond those with a column of text. */
const ORDERED: Readonly<Record<Level, ReadonlyMap<Tag, string>>> = {
  patient: new Map([
    ['00100020', 'p.patient_id'],
    ['00100021', 'p.issuer'],
    ['00201200', 'p.n_studies'],
    ['00201204', 'p.n_instances'],
  ]),
  study: new Map([
    ['00201206', 's.n_series'],
    ['00201208', 's.n_instances'],
  ]),
  series: new Map([['00201209', 'e.n_instances']]),
  instance: new Map([
    ['00200013', 'i.number'],
    ['00280010', 'coalesce(i.n_rows, -1)'],
    ['00280011', 'coalesce(i.n_columns, -1)'],
    ['00280008', 'coalesce(i.n_frames, -1)'],
  ]),
}
const ALIASES: Readonly<Record<Level, readonly Alias[]>> = {
  patient: ['p'],
  study: ['s'],
  series: ['s', 'e'],
  instance: ['s', 'e', 'i'],
}

/**
 * The order of the rows: what the client wants, then the order of the level, which ends in something unique. Studies
 * and series of the whole archive begin with the newest; what is inside of one goes by number; instances of the whole archive
 * go by arrival, so that pages by offset hold still while more arrive. Throws Problem `malformed`.
 */
export function orderOf(query: Query): SortColumn[] {
  const wanted = query.orderBy.map(({ tag, descending }): SortColumn => {
    const column = columnOf(query.level, { path: [tag] })
    const own = ORDERED[query.level].get(tag)
    const expression =
      own ?? (column && ALIASES[query.level].includes(column.alias) ? column.expression : undefined)
    if (expression === undefined)
      throw new Problem('malformed', `Rows of this level cannot be ordered by ${tag}.`)
    return { expression, descending }
  })
  const order = [...wanted, ...levelOrder(query)]
  return order.filter(({ expression }, at) => order.findIndex((one) => one.expression === expression) === at)
}

function levelOrder({ level, within }: Query): SortColumn[] {
  const up = (...expressions: string[]): SortColumn[] =>
    expressions.map((expression) => ({ expression, descending: false }))
  const down = (...expressions: string[]): SortColumn[] =>
    expressions.map((expression) => ({ expression, descending: true }))
  switch (level) {
    case 'patient':
      return up('p.patient_id', 'p.issuer', 'p.pseudo_study')
    case 'study':
      return down('s.study_date', 's.study_uid')
    case 'series':
      return within.study === undefined
        ? down('e.study_date', 'e.series_uid', 'e.id')
        : up('e.number', 'e.series_uid')
    case 'instance':
      if (within.study === undefined) return up('i.id')
      return up(...(within.series === undefined ? ['e.number', 'e.series_uid'] : []), 'i.number', 'i.sop_uid')
  }
}

/** Whether a key on an indexed column narrows the search by itself. */
export function isSelective(column: Column | undefined, key: Key): boolean {
  return (
    column?.isIndexed === true &&
    column.kind === 'text' &&
    (key.match.kind === 'values' || key.match.kind === 'range')
  )
}

/** Whether a UID finds one row: SOP classes are shared by many. */
export function isUnique(column: Column | undefined): boolean {
  return column?.kind === 'uid' && !column.expression.startsWith('(')
}

/** The conditions of a search's place in the hierarchy. */
export function withinCondition({ within }: Query): Sql {
  return allOf([
    ...(within.study === undefined ? [] : [textIn('s.study_uid', [within.study])]),
    ...(within.series === undefined ? [] : [textIn('e.series_uid', [within.series])]),
  ])
}
