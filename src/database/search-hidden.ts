/** Searches that list superseded instances too: what the rows of the levels, which tell of active ones, cannot say. */
import type { Level } from '../dicom/data-set.ts'
import type { Query } from './query.ts'
import type { Column } from './search-columns.ts'
import { anyOf, sql, TRUE, type Sql } from './search-sql.ts'

const SUPERSEDED = 'i2.state = 1'
/** An entity that has a superseded instance. */
const HAS_SUPERSEDED = {
  p: `EXISTS (SELECT 1 FROM patient_study l JOIN series e2 ON e2.study_id = l.study_id
    JOIN instance i2 ON i2.series_id = e2.id
    WHERE l.patient_key = p.id AND e2.n_hidden > 0 AND i2.patient_key = p.id AND ${SUPERSEDED})`,
  s: `EXISTS (SELECT 1 FROM series e2 JOIN instance i2 ON i2.series_id = e2.id
    WHERE e2.study_id = s.id AND e2.n_hidden > 0 AND ${SUPERSEDED})`,
  e: `(e.n_hidden > 0 AND EXISTS (SELECT 1 FROM instance i2 WHERE i2.series_id = e.id AND ${SUPERSEDED}))`,
} as const
const ALIAS = { patient: 'p', study: 's', series: 'e' } as const

/** That an entity has an instance which the search may show. */
export function shownCondition(query: Query, level: Exclude<Level, 'instance'>): Sql {
  const alias = ALIAS[level]
  const active = sql(`${alias}.n_instances > 0`)
  return query.includeSuperseded === true ? anyOf([active, sql(HAS_SUPERSEDED[alias])]) : active
}

/** A condition on a column of a level; entities with hidden instances are candidates whatever it says. */
export function orHidden({ includeSuperseded }: Query, { alias, kind }: Column, condition: Sql): Sql {
  if (includeSuperseded !== true || alias === 'i' || kind === 'uid' || condition === TRUE) return condition
  const hidden = {
    p: `p.id IN (SELECT l.patient_key FROM series e2 JOIN patient_study l ON l.study_id = e2.study_id WHERE e2.n_hidden > 0)`,
    s: 's.id IN (SELECT e2.study_id FROM series e2 WHERE e2.n_hidden > 0)',
    e: 'e.n_hidden > 0',
  }[alias]
  return anyOf([condition, sql(hidden)])
}
