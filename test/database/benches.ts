import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import pg from 'pg'
import { openPostgres } from '../../src/database/postgres.ts'
import type { Database } from '../../src/database/ports/database.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import { startPostgres } from '../servers/postgres.ts'
import type { Bench, SqlRow } from './bench.ts'

async function closeAll(databases: Set<Database>): Promise<void> {
  await Promise.all([...databases].map((database) => database.close()))
  databases.clear()
}

function opened(databases: Set<Database>, database: Database): Database {
  databases.add(database)
  return {
    ...database,
    close: async () => {
      databases.delete(database)
      await database.close()
    },
  }
}

export const sqliteBench = (): Promise<Bench> => sqliteBenchOf(null)

/** `template`: a database file that is closed, to begin with a copy of it. */
export function sqliteBenchOf(template: string | null): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'index-'))
  const path = join(directory, 'index.db')
  if (template !== null) copyFileSync(template, path)
  const databases = new Set<Database>()
  return Promise.resolve({
    engine: 'sqlite',
    open: async (settings = {}) => opened(databases, await openSqlite({ path, readers: 1, ...settings })),
    sql: (text) => {
      const database = new Sqlite(path)
      try {
        const statement = database.prepare<[], SqlRow>(text)
        if (statement.reader) return Promise.resolve(statement.all())
        statement.run()
        return Promise.resolve([])
      } finally {
        database.close()
      }
    },
    close: async () => {
      await closeAll(databases)
      rmSync(directory, { recursive: true })
    },
  })
}

export async function postgresBench(): Promise<Bench> {
  const server = await startPostgres({ schema: true })
  const databases = new Set<Database>()
  return {
    engine: 'postgres',
    open: async (settings = {}) => opened(databases, await openPostgres({ url: server.url, ...settings })),
    sql: async (text) => {
      const client = new pg.Client({ connectionString: server.url })
      client.setTypeParser(pg.types.builtins.INT8, Number)
      await client.connect()
      try {
        return (await client.query<SqlRow>(text)).rows
      } finally {
        await client.end()
      }
    },
    close: async () => {
      await closeAll(databases)
      await server.stop()
    },
  }
}
