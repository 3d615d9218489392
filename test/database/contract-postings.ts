import fc from 'fast-check'
import type { DataElement } from '../../src/dicom/data-set.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import { eachTerm, hasOwnColumn } from '../../src/database/terms.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made, name, number, sorted, text } from './instances.ts'

const value: fc.Arbitrary<DataElement> = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '').map((one) => text('LO', one)),
  fc.constantFrom(1, 2, 3.5).map((one) => number('DS', one)),
  fc.constantFrom('Müller^Jan', 'Smith').map(name),
  fc.constant<DataElement>({ vr: 'OB', InlineBinary: 'AAA=' }),
  fc.constant<DataElement>({ vr: 'LO' }),
  fc.constant<DataElement>({ vr: 'DA', Value: ['not a date'] }),
)
const item = fc.dictionary(fc.constantFrom('00080100', '00080104'), value, { maxKeys: 2 })
const anyElement = fc.oneof(
  { weight: 3, arbitrary: value },
  {
    weight: 1,
    arbitrary: fc.array(item, { maxLength: 2 }).map((items): DataElement => ({ vr: 'SQ', Value: items })),
  },
)
const dataSets = fc.array(
  fc.dictionary(
    fc.constantFrom('00081030', '00091001', '00104000', '00181000', '00400275', '00401001'),
    anyElement,
    {
      maxKeys: 6,
    },
  ),
  { minLength: 1, maxLength: 7 },
)

/** Postings of a series as its instances define them: path → values, '(present)', '(absent)'. */
function expected(batch: readonly NewInstance[]): Map<string, Set<string>> {
  const sets = batch.map(({ parsed }) => {
    const own = new Map<string, Set<string>>()
    for (const [tag, element] of Object.entries({ ...parsed.meta, ...parsed.dataSet }))
      if (!hasOwnColumn(tag))
        eachTerm(tag, element, (path, term) =>
          own.set(path, (own.get(path) ?? new Set()).add(term ?? '(present)')),
        )
    return own
  })
  const all = new Map<string, Set<string>>()
  for (const own of sets)
    for (const [path, terms] of own) all.set(path, new Set([...(all.get(path) ?? []), ...terms]))
  for (const [path, terms] of all) if (sets.some((own) => !own.has(path))) terms.add('(absent)')
  return all
}

