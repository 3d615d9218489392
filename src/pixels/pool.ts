import { Worker } from 'node:worker_threads'
import { Problem } from '../problem.ts'
import type { Answer, Request, Task } from './thread.ts'

export interface PoolOptions {
  /** Threads at most; each is started when there is work for it. */
  readonly threads: number
  /** Jobs that may wait. */
  readonly queue: number
  /** What one job may take, in milliseconds, once it has begun; then its thread is ended and another takes its place. */
  readonly timeLimitMs: number
  /** The thread's program; tests put bad ones in its place. */
  readonly program?: URL
}

export interface Pool {
  /**
   * Reads the bytes when a thread is soon free for them, one job ahead of each, so that what waits costs no memory. They
   * are the pool's from then on.
   */
  run(task: Task, read: () => Promise<Buffer>, signal?: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}

interface Job {
  readonly task: Task
  readonly read: () => Promise<Buffer>
  readonly signal: AbortSignal | undefined
  readonly resolve: (bytes: Buffer) => void
  readonly reject: (error: unknown) => void
}

/** A job whose bytes have been read. */
interface ReadJob extends Job {
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Thread {
  readonly worker: Worker
  job: Job | null
  timer: NodeJS.Timeout | undefined
  /** It takes no more jobs: an answer may still come of one that was over its time. */
  isEnding: boolean
}

interface State extends PoolOptions {
  readonly running: Thread[]
  readonly waiting: Job[]
  /** How many are being read, and those that have been. */
  reading: number
  readonly ready: ReadJob[]
  closing: boolean
}

const PROGRAM = new URL('./thread.ts', import.meta.url)
/** Of JavaScript's own heap; samples and codecs lie outside of it. */
const HEAP_MB = 256

export function openPool(options: PoolOptions): Pool {
  const state: State = { ...options, running: [], waiting: [], reading: 0, ready: [], closing: false }
  return {
    run: async (task, read, signal) => {
      signal?.throwIfAborted()
      if (state.closing) throw closing()
      if (state.waiting.length >= state.queue) {
        throw new Problem('unavailable', 'Too many pictures are waited for.', { retryAfter: 1 })
      }
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
      const job: Job = { task, read, signal, resolve, reject }
      const left = () => leave(state, job, signal?.reason)
      signal?.addEventListener('abort', left)
      state.waiting.push(job)
      next(state)
      try {
        return await promise
      } finally {
        signal?.removeEventListener('abort', left)
      }
    },
    async close() {
      state.closing = true
      for (const { reject } of [...state.waiting.splice(0), ...state.ready.splice(0)]) reject(closing())
      await Promise.all(state.running.map(({ worker }) => worker.terminate()))
    },
  }
}

/** A client that has gone away while its job waited; one that has begun is soon over. */
function leave({ waiting, ready }: State, job: Job, reason: unknown): void {
  for (const queue of [waiting, ready] as Job[][]) {
    const at = queue.findIndex(({ resolve }) => resolve === job.resolve)
    if (at >= 0) queue.splice(at, 1)
  }
  job.reject(reason)
}

/** Hands what has been read to free threads, and has as many jobs read as there are threads. */
function next(state: State): void {
  const { running, ready, waiting, threads } = state
  while (ready.length > 0 && !state.closing) {
    const free = running.find(({ job, isEnding }) => job === null && !isEnding)
    if (free === undefined && running.length >= threads) break
    const job = ready.shift()
    if (job !== undefined) begin(state, free ?? start(state), job)
  }
  while (waiting.length > 0 && !state.closing) {
    const atWork = running.filter(({ job }) => job !== null).length
    if (atWork + ready.length + state.reading >= 2 * threads) return
    const job = waiting.shift()
    if (job !== undefined) void readAhead(state, job)
  }
}

async function readAhead(state: State, job: Job): Promise<void> {
  state.reading++
  try {
    const bytes = owned(await job.read())
    if (state.closing) job.reject(closing())
    else if (job.signal?.aborted !== true) state.ready.push({ ...job, bytes })
  } catch (error) {
    job.reject(error)
  } finally {
    state.reading--
    next(state)
  }
}

/** Bytes with memory of their own, since it goes over to the thread: a copy where others have a part in it. */
function owned(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes)
}

function begin(state: State, thread: Thread, job: ReadJob): void {
  const { task, bytes } = job
  thread.job = job
  thread.worker.ref()
  thread.timer = setTimeout(() => {
    thread.isEnding = true
    void thread.worker.terminate()
  }, state.timeLimitMs)
  thread.worker.postMessage({ task, bytes } satisfies Request, [bytes.buffer])
}

function start(state: State): Thread {
  const worker = new Worker(state.program ?? PROGRAM, {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  const thread: Thread = { worker, job: null, timer: undefined, isEnding: false }
  state.running.push(thread)
  worker.unref()
  worker.on('message', (answer: Answer) => {
    const { job } = thread
    clearTimeout(thread.timer)
    thread.job = null
    worker.unref()
    if (job !== null) settle(job, answer)
    next(state)
  })
  let cause: unknown
  worker.on('error', (error: unknown) => {
    cause = error
    thread.isEnding = true
  })
  worker.on('exit', () => {
    clearTimeout(thread.timer)
    state.running.splice(state.running.indexOf(thread), 1)
    thread.job?.reject(state.closing ? closing() : deathOf(cause))
    next(state)
  })
  return thread
}

/** Of time or memory that a frame took too much of; anything else is a bug of ours. */
function deathOf(cause: unknown): unknown {
  const isOurs = cause !== undefined && (cause as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY'
  if (isOurs) return cause
  return new Problem('not-acceptable', 'The frame could not be decoded within the limits of time and memory.')
}

function closing(): Problem {
  return new Problem('unavailable', 'The service is closing.')
}

function settle({ resolve, reject }: Job, answer: Answer): void {
  if (answer.kind === 'done') {
    const { buffer, byteOffset, byteLength } = answer.bytes
    resolve(Buffer.from(buffer, byteOffset, byteLength))
  } else if (answer.kind === 'undecodable') {
    reject(new Problem('not-acceptable', `The frame cannot be decoded: ${answer.why}.`))
  } else reject(Object.assign(new Error(answer.message), { stack: answer.stack }))
}
