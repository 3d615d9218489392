import type { Row, Step } from './operation.ts'
import type { reads, writes } from './operations.ts'
import type { Dialect } from './operation.ts'

export type Reads = typeof reads
export type Writes = typeof writes
export type ArgsOf<O> = O extends (first: never, ...args: infer A) => unknown ? A : never
export type ResultOf<O> = O extends (...args: never[]) => Generator<Step, infer R, Row[]> ? R : never

/** Runs operations by name: SQLite in a thread, PostgreSQL over a pooled connection. */
export interface Engine {
  readonly dialect: Dialect
  /** It writes in a thread of its own, which may wait for a disk: bytes may come with the instances. */
  readonly hasWriterThread: boolean
  /**
   * One consistent read. When `signal` fires the answer is no longer wanted: the promise rejects with the signal's
   * reason at once, and the work ends with the step it is at.
   * Rejects with Problem `unavailable` when the database cannot be used now.
   */
  read<N extends keyof Reads>(
    name: N,
    args: ArgsOf<Reads[N]>,
    signal?: AbortSignal,
  ): Promise<ResultOf<Reads[N]>>
  /**
   * One transaction; when it resolves, the change survives a power cut.
   * @param moved memory of the arguments that may be moved to the thread instead of copied
   */
  write<N extends keyof Writes>(
    name: N,
    args: ArgsOf<Writes[N]>,
    moved?: readonly ArrayBuffer[],
  ): Promise<ResultOf<Writes[N]>>
  close(): Promise<void>
}
