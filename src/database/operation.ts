/**
 * How one method of a database port is written once for both engines: as a generator that yields SQL and is handed the
 * rows. SQLite drives it without a pause inside one of its threads, PostgreSQL drives it over the wire. Either way the
 * operation is one transaction (a write) or one snapshot (a read), and knows nothing of threads and sockets.
 */
import type { Memory } from './memory.ts'

export type Param = string | number | bigint | null | Buffer
export type Row = Record<string, Param>
export type Dialect = 'sqlite' | 'postgres'

/** One statement with `?` for its parameters. */
export interface Step {
  readonly sql: string
  readonly params?: readonly Param[]
  /**
   * Run for every list of parameters, rows of all runs together. The statement says `VALUES (?, ?)` once, with the
   * parameters of a list in that order; SQLite prepares it once and runs it over and over, PostgreSQL runs it once over
   * `unnest`ed arrays of `types`.
   */
  readonly each?: readonly (readonly Param[])[]
  /** PostgreSQL's types of the parameters of `each`, with commas between: `'bigint, text, bytea'`. */
  readonly types?: string
  /** The engine may start the operation again in its slow lane: what follows may take longer than other reads should wait. */
  readonly slow?: boolean
  /** PostgreSQL may keep it prepared: its text is one of a few, and the way that is good for some parameters is for all. */
  readonly kept?: boolean
  /** Nothing but these steps, none of which waits for the others' answers (`together.ts`); PostgreSQL alone is given such. */
  readonly all?: readonly Step[]
  /** Here the transaction begins; steps before it are transactions of their own (PostgreSQL; SQLite has begun already). */
  readonly begin?: boolean
}

/** The work of a reading port method. Arguments and result must survive structured cloning. */
export type Operation<A extends readonly unknown[], R> = (
  dialect: Dialect,
  ...args: A
) => Generator<Step, R, Row[]>

/** What a writing operation is given besides its arguments. */
export interface Writer {
  readonly dialect: Dialect
  readonly settings: WriterSettings
  /** What is known to be committed; changed only through `afterCommit`. */
  readonly memory: Memory
  /** Other writers came in between too often: take the locks before anything is read. */
  readonly lockFirst: boolean
  /** Runs when the transaction has been committed, never otherwise. */
  readonly afterCommit: (run: () => void) => void
}

/** A writer in a thread of its own, beside whose statements other work may go on. */
export interface ThreadWriter extends Writer {
  /**
   * Work that was begun. Whatever comes of the statements it is waited for, before they are committed; where it rejects
   * they are undone.
   */
  readonly meanwhile: (work: Promise<unknown>) => void
}

export interface WriterSettings {
  /** A study is due so many milliseconds after its last change, and so many after its first at the latest. */
  readonly quietMs: number
  readonly maxWaitMs: number
  /** Issuer of Patient IDs that name none; '' for none. */
  readonly defaultIssuer: string
}

/** The work of a writing port method; of an engine with a thread that writes, where it takes a {@link ThreadWriter}. */
export type WriteOperation<A extends readonly unknown[], R, W extends Writer = Writer> = (
  writer: W,
  ...args: A
) => Generator<Step, R, Row[]>

/** An operation finds that what it read before `begin` is no longer so: the engine begins it again, memory empty. */
export class RestartError extends Error {
  override readonly name = 'RestartError'
}

/** An operation is to be undone, and yet has an answer. */
export class UndoneError<R> extends Error {
  override readonly name = 'UndoneError'
  readonly answer: R
  constructor(answer: R) {
    super('undone')
    this.answer = answer
  }
}
