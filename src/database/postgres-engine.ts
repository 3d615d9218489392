import { setTimeout as sleep } from 'node:timers/promises'
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { Problem } from '../problem.ts'
import type { Engine } from './engine.ts'
import { createMemory, type Memory } from './memory.ts'
import { RestartError, type Row, type Step, type Writer, type WriterSettings } from './operation.ts'
import { reads, writes } from './operations.ts'
import { runStep, startTransaction } from './postgres-transaction.ts'
import { joined } from './together.ts'
import { openSlots, type Slots } from './slots.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** Connections at most. */
  readonly connections?: number
  readonly settings: WriterSettings
}

type AnyOperation = (first: never, ...args: never[]) => Generator<Step, unknown, Row[]>

interface Pool {
  readonly knex: Knex
  readonly memory: Memory
  readonly settings: WriterSettings
  readonly slow: Slots
}

/** Reads of unbounded cost that may run at the same time; the others keep the rest of the pool. */
const SLOW_READS = 2
const ATTEMPTS = 6

/** PostgreSQL over knex's pool: whole numbers of 64 bits come as JavaScript numbers, bytes as Buffers. */
export function postgresEngine(options: PostgresOptions): Engine {
  const pool: Pool = {
    knex: knex({
      client: 'pg',
      // Statements are sent without waiting for the answers to those before, where nobody looks at these.
      connection: { connectionString: options.url, pipeline: true } as Knex.PgConnectionConfig,
      pool: { min: 0, max: options.connections ?? 10, afterCreate: prepareConnection },
      acquireConnectionTimeout: 10_000,
      // What goes wrong is thrown, and logged by who catches it.
      log: { warn: silent, error: silent, deprecate: silent, debug: silent },
    }),
    memory: createMemory(),
    settings: options.settings,
    slow: openSlots(SLOW_READS),
  }
  return {
    dialect: 'postgres',
    hasWriterThread: false,
    read: (name, args, signal) => read(pool, name, args, signal) as never,
    write: (name, args) => write(pool, name, args) as never,
    close: () => pool.knex.destroy(),
  }
}

function silent(): void {
  return
}

/**
 * Plans are not compiled: what searches do is seeks, which do not get quicker by it, and compiling takes its time (a count
 * by any tag at a million instances: 178 ms with it, 31 without).
 */
function prepareConnection(client: pg.Client, done: (error: Error | null, client: pg.Client) => void): void {
  client.setTypeParser(pg.types.builtins.INT8, Number)
  client.query('SET jit = off', (error: Error | null) => done(error, client))
}

/** The part of knex's client that hands out connections. */
interface Connections {
  acquireConnection(): Promise<pg.Client>
  releaseConnection(client: pg.Client): Promise<void>
}

const connectionsOf = (pool: Pool): Connections => pool.knex.client as Connections

async function acquire(pool: Pool): Promise<pg.Client> {
  try {
    return await connectionsOf(pool).acquireConnection()
  } catch (error) {
    throw new Problem('unavailable', 'The database cannot be reached.', { cause: error, retryAfter: 2 })
  }
}

function release(pool: Pool, client: pg.Client): void {
  void connectionsOf(pool).releaseConnection(client)
}

