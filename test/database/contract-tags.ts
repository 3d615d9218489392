import fc from 'fast-check'
import type { DataElement, DataSet } from '../../src/dicom/data-set.ts'
import { toDicomJson } from '../../src/dicom/dicom-json.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made, number, sorted, text } from './instances.ts'

const word = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('"quoted"', 'line\nbreak', '\\', 'nul\u0000', '\u2028', 'Ł', '山田', '\n,', '":null', '{}'),
)
const leaf: fc.Arbitrary<DataElement> = fc.oneof(
  fc.record({
    vr: fc.constantFrom('LO', 'UT', 'CS'),
    Value: fc.array(fc.oneof(word, fc.constant(null)), { maxLength: 3 }),
  }),
  fc.record({ vr: fc.constantFrom('LO', 'DA', 'SQ', 'OB') }),
  fc.record({
    vr: fc.constantFrom('DS', 'FD', 'US'),
    Value: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ vr: fc.constant('OB' as const), InlineBinary: fc.base64String({ maxLength: 16 }) }),
  fc.record({
    vr: fc.constant('OW' as const),
    offset: fc.nat(),
    length: fc.integer({ min: 1025, max: 1e9 }),
  }),
  fc.record({
    vr: fc.constant('PN' as const),
    Value: fc.array(fc.record({ Alphabetic: word, Ideographic: word }), { maxLength: 2 }),
  }),
)
const tags = [
  '00080008',
  '00080070',
  '00081030',
  '00091001',
  '00100010',
  '00104000',
  '00181000',
  '00400275',
  '7FE10010',
]
const element: fc.Arbitrary<DataElement> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  {
    weight: 1,
    arbitrary: fc.record({
      vr: fc.constant('SQ' as const),
      Value: fc.array(fc.dictionary(fc.constantFrom(...tags), leaf, { maxKeys: 3 }).map(plain), {
        maxLength: 3,
      }),
    }),
  },
)
const dataSets = fc.array(fc.dictionary(fc.constantFrom(...tags), element, { maxKeys: 9 }).map(plain), {
  minLength: 1,
  maxLength: 6,
})

/** What JSON keeps: -0 is 0, prototypes are gone. */
function plain(dataSet: DataSet): DataSet {
  return JSON.parse(JSON.stringify(sorted(dataSet))) as DataSet
}

async function storedTags(database: Database, study: string): Promise<Map<string, DataSet>> {
  const pages = await Array.fromAsync(database.index.instances({ study }, { tags: true, pageSize: 3 }))
  return new Map(
    pages.flat().map((one) => [one.uids.instance, JSON.parse(one.tags?.toString() ?? '') as DataSet]),
  )
}

