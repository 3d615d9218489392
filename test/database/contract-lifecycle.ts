import fc from 'fast-check'
import type { DataSet } from '../../src/dicom/data-set.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { InstanceState, NewInstance } from '../../src/database/ports/instance.ts'
import type { StateChange } from '../../src/database/ports/lifecycle.ts'
import type { Query } from '../../src/database/query.ts'
import type { Bench, MakeBench, SqlRow } from './bench.ts'
import { made, madeByChance, name, text } from './instances.ts'

const ALL: readonly InstanceState[] = ['active', 'superseded', 'rejected', 'deleted']

export function lifecycleContract(makeBench: MakeBench): void {
  describe('the lifecycle', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
    }, 60_000)
    afterEach(() => bench.close())

    const one = (study: string, series: string, last: number, dataSet: DataSet = {}): NewInstance =>
      made({ study, series, instance: `${series}.${last}`, dataSet })
    const only = async (sql: string): Promise<SqlRow> => (await bench.sql(sql))[0] ?? {}
    const change = (own: Partial<StateChange>): Promise<number> =>
      database.lifecycle.change({
        scope: {},
        from: ['active'],
        to: 'deleted',
        actor: 'admin',
        reason: 'asked for',
        ...own,
      })
    const listed = async (level: Query['level'], own: Partial<Query> = {}): Promise<unknown[]> => {
      const query: Query = {
        level,
        within: {},
        keys: [],
        aggregates: [],
        include: [],
        required: ['00080018', '00100010'],
        orderBy: [],
        limit: 100,
        offset: 0,
        ...own,
      }
      const { rows } = await database.index.search(query)
      expect(await database.index.count(query)).toBe(rows.length)
      return rows.map(({ uids }) => uids.instance ?? uids.series ?? uids.study)
    }

    it('takes what is deleted out of lists, counts and levels, and remembers it', async () => {
      await database.index.add([
        one('1.1', '1.1.1', 1, { '00100010': name('A'), '00080060': text('CS', 'CT') }),
        one('1.1', '1.1.1', 2, { '00100010': name('B'), '00080060': text('CS', 'MR') }),
        one('1.1', '1.1.2', 1, { '00100010': name('A'), '00080060': text('CS', 'CT') }),
        one('1.2', '1.2.1', 1, { '00100010': name('C') }),
      ])
      expect(await change({ scope: { study: '1.1', series: '1.1.1' } })).toBe(2)
      expect(await listed('instance')).toEqual(expect.arrayContaining(['1.1.2.1', '1.2.1.1']))
      expect(await listed('series')).toHaveLength(2)
      expect(
        await only(`SELECT modalities, n_series, mixed FROM study WHERE study_uid = '1.1'`),
      ).toMatchObject({ modalities: 'CT', n_series: 1, mixed: 0 })
      expect(await Array.fromAsync(database.index.instances({ study: '1.1', series: '1.1.1' }))).toEqual([])
      expect(await database.inspection.counts()).toMatchObject({
        studies: 2,
        series: 2,
        instances: 2,
        bytes: 2000,
      })
      expect((await database.index.known(['1.1.1.1'])).get('1.1.1.1')?.state).toBe('deleted')
      expect(
        await only(`SELECT series_uid, study_uid, deleted_by FROM tombstone WHERE sop_uid = '1.1.1.1'`),
      ).toEqual({ series_uid: '1.1.1', study_uid: '1.1', deleted_by: 'admin' })
      // The bytes stay.
      expect(await only('SELECT count(*) AS n FROM blob WHERE state = 0')).toEqual({ n: 4 })
      expect(await change({ scope: { study: '1.1', series: '1.1.1' } })).toBe(0)
      expect(await change({ scope: { study: '1.1' } })).toBe(1)
      expect(await listed('study')).toEqual(['1.2'])
      expect(await listed('patient')).toHaveLength(1)
      expect(await database.inspection.counts()).toMatchObject({ patients: 1, studies: 1, instances: 1 })
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('brings back what was hidden, as it was', async () => {
      await database.index.add([
        one('1.1', '1.1.1', 1, { '00100010': name('A'), '00100020': text('LO', '1') }),
        one('1.1', '1.1.1', 2, { '00100010': name('B'), '00100020': text('LO', '2') }),
      ])
      const before = await bench.sql('SELECT * FROM study')
      await change({ instances: ['1.1.1.1'] })
      expect(await only('SELECT patient_name, mixed FROM study')).toEqual({ patient_name: 'B', mixed: 0 })
      await change({ scope: { study: '1.1' } })
      expect(await listed('study')).toEqual([])
      expect(await change({ scope: { study: '1.1' }, from: ['deleted'], to: 'active' })).toBe(2)
      const [after] = await bench.sql('SELECT * FROM study')
      expect(after).toEqual({ ...before[0], changed_at: after?.['changed_at'] })
      expect(await bench.sql('SELECT * FROM tombstone')).toEqual([])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.inspection.counts()).toEqual({
        patients: 2,
        studies: 1,
        series: 1,
        instances: 2,
        bytes: 2000,
      })
    })

    it('gives a study that was emptied the attributes of the next instance that comes', async () => {
      await database.index.add([one('1.1', '1.1.1', 1, { '00100010': name('A') })])
      await change({ scope: { study: '1.1' } })
      await database.index.add([one('1.1', '1.1.1', 2, { '00100010': name('B') })])
      expect(await only('SELECT patient_name FROM study')).toEqual({ patient_name: 'B' })
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await database.inspection.counts()).toMatchObject({
        patients: 1,
        studies: 1,
        series: 1,
        instances: 1,
      })
    })

    it('owes the FHIR server the study, and tells feed and audit trail who did it', async () => {
      await database.index.add([one('1.1', '1.1.1', 1), one('1.2', '1.2.1', 1)])
      await change({ scope: { study: '1.1' }, to: 'rejected' })
      await change({ scope: { study: '1.1' }, from: ['rejected'], to: 'active' })
      const gens = await bench.sql('SELECT gen FROM outbox ORDER BY study_id')
      expect(gens.map((row) => Number(row['gen']))).toEqual([3, 1])
      await database.ledger.sequence()
      expect((await database.ledger.feed(0, 10)).map((row) => [row.action, row.uids.instance])).toEqual([
        ['create', '1.1.1.1'],
        ['create', '1.2.1.1'],
        ['reject', '1.1.1.1'],
        ['restore', '1.1.1.1'],
      ])
      expect(await only(`SELECT actor, detail FROM audit WHERE action = 'reject'`)).toEqual({
        actor: 'admin',
        detail: '{"from":"active","reason":"asked for"}',
      })
      expect(await database.ledger.brokenAuditRow()).toBeNull()
    })

    it('lists superseded instances when they are asked for, by the values that they have', async () => {
      await database.index.add([
        one('1.1', '1.1.1', 1, { '00100010': name('OLD'), '00104000': text('LT', 'x') }),
        one('1.1', '1.1.2', 1, { '00100010': name('NEW'), '00104000': text('LT', 'x') }),
        one('1.2', '1.2.1', 1, { '00100010': name('OTHER'), '00104000': text('LT', 'x') }),
      ])
      await change({ instances: ['1.1.1.1'], to: 'superseded' })
      const named = (value: string): Query['keys'] => [
        { path: ['00100010'], vr: 'PN', match: { kind: 'values', values: [value] } },
      ]
      for (const level of ['patient', 'study', 'series', 'instance'] as const) {
        expect(await listed(level, { keys: named('OLD') })).toEqual([])
        expect(await listed(level, { keys: named('OLD'), includeSuperseded: true })).toHaveLength(1)
        expect(await listed(level, { keys: named('NEW'), includeSuperseded: true })).toHaveLength(1)
      }
      expect(await listed('instance', { includeSuperseded: true })).toHaveLength(3)
      await change({ instances: ['1.1.1.1'], from: ALL, to: 'deleted' })
      expect(await listed('instance', { includeSuperseded: true })).toHaveLength(2)
    })

    it('keeps every level row its definition, whatever is hidden and shown', async () => {
      const archive = madeByChance(20_261_124, 6)
      const states = new Map<string, InstanceState>(
        archive.map((each) => [each.parsed.uids.instance, 'active']),
      )
      await database.index.add(archive)
      const moves = fc.record({
        picked: fc.uniqueArray(fc.constantFrom(...states.keys()), { minLength: 1, maxLength: 20 }),
        to: fc.constantFrom(...ALL),
      })
      await fc.assert(
        fc.asyncProperty(moves, async ({ picked, to }) => {
          const from = ALL.filter((state) => state !== to)
          const moving = picked.filter((uid) => states.get(uid) !== to)
          expect(await change({ instances: picked, from, to })).toBe(moving.length)
          for (const uid of moving) states.set(uid, to)
          expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
          const active = archive.filter(({ parsed }) => states.get(parsed.uids.instance) === 'active')
          const { instances, bytes, studies } = await database.inspection.counts()
          expect({ instances, bytes }).toEqual({
            instances: active.length,
            bytes: active.reduce((sum, { blob }) => sum + blob.size, 0),
          })
          expect(studies).toBe(new Set(active.map(({ parsed }) => parsed.uids.study)).size)
        }),
        { numRuns: 20, seed: 20_261_124 },
      )
    }, 120_000)
  })
}
