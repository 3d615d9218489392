import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { openSqlite } from '../../src/database/sqlite.ts'
import type { Database } from '../../src/database/ports.ts'
import { archives, oracle, queries, type Stored } from './search-oracle.ts'

const SEED = 20_261_124

describe.each([1, 2, 3, 4, 5, 6])('search by chance, archive %i', (n) => {
  let folder: string
  let database: Database
  let archive: Stored

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-search-'))
    database = await openSqlite({ path: join(folder, 'index.db'), readers: 1 })
    archive = fc.sample(archives, { seed: SEED + n, numRuns: 1 })[0]!
    // A few at a time, so that series are met in every state.
    for (let from = 0; from < archive.length; from += 7) {
      for (const outcome of await database.index.add(archive.slice(from, from + 7)))
        expect(outcome.kind).toBe('added')
    }
  })
  afterAll(async () => {
    await database.close()
    await rm(folder, { recursive: true })
  })

  it('finds what the data sets say, in order, page by page, and counts it', async () => {
    await fc.assert(
      fc.asyncProperty(queries, async (query) => {
        const all = oracle(archive, query)
        const page = await database.index.search(query)
        const rows = page.rows.map(({ uids, dataSet }) => ({
          uid: uids.instance ?? uids.series ?? uids.study,
          instance: dataSet['00080018']?.Value?.[0],
        }))
        expect(rows).toEqual(all.slice(query.offset, query.offset + query.limit!))
        expect(page.more).toBe(all.length > query.offset + query.limit!)
        expect(await database.index.count(query)).toBe(all.length)
        if (page.next === undefined || !page.more) return
        const next = await database.index.search({ ...query, offset: 0, after: page.next })
        expect(next.rows[0]?.dataSet['00080018']?.Value?.[0]).toBe(all[query.offset + query.limit!]?.instance)
      }),
      { numRuns: 300, seed: SEED + n },
    )
  })
})
