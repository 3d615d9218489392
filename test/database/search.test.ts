import fc from 'fast-check'
import { isProblem } from '../../src/problem.ts'
import type { Database } from '../../src/database/ports.ts'
import type { Query } from '../../src/database/query.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import { archives, oracle, queries, type Stored } from './search-oracle.ts'

const SEED = 20_261_124
/** Questions put to each archive on each engine. */
const QUESTIONS = 150

const found = async (database: Database, query: Query) => {
  const page = await database.index.search(query)
  const rows = page.rows.map(({ uids, dataSet }) => ({
    uid: uids.instance ?? uids.series ?? uids.study,
    instance: dataSet['00080018']?.Value?.[0],
  }))
  return { ...page, rows }
}

// Keeps one server while each archive has its own database on it.
let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
}, 60_000)
afterAll(() => server.stop())

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('search by chance in %s', (_engine, makeBench) => {
  describe.each([1, 2, 3, 4])('archive %i', (n) => {
    let bench: Bench
    let database: Database
    let archive: Stored

    beforeAll(async () => {
      bench = await makeBench()
      database = await bench.open()
      archive = fc.sample(archives, { seed: SEED + n, numRuns: 1 })[0]!
      // A few at a time, so that series are met in every state.
      for (let from = 0; from < archive.length; from += 7) {
        for (const { kind } of await database.index.add(archive.slice(from, from + 7)))
          expect(kind).toBe('added')
      }
    }, 60_000)
    afterAll(() => bench.close())

    it(`finds what the data sets say, in order, and counts it (seed ${SEED + n})`, async () => {
      await fc.assert(
        fc.asyncProperty(queries, async (query) => {
          const all = oracle(archive, query)
          const end = query.offset + query.limit!
          const { rows, more, next } = await found(database, query)
          expect(rows).toEqual(all.slice(query.offset, end))
          expect(more).toBe(all.length > end)
          expect(await database.index.count(query)).toBe(all.length)
          if (next === undefined || !more) return
          const page = await found(database, { ...query, offset: 0, after: next })
          expect(page.rows).toEqual(all.slice(end, end + query.limit!))
        }),
        { numRuns: QUESTIONS, seed: SEED + n },
      )
    }, 120_000)

    it('walks every page of every order, each row once', async () => {
      const query: Query = {
        level: 'instance',
        within: {},
        keys: [],
        aggregates: [],
        include: [],
        required: ['00080018'],
        orderBy: [],
        limit: 7,
        offset: 0,
      }
      for (const orderBy of [
        [],
        [{ tag: '00100010', descending: true }],
        [
          { tag: '00080060', descending: false },
          { tag: '00200013', descending: true },
        ],
      ]) {
        const seen: unknown[] = []
        for (let after: string | undefined; ;) {
          const page = await found(database, { ...query, orderBy, ...(after !== undefined && { after }) })
          seen.push(...page.rows.map(({ instance }) => instance))
          if (!page.more) break
          after = page.next
        }
        expect(seen).toHaveLength(archive.length)
        expect(new Set(seen).size).toBe(archive.length)
      }
    })

    it('refuses tokens of other searches and orders that it cannot have', async () => {
      const query = fc.sample(queries, { seed: 1, numRuns: 1 })[0]!
      const refused = async (other: Partial<Query>) => {
        const error: unknown = await database.index.search({ ...query, ...other }).catch((e: unknown) => e)
        expect(isProblem(error, 'malformed')).toBe(true)
      }
      await refused({ after: 'nonsense' })
      await refused({ after: Buffer.from('["s.x",1]').toString('base64url') })
      await refused({ orderBy: [{ tag: '00204000', descending: false }] })
    })
  })
})