export function tagsContract(makeBench: MakeBench): void {
  describe('every tag of every instance', () => {
    let bench: Bench
    let database: Database
    let studies = 0
    beforeAll(async () => {
      bench = await makeBench()
      database = await bench.open()
    }, 60_000)
    afterAll(() => bench.close())

    const viewTags = async (study: string): Promise<Map<string, DataSet>> => {
      const rows = await bench.sql(`SELECT sop_uid, tags FROM instance_tags WHERE study_uid = '${study}'`)
      return new Map(rows.map((row) => [String(row['sop_uid']), JSON.parse(String(row['tags'])) as DataSet]))
    }

    it('comes back as it was, from Node and from SQL, whatever base it was kept against', async () => {
      await fc.assert(
        fc.asyncProperty(dataSets, fc.boolean(), async (sets, split) => {
          const study = `3.${++studies}`
          const batch = sets.map((dataSet, at) =>
            made({ study, series: `${study}.1`, instance: `${study}.1.${at}`, dataSet }),
          )
          if (split) for (const instance of batch) await database.index.add([instance])
          else await database.index.add(batch)
          const [stored, viewed] = [await storedTags(database, study), await viewTags(study)]
          for (const { parsed } of batch) {
            const instance = parsed.uids.instance
            // Lone surrogates are no characters: both engines keep what UTF-8 can carry, and JSON escapes the rest.
            expect(stored.get(instance)).toEqual(parsed.dataSet)
            expect(Object.keys(stored.get(instance) ?? {})).toEqual(Object.keys(parsed.dataSet))
            expect(viewed.get(instance)).toEqual({ ...parsed.meta, ...parsed.dataSet })
          }
        }),
        { numRuns: 60 },
      )
    }, 60_000)

    it('comes back from writers that race for the base of one series', async () => {
      const others = await Promise.all([bench.open(), bench.open(), bench.open()])
      const study = '7.5.1'
      const batches = [database, ...others].map((_, writer) =>
        Array.from({ length: 20 }, (__, at): NewInstance =>
          made({
            study,
            series: '7.5.1.1',
            instance: `7.5.1.1.${writer}.${at}`,
            dataSet: {
              '00081030': text('LO', `writer ${writer}`),
              '00104000': text('LT', 'x'.repeat(200 + writer * 300)),
              [`0019100${at % 5}`]: text('LO', String(at)),
            },
          }),
        ),
      )
      await Promise.all(
        batches.map(async (batch, writer) => {
          const own = [database, ...others][writer] ?? database
          for (let at = 0; at < batch.length; at += 4) await own.index.add(batch.slice(at, at + 4))
        }),
      )
      const [stored, viewed] = [await storedTags(database, study), await viewTags(study)]
      for (const { parsed } of batches.flat()) {
        expect(stored.get(parsed.uids.instance)).toEqual(parsed.dataSet)
        expect(viewed.get(parsed.uids.instance)).toEqual({ ...parsed.meta, ...parsed.dataSet })
      }
      expect(stored.size).toBe(80)
      for (const other of others) await other.close()
    }, 60_000)

    it('keeps a huge data set whole, and small ones around it small', async () => {
      const huge = made({
        study: '7.6.1',
        series: '7.6.1.1',
        instance: '7.6.1.2',
        dataSet: { '00104000': text('LT', 'ä'.repeat(400_000)) },
      })
      const small = [1, 3].map((last) =>
        made({ study: '7.6.1', series: '7.6.1.1', instance: `7.6.1.${last}` }),
      )
      await database.index.add([small[0] ?? huge, huge, small[1] ?? huge])
      const stored = await storedTags(database, '7.6.1')
      expect(stored.get('7.6.1.2')).toEqual(huge.parsed.dataSet)
      expect(stored.get('7.6.1.3')).toEqual(small[1]?.parsed.dataSet)
      const rows = await bench.sql(
        `SELECT sop_uid, base_id, length(packed) AS packed FROM instance WHERE sop_uid LIKE '7.6.1.%' ORDER BY sop_uid`,
      )
      expect(rows[1]?.['base_id']).toBeNull()
      expect(rows[0]?.['base_id']).toBe(rows[2]?.['base_id'])
      const compressed = bench.engine === 'sqlite' ? Number(rows[1]?.['packed']) : 0
      expect(compressed).toBeLessThan(10_000)
    })

    it('gives instances as clients see them, page by page, and compressed ones too', async () => {
      const bulk = { vr: 'OW', offset: 900, length: 2048 } as const
      const dataSets: DataSet[] = [
        { '00420011': bulk },
        { '00104000': text('LT', '"offset":1') },
        { '00080005': text('CS', 'ISO_IR 100'), '00104000': text('LT', 'Inês 山田') },
        { '00104000': text('LT', 'é') },
        { '00104000': text('LT', 'x'.repeat(300_000)) },
        { '00020010': text('UI', '1.2.840.10008.1.2') },
      ]
      await database.index.add(
        dataSets.map((dataSet, at) =>
          made({
            ...{ study: '7.7.1', series: `7.7.1.${at % 2}`, instance: `7.7.1.0.${at}` },
            dataSet: sorted({ '00200013': number('IS', 9 - at), ...dataSet }),
          }),
        ),
      )
      const scope = { study: '7.7.1' }
      const all = (await Array.fromAsync(database.index.instances(scope, { tags: true }))).flat()
      const expected = all.map(({ uids, tags }) =>
        toDicomJson(
          JSON.parse(String(tags)) as DataSet,
          (path) =>
            `http://own/dicomweb/studies/7.7.1/series/${uids.series}/instances/${uids.instance}/bulkdata/${path.join('/')}`,
        ),
      )
      for (const pageSize of [1, 2, 6, 100]) {
        const options = { service: 'http://own/dicomweb', pageSize }
        const { count, digest, pages } = await database.index.metadata(scope, options)
        expect(count).toBe(6)
        expect(JSON.parse((await Array.fromAsync(pages)).join(''))).toEqual(expected)
        const same = await database.index.digested(scope, { pageSize })
        expect(digest).toBe(same.digest)
      }
      const one = await database.index.metadata({ instance: '7.7.1.0.0' }, { service: 'http://own/dicomweb' })
      expect(JSON.parse((await Array.fromAsync(one.pages)).join(''))).toEqual(
        expected.filter((dataSet) => dataSet['00420011'] !== undefined),
      )
      const none = await database.index.metadata({ study: '9' }, { service: '' })
      expect(none.count).toBe(0)
      expect((await Array.fromAsync(none.pages)).join('')).toBe('[]')
    })

    it('hashes a series that is more than is hashed in one read', async () => {
      const batch = Array.from({ length: 90 }, (_, at) => made({ series: '7.8.1', instance: `7.8.1.${at}` }))
      await database.index.add(batch)
      const options = { service: '', pageSize: 2 }
      const { count, digest, pages } = await database.index.metadata({ series: '7.8.1' }, options)
      expect(count).toBe(90)
      expect(digest).toBe((await database.index.digested({ series: '7.8.1' }, options)).digest)
      expect(JSON.parse((await Array.fromAsync(pages)).join(''))).toHaveLength(90)
    })
  })
}
