/** What the contract suite needs of an engine: an empty index to open, and its tables to look into. */
import type { Database } from '../../src/database/ports/database.ts'
import type { IndexSettings } from '../../src/database/settings.ts'

export type SqlRow = Record<string, unknown>

export interface Bench {
  readonly engine: 'sqlite' | 'postgres'
  /** Opens the same index; several may be open at once. Closed by `close`. */
  open(settings?: IndexSettings): Promise<Database>
  /** Rows of a statement without parameters. */
  sql(text: string): Promise<SqlRow[]>
  /** Throws away the index and everything that is open on it. */
  close(): Promise<void>
}

export type MakeBench = () => Promise<Bench>
