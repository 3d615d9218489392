import { first } from '../../db/migrations/0001-first.ts'
import { Problem } from '../problem.ts'
import type { Dialect, Row, Step, Writer } from './operation.ts'
import { clock } from './dialect.ts'

/** One numbered change of the schema; never edited once released. */
export interface Migration {
  readonly number: number
  readonly name: string
  /** The oldest code, named by the last migration it knows, that still works after this one. */
  readonly survives: number
  readonly sqlite: readonly string[]
  readonly postgres: readonly string[]
}

const migrations: readonly Migration[] = [first]

/** Key of the advisory lock under which PostgreSQL migrates: an arbitrary number, the same in every release. */
const MIGRATION_LOCK = 7_305_180_321

/**
 * Applies the next migration that is missing, with its note in table `migration`, in one transaction; a process killed
 * half-way leaves nothing behind, neither half a schema nor a lock. Answers how many are still missing.
 *
 * Throws Problem `unavailable` when the schema says that this code is too old for it.
 */
export function* migrate(writer: Writer): Generator<Step, number, Row[]> {
  const { dialect } = writer
  if (dialect === 'postgres') yield { sql: 'SELECT pg_advisory_xact_lock(?)', params: [MIGRATION_LOCK] }
  yield {
    sql: `CREATE TABLE IF NOT EXISTS migration (
      number bigint NOT NULL PRIMARY KEY, name text NOT NULL, survives bigint NOT NULL, applied_at bigint NOT NULL)`,
  }
  const applied = yield { sql: 'SELECT number, survives FROM migration ORDER BY number' }
  const known = Math.max(...migrations.map((migration) => migration.number))
  const oldest = Math.max(0, ...applied.map((row) => Number(row['survives'])))
  if (oldest > known)
    throw new Problem(
      'unavailable',
      `The database needs code that knows migration ${oldest}; this code ends with ${known}. Use a newer release.`,
    )
  const done = new Set(applied.map((row) => Number(row['number'])))
  const [next, ...rest] = migrations.filter((migration) => !done.has(migration.number))
  if (next === undefined) return 0
  for (const sql of next[dialect]) yield { sql }
  yield {
    sql: `INSERT INTO migration (number, name, survives, applied_at) VALUES (?, ?, ?, ${clock(dialect)})`,
    params: [next.number, next.name, next.survives],
  }
  return rest.length
}

/** The UUID of this archive, minted when the database is opened for the first time. */
export function* openArchive(writer: Writer, minted: string): Generator<Step, string, Row[]> {
  yield* lockTable(writer.dialect, 'archive')
  const [row] = yield { sql: 'SELECT id FROM archive' }
  if (row !== undefined) return String(row['id'])
  yield {
    sql: `INSERT INTO archive (id, created_at) VALUES (?, ${clock(writer.dialect)})`,
    params: [minted],
  }
  return minted
}

/**
 * The UUID of the archive in a database that is looked at as it is. Throws Problem `unavailable` where there is none, or
 * its schema is another than this code's.
 */
export function* readArchive(dialect: Dialect): Generator<Step, string, Row[]> {
  const [table] = yield {
    sql:
      dialect === 'sqlite'
        ? `SELECT 1 AS there FROM sqlite_master WHERE name = 'migration'`
        : `SELECT 1 AS there FROM pg_class WHERE oid = to_regclass('migration')`,
  }
  if (table === undefined) throw new Problem('unavailable', 'There is no archive in this database.')
  const applied = yield { sql: 'SELECT number FROM migration' }
  const numbers = new Set(applied.map((row) => Number(row['number'])))
  if (migrations.some((migration) => !numbers.has(migration.number)))
    throw new Problem(
      'unavailable',
      'The schema of the database is older than this code. Start the service once, or run "npm run migrate".',
    )
  const [row] = yield { sql: 'SELECT id FROM archive' }
  if (row === undefined) throw new Problem('unavailable', 'There is no archive in this database.')
  return String(row['id'])
}

function* lockTable(dialect: Dialect, table: string): Generator<Step, void, Row[]> {
  if (dialect === 'postgres') yield { sql: `LOCK TABLE ${table} IN EXCLUSIVE MODE` }
}
