import Sqlite from 'better-sqlite3'
import type { Param, Row, Step } from './operation.ts'

type Statement = Sqlite.Statement<unknown[], Row>

/** One connection of one thread, with its prepared statements. */
export interface Connection {
  readonly database: Sqlite.Database
  readonly statements: Map<string, Statement>
  /** Asked by `still_wanted()` within a statement; throws to end it. */
  ask: () => void
}

const STATEMENTS = 400

/**
 * Opens the file. The writer creates it: pages of 8 KB, write-ahead log; every commit is synced, for a STOW that was
 * answered must survive a power cut (better-sqlite3 is built to sync a write-ahead log at checkpoints only).
 */
export function openConnection(path: string, role: 'writer' | 'reader'): Connection {
  const database = new Sqlite(path, { timeout: 5000 })
  database.pragma('page_size = 8192')
  if (role === 'writer') {
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma('wal_autocheckpoint = 4000')
  }
  database.pragma('foreign_keys = ON')
  database.pragma('cache_size = -65536')
  database.pragma('mmap_size = 2147418112')
  database.pragma('temp_store = MEMORY')
  if (role === 'reader') database.pragma('query_only = ON')
  const connection: Connection = { database, statements: new Map(), ask: () => undefined }
  // Not deterministic: SQLite would call it once for all rows.
  database.function('still_wanted', { deterministic: false }, () => {
    connection.ask()
    return 1
  })
  return connection
}

/** The statement of that text, prepared once; the least recently prepared one makes room. */
function prepared(connection: Connection, sql: string): Statement {
  const { database, statements } = connection
  const known = statements.get(sql)
  if (known !== undefined) return known
  const statement = database.prepare<unknown[], Row>(sql)
  statements.set(sql, statement)
  if (statements.size > STATEMENTS) {
    const oldest = statements.keys().next().value
    if (oldest !== undefined) statements.delete(oldest)
  }
  return statement
}

/** Runs one step; rows, or none for a statement that returns none. */
export function runStep(connection: Connection, step: Step): Row[] {
  const statement = prepared(connection, step.sql)
  const fixed = step.params ?? []
  if (step.each === undefined) return runOnce(statement, fixed)
  const rows: Row[] = []
  for (const list of step.each) {
    const found = runOnce(statement, fixed.length === 0 ? list : [...list, ...fixed])
    for (const row of found) rows.push(row)
  }
  return rows
}

const NOTHING: Row[] = []

function runOnce(statement: Statement, params: readonly Param[]): Row[] {
  if (statement.reader) return statement.all(params)
  statement.run(params)
  return NOTHING
}

/**
 * Drives an operation to its end inside one transaction, which is rolled back when it throws. `pause` is asked before
 * every step, and by `still_wanted()` within a step that may take long; it may throw to end the operation.
 */
export function drive<R>(
  connection: Connection,
  begin: 'BEGIN' | 'BEGIN IMMEDIATE',
  operation: Generator<Step, R, Row[]>,
  pause: (step: Step) => void,
): R {
  runStep(connection, { sql: begin })
  try {
    const result = runSteps(connection, operation, pause)
    runStep(connection, { sql: 'COMMIT' })
    return result
  } catch (error) {
    rollBack(connection)
    throw error
  }
}

/** {@link drive} for a writer: the transaction is committed once all of `works` are done, and ends after them in any case. */
export async function driveBeside<R>(
  connection: Connection,
  operation: Generator<Step, R, Row[]>,
  works: readonly Promise<unknown>[],
): Promise<R> {
  runStep(connection, { sql: 'BEGIN IMMEDIATE' })
  try {
    const result = runSteps(connection, operation, () => undefined)
    if (works.length > 0) await Promise.all(works)
    runStep(connection, { sql: 'COMMIT' })
    return result
  } catch (error) {
    await Promise.allSettled(works)
    rollBack(connection)
    throw error
  }
}

function runSteps<R>(
  connection: Connection,
  operation: Generator<Step, R, Row[]>,
  pause: (step: Step) => void,
): R {
  let turn = operation.next(NOTHING)
  while (turn.done !== true) {
    const step = turn.value
    pause(step)
    connection.ask = () => pause(step)
    turn = operation.next(step.sql === '' ? NOTHING : runStep(connection, step))
  }
  return turn.value
}

/** SQLite itself rolls back when the disk is full or fails: then there is no transaction left. */
function rollBack({ database }: Connection): void {
  if (database.inTransaction) database.exec('ROLLBACK')
}
