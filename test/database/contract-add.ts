import type { Database } from '../../src/database/ports/database.ts'
import type { IndexedInstance, NewInstance } from '../../src/database/ports/instance.ts'
import type { InstancesOptions, Scope } from '../../src/database/ports/instance-index.ts'
import type { Bench, MakeBench } from './bench.ts'
import { CT, EXPLICIT, made, name, number, text } from './instances.ts'

const kinds = async (database: Database, batch: readonly NewInstance[]): Promise<string[]> =>
  (await database.index.add(batch)).map((outcome) => outcome.kind)

export function addContract(makeBench: MakeBench): void {
  describe('adding and reading instances', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
    })
    afterEach(() => bench.close())

    it('knows an instance once it is added, by every fact that decides about a duplicate', async () => {
      const instance = made({ study: '1.1', series: '1.2', instance: '1.3' })
      expect(await kinds(database, [instance])).toEqual(['added'])
      const known = await database.index.known(['1.3', '1.4'])
      expect([...known.keys()]).toEqual(['1.3'])
      expect(known.get('1.3')).toEqual({
        id: expect.any(Number) as number,
        uids: { study: '1.1', series: '1.2', instance: '1.3' },
        SOPClassUID: CT,
        TransferSyntaxUID: EXPLICIT,
        fileSha256: instance.blob.sha256,
        datasetSha256: instance.datasetSha256,
        state: 'active',
      })
    })

    it('keeps the first of a SOP Instance UID, in a batch and across batches, and writes nothing for the others', async () => {
      const first = made({ instance: '1.1', dataSet: { '00104000': text('LT', 'first') } })
      const second = made({ instance: '1.1', dataSet: { '00104000': text('LT', 'second') } })
      const other = made({ instance: '1.2' })
      const outcomes = await database.index.add([first, second, other])
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['added', 'exists', 'added'])
      expect(outcomes[1]).toMatchObject({ kept: { datasetSha256: first.datasetSha256 } })
      const [again] = await database.index.add([second])
      expect(again).toMatchObject({ kind: 'exists', kept: { datasetSha256: first.datasetSha256 } })
      expect(await database.inspection.counts()).toMatchObject({ instances: 2, series: 1, studies: 1 })
      const [{ n } = { n: -1 }] = await bench.sql('SELECT count(*) AS n FROM blob')
      expect(Number(n)).toBe(2)
    })

    it('refuses what cannot be identified, that one alone', async () => {
      const outcomes = await database.index.add([
        made({ instance: '1.1' }),
        made({ instance: 'x'.repeat(5000) }),
        made({ instance: '1.2', study: '' }),
        made({ instance: '1.3' }),
      ])
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['added', 'failed', 'failed', 'added'])
      expect(outcomes[1]).toMatchObject({ problem: { kind: 'unprocessable' } })
    })

    it('takes no other instance down with one that the database refuses', async () => {
      const bad = made({ instance: '1.2' })
      const outcomes = await database.index.add([
        made({ instance: '1.1' }),
        // A size that is no whole number passes every check until the column refuses it.
        { ...bad, blob: { ...bad.blob, size: 0.5 } },
        made({ instance: '1.3' }),
      ])
      expect(outcomes.map((outcome) => outcome.kind)).toEqual(['added', 'failed', 'added'])
      expect([...(await database.index.known(['1.1', '1.2', '1.3'])).keys()].sort()).toEqual(['1.1', '1.3'])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('gives instances in order of series number, series, instance number, SOP UID, page by page', async () => {
      const batch: NewInstance[] = []
      for (const [series, seriesNumber] of [
        ['1.2.9', 1],
        ['1.2.1', 2],
        ['1.2.5', 2],
        ['1.2.7', null],
      ] as const)
        for (const [at, instanceNumber] of [7, 3, null, 3, 12].entries())
          batch.push(
            made({
              series,
              instance: `${series}.${9 - at}`,
              dataSet: {
                ...(seriesNumber === null ? {} : { '00200011': number('IS', seriesNumber) }),
                ...(instanceNumber === null ? {} : { '00200013': number('IS', instanceNumber) }),
              },
            }),
          )
      await database.index.add(batch)
      const expected = ['1.2.7', '1.2.9', '1.2.1', '1.2.5'].flatMap((series) =>
        ['7', '6', '8', '9', '5'].map((last) => `${series}.${last}`),
      )
      for (const pageSize of [1, 3, 5, 20, 500]) {
        const pages = await Array.fromAsync(database.index.instances({ study: '1.2.3' }, { pageSize }))
        expect(pages.flat().map((one) => one.uids.instance)).toEqual(expected)
        expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(pageSize)
      }
      const scoped = async (scope: {
        study?: string
        series?: string
        instance?: string
      }): Promise<string[]> =>
        (await Array.fromAsync(database.index.instances(scope))).flat().map((one) => one.uids.instance)
      expect(await scoped({ study: '1.2.3', series: '1.2.5' })).toEqual(expected.slice(15))
      expect(await scoped({ series: '1.2.9', instance: '1.2.9.6' })).toEqual(['1.2.9.6'])
      expect(await scoped({ series: '1.2.1', instance: '1.2.9.6' })).toEqual([])
      expect(await scoped({ study: '1.2.3', instance: '1.2.9.6' })).toEqual(['1.2.9.6'])
      expect(await scoped({ study: '9', instance: '1.2.9.6' })).toEqual([])
      expect(await scoped({ study: '9' })).toEqual([])
      expect((await scoped({})).length).toBe(20)
    })

    it('finds the middle instance of the first series that is no unlikely one', async () => {
      const { index } = database
      const of = async (scope: Scope, unlikely: readonly string[] = ['SR', 'PR']): Promise<unknown> =>
        (await index.representative(scope, unlikely))?.uids.instance
      expect(await of({ study: '1.2.3' })).toBeUndefined()
      const batch = [
        ...(['SR', 'CT', 'CT', 'MR'] as const).flatMap((modality, at) =>
          [3, 1, 2].slice(0, at === 0 ? 1 : 3).map((n) =>
            made({
              series: `1.2.${at}`,
              instance: `1.2.${at}.${n}`,
              dataSet: {
                '00080060': text('CS', modality),
                '00200011': number('IS', [1, 7, 3, 9][at] ?? 0),
                '00200013': number('IS', n),
              },
            }),
          ),
        ),
        made({
          study: '1.2.4',
          series: '1.2.4.1',
          instance: '1.2.4.1.1',
          dataSet: { '00080060': text('CS', 'SR') },
        }),
      ]
      await index.add(batch)
      expect(await of({ study: '1.2.3' })).toBe('1.2.2.2')
      expect(await of({ study: '1.2.3' }, ['SR', 'CT'])).toBe('1.2.3.2')
      expect(await of({ study: '1.2.3', series: '1.2.1' })).toBe('1.2.1.2')
      expect(await of({ study: '1.2.3', series: '1.2.0' })).toBe('1.2.0.3')
      expect(await of({ study: '1.2.4' })).toBe('1.2.4.1.1')
      expect(await of({ study: '1.2.4', series: '1.2.0' })).toBeUndefined()
      const whole = await index.representative({ study: '1.2.4' }, [])
      expect(whole?.tags?.toString()).toContain('"SR"')
      expect(whole).toHaveProperty('pixelMap', null)
    })

    it('lends data sets that are gone with the next page', async () => {
      const batch = [1, 2, 3, 4].map((n) =>
        made({ instance: `1.${n}`, dataSet: { '00200013': number('IS', n) } }),
      )
      await database.index.add(batch)
      const lent: IndexedInstance[] = []
      for await (const page of database.index.instances({}, { tags: true, isLent: true, pageSize: 2 })) {
        expect(page.map(({ tags }) => tags?.includes('"00200013"'))).toEqual([true, true])
        expect(lent.map(({ tags }) => tags?.length)).toEqual(lent.map(() => 0))
        lent.push(...page)
      }
      expect(lent).toHaveLength(4)
    })

    it('digests which instances there are', async () => {
      const digest = async (scope: Scope, options?: InstancesOptions) => {
        const { count, digest: text } = await database.index.digested(scope, options)
        return { count, text }
      }
      const none = await digest({ study: '1.2.3' })
      expect(none.count).toBe(0)
      await database.index.add(['1.1', '1.2', '1.3'].map((instance) => made({ instance })))
      const [three, series] = [
        await digest({ study: '1.2.3' }),
        await digest({ study: '1.2.3', series: '1.2.3.4' }),
      ]
      expect([three.count, series]).toEqual([3, three])
      expect(await digest({ study: '1.2.3' })).toEqual(three)
      const one = await digest({ study: '1.2.3', series: '1.2.3.4', instance: '1.2' })
      expect(one.count).toBe(1)

      await database.index.add([made({ instance: '1.4' })])
      const four = await digest({ study: '1.2.3' })
      expect(four.count).toBe(4)
      const change = { scope: {}, instances: ['1.4'], actor: null, reason: 'asked for' } as const
      await database.lifecycle.change({ ...change, from: ['active'], to: 'deleted' })
      expect(await digest({ study: '1.2.3' })).toEqual(three)
      const deleted = await digest({ study: '1.2.3' }, { states: ['active', 'deleted'] })
      expect(deleted.count).toBe(4)
      expect(new Set([none, three, four, deleted, one].map((found) => found.text)).size).toBe(5)
    })

    it('digests page by page what is more than one read hashes, and gives all of it', async () => {
      const uids = Array.from({ length: 90 }, (_, at) => `1.${at + 1}`)
      await database.index.add(uids.map((instance) => made({ instance })))
      const few = await database.index.digested({ study: '1.2.3' }, { pageSize: 2 })
      const [first, second, ...more] = few.digest.split(' ')
      expect([few.count, more.length, first === second]).toEqual([90, 0, false])
      const found = (await Array.fromAsync(few.pages)).flat().map(({ uids: { instance } }) => instance)
      expect(found.toSorted()).toEqual(uids.toSorted())

      // What comes behind the first read is told, too.
      await database.index.add([made({ instance: '9.9' })])
      const then = await database.index.digested({ study: '1.2.3' }, { pageSize: 2 })
      expect([then.count, then.digest.split(' ')[0]]).toEqual([91, first])
      expect(then.digest).not.toBe(few.digest)
    })

    it('gives the file, its pixel map and what was noted of it', async () => {
      const pixelMap = Buffer.from([1, 2, 3, 250])
      const instance = made({ instance: '1.1', pixelMap, size: 4321, damaged: true, sender: 'CT1' })
      await database.index.add([instance, made({ instance: '1.2', sender: null })])
      const [page = []] = await Array.fromAsync(
        database.index.instances({ study: '1.2.3' }, { pixelMap: true }),
      )
      expect(page[0]).toMatchObject({
        extents: [{ store: 'folder', key: instance.blob.key, offset: 0, length: 4321 }],
        size: 4321,
        damaged: true,
        sender: 'CT1',
        receivedAt: instance.receivedAt,
      })
      expect(page[0]?.pixelMap).toEqual(pixelMap)
      expect(page[1]).toMatchObject({ pixelMap: null, sender: null, damaged: false })
      expect(page[0]).not.toHaveProperty('tags')
    })

    it('keeps a patient per issuer and ID, and a pseudo-patient per study without an ID', async () => {
      await database.close()
      database = await bench.open({ defaultIssuer: 'HOSPITAL' })
      const of = (study: string, patientId: string | null, issuer?: string): NewInstance =>
        made({
          study,
          series: `${study}.1`,
          instance: `${study}.1.1`,
          dataSet: {
            ...(patientId === null ? {} : { '00100020': text('LO', patientId) }),
            ...(issuer === undefined ? {} : { '00100021': text('LO', issuer) }),
            '00100010': name(`Name^${study}`),
          },
        })
      await database.index.add([
        of('2.1', 'A'),
        of('2.2', 'A', 'HOSPITAL'),
        of('2.3', 'A', 'OTHER'),
        of('2.4', null),
        of('2.5', null),
        of('2.6', 'A '),
      ])
      const rows = await bench.sql(
        'SELECT patient_id, issuer, pseudo_study, n_studies FROM patient ORDER BY id',
      )
      expect(
        rows.map((row) => [row['patient_id'], row['issuer'], row['pseudo_study'], Number(row['n_studies'])]),
      ).toEqual([
        ['A', 'HOSPITAL', '', 3],
        ['A', 'OTHER', '', 1],
        ['', '', '2.4', 1],
        ['', '', '2.5', 1],
      ])
    })

    it('says that it is the same archive every time it is opened', async () => {
      const other = await bench.open()
      expect(database.archiveId).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      )
      expect(other.archiveId).toBe(database.archiveId)
      await expect(database.check()).resolves.toBeUndefined()
    })
  })
}
