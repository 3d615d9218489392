import type { DataSet } from '../../src/dicom/data-set.ts'
import type { Database } from '../../src/database/ports/database.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import type { Bench, MakeBench, SqlRow } from './bench.ts'
import { made, name, number, text } from './instances.ts'

export function levelsContract(makeBench: MakeBench): void {
  describe('levels above the instances', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
    })
    afterEach(() => bench.close())

    const one = (study: string, series: string, last: number, dataSet: DataSet): NewInstance =>
      made({ study, series, instance: `${study}.${series}.${last}`, dataSet })
    const only = async (sql: string): Promise<SqlRow> => (await bench.sql(sql))[0] ?? {}

    it('have the attributes of their first instance as one tuple, and note what others say', async () => {
      await database.index.add([
        one('1.1', '1.2', 1, {
          '00100010': name('Łukasiewicz^Jan'),
          '00100020': text('LO', 'A'),
          '00080020': text('DA', '20240102'),
          '00080060': text('CS', 'CT'),
        }),
      ])
      await database.index.add([
        one('1.1', '1.2', 2, {
          '00100010': name('Other^Jan'),
          '00100020': text('LO', 'A'),
          '00100030': text('DA', '19700101'),
          '00080060': text('CS', 'MR'),
        }),
        one('1.1', '1.2', 3, {
          '00100010': name('Other^Jan'),
          '00100020': text('LO', 'A'),
          '00080060': text('CS', 'CT'),
        }),
      ])
      const study = await only('SELECT * FROM study')
      expect(study).toMatchObject({
        patient_name: 'LUKASIEWICZ^JAN',
        patient_id: 'A',
        birth_date: '',
        study_date: '20240102',
        modalities: 'CT\\MR',
      })
      expect(Number(study['mixed'])).toBe(1)
      expect(JSON.parse(String(study['attributes']))).toEqual({
        '00080020': text('DA', '20240102'),
        '00100010': name('Łukasiewicz^Jan'),
        '00100020': text('LO', 'A'),
        '0020000D': text('UI', '1.1'),
      })
      const values = await bench.sql(
        `SELECT attribute, value, n FROM level_value WHERE level = 'study' ORDER BY attribute, value`,
      )
      expect(values.map((row) => [row['attribute'], row['value'], Number(row['n'])])).toEqual([
        ['00080020', '', 2],
        ['00100010', 'OTHER^JAN', 2],
        ['00100030', '19700101', 1],
      ])
      const series = await bench.sql(
        `SELECT attribute, value, n FROM level_value WHERE level = 'series' ORDER BY attribute`,
      )
      expect(series.map((row) => [row['attribute'], row['value'], Number(row['n'])])).toEqual([
        ['00080020', '', 2],
        ['00080060', 'MR', 1],
      ])
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('list modalities and SOP classes in ascending order, whatever came first', async () => {
      for (const [at, [modality, sopClass]] of [
        ['SR', '1.9'],
        ['CT', '1.2'],
        ['MR', '1.4'],
      ].entries())
        await database.index.add([
          made({
            study: '1.1',
            series: `1.1.${at}`,
            instance: `1.1.${at}.1`,
            dataSet: { '00080060': text('CS', modality ?? '') },
            ...(sopClass !== undefined && { sopClass }),
          }),
        ])
      const rows = await bench.sql('SELECT modalities, sop_classes FROM study')
      expect(rows).toEqual([{ modalities: 'CT\\MR\\SR', sop_classes: '1.2\\1.4\\1.9' }])
    })

    it('are two series when two studies use one Series Instance UID', async () => {
      await database.index.add([one('1.1', '5.5', 1, {}), one('1.2', '5.5', 1, {}), one('1.1', '5.5', 2, {})])
      const rows = await bench.sql('SELECT n_instances FROM series ORDER BY n_instances')
      expect(rows.map((row) => Number(row['n_instances']))).toEqual([1, 2])
      const pages = await Array.fromAsync(database.index.instances({ series: '5.5', study: '1.2' }))
      expect(pages.flat().map((found) => found.uids.instance)).toEqual(['1.2.5.5.1'])
      expect((await Array.fromAsync(database.index.instances({ series: '5.5' }))).flat().length).toBe(3)
    })

    it('count both patients of a study that has two, and show the first', async () => {
      await database.index.add([
        one('1.1', '1.2', 1, { '00100020': text('LO', 'A') }),
        one('1.1', '1.2', 2, { '00100020': text('LO', 'B') }),
        one('1.1', '1.2', 3, { '00100020': text('LO', 'B') }),
        one('1.9', '1.2', 4, { '00100020': text('LO', 'B') }),
      ])
      const rows = await bench.sql(
        'SELECT patient_id, n_instances, n_studies FROM patient ORDER BY patient_id',
      )
      expect(
        rows.map((row) => [row['patient_id'], Number(row['n_instances']), Number(row['n_studies'])]),
      ).toEqual([
        ['A', 1, 1],
        ['B', 3, 2],
      ])
      expect(await only(`SELECT patient_id FROM study WHERE study_uid = '1.1'`)).toMatchObject({
        patient_id: 'A',
      })
      expect(await only(`SELECT count(*) AS n FROM patient_study`)).toMatchObject({ n: 3 })
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
    })

    it('are sorted by bytes, empty values first, on every engine', async () => {
      const dates = ['20240101', '', '19991231']
      const descriptions = ['b', 'B', 'Á', '', 'a', '山']
      await database.index.add(
        descriptions.map((description, at) =>
          one(`1.${at}`, '1.2', 1, {
            '00081030': text('LO', description),
            '00080020': text('DA', dates[at % 3] ?? ''),
            ...(at % 2 === 0 ? { '00200011': number('IS', -at) } : {}),
          }),
        ),
      )
      const sorted = async (column: string, table: string): Promise<unknown[]> =>
        (await bench.sql(`SELECT ${column} AS v FROM ${table} ORDER BY ${column}`)).map((row) => row['v'])
      expect(await sorted('study_description', 'study')).toEqual(['', 'B', 'a', 'b', 'Á', '山'])
      expect(await sorted('study_date', 'study')).toEqual([
        '',
        '',
        '19991231',
        '19991231',
        '20240101',
        '20240101',
      ])
      const numbers = (await sorted('number', 'series')).map(Number)
      expect(numbers.slice(3)).toEqual([-4, -2, 0].map((n) => n))
      expect(Math.max(...numbers.slice(0, 3))).toBe(-2_147_483_649)
    })

    it('say when a column does not tell all of an attribute', async () => {
      await database.index.add([
        one('1.1', '1.2', 1, { '00080050': text('SH', 'A', 'B') }),
        one('1.3', '1.2', 1, { '00081030': text('LO', 'x'.repeat(300)) }),
        one('1.4', '1.2', 1, { '00080050': text('SH', 'A') }),
      ])
      const rows = await bench.sql(
        'SELECT mixed, length(study_description) AS l FROM study ORDER BY study_uid',
      )
      expect(rows.map((row) => Number(row['mixed']))).toEqual([2, 2, 0])
      expect(Number(rows[1]?.['l'])).toBe(257)
    })
  })
}
