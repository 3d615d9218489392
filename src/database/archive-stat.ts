/** THE NUMBERS OF THE WHOLE ARCHIVE: how they are kept, what defines them, and whether the two agree. */
import { type ArchiveCounts, counts } from './inspection.ts'
import type { Dialect, Row, Step } from './operation.ts'
import type { Finding } from './ports/inspection.ts'

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

const NAMES = ['patients', 'studies', 'series', 'instances', 'bytes'] as const

/** What the numbers kept are short of those of the active instances; zeros when they agree. */
export function* archiveShortfall(): Generator<Step, ArchiveCounts, Row[]> {
  const [row] = yield {
    sql: `SELECT count(DISTINCT i.patient_key) AS patients, count(DISTINCT e.study_id) AS studies,
        count(DISTINCT i.series_id) AS series, count(*) AS instances, CAST(coalesce(sum(i.size), 0) AS bigint) AS bytes
      FROM instance i JOIN series e ON e.id = i.series_id WHERE i.state = 0`,
    slow: true,
  }
  const kept = yield* counts()
  const short = (name: (typeof NAMES)[number]): number => Number(row?.[name]) - kept[name]
  return {
    patients: short('patients'),
    studies: short('studies'),
    series: short('series'),
    instances: short('instances'),
    bytes: short('bytes'),
  }
}

/** Compares the numbers kept with the active instances. */
export function* checkArchive(): Generator<Step, Finding[], Row[]> {
  const short = yield* archiveShortfall()
  return NAMES.filter((name) => short[name] !== 0).map((name) => ({
    check: 'levels',
    what: `archive: the number of ${name} is ${Math.abs(short[name])} too ${short[name] > 0 ? 'low' : 'high'}`,
    entity: { level: 'archive', id: 0 },
  }))
}
