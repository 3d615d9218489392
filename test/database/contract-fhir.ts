import type { Database } from '../../src/database/ports/database.ts'
import type { FhirLink } from '../../src/database/ports/fhir-state.ts'
import type { IndexedInstance } from '../../src/database/ports/instance.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made } from './instances.ts'

export function fhirContract(makeBench: MakeBench): void {
  describe('what is known of the FHIR server', () => {
    let bench: Bench
    let database: Database
    beforeAll(async () => {
      bench = await makeBench()
      database = await bench.open()
    }, 60_000)
    afterAll(() => bench.close())

    const link = (key: string, more: Partial<FhirLink> = {}): FhirLink => ({
      kind: 'study',
      key,
      resourceType: 'ImagingStudy',
      id: `id-${key}`,
      versionId: null,
      projection: null,
      gen: null,
      flags: [],
      ...more,
    })

    it('keeps a link per kind and key, and what was last pushed there', async () => {
      expect(await database.fhir.link('study', '1.1')).toBeNull()
      await database.fhir.saveLink(link('1.1'))
      expect(await database.fhir.link('study', '1.1')).toEqual(link('1.1'))
      const pushed = link('1.1', {
        versionId: '7',
        projection: '{"ä":"\\u0000"}',
        gen: 3,
        flags: ['no-client-id'],
      })
      await database.fhir.saveLink(pushed)
      await database.fhir.saveLink({ ...link('1.1'), kind: 'patient', resourceType: 'Patient' })
      expect(await database.fhir.link('study', '1.1')).toEqual(pushed)
      await database.fhir.removeLink('study', '1.1')
      expect(await database.fhir.link('study', '1.1')).toBeNull()
      expect(await database.fhir.link('patient', '1.1')).not.toBeNull()
    })

    it('gives links in pages by key', async () => {
      for (const key of ['b', 'B', 'a', 'ä', '1']) await database.fhir.saveLink(link(key, { kind: 'device' }))
      const first = await database.fhir.links('device', null, 2)
      const rest = await database.fhir.links('device', first.at(-1)?.key ?? null, 10)
      expect([...first, ...rest].map((one) => one.key)).toEqual(['1', 'B', 'a', 'b', 'ä'])
    })

    it('finds links by the ids of their resources', async () => {
      for (const key of ['x', 'y', 'z'])
        await database.fhir.saveLink(link(key, { kind: 'patient', id: `p-${key}` }))
      const found = await database.fhir.linksTo('patient', ['p-z', 'p-x', 'p-q'])
      expect(found.map(({ key }) => key).sort()).toEqual(['x', 'z'])
      expect(await database.fhir.linksTo('study', ['p-x'])).toEqual([])
    })

    it('writes a push down before it is tried, and closes it afterwards', async () => {
      const id = await database.fhir.startPush('1.1', 4)
      const [open] = await bench.sql('SELECT * FROM fhir_push')
      expect(open).toMatchObject({ id, study_uid: '1.1', ended_at: null, outcome: null })
      await database.fhir.endPush(id, 'created')
      const [ended] = await bench.sql('SELECT * FROM fhir_push')
      expect(ended).toMatchObject({ outcome: 'created' })
      expect(Number(ended?.['ended_at'])).toBeGreaterThanOrEqual(Number(ended?.['started_at']))
    })

    it('takes over a push under the number that it had, once', async () => {
      const had = '5f0c9d4e-8a55-4c0b-9d5c-3f6f1f0f0a01'
      for (const gen of [1, 2]) expect(await database.fhir.startPush('1.9', gen, had)).toBe(had)
      expect(await database.fhir.pushes('1.9', 9)).toMatchObject([{ id: had, gen: 1 }])
    })

    it('cuts the instances of a study into ranges that join, each told by one push', async () => {
      const cut = async (upTo: number): Promise<string> => {
        const id = await database.fhir.startPush('1.7', 1)
        await database.fhir.cutPush(id, '1.7', upTo)
        return id
      }
      const first = await cut(12)
      const empty = await cut(12)
      const late = await cut(9)
      const second = await cut(40)
      await database.fhir.cutPush(await database.fhir.startPush('1.8', 1), '1.8', 99)
      expect((await database.fhir.cuts('1.7')).map(({ id, range }) => [id, range])).toEqual([
        [first, { after: 0, upTo: 12 }],
        [second, { after: 12, upTo: 40 }],
      ])
      const all = await database.fhir.pushes('1.7', 10)
      expect(new Set(all.map(({ id }) => id))).toEqual(new Set([first, empty, late, second]))
      expect(all.find(({ id }) => id === empty)).toMatchObject({
        study: '1.7',
        gen: 1,
        range: null,
        endedAt: null,
      })
      expect(await database.fhir.pushes('1.7', 2)).toHaveLength(2)
    })

    it('knows which instance was made of which, from both sides', async () => {
      await database.index.add([
        made({ study: '3.1', series: '3.1.1', instance: '3.1.1.1' }),
        made({ study: '3.1', series: '3.1.1', instance: '3.1.1.2' }),
        made({ study: '3.2', series: '3.2.1', instance: '3.2.1.1' }),
      ])
      const ids = [...(await database.index.known(['3.1.1.1', '3.1.1.2', '3.2.1.1'])).values()].map(
        ({ id }) => id,
      )
      await bench.sql(`INSERT INTO lineage (instance_id, source_id, correction_id) VALUES
        (${ids[1]}, ${ids[0]}, 'c1'), (${ids[2]}, ${ids[1]}, 'c2')`)
      const pairs = async (study: string): Promise<string[]> =>
        (await database.index.derivations(study)).map(
          ({ correction, made: one, source }) =>
            `${correction} ${source.uids.instance} > ${one.uids.instance}`,
        )
      expect(await pairs('3.1')).toEqual(['c1 3.1.1.1 > 3.1.1.2', 'c2 3.1.1.2 > 3.2.1.1'])
      expect(await pairs('3.2')).toEqual(['c2 3.1.1.2 > 3.2.1.1'])
      const [first] = await database.index.derivations('3.1')
      const [original] = await pageOf('3.1.1.1')
      expect(first?.source).toEqual({
        id: ids[0],
        uids: { study: '3.1', series: '3.1.1', instance: '3.1.1.1' },
        SOPClassUID: original?.SOPClassUID,
        TransferSyntaxUID: original?.TransferSyntaxUID,
        fileSha256: original?.fileSha256,
        datasetSha256: original?.datasetSha256,
        state: 'active',
        size: original?.size,
        sender: original?.sender,
        receivedAt: original?.receivedAt,
      })
    })

    async function pageOf(instance: string): Promise<readonly IndexedInstance[]> {
      for await (const page of database.index.instances({ instance })) return page
      return []
    }

    it('remembers facts by name', async () => {
      expect(await database.fhir.fact('client-ids')).toBeNull()
      await database.fhir.saveFact('client-ids', 'refused')
      await database.fhir.saveFact('client-ids', 'taken')
      expect(await database.fhir.fact('client-ids')).toBe('taken')
      await database.fhir.saveFact('client-ids', null)
      expect(await database.fhir.fact('client-ids')).toBeNull()
    })
  })

  describe('what a person should look at', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
    })
    afterEach(() => bench.close())

    it('is a study that names two patients, from the moment on in which it does', async () => {
      let n = 0
      const arrive = (study: string, patient: string): Promise<unknown> =>
        database.index.add([
          made({
            study,
            series: `${study}.1`,
            instance: `${study}.1.${++n}`,
            dataSet: { '00100020': { vr: 'LO', ...(patient !== '' && { Value: [patient] }) } },
          }),
        ])
      const flagged = async (): Promise<unknown> =>
        (await database.attention.list({ open: true, limit: 10 })).map(({ reason, study, detail }) => [
          reason,
          study,
          detail,
        ])
      for (const patient of ['A', '', 'A']) await arrive('5.1', patient)
      await arrive('5.2', '')
      await arrive('5.2', 'A')
      expect(await flagged()).toEqual([])
      await arrive('5.1', 'B')
      expect(await flagged()).toEqual([['mixed-patients', '5.1', { patients: 2 }]])
      await arrive('5.1', 'C')
      await arrive('5.1', 'A')
      await arrive('5.2', 'D')
      expect(await flagged()).toEqual([
        ['mixed-patients', '5.1', { patients: 3 }],
        ['mixed-patients', '5.2', { patients: 2 }],
      ])
      // Both in one batch.
      await database.index.add([
        made({ study: '5.3', instance: '5.3.1', dataSet: { '00100020': { vr: 'LO', Value: ['A'] } } }),
        made({ study: '5.3', instance: '5.3.2', dataSet: { '00100020': { vr: 'LO', Value: ['B'] } } }),
      ])
      expect(await database.attention.counts()).toEqual(new Map([['mixed-patients', 3]]))
    })

    it('is raised once, refreshed, cleared and resolved', async () => {
      await database.attention.raise({ reason: 'ambiguous-patient', study: '1.1', detail: { n: 2 } })
      await database.attention.raise({ reason: 'ambiguous-patient', study: '1.1', detail: { n: 3 } })
      await database.attention.raise({ reason: 'hand-edited', study: '1.1' })
      await database.attention.raise({ reason: 'quarantined', study: '1.1', instance: '1.1.1' })
      const open = await database.attention.list({ open: true, limit: 10 })
      expect(open.map((row) => [row.reason, row.study, row.instance, row.detail])).toEqual([
        ['ambiguous-patient', '1.1', null, { n: 3 }],
        ['hand-edited', '1.1', null, {}],
        ['quarantined', '1.1', '1.1.1', {}],
      ])
      expect(Object.fromEntries(await database.attention.counts())).toEqual({
        'ambiguous-patient': 1,
        'hand-edited': 1,
        quarantined: 1,
      })
      await database.attention.clear('ambiguous-patient', '1.1')
      const [, edited] = open
      expect(await database.attention.resolve(edited?.id ?? 0)).toBe(true)
      expect(await database.attention.resolve(edited?.id ?? 0)).toBe(false)
      expect((await database.attention.list({ open: true, limit: 10 })).map((row) => row.reason)).toEqual([
        'quarantined',
      ])
      const closed = await database.attention.list({ open: false, limit: 10 })
      expect(closed.map((row) => row.resolvedAt instanceof Date)).toEqual([true, true])
      await database.attention.raise({ reason: 'hand-edited', study: '1.1' })
      const again = await database.attention.list({ open: true, limit: 1, after: open[2]?.id ?? 0 })
      expect(again.map((row) => row.reason)).toEqual(['hand-edited'])
    })
  })
}
