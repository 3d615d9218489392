/** What only the port shows of a search: tokens and orders. What it finds is the oracle's matter (`test/oracle/`). */
import { isProblem } from '../../src/problem.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { Query } from '../../src/database/query.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { madeByChance } from './instances.ts'

const SEED = 20_261_124

const QUERY: Query = {
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

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('search in %s', (_engine, makeBench) => {
  let bench: Bench
  let database: Database
  const archive = madeByChance(SEED, 6)

  beforeAll(async () => {
    bench = await makeBench()
    database = await bench.open()
    // A few at a time, so that series are met in every state.
    for (let from = 0; from < archive.length; from += 7) {
      for (const { kind } of await database.index.add(archive.slice(from, from + 7)))
        expect(kind).toBe('added')
    }
  }, 60_000)
  afterAll(() => bench.close())

  it.each<[string, Query['orderBy']]>([
    ['arrival', []],
    ['name, descending', [{ tag: '00100010', descending: true }]],
    [
      'modality and number',
      [
        { tag: '00080060', descending: false },
        { tag: '00200013', descending: true },
      ],
    ],
  ])('walks every page in order of %s, each row once', async (_name, orderBy) => {
    const seen: unknown[] = []
    for (let after: string | undefined; ;) {
      const page = await database.index.search({ ...QUERY, orderBy, ...(after !== undefined && { after }) })
      seen.push(...page.rows.map(({ uids }) => uids.instance))
      if (!page.more) break
      after = page.next
    }
    expect(seen).toHaveLength(archive.length)
    expect(new Set(seen).size).toBe(archive.length)
  })

  it('refuses tokens of other searches and orders that it cannot have', async () => {
    const refused = async (other: Partial<Query>) => {
      const error: unknown = await database.index.search({ ...QUERY, ...other }).catch((e: unknown) => e)
      expect(isProblem(error, 'malformed')).toBe(true)
    }
    const { next = '' } = await database.index.search(QUERY)
    await refused({ after: 'nonsense' })
    await refused({ after: Buffer.from('["s.x",1]').toString('base64url') })
    await refused({ after: next, orderBy: [{ tag: '00100010', descending: true }] })
    await refused({ after: next, keys: [{ path: ['00180060'], vr: 'DS', match: { kind: 'empty' } }] })
    await refused({ after: next, includeSuperseded: true })
    await refused({ orderBy: [{ tag: '00204000', descending: false }] })
  })
})
