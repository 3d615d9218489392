/** What the index answers by itself, without a look at a data set, and what it does where it must look at many. */
import type { DataSet, Level } from '../../src/dicom/data-set.ts'
import type { Match } from '../../src/dicom/matching.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { Key, Query } from '../../src/database/query.ts'
import { isProblem } from '../../src/problem.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { made, number, sorted, text } from './instances.ts'
import { question as asked } from './question.ts'

const is = (path: string, vr: Key['vr'], ...values: string[]): Key =>
  key(path, vr, { kind: 'values', values })
const key = (path: string, vr: Key['vr'], match: Match): Key => ({ path: path.split('.'), vr, match })
const like = (path: string, vr: Key['vr'], pattern: string): Key =>
  key(path, vr, { kind: 'wildcard', patterns: [pattern] })

const question = (level: Level, keys: readonly Key[], more: Partial<Query> = {}): Query =>
  asked(level, keys, { required: ['00080018'], ...more })

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('search by the index alone in %s', (_engine, makeBench) => {
  let bench: Bench
  let database: Database
  let instances = 0
  beforeEach(async () => {
    bench = await makeBench()
    database = await bench.open()
  }, 60_000)
  afterEach(() => bench.close())

  /** Adds a series of a study, an instance for each data set. */
  async function store(study: string, series: string, ...dataSets: DataSet[]): Promise<string[]> {
    const batch = dataSets.map((dataSet) =>
      made({
        study,
        series: `${study}.${series}`,
        instance: `9.${++instances}`,
        dataSet: sorted({ '00100020': text('LO', `P${study}`), ...dataSet }),
      }),
    )
    await database.index.add(batch)
    return batch.map(({ parsed }) => parsed.uids.instance)
  }

  /** From here on a search that looks at a data set finds nothing in it. */
  async function emptyDataSets(): Promise<void> {
    await bench.sql(`UPDATE instance SET patch = '{}'`)
    await bench.sql(`UPDATE tag_base SET base = '{}'`)
  }

  const count = (level: Level, ...keys: Key[]): Promise<number> => database.index.count(question(level, keys))
  const counts = async (...keys: Key[]): Promise<number[]> => [
    await count('patient', ...keys),
    await count('study', ...keys),
    await count('series', ...keys),
    await count('instance', ...keys),
  ]
  const maker = (value: string): DataSet => ({ '00080070': text('LO', value) })

  it('counts every level by postings where these are exact', async () => {
    await store('1', '1', maker('Philips'), maker('Philips'), maker('Philips'))
    await store('1', '2', maker('PHILIPS'))
    await store('2', '1', maker('Philips'), maker('Siemens'))
    await store('3', '1', maker('Philips Medical'), {
      '00080070': text('SH', 'Philips'),
      '00200010': text('SH', ''),
    })
    await store('4', '1', maker('Philips'), {})
    const [equal, pattern] = [is('00080070', 'LO', 'Philips'), like('00080070', 'LO', '*Philips*')]
    expect(await counts(equal)).toEqual([4, 4, 4, 6])
    expect(await counts(pattern)).toEqual([4, 4, 4, 7])
    expect(await counts()).toEqual([4, 4, 5, 10])
    await emptyDataSets()
    // Of instances, those of series in which all have the value and nothing else.
    expect(await counts(equal)).toEqual([4, 4, 4, 3])
    // Two VRs are two paths, of which each is absent in some instance.
    expect(await counts(pattern)).toEqual([4, 4, 4, 3])
    expect(await counts()).toEqual([4, 4, 5, 10])
  })

  it('lets columns and postings hold together where all but one are of every instance', async () => {
    const ct = { '00080060': text('CS', 'CT') }
    await store('1', '1', { ...ct, ...maker('A'), '00181030': text('LO', 'X') })
    await store('2', '1', { ...ct, ...maker('A') }, { ...ct, '00181030': text('LO', 'X') })
    const keys = [is('00080070', 'LO', 'A'), is('00080060', 'CS', 'CT')]
    const both = [is('00080070', 'LO', 'A'), is('00181030', 'LO', 'X')]
    expect(await counts(...keys)).toEqual([2, 2, 2, 2])
    expect(await counts(...both)).toEqual([1, 1, 1, 1])
    await emptyDataSets()
    expect(await counts(...keys)).toEqual([2, 2, 2, 1])
    expect(await counts(...both)).toEqual([1, 1, 1, 1])
  })

  it('does not take values of several items for those of one', async () => {
    const item = (code: string, scheme: string): DataSet => ({
      '00080100': text('SH', code),
      '00080102': text('SH', scheme),
    })
    const sequence = (...items: DataSet[]): DataSet => ({ '00081032': { vr: 'SQ', Value: items } })
    await store('1', '1', sequence(item('A', 'DCM'), item('B', 'DCM')))
    await store('2', '1', sequence({ '00080100': text('SH', 'A') }, { '00080102': text('SH', 'DCM') }))
    const [code, scheme] = [is('00081032.00080100', 'SH', 'A'), is('00081032.00080102', 'SH', 'DCM')]
    expect(await counts(code, scheme)).toEqual([1, 1, 1, 1])
    expect(await counts(code)).toEqual([2, 2, 2, 2])
  })

  it('knows whose the block of a private element is where it is the same in every instance', async () => {
    const block = (owner: string, value: string): DataSet => ({
      '00190010': text('LO', owner),
      '00191001': text('LO', value),
    })
    await store('1', '1', block('A', 'v'), block('A', 'v'))
    await store('2', '1', block('A', 'x'), block('B', 'v'))
    await store('3', '1', {
      '00190010': text('LO', 'B'),
      '00190011': text('LO', 'A'),
      '00191101': text('LO', 'v'),
    })
    const own = (creator: string): Key => is(`0019xx01;${creator}`, 'LO', 'v')
    expect(await counts(own('A'))).toEqual([2, 2, 2, 3])
    expect(await counts(own('B'))).toEqual([1, 1, 1, 1])
    expect(await counts(own('C'))).toEqual([0, 0, 0, 0])
    await emptyDataSets()
    expect(await counts(own('A'))).toEqual([2, 2, 2, 3])
    // Of a series with two creators only the data sets can tell.
    expect(await counts(own('B'))).toEqual([0, 0, 0, 0])
  })

  it('looks where an instance is hidden, and where two patients share a study', async () => {
    const [hidden] = await store('1', '1', maker('A'), maker('B'))
    await store('2', '1', maker('A'), { ...maker('B'), '00100020': text('LO', 'P9') })
    const change = { scope: {}, instances: [hidden ?? ''], from: ['active'], to: 'deleted' } as const
    await database.lifecycle.change({ ...change, actor: null, reason: 'test' })
    expect(await counts(is('00080070', 'LO', 'A'))).toEqual([1, 1, 1, 1])
    expect(await counts(is('00080070', 'LO', 'B'))).toEqual([2, 2, 2, 2])
    expect(await counts()).toEqual([3, 2, 2, 3])
  })

  it('takes an attribute for empty where no instance has a value, be it of a series that does not match', async () => {
    const [ct, mr] = [{ '00080060': text('CS', 'CT') }, { '00080060': text('CS', 'MR') }]
    await store('1', '1', ct)
    await store('1', '2', { ...mr, '00204000': text('LT', 'told') })
    await store('2', '1', ct)
    const isEmpty = key('00204000', 'LT', { kind: 'empty' })
    expect(await counts(is('00080060', 'CS', 'CT'), isEmpty)).toEqual([1, 1, 2, 2])
  })

  it('leaves series out that do not reach the key, of what varies within series', async () => {
    for (let series = 0; series < 20; series++)
      await store(
        '1',
        String(series),
        ...[1, 2, 3].map((at) => ({
          '00201041': text('DS', `${series * 10 + at}.0`),
          '00080033': text('TM', `10${String(series + 10)}0${at}`),
        })),
      )
    const at = (place: string, budgetMs?: number): Promise<number> => {
      const query = question('instance', [is('00201041', 'DS', place)])
      return database.index.count({ ...query, ...(budgetMs !== undefined && { budgetMs }) })
    }
    expect(await at('52.000')).toBe(1)
    // No time is enough where there is nothing to look at, or one series.
    expect(await at('-250', 0)).toBe(0)
    expect(await at('1e3', 0)).toBe(0)
    expect(await at('52', 0)).toBe(1)
    const clock = (from: string, to: string): Key => key('00080033', 'TM', { kind: 'range', from, to })
    const range = question('instance', [clock('101202.000000', '101301.999999')], { budgetMs: 0 })
    expect(await database.index.count({ ...range, budgetMs: 1000 })).toBe(3)
    expect(
      await database.index.count(
        question('series', [clock('093000.000000', '101000.000000')], { budgetMs: 0 }),
      ),
    ).toBe(0)
  })

  it('looks into series whose values without a posting lie behind the beginning that is asked for', async () => {
    // The first 64 have a posting each; of the others the index knows how far they reach.
    const posted = Array.from({ length: 64 }, (_, at) => `z${at}`)
    const values = [...posted, 'abc1', 'abc2', 'abe']
    await store(
      '1',
      '1',
      ...values.map((value) => ({
        '00081090': text('LO', value),
        '00104000': { vr: 'PN' as const, Value: [{ Alphabetic: value }] },
      })),
    )
    for (const [path, vr] of [
      ['00081090', 'LO'],
      ['00104000', 'PN'],
    ] as const) {
      expect(await counts(like(path, vr, 'abc*'))).toEqual([1, 1, 1, 2])
      expect(await counts(like(path, vr, 'abd*'))).toEqual([0, 0, 0, 0])
    }
  })

  it('without time passes in one go what is of series that are not in question, and nothing else', async () => {
    await store('0', '1', ...Array.from({ length: 40 }, (_, at) => ({ '00201041': number('DS', 90 + at) })))
    // So many that a walk in order of arrival is the way.
    const batch = Array.from({ length: 202 }, (_, at) => {
      const [series, position] = [at >> 1, at % 2 === 0 ? 5 : 9]
      const dataSet = sorted({ '00100020': text('LO', 'P'), '00201041': number('DS', position) })
      return made({ study: '1', series: `1.${series}`, instance: `8.${at}`, dataSet })
    })
    await database.index.add(batch)
    const query = question('instance', [is('00201041', 'DS', '5')], { limit: 200 })
    const whole = await database.index.search(query)
    expect(whole.rows).toHaveLength(101)
    const found: unknown[] = []
    for (let page = await database.index.search({ ...query, budgetMs: 0 }); ;) {
      found.push(...page.rows)
      if (!page.more) break
      page = await database.index.search({ ...query, budgetMs: 0, ...(page.next && { after: page.next }) })
    }
    expect(found).toEqual(whole.rows)
  })

  it.each<[Level, number]>([
    ['instance', 0],
    ['instance', 11],
    ['series', 0],
    ['series', 7],
  ])(
    'without time for %ss cuts its pages, which have all rows in the end (offset %i)',
    async (level, offset) => {
      // Positions differ so much within each series that all of them are candidates.
      for (let series = 0; series < 40; series++)
        await store(
          '1',
          String(series),
          ...[0, series % 2 === 0 ? 5 : 6, 9].map((at) => ({
            '00200013': number('IS', at),
            '00201041': number('DS', at),
          })),
        )
      const query = question(level, [is('00201041', 'DS', '5')], { offset, limit: 3 })
      const whole = await database.index.search({ ...query, limit: 100 })
      expect(whole.rows).toHaveLength(20 - offset)
      const found: unknown[] = []
      let cut = 0
      for (let after: string | undefined; ;) {
        const page = await database.index.search({
          ...query,
          budgetMs: 0,
          ...(after !== undefined && { after }),
        })
        found.push(...page.rows)
        expect(page.rows.length).toBeLessThanOrEqual(3)
        if (page.isCut === true) cut++
        if (!page.more) break
        after = page.next
      }
      expect(found).toEqual(whole.rows)
      expect(cut).toBeGreaterThan(5)
      const counted: unknown = await database.index
        .count({ ...query, budgetMs: 0 })
        .catch((error: unknown) => error)
      expect(isProblem(counted, 'too-large')).toBe(true)
      expect(await database.index.count({ ...query, budgetMs: 60_000 })).toBe(20)
    },
  )
})
