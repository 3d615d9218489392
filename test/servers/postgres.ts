/**
 * Databases for tests, each fresh, on one PostgreSQL server: that of the whole run of jest, else one of this process, which
 * ends with its last database.
 */
import { randomUUID } from 'node:crypto'
import { askDoor } from './postgres-door.ts'
import { runSql, type Server, startServer, urlOf } from './postgres-server.ts'

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
  const { url, template } = (await askDoor()) ?? (await (own ??= startServer()))
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runSql(url, `CREATE DATABASE ${name} TEMPLATE ${schema ? template : 'template0'} ENCODING 'UTF8'`)
  return {
    url: urlOf(url, name),
    stop: async () => {
      await runSql(url, `DROP DATABASE ${name} WITH (FORCE)`)
      users--
      if (users > 0) return
      const last = await own
      own = undefined
      await last?.stop()
    },
  }
}
