import { Worker } from 'node:worker_threads'
import { Problem } from '../problem.ts'
import type { Answer, Request, ThreadData } from './sqlite-thread.ts'

/** One question to a thread, until it is answered. */
export interface Job {
  readonly name: string
  readonly args: readonly unknown[]
  /** Memory of the arguments that is moved, not copied. */
  readonly moved?: readonly ArrayBuffer[]
  readonly signal: AbortSignal | undefined
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** The quick lane gives the operation up, for the slow lane to begin it again. */
  readonly slower?: (job: Job) => void
}

/** Threads of one role with one queue; a thread has one job at a time, so that a job can be abandoned by number. */
export interface Lane {
  /** Starts all threads now: the first question of each would wait for that. */
  warm(): void
  add(job: Job): void
  /** Answers what was asked, then ends the threads. */
  close(): Promise<void>
}

interface Thread {
  readonly worker: Worker
  readonly abandoned: Int32Array
  job: Job | null
  number: number
}

interface LaneState {
  readonly data: Omit<ThreadData, 'abandoned'>
  readonly limit: number
  readonly threads: Thread[]
  readonly queue: Job[]
  readonly idle: (() => void)[]
  /** Crashes since the last answer: a thread that cannot even start is not started for ever. */
  crashes: number
  closing: boolean
}

const CRASHES = 3

/** A lane of at most `limit` threads, each started when there is work for it. */
export function openLane(data: Omit<ThreadData, 'abandoned'>, limit: number): Lane {
  const lane: LaneState = { data, limit, threads: [], queue: [], idle: [], crashes: 0, closing: false }
  return {
    warm: () => {
      while (lane.threads.length < limit) start(lane)
    },
    add: (job) => {
      if (lane.closing) job.reject(new Problem('unavailable', 'The index is closed.'))
      else if (job.signal?.aborted === true) job.reject(job.signal.reason)
      else {
        lane.queue.push(job.signal === undefined ? job : abandonable(lane, job, job.signal))
        next(lane)
      }
    },
    close: () => close(lane),
  }
}

/** A job that leaves the lane when its signal fires. Once it has ended the signal, which may live on, holds nothing of it. */
function abandonable(lane: LaneState, job: Job, signal: AbortSignal): Job {
  const leave = (): void => abandon(lane, own)
  const ended =
    <Given>(then: (given: Given) => void) =>
    (given: Given): void => {
      signal.removeEventListener('abort', leave)
      then(given)
    }
  const own: Job = {
    ...job,
    resolve: ended(job.resolve),
    reject: ended(job.reject),
    ...(job.slower && { slower: ended(job.slower) }),
  }
  signal.addEventListener('abort', leave, { once: true })
  return own
}

function next(lane: LaneState): void {
  while (lane.queue.length > 0) {
    let thread = lane.threads.find((candidate) => candidate.job === null)
    if (thread === undefined) {
      if (lane.threads.length >= lane.limit) return
      thread = start(lane)
    }
    const job = lane.queue.shift()
    if (job === undefined) return
    begin(thread, job)
  }
  if (lane.threads.every((thread) => thread.job === null)) for (const done of lane.idle.splice(0)) done()
}

function begin(thread: Thread, job: Job): void {
  thread.job = job
  // Wraps within the 32 bits that the abandoned number has; 0 means none.
  thread.number = (thread.number % 0x7fff_fffe) + 1
  const request: Request = { id: thread.number, name: job.name, args: job.args }
  // A thread at work keeps the process alive, an idle one does not.
  thread.worker.ref()
  thread.worker.postMessage(request, job.moved)
}

/** Nobody waits for the answer any more: not begun, or ended before its next step. */
function abandon(lane: LaneState, job: Job): void {
  const waiting = lane.queue.indexOf(job)
  if (waiting >= 0) lane.queue.splice(waiting, 1)
  const thread = lane.threads.find((candidate) => candidate.job === job)
  if (thread !== undefined) Atomics.store(thread.abandoned, 0, thread.number)
  job.reject(job.signal?.reason)
}

function start(lane: LaneState): Thread {
  const abandoned = new SharedArrayBuffer(4)
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData: { ...lane.data, abandoned } satisfies ThreadData,
    // Options of the process (--eval, --input-type) are not the thread's.
    execArgv: [],
  })
  const thread: Thread = { worker, abandoned: new Int32Array(abandoned), job: null, number: 0 }
  lane.threads.push(thread)
  worker.unref()
  let cause: unknown
  worker.on('message', (answer: Answer) => {
    const { job } = thread
    thread.job = null
    lane.crashes = 0
    worker.unref()
    if (job !== null) settle(job, answer)
    next(lane)
  })
  worker.on('error', (error: unknown) => {
    cause = error
  })
  worker.on('exit', () => {
    crashed(lane, thread, cause)
  })
  return thread
}

/** Another thread takes the place of a dead one; what the dead one was doing is undone by SQLite and may be asked again. */
function crashed(lane: LaneState, thread: Thread, cause: unknown): void {
  lane.threads.splice(lane.threads.indexOf(thread), 1)
  const { job } = thread
  thread.job = null
  if (job === null) return
  lane.crashes++
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  const problem = new Problem('unavailable', `The index was interrupted at its work${code}.`, {
    cause,
    retryAfter: 1,
  })
  job.reject(problem)
  if (lane.crashes > CRASHES) for (const waiting of lane.queue.splice(0)) waiting.reject(problem)
  next(lane)
}

function settle(job: Job, answer: Answer): void {
  switch (answer.kind) {
    case 'result':
      job.resolve(answer.result)
      return
    case 'problem':
      job.reject(new Problem(answer.problem, answer.message, { retryAfter: 1 }))
      return
    case 'slow':
      if (job.slower === undefined) job.reject(new Error(`${job.name} asked for a slower lane than there is`))
      else job.slower(job)
      return
    case 'abandoned':
      return
    case 'error':
      job.reject(Object.assign(new Error(answer.message), { stack: answer.stack, code: answer.code }))
  }
}

async function close(lane: LaneState): Promise<void> {
  lane.closing = true
  if (lane.queue.length > 0 || lane.threads.some((thread) => thread.job !== null))
    await new Promise<void>((resolve) => lane.idle.push(resolve))
  const ended = lane.threads.map(
    (thread) =>
      new Promise<void>((resolve) => {
        thread.worker.once('exit', () => resolve())
        thread.worker.ref()
        thread.worker.postMessage('close')
      }),
  )
  await Promise.all(ended)
}
