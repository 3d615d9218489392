/** Names at the level of studies, which their columns tell of, and along which lists of studies are walked. */
import type { DataSet, Level } from '../../src/dicom/data-set.ts'
import type { Match } from '../../src/dicom/matching.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { Key } from '../../src/database/query.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { made, sorted, text } from './instances.ts'
import { question } from './question.ts'

const key = (match: Match): Key => ({ path: ['00100010'], vr: 'PN', match })
const like = (pattern: string): Key => key({ kind: 'wildcard', patterns: [pattern] })

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('search by names in %s', (_engine, makeBench) => {
  let bench: Bench
  let database: Database
  beforeEach(async () => {
    bench = await makeBench()
    database = await bench.open()
  }, 60_000)
  afterEach(() => bench.close())

  async function store(study: string, name: DataSet[string]): Promise<void> {
    const dataSet = sorted({ '00100010': name, '00100020': text('LO', `P${study}`) })
    await database.index.add([made({ study, series: `${study}.1`, instance: `${study}.1.1`, dataSet })])
  }

  const counts = async (one: Key): Promise<number[]> => {
    const levels: readonly Level[] = ['patient', 'study', 'series', 'instance']
    return Promise.all(levels.map((level) => database.index.count(question(level, [one]))))
  }

  it('knows by the columns how names begin and end, what is in them, and which are like one', async () => {
    const named = (study: string, Alphabetic: string, Ideographic?: string): Promise<void> => {
      const value = Ideographic === undefined ? { Alphabetic } : { Alphabetic, Ideographic }
      return store(study, { vr: 'PN', Value: [value] })
    }
    await named('1', 'Ñíguez^Ana')
    await named('2', 'Lee^Niguez', '李^二')
    await named('3', 'Smith-Niguez^Ana')
    await named('4', 'Lee\u3000Ni', '李')
    await named('5', 'Lee^Annie')
    const alike = (...names: string[]): Key => key({ kind: 'fuzzy', names })
    const expectations: [Key, number][] = [
      [like('nig*'), 1],
      [like('*nig*'), 3],
      [like('*niguez'), 1],
      [like('*Ana'), 2],
      [like('李*'), 2],
      [like('*李'), 1],
      [like('lee^a?n*'), 1],
      [alike('nig'), 2],
      [alike('ni'), 3],
      [alike('lee ni'), 2],
      [alike('ana,niguez', '二'), 2],
      [alike('^'), 0],
    ]
    const all = async (): Promise<number[][]> => Promise.all(expectations.map(([one]) => counts(one)))
    const expected = expectations.map(([, n]) => [n, n, n, n])
    expect(await all()).toEqual(expected)
    // From here on a search that looks at a data set finds nothing in it.
    await bench.sql(`UPDATE instance SET patch = '{}'`)
    await bench.sql(`UPDATE tag_base SET base = '{}'`)
    expect(await all()).toEqual(expected)
  })

  it('gives the pages of names that many studies have, and of those that few have', async () => {
    const names = Array.from({ length: 30 }, (_, at) =>
      at % 3 === 0 ? 'Rare' : at % 2 === 0 ? 'Often' : 'Other',
    )
    for (const [at, family] of names.entries())
      await store(String(at), { vr: 'PN', Value: [{ Alphabetic: `${family}^${at}` }] })
    for (const [pattern, n] of [
      ['o*', 20],
      ['often*', 10],
      ['*1', 3],
      ['none*', 0],
    ] as const) {
      const query = question('study', [like(pattern)], { limit: 2 })
      const found: string[] = []
      for (let page = await database.index.search(query); ;) {
        found.push(...page.rows.map(({ uids }) => uids.study ?? ''))
        if (!page.more || page.next === undefined) break
        page = await database.index.search({ ...query, after: page.next })
      }
      expect(found).toHaveLength(n)
      expect(found).toEqual([...new Set(found)].sort().reverse())
    }
  })
})
