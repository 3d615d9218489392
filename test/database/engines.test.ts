import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import pg from 'pg'
import { openPostgres } from '../../src/database/postgres.ts'
import type { Row, Step } from '../../src/database/operation.ts'
import { postgresEngine } from '../../src/database/postgres-engine.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import { drive, driveBeside, openConnection } from '../../src/database/sqlite-connection.ts'
import { openLane } from '../../src/database/sqlite-threads.ts'
import { settingsOf } from '../../src/database/settings.ts'
import { startEmbedded } from '../servers/postgres-server.ts'
import { made } from './instances.ts'

describe('engines that cannot be used now', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'engine-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('say so when the file cannot be opened', async () => {
    const path = join(directory, 'no', 'such', 'folder', 'index.db')
    await expect(openSqlite({ path })).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('say so when the file is no database', async () => {
    const path = join(directory, 'index.db')
    const { writeFileSync } = await import('node:fs')
    writeFileSync(path, 'this is no database, whatever its name says '.repeat(200))
    await expect(openSqlite({ path })).rejects.toThrow()
  })

  it('say so when another process holds the file locked, and work again afterwards', async () => {
    const path = join(directory, 'index.db')
    const database = await openSqlite({ path, readers: 1 })
    const other = new Sqlite(path)
    other.exec('BEGIN IMMEDIATE')
    await expect(database.index.add([made({ instance: '1.1' })])).rejects.toMatchObject({
      kind: 'unavailable',
    })
    // Reading goes on meanwhile.
    expect((await database.index.known(['1.1'])).size).toBe(0)
    other.exec('ROLLBACK')
    expect(await database.index.add([made({ instance: '1.1' })])).toEqual([{ kind: 'added' }])
    other.close()
    await database.close()
    await expect(database.check()).rejects.toMatchObject({ kind: 'unavailable' })
  }, 30_000)

  it('say so when no server answers', async () => {
    await expect(openPostgres({ url: 'postgres://nobody:none@127.0.0.1:1/none' })).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  it('say so when the server has gone, and never hang', async () => {
    const server = await startEmbedded()
    const database = await openPostgres({ url: server.url })
    await database.index.add([made({ instance: '1.1' })])
    await server.stop()
    await expect(database.check()).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(database.index.add([made({ instance: '1.2' })])).rejects.toMatchObject({
      kind: 'unavailable',
    })
    await database.close()
  }, 60_000)
})

describe('reads that may take long, in PostgreSQL', () => {
  it('leave connections to the others while they wait for their turn', async () => {
    const server = await startEmbedded()
    await (await openPostgres({ url: server.url })).close()
    const engine = postgresEngine({ url: server.url, connections: 3, settings: settingsOf({}) })
    const other = new pg.Client({ connectionString: server.url })
    await other.connect()
    await other.query('BEGIN; LOCK TABLE instance')
    const long = Array.from({ length: 5 }, () => engine.read('checkArchive', []))
    await engine.read('ping', [])

    const leaving = new AbortController()
    const left = engine.read('checkArchive', [], leaving.signal)
    await engine.read('ping', [])
    const reason = new Error('client gone')
    leaving.abort(reason)
    await expect(left).rejects.toBe(reason)

    await other.query('ROLLBACK')
    expect(await Promise.all(long)).toEqual([[], [], [], [], []])
    await other.end()
    await engine.close()
    await server.stop()
  }, 60_000)
})

describe('a lane of threads', () => {
  it('puts another thread in the place of one that cannot work, and answers instead of hanging', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lane-'))
    const path = join(directory, 'no-folder', 'index.db')
    const lane = openLane({ path, role: 'quick', settings: settingsOf({}) }, 2)
    const ask = (): Promise<unknown> =>
      new Promise((resolve, reject) =>
        lane.add({ name: 'ping', args: [], signal: undefined, resolve, reject }),
      )
    const answers = await Promise.allSettled(Array.from({ length: 8 }, ask))
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 8 }, () => 'rejected'))
    await lane.close()
    rmSync(directory, { recursive: true })
  }, 30_000)
})

describe('a statement of SQLite that looks at very many rows', () => {
  it('ends in their midst when nobody waits for it any more', () => {
    const connection = openConnection(':memory:', 'reader')
    const all = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)
      SELECT count(*) FROM n WHERE i % 1024 <> 0 OR still_wanted()`
    function* operation(): Generator<Step, unknown, Row[]> {
      return yield { sql: all }
    }
    const gone = new Error('client gone')
    let asked = 0
    const pause = (): void => {
      if (++asked === 5) throw gone
    }
    expect(() => drive(connection, 'BEGIN', operation(), pause)).toThrow(gone)
    expect(asked).toBe(5)
    expect(connection.database.inTransaction).toBe(false)
    connection.database.close()
  })
})

describe('a transaction of SQLite with work beside it', () => {
  const connection = openConnection(':memory:', 'writer')
  connection.database.exec('CREATE TABLE t (x INTEGER NOT NULL)')
  afterEach(() => connection.database.exec('DELETE FROM t'))
  afterAll(() => connection.database.close())
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  function* insert(x: number | null): Generator<Step, string, Row[]> {
    yield { sql: 'INSERT INTO t VALUES (?)', params: [x] }
    return 'done'
  }

  it('is committed when the work is done, and not before', async () => {
    const work = Promise.withResolvers<undefined>()
    const driven = driveBeside(connection, insert(1), [work.promise])
    await turn()
    expect(connection.database.inTransaction).toBe(true)
    work.resolve(undefined)
    expect(await driven).toBe('done')
    expect(connection.database.inTransaction).toBe(false)
    expect(connection.database.prepare('SELECT x FROM t').all()).toEqual([{ x: 1 }])
  })

  it('is undone when the work fails', async () => {
    await expect(driveBeside(connection, insert(1), [Promise.reject(new Error('disk'))])).rejects.toThrow(
      'disk',
    )
    expect(connection.database.inTransaction).toBe(false)
    expect(connection.database.prepare('SELECT x FROM t').all()).toEqual([])
  })

  it('that fails by itself says so only after the work has ended', async () => {
    const work = Promise.withResolvers<undefined>()
    let isTold = false
    const driven = driveBeside(connection, insert(null), [work.promise]).catch((error: unknown) => {
      isTold = true
      return error
    })
    await turn()
    expect(isTold).toBe(false)
    work.resolve(undefined)
    expect(await driven).toMatchObject({ code: 'SQLITE_CONSTRAINT_NOTNULL' })
    expect(connection.database.inTransaction).toBe(false)
  })
})