async function read(
  pool: Pool,
  name: keyof typeof reads,
  args: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<unknown> {
  let place: (() => void) | null = null
  try {
    for (;;) {
      const answer = await tryRead(pool, name, args, signal, place)
      if (answer !== LATER) return answer.result
      place = await pool.slow.wait(signal)
    }
  } finally {
    place?.()
  }
}

/** The read takes long, and as many as may are under way: it begins again when it is its turn, and holds no connection. */
const LATER = Symbol('later')

async function tryRead(
  pool: Pool,
  name: keyof typeof reads,
  args: readonly unknown[],
  signal: AbortSignal | undefined,
  place: (() => void) | null,
): Promise<{ readonly result: unknown } | typeof LATER> {
  signal?.throwIfAborted()
  const operation = reads[name] as unknown as AnyOperation
  const client = await acquire(pool)
  let cancelled: Promise<void> | undefined
  const cancel = (): void => {
    // What cannot be cancelled ends by itself.
    cancelled = cancelQuery(pool, client).catch(() => undefined)
  }
  let taken: (() => void) | null = null
  try {
    signal?.addEventListener('abort', cancel, { once: true })
    ignored(client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'))
    const running = operation('postgres' as never, ...(args as never[]))
    let turn = running.next([])
    while (turn.done !== true) {
      signal?.throwIfAborted()
      if (isSlow(turn.value) && place === null) {
        taken ??= pool.slow.take()
        if (taken === null) return LATER
      }
      turn = running.next(await answerTo(client, turn.value, !MADE_UP.has(name)))
    }
    return { result: turn.value }
  } catch (error) {
    signal?.throwIfAborted()
    throw asProblem(error)
  } finally {
    signal?.removeEventListener('abort', cancel)
    taken?.()
    // The connection is given back at once: what its next user sends comes after.
    ignored(client.query('COMMIT'))
    if (cancelled === undefined) release(pool, client)
    else await discard(pool, client, cancelled)
  }
}

function isSlow({ slow, all = [] }: Step): boolean {
  return slow === true || all.some(isSlow)
}

async function answerTo(client: pg.Client, { all, ...step }: Step, named: boolean): Promise<Row[]> {
  if (all === undefined) return runStep(client, step, named || step.kept === true)
  return joined(await Promise.all(all.map((one) => answerTo(client, one, named))))
}

/** Operations whose statements are made for one question, but for those that say so: preparing them would fill the server. */
const MADE_UP: ReadonlySet<string> = new Set(['search', 'count'])

/** A cancellation may still be under way to the connection: nobody else may have it, or it would hit their query. */
async function discard(pool: Pool, client: pg.Client, cancelled: Promise<void>): Promise<void> {
  await cancelled
  await client.end().catch(() => undefined)
  release(pool, client)
}

/** The fate of a statement shows in the answers to those after it. */
function ignored(answer: Promise<unknown>): void {
  answer.catch(() => undefined)
}

/** Asks the server to end what the connection is doing. */
async function cancelQuery(pool: Pool, client: pg.Client): Promise<void> {
  const { processID } = client as pg.Client & { processID?: number | null }
  if (processID === undefined || processID === null) return
  await pool.knex.raw('SELECT pg_cancel_backend(?)', [processID])
}

/** Deadlocks, serialisation errors and restarts are tried again after a random pause; a lost connection once. */
async function write(pool: Pool, name: keyof typeof writes, args: readonly unknown[]): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryWrite(pool, name, args, attempt)
    } catch (error) {
      const again = attempt < ATTEMPTS && (mayRepeat(error) || (attempt === 1 && isLost(error)))
      if (!again) throw asProblem(error)
      await sleep(Math.random() * 10 * 2 ** attempt)
    }
  }
}

async function tryWrite(
  pool: Pool,
  name: keyof typeof writes,
  args: readonly unknown[],
  attempt: number,
): Promise<unknown> {
  const operation = writes[name] as unknown as AnyOperation
  const committed: (() => void)[] = []
  const writer: Writer = {
    dialect: 'postgres',
    settings: pool.settings,
    memory: pool.memory,
    lockFirst: attempt > ATTEMPTS / 2,
    afterCommit: (run) => committed.push(run),
  }
  const transaction = startTransaction(await acquire(pool), name !== 'migrate')
  try {
    if (!BEGINS_ITSELF.has(name) || writer.lockFirst) transaction.begin()
    const running = operation(writer as never, ...(args as never[]))
    let turn = running.next([])
    while (turn.done !== true) {
      if (turn.value.begin === true) transaction.begin()
      turn = running.next(await transaction.run(turn.value))
    }
    await transaction.commit()
    for (const run of committed) run()
    return turn.value
  } catch (error) {
    throw await transaction.undo(error)
  } finally {
    release(pool, transaction.client)
  }
}

/** Operations that yield `begin`. */
const BEGINS_ITSELF: ReadonlySet<string> = new Set(['add', 'stage'])

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  return typeof code === 'string' ? code : ''
}

/** Serialisation failure, deadlock. */
function mayRepeat(error: unknown): boolean {
  return error instanceof RestartError || ['40001', '40P01'].includes(codeOf(error))
}

function isLost(error: unknown): boolean {
  const message = error instanceof Error ? error.message : ''
  return (
    /^(08...|57P0[1-3]|ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT)$/.test(codeOf(error)) ||
    /Connection terminated|not queryable|Client was closed/.test(message)
  )
}

/** What a client may try again later becomes a Problem; everything else stays what it is, a bug. */
function asProblem(error: unknown): unknown {
  if (error instanceof Problem) return error
  if (isLost(error) || mayRepeat(error) || /^(53...|55P03|57014|25006)$/.test(codeOf(error)))
    return new Problem(
      'unavailable',
      `The database cannot be used now (${codeOf(error) || 'connection lost'}).`,
      {
        cause: error,
        retryAfter: 2,
      },
    )
  return error
}
