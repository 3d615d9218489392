import type { Dialect, Row, Step } from './operation.ts'

export const studyLock = (studyUid: string): string => `study ${studyUid}`
export const patientLock = (patient: string): string => `patient ${patient}`

/**
 * PostgreSQL: locks studies and patients, those of them too that have no row yet, until the end of the transaction. All
 * writers take their locks here, at once and in one order, so that none waits in a circle. SQLite has one writer.
 */
export function* lockKeys(keys: readonly string[]): Generator<Step, void, Row[]> {
  yield {
    sql: `SELECT pg_advisory_xact_lock(k.h) FROM (
      SELECT DISTINCT hashtextextended(v.column1, 0) AS h FROM (VALUES (?)) AS v ORDER BY 1) AS k`,
    types: 'text',
    each: keys.map((key) => [key]),
  }
}

/** Numbers for so many new rows, ascending. SQLite: the caller holds the only write transaction. */
export function* nextIds(dialect: Dialect, table: string, n: number): Generator<Step, number[], Row[]> {
  if (n === 0) return []
  if (dialect === 'sqlite') {
    const [row] = yield { sql: `SELECT coalesce(max(id), 0) AS last FROM ${table}` }
    const last = Number(row?.['last'] ?? 0)
    return Array.from({ length: n }, (_, at) => last + at + 1)
  }
  const rows = yield {
    sql: `SELECT nextval(pg_get_serial_sequence('${table}', 'id')) AS id FROM generate_series(1, ?::int)`,
    params: [n],
  }
  return rows.map((row) => Number(row['id'])).sort((a, b) => a - b)
}