export function postingsContract(makeBench: MakeBench): void {
  describe('the tag index', () => {
    let bench: Bench
    let database: Database
    let studies = 0
    beforeAll(async () => {
      bench = await makeBench()
      database = await bench.open()
    }, 60_000)
    afterAll(() => bench.close())

    async function posted(study: string): Promise<Map<string, Set<string>>> {
      const rows = await bench.sql(`SELECT t.path, p.value_id, v.value FROM tag_post p
        JOIN series e ON e.id = p.series_id JOIN study s ON s.id = e.study_id
        LEFT JOIN tag_value v ON v.id = p.value_id
        JOIN tag_path t ON t.id = CASE WHEN p.value_id < 0 THEN (-p.value_id) / 4 ELSE v.path_id END
        WHERE s.study_uid = '${study}'`)
      const all = new Map<string, Set<string>>()
      for (const row of rows) {
        const id = Number(row['value_id'])
        const term = id > 0 ? String(row['value']) : (['(varies)', '(absent)', '(present)'][-id % 4] ?? '')
        const path = String(row['path'])
        all.set(path, (all.get(path) ?? new Set()).add(term))
      }
      return all
    }

    it('has exactly the postings that the instances define, however they come and by whichever writer', async () => {
      const other = await bench.open()
      await fc.assert(
        fc.asyncProperty(
          dataSets,
          fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
          async (sets, turns) => {
            const study = `4.${++studies}`
            const batch = sets.map((dataSet, at) =>
              made({ study, series: `${study}.1`, instance: `${study}.1.${at}`, dataSet: sorted(dataSet) }),
            )
            for (const [at, instance] of batch.entries())
              await (turns[at] === true ? other : database).index.add([instance])
            expect(await posted(study)).toEqual(expected(batch))
            const together = batch.map((one) => {
              const uids = {
                study: `${study}.9`,
                series: one.parsed.uids.series,
                instance: `${one.parsed.uids.instance}.9`,
              }
              return {
                ...one,
                blob: { ...one.blob, key: `${one.blob.key}-9` },
                parsed: { ...one.parsed, uids },
              }
            })
            await database.index.add(together)
            expect(await posted(`${study}.9`)).toEqual(expected(batch))
          },
        ),
        { numRuns: 40 },
      )
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      await other.close()
    }, 60_000)

    it('folds names, spells numbers one way, cuts long values and goes into sequences', async () => {
      await database.index.add([
        made({
          study: '5.1',
          instance: '5.1.1',
          dataSet: sorted({
            '00080090': name('Đoković^Ñandú'),
            '00101030': { vr: 'DS', Value: ['072.50'] },
            '00104000': text('LT', 'é'.repeat(200)),
            '00400275': {
              vr: 'SQ',
              Value: [{ '00400008': { vr: 'SQ', Value: [{ '00080100': text('SH', ' CODE ') }] } }],
            },
            '00191001': text('LO', 'private'),
          }),
        }),
      ])
      const all = await posted('5.1')
      expect([...(all.get('00080090 PN') ?? [])]).toEqual(['DOKOVIC^NANDU'])
      expect([...(all.get('00101030 DS') ?? [])]).toEqual(['72.5'])
      expect([...(all.get('00104000 LT') ?? [])]).toEqual([`${'é'.repeat(128)}\u0001`])
      expect([...(all.get('00400275.00400008.00080100 SH') ?? [])]).toEqual(['CODE'])
      expect([...(all.get('00400275.00400008 SQ') ?? [])]).toEqual(['(present)'])
      expect([...(all.get('00191001 LO') ?? [])]).toEqual(['private'])
    })

    it('stops listing values where there are too many in a series, and says so', async () => {
      const batch = Array.from({ length: 80 }, (_, at) =>
        made({
          study: '5.2',
          series: '5.2.1',
          instance: `5.2.1.${at}`,
          dataSet: sorted({
            '00104000': text('LT', `text ${at}`),
            '00181000': text('LO', `same ${at % 3}`),
            '00200013': number('IS', at),
          }),
        }),
      )
      for (let at = 0; at < 80; at += 20) await database.index.add(batch.slice(at, at + 20))
      const all = await posted('5.2')
      expect(all.get('00104000 LT')?.size).toBe(65)
      expect(all.get('00104000 LT')?.has('(varies)')).toBe(true)
      expect(all.get('00181000 LO')).toEqual(new Set(['same 0', 'same 1', 'same 2']))
      expect(all.get('00200013 IS')).toEqual(new Set(['(varies)']))
    })

    it('keeps how far the values reach that it does not list, whoever adds them', async () => {
      const other = await bench.open()
      const one = (at: number, comment: string) =>
        made({
          study: '5.3',
          series: '5.3.1',
          instance: `5.3.1.${at}`,
          dataSet: sorted({
            '00080032': { vr: 'TM', Value: ['1015'] },
            '00104000': text('LT', comment),
            '00200013': number('IS', at),
            '00201041': { vr: 'DS', Value: [`${at}.50`] },
          }),
        })
      for (const at of [5, -7, 100]) await database.index.add([one(at, `c${at}`)])
      for (const at of [6, -70, 2, 3]) await other.index.add([one(at, `c${at}`)])
      await database.index.add([one(7, 'c7'), one(1000, 'c1000')])
      // Texts are listed up to a number of them, and what goes beyond that has a range.
      const many = Array.from({ length: 80 }, (_, at) => one(200 + at, `${'é'.repeat(70)}${at}`))
      await database.index.add(many)
      const rows = await bench.sql(`SELECT t.path, r.low, r.high, r.low_text, r.high_text FROM tag_range r
        JOIN tag_path t ON t.id = r.path_id JOIN series e ON e.id = r.series_id WHERE e.series_uid = '5.3.1'`)
      const reach = new Map(
        rows.map((row) => [row['path'], [row['low'], row['high'], row['low_text'], row['high_text']]]),
      )
      expect(reach.get('00080032 TM')).toEqual([101500, 101500, null, null])
      expect(reach.get('00200013 IS')).toEqual([-70, 1000, null, null])
      expect(reach.get('00201041 DS')).toEqual([-70.5, 1000.5, null, null])
      const cut = 'é'.repeat(64)
      expect(reach.get('00104000 LT')).toEqual([null, null, cut, `${cut}\u{10FFFF}`])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      await other.close()
    })
  })
}
