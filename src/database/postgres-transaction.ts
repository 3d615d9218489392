import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { Row, Step } from './operation.ts'
import { statementOf } from './postgres-sql.ts'

/** A connection while it writes. Statements without an answer are sent on without waiting; their errors come out later. */
export interface Transaction {
  readonly client: pg.Client
  /** Nothing when it has begun already. */
  begin(): void
  run(step: Step): Promise<Row[]>
  /** When it resolves, everything that was sent is committed. */
  commit(): Promise<void>
  /** What went wrong first, if not this: once a statement has failed, all that follow do. Undoes everything. */
  undo(error: unknown): Promise<unknown>
}

export function startTransaction(client: pg.Client, named: boolean): Transaction {
  const unheard: Promise<unknown>[] = []
  let open = false
  const send = (answer: Promise<unknown>): void => {
    answer.catch(() => undefined)
    unheard.push(answer)
  }
  const firstFailure = async (): Promise<PromiseRejectedResult | undefined> =>
    (await Promise.allSettled(unheard)).find((one) => one.status === 'rejected')
  return {
    client,
    begin: () => {
      if (!open) send(client.query('BEGIN'))
      open = true
    },
    run: (step) => {
      const answer = runStep(client, step, named)
      if (!isUnanswered(step)) return answer
      send(answer)
      return Promise.resolve([])
    },
    commit: async () => {
      if (open) send(client.query('COMMIT'))
      // A COMMIT after a failed statement succeeds, and rolls back: only the failure tells.
      const failure = await firstFailure()
      if (failure !== undefined) throw failure.reason
      open = false
    },
    undo: async (error) => {
      if (open) send(client.query('ROLLBACK'))
      const first: unknown = (await firstFailure())?.reason
      return first ?? error
    },
  }
}

function isUnanswered({ sql }: Step): boolean {
  return /^\s*(INSERT|UPDATE|DELETE)\b/.test(sql) ? !/\bRETURNING\b/.test(sql) : sql.startsWith(LOCK)
}

/** Statements that take locks answer nothing worth waiting for; the next statement waits on the server. */
const LOCK = 'SELECT pg_advisory_xact_lock('

/** Runs one step; names make prepared statements, so only texts of which there are few have one. */
export async function runStep(client: pg.Client, step: Step, named: boolean): Promise<Row[]> {
  if (step.sql === '' || step.each?.length === 0) return []
  const { text, values } = statementOf(step)
  const name = createHash('md5').update(text).digest('base64')
  const result = await client.query<Row>({ text, values: [...values], ...(named ? { name } : {}) })
  return result.rows
}
