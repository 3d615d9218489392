import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { dumpPostgres, dumpSqlite } from '../../src/database/dump.ts'
import { openPostgres } from '../../src/database/postgres.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { made } from './instances.ts'

const source = (file: string): string => join(import.meta.dirname, '../../src/database', file)
const dump = (file: string): string => readFileSync(join(import.meta.dirname, '../../db', file), 'utf8')

describe('the schema', () => {
  let directory: string
  let server: TestPostgres
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'schema-'))
    server = await startPostgres()
  }, 60_000)
  afterAll(async () => {
    rmSync(directory, { recursive: true })
    await server.stop()
  })

  it('in SQLite is the one in db/', async () => {
    const path = join(directory, 'dump.db')
    await (await openSqlite({ path })).close()
    expect(dumpSqlite(path)).toBe(dump('schema.sqlite.sql'))
  })

  it('in PostgreSQL is the one in db/', async () => {
    await (await openPostgres({ url: server.url })).close()
    // Other releases write the same definitions in other words.
    const given = process.env['TEST_POSTGRES_URL']
    const expected =
      given === undefined || given === '' ? dump('schema.postgres.sql') : await dumpPostgres(server.url)
    expect(await dumpPostgres(server.url)).toBe(expected)
  })

  it('is whole or not there when the process is killed at its work, and the next start goes on', async () => {
    // As the writer's thread does it, but for the end of the process before the statement of that number.
    const killedAt = (path: string, number: number | null): number => {
      const script = `import { writeSync } from 'node:fs'
        import { migrate } from ${JSON.stringify(source('migrate.ts'))}
        import { drive, openConnection } from ${JSON.stringify(source('sqlite-connection.ts'))}
        let statements = 0
        drive(openConnection(${JSON.stringify(path)}, 'writer'), 'BEGIN IMMEDIATE', migrate({ dialect: 'sqlite' }), () => {
          if (statements === ${number}) process.kill(process.pid, 'SIGKILL')
          statements++
        })
        writeSync(1, String(statements))
        process.kill(process.pid, 'SIGKILL')`
      const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script])
      expect([child.signal, child.stderr.toString()]).toEqual(['SIGKILL', ''])
      return Number(child.stdout.toString())
    }
    const tables = (path: string): unknown[] => {
      const database = new Sqlite(path)
      const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all()
      database.close()
      return names
    }
    const whole = join(directory, 'killed-after.db')
    const statements = killedAt(whole, null)
    expect(statements).toBeGreaterThan(20)
    expect(tables(whole).length).toBeGreaterThan(10)
    for (const number of [0, 1, 2, 3, Math.floor(statements / 2), statements - 1, null]) {
      const path = join(directory, `killed-${number}.db`)
      killedAt(path, number)
      if (number !== null) expect(tables(path)).toEqual([])
      const database = await openSqlite({ path })
      expect(await database.index.add([made({ instance: '1.1' })])).toEqual([{ kind: 'added' }])
      expect(await database.inspection.integrity()).toEqual([])
      await database.close()
      expect(dumpSqlite(path)).toBe(dump('schema.sqlite.sql'))
      const again = await openSqlite({ path })
      expect(again.archiveId).toBe(database.archiveId)
      await again.close()
    }
  }, 60_000)

  it('is made once when many open an empty PostgreSQL database at the same time', async () => {
    const empty = await startPostgres()
    try {
      const databases = await Promise.all(Array.from({ length: 5 }, () => openPostgres({ url: empty.url })))
      expect(new Set(databases.map((database) => database.archiveId)).size).toBe(1)
      await Promise.all(databases.map((database) => database.close()))
    } finally {
      await empty.stop()
    }
  }, 60_000)

  for (const [engine, makeBench] of [
    ['SQLite', sqliteBench],
    ['PostgreSQL', postgresBench],
  ] as const)
    describe(`of a newer release in ${engine}`, () => {
      let bench: Bench
      beforeEach(async () => {
        bench = await makeBench()
        await (await bench.open()).close()
      }, 60_000)
      afterEach(() => bench.close())

      it('is used as long as it says that this code survives it', async () => {
        await bench.sql(
          `INSERT INTO migration (number, name, survives, applied_at) VALUES (900, 'later', 1, 0)`,
        )
        const database = await bench.open()
        await expect(database.check()).resolves.toBeUndefined()
      })

      it('is refused in plain words when it says that this code is too old', async () => {
        await bench.sql(
          `INSERT INTO migration (number, name, survives, applied_at) VALUES (901, 'later', 901, 0)`,
        )
        await expect(bench.open()).rejects.toMatchObject({
          kind: 'unavailable',
          message: expect.stringContaining('newer release') as string,
        })
      })
    })
})
