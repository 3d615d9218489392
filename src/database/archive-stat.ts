import type { ArchiveCounts } from './inspection.ts'
import type { Dialect, Row, Step } from './operation.ts'

/**
 * Adds to the numbers of the whole archive, which count what is active; negative ones take away. One row per writer, for
 * one row would be a queue.
 */
export function* addToArchive(dialect: Dialect, counts: ArchiveCounts): Generator<Step, void, Row[]> {
  const writer = dialect === 'sqlite' ? '0' : 'pg_backend_pid() % 16'
  yield {
    sql: `INSERT INTO archive_stat (writer, n_patients, n_studies, n_series, n_instances, n_bytes)
      SELECT ${writer}, v.column1, v.column2, v.column3, v.column4, v.column5 FROM (VALUES (?, ?, ?, ?, ?)) AS v WHERE true
      ON CONFLICT (writer) DO UPDATE SET n_patients = archive_stat.n_patients + excluded.n_patients,
        n_studies = archive_stat.n_studies + excluded.n_studies, n_series = archive_stat.n_series + excluded.n_series,
        n_instances = archive_stat.n_instances + excluded.n_instances, n_bytes = archive_stat.n_bytes + excluded.n_bytes`,
    types: 'bigint, bigint, bigint, bigint, bigint',
    each: [[counts.patients, counts.studies, counts.series, counts.instances, counts.bytes]],
  }
}
