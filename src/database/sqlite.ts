import { existsSync } from 'node:fs'
import { Problem } from '../problem.ts'
import { openDatabase } from './database.ts'
import { settingsOf, type IndexSettings } from './settings.ts'
import type { Database } from './ports/database.ts'
import { sqliteEngine } from './sqlite-engine.ts'

export interface SqliteOptions extends IndexSettings {
  /** The database file; made when it is not there. Its folder must be. */
  readonly path: string
  /** Reader threads; by default one less than there are cores, and one at least. */
  readonly readers?: number
}

/**
 * Opens the index in a SQLite file, its schema brought up to date.
 * Rejects with Problem `unavailable` when the file cannot be opened, or needs newer code.
 */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const { path, readers } = options
  if (options.readOnly === true && !existsSync(path))
    throw new Problem('unavailable', 'There is no database file where the settings say.')
  return openDatabase(
    sqliteEngine({ path, settings: settingsOf(options), ...(readers === undefined ? {} : { readers }) }),
    options,
  )
}
