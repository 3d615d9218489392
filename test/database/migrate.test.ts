import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
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
    let early = 0
    for (let round = 0; round < 6; round++) {
      const path = join(directory, `killed-${round}.db`)
      const script = `import { openSqlite } from ${JSON.stringify(source('sqlite.ts'))}
        process.stdout.write('go')
        const database = await openSqlite({ path: ${JSON.stringify(path)} })
        process.stdout.write(database.archiveId)
        await new Promise(() => setInterval(() => undefined, 1000))`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
      // What it said last may come after its end.
      const gone = once(child, 'close')
      while (said === '' && child.exitCode === null) await sleep(5)
      // From before the file is made to after the schema is there.
      await sleep(round * 120)
      child.kill('SIGKILL')
      await gone
      const archiveId = said.slice(2)
      if (archiveId === '') early++
      const database = await openSqlite({ path })
      expect(archiveId === '' || database.archiveId === archiveId).toBe(true)
      expect(await database.index.add([made({ instance: '1.1' })])).toEqual([{ kind: 'added' }])
      expect(await database.inspection.integrity()).toEqual([])
      await database.close()
    }
    expect(early).toBeGreaterThan(0)
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
