/** Certainty said of the rows of a search's level, of which some are found through the series below. */
import { shownCondition } from './search-hidden.ts'
import { askedOfRows } from './search-narrow.ts'
import { exists, hasLowerKeys, type Plan } from './search-plan.ts'
import { allOf, FALSE, not, sql, TRUE, type Sql } from './search-sql.ts'

/** Whether no row of a plan needs a look at a data set. */
export function isAllCertain(plan: Plan): boolean {
  return plan.empty.length === 0 && (plan.keys.length === 0 || certainRow(plan) === TRUE)
}

/** That a candidate is a match; null when only data sets can tell. */
export function certainRow(plan: Plan): Sql | null {
  const { certainty, on, query } = plan
  if (plan.keys.length === 0) return TRUE
  if (certainty.condition === null) return null
  // Of the row itself: the series by which candidates were found have told all they know.
  const isBelow = !certainty.isOfRow && (certainty.isOfSeries || hasLowerKeys(plan))
  if (query.level === 'instance' || query.level === 'series' || !isBelow) return certainty.condition
  const asking = askedOfRows(plan.dialect, query)
  // What is certain implies all that candidates were found by.
  const series = allOf([shownCondition(query, 'series'), certainty.condition])
  if (query.level === 'study')
    return exists(asking, { ...series, sql: `FROM series e WHERE ${series.sql}` }, 's.id', 'e.study_id')
  // Of a study that two patients share, the series do not tell whose their instances are.
  const own = allOf([sql('ps.n_instances = s.n_instances'), on.s, series])
  const tables = 'patient_study ps JOIN study s ON s.id = ps.study_id JOIN series e ON e.study_id = s.id'
  return exists(asking, { ...own, sql: `FROM ${tables} WHERE ${own.sql}` }, 'p.id', 'ps.patient_key')
}

/** That a candidate may be none. */
export function uncertainRow(plan: Plan): Sql {
  const certain = certainRow(plan)
  if (certain === null) return TRUE
  return certain === TRUE ? FALSE : not(certain)
}

/** That of a certain match the first instance is one that matches, for all are; null where that is not known. */
export function firstRow(plan: Plan): Sql | null {
  const { certainty, query } = plan
  if (plan.keys.length === 0) return TRUE
  if (certainty.isOfRow) return certainty.ofAll
  // Of what is above the series, it is the first one of some series.
  const isAbove = query.level === 'patient' || query.level === 'study'
  return (isAbove && certainty.isOfSeries) || hasLowerKeys(plan) ? null : certainty.ofAll
}
