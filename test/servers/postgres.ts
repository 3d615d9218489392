/**
 * Databases for tests, each fresh, on one PostgreSQL server: that of the whole run of jest, else one of this process, which
 * ends with its last database.
 */
import { serverBehindDoor } from './postgres-door.ts'
import { type Server, startServer } from './postgres-server.ts'

export interface TestPostgres {
  readonly url: string
  /** Drops the database, and ends the server when it is this process's and nobody uses it any more. */
  stop(): Promise<void>
}

let own: Promise<Server> | undefined
let users = 0

/** A database that is empty; or, `schema`, one that has been migrated, which is the sooner opened. */
export async function startPostgres({ schema = false } = {}): Promise<TestPostgres> {
  users++
  const server = serverBehindDoor() ?? (await (own ??= startServer()))
  const url = await server.make(schema)
  return {
    url,
    stop: async () => {
      await server.drop(url)
      users--
      if (users > 0) return
      const last = await own
      own = undefined
      await last?.stop()
    },
  }
}
