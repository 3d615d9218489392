/** A thread of the SQLite engine: the writer, or one of the readers. Started by `sqlite-threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import { Problem, type ProblemKind } from '../problem.ts'
import { createMemory } from './memory.ts'
import { reads, writes } from './operations.ts'
import {
  RestartError,
  UndoneError,
  type Row,
  type Step,
  type ThreadWriter,
  type WriterSettings,
} from './operation.ts'
import { drive, driveBeside, openConnection } from './sqlite-connection.ts'

/** What a thread is started with. */
export interface ThreadData {
  readonly path: string
  readonly role: 'writer' | 'quick' | 'slow'
  readonly settings: WriterSettings
  /** One Int32 that holds the number of the request whose answer is no longer wanted. */
  readonly abandoned: SharedArrayBuffer
}

export interface Request {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}

export type Answer =
  | { readonly id: number; readonly kind: 'result'; readonly result: unknown }
  | { readonly id: number; readonly kind: 'problem'; readonly problem: ProblemKind; readonly message: string }
  | {
      readonly id: number
      readonly kind: 'error'
      readonly message: string
      readonly stack: string
      readonly code: string
    }
  | { readonly id: number; readonly kind: 'slow' | 'abandoned' }

type AnyOperation = (first: never, ...args: never[]) => Generator<Step, unknown, Row[]>

/** Ends an operation from outside; carries how it is answered. */
class EndedError extends Error {
  readonly kind: 'slow' | 'abandoned'
  constructor(kind: 'slow' | 'abandoned') {
    super(kind)
    this.kind = kind
  }
}

/** What a locked, full, failing or unopenable database file means to a client: try again later. */
const UNAVAILABLE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY|NOMEM|PROTOCOL)/

const data = workerData as ThreadData
const port = parentPort
if (port === null) throw new Error('sqlite-thread.ts is started as a thread')

const connection = openConnection(data.path, data.role === 'writer' ? 'writer' : 'reader')
const abandoned = new Int32Array(data.abandoned)
let memory = createMemory()

function runRead(request: Request): unknown {
  const operation = (reads as Record<string, AnyOperation>)[request.name]
  if (operation === undefined) throw new Error(`no read is called ${request.name}`)
  const pause = (step: Step): void => {
    if (Atomics.load(abandoned, 0) === request.id) throw new EndedError('abandoned')
    if (step.slow === true && data.role === 'quick') throw new EndedError('slow')
  }
  return drive(connection, 'BEGIN', operation('sqlite' as never, ...(request.args as never[])), pause)
}

/** Another process may have written to the file: then what is remembered is void, and read again. */
async function runWrite(request: Request): Promise<unknown> {
  try {
    return await tryWrite(request)
  } catch (error) {
    if (!(error instanceof RestartError)) throw error
    return tryWrite(request)
  }
}

async function tryWrite(request: Request): Promise<unknown> {
  const operation = (writes as Record<string, AnyOperation>)[request.name]
  if (operation === undefined) throw new Error(`no write is called ${request.name}`)
  const committed: (() => void)[] = []
  const works: Promise<unknown>[] = []
  const writer: ThreadWriter = {
    dialect: 'sqlite',
    settings: data.settings,
    memory,
    lockFirst: false,
    meanwhile: (work) => works.push(work),
    afterCommit: (run) => committed.push(run),
  }
  try {
    const running = operation(writer as never, ...(request.args as never[]))
    const result = await driveBeside(connection, running, works)
    for (const run of committed) run()
    return result
  } catch (error) {
    memory = createMemory()
    if (error instanceof UndoneError) return error.answer
    throw error
  }
}

async function answer(request: Request): Promise<Answer> {
  const { id } = request
  try {
    return { id, kind: 'result', result: data.role === 'writer' ? await runWrite(request) : runRead(request) }
  } catch (error) {
    if (error instanceof EndedError) return { id, kind: error.kind }
    if (error instanceof Problem) return { id, kind: 'problem', problem: error.kind, message: error.message }
    const { message, stack, code } = error as { message: string; stack?: string; code?: string }
    if (code !== undefined && UNAVAILABLE.test(code))
      return {
        id,
        kind: 'problem',
        problem: 'unavailable',
        message: `The index cannot be used now (${code}).`,
      }
    return { id, kind: 'error', message, stack: stack ?? '', code: code ?? '' }
  }
}

/** Buffers in the answer that own all their memory are moved, not copied. */
function movable(result: unknown): ArrayBuffer[] {
  if (typeof result !== 'object' || result === null) return []
  const values: unknown[] = ArrayBuffer.isView(result) ? [result] : Object.values(result)
  const found: ArrayBuffer[] = []
  for (const value of values)
    if (
      value instanceof Uint8Array &&
      value.buffer instanceof ArrayBuffer &&
      value.byteLength === value.buffer.byteLength
    )
      found.push(value.buffer)
  return found
}

/** Statistics for the planner, where tables have changed much; a bounded look, and cheap when nothing has. */
function optimize(): void {
  // A transaction waits for work beside it; there is another time.
  if (connection.database.inTransaction) return
  try {
    connection.database.pragma('analysis_limit = 1000')
    connection.database.pragma('optimize')
  } catch (error) {
    // Another process has the file locked, or the disk is full: statistics can wait.
    if (!(error instanceof Error && 'code' in error && UNAVAILABLE.test(String(error.code)))) throw error
  }
}

const OPTIMIZE_MS = 600_000

if (data.role === 'writer') setInterval(optimize, OPTIMIZE_MS).unref()

/** Requests come one at a time: the next, and 'close', when this one has been answered. */
async function take(request: Request | 'close'): Promise<void> {
  if (request === 'close') {
    if (data.role === 'writer') optimize()
    connection.database.close()
    port?.close()
    return
  }
  const answered = await answer(request)
  port?.postMessage(answered, answered.kind === 'result' ? movable(answered.result) : [])
}

port.on('message', (request: Request | 'close') => void take(request))
