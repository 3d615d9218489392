/** What a column does not say of an entity whose instances disagree. */
import { numberText } from '../dicom/matching-values.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Key } from './query.ts'
import type { Column } from './search-columns.ts'
import { anyOf, contains, idIn, rowsOf, sql, textIn, type Sql } from './search-sql.ts'
import { columnCondition } from './search-terms.ts'
import { CUT } from './terms.ts'

const FEW_MIXED = 1000
const TABLES = { p: 'patient', s: 'study', e: 'series' } as const

/**
 * A condition on a column, or that the entity is one of those whose instances have something else too: what they have is
 * counted in `level_value`; columns that do not say all are marked (`level-tuples.ts`). Those are verified.
 */
export function* withMixed(
  dialect: Dialect,
  column: Column,
  key: Key,
  condition: Sql,
): Generator<Step, Sql, Row[]> {
  const { alias } = column
  if (alias === 'i' || column.kind === 'uid') return condition
  const value = otherValue(dialect, column, key)
  const other = sql(
    `SELECT entity FROM level_value WHERE level = ? AND attribute = ? AND (${value.sql})`,
    TABLES[alias],
    key.path[0] ?? '',
    ...value.params,
  )
  const inexact = `SELECT id FROM ${TABLES[alias]} WHERE mixed >= 2`
  const union: Sql = { sql: `${other.sql} UNION ${inexact}`, params: other.params }
  const rows = yield* rowsOf({ sql: `${union.sql} LIMIT ${FEW_MIXED + 1}`, params: union.params })
  if (rows.length === 0) return condition
  if (rows.length > FEW_MIXED) return anyOf([condition, { ...union, sql: `${alias}.id IN (${union.sql})` }])
  return anyOf([
    condition,
    idIn(
      dialect,
      `${alias}.id`,
      rows.map((row) => Number(row['entity'])),
    ),
  ])
}

/** A value among several, or cut, is not told by the text: it is a candidate whatever the key. */
function otherValue(dialect: Dialect, column: Column, key: Key): Sql {
  const own =
    column.kind === 'text'
      ? columnCondition(dialect, 'value', key)
      : textIn(
          'value',
          key.match.kind === 'values' ? key.match.values.flatMap((text) => numberText('IS', text) ?? []) : [],
        )
  return anyOf([own, contains(dialect, 'value', '\\'), contains(dialect, 'value', CUT)])
}
