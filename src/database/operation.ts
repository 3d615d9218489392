/**
 * How one method of a database port is written once for both engines: as a generator that yields SQL and is handed the
 * rows. SQLite drives it without a pause inside one of its threads, PostgreSQL drives it over the wire. Either way the
 * operation is one transaction (a write) or one snapshot (a read), and knows nothing of threads and sockets.
 */

export type Param = string | number | bigint | null | Buffer
export type Row = Record<string, Param>
export type Dialect = 'sqlite' | 'postgres'

/** One statement with `?` for its parameters; with `each`, run once for every list (SQLite) or as one (PostgreSQL). */
export interface Step {
  readonly sql: string
  readonly params?: readonly Param[]
}

/** The work of one port method. Arguments and result must survive structured cloning. */
export type Operation<A extends readonly unknown[], R> = (dialect: Dialect, ...args: A) => Generator<Step, R, Row[]>
