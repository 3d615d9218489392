import { openDatabase } from './database.ts'
import { settingsOf, type IndexSettings } from './settings.ts'
import type { Database } from './ports/database.ts'
import { postgresEngine } from './postgres-engine.ts'

export interface PostgresOptions extends IndexSettings {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** Connections at most; 10 unless told otherwise. */
  readonly connections?: number
}

/**
 * Opens the index in a PostgreSQL database, its schema brought up to date.
 * Rejects with Problem `unavailable` when the server cannot be reached, or the schema needs newer code.
 */
export function openPostgres(options: PostgresOptions): Promise<Database> {
  const { url, connections } = options
  return openDatabase(
    postgresEngine({
      url,
      settings: settingsOf(options),
      ...(connections === undefined ? {} : { connections }),
    }),
    options,
  )
}
