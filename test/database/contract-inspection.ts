import type { Database } from '../../src/database/ports/database.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made, text } from './instances.ts'

export function inspectionContract(makeBench: MakeBench): void {
  describe('inspection', () => {
    let bench: Bench
    let database: Database
    beforeEach(async () => {
      bench = await makeBench()
      database = await bench.open()
      await database.index.add(
        [1, 2, 3].map((last) =>
          made({
            instance: `1.1.${last}`,
            dataSet: { '00080060': text('CS', 'CT'), '00104000': text('LT', `n ${last}`) },
          }),
        ),
      )
    })
    afterEach(() => bench.close())

    const found = async (): Promise<string[]> => [
      // What the views and the data sets both tell is told twice.
      ...new Set((await Array.fromAsync(database.inspection.levels())).map((finding) => finding.what)),
    ]

    it('finds every level row that its instances do not bear out', async () => {
      expect(await found()).toEqual([])
      await bench.sql('UPDATE study SET n_instances = 4')
      expect(await found()).toEqual(['study 1: n_instances is not what its instances say'])
      await bench.sql(`UPDATE study SET n_instances = 3, modalities = 'MR'`)
      expect(await found()).toEqual(['study 1: modalities is not what its instances say'])
      await bench.sql(`UPDATE study SET modalities = 'CT', attributes = '{}'`)
      expect(await found()).toContain('study 1: attributes are not those of its first instance')
    })

    it('finds whole-archive numbers that are not those of the active instances', async () => {
      await bench.sql('UPDATE archive_stat SET n_patients = n_patients - 1, n_bytes = n_bytes + 5')
      expect(await found()).toEqual([
        'archive: the number of patients is 1 too low',
        'archive: the number of bytes is 5 too high',
      ])
      // What is hidden is not counted.
      await bench.sql('UPDATE archive_stat SET n_patients = n_patients + 1, n_bytes = n_bytes - 5')
      await bench.sql(`UPDATE instance SET state = 1 WHERE sop_uid = '1.1.3'`)
      expect(await found()).toContain('archive: the number of instances is 1 too high')
    })

    it('recounts the archive while others add to it', async () => {
      await bench.sql('UPDATE archive_stat SET n_instances = n_instances + 7')
      const adding = Array.from({ length: 20 }, (_, n) =>
        database.index.add([made({ instance: `1.2.${n}`, study: `1.5.${n}`, series: `1.6.${n}` })]),
      )
      const recounting = Array.from({ length: 5 }, () =>
        database.repairs.rebuild({ level: 'archive', id: 0 }),
      )
      await Promise.all([...adding, ...recounting])
      expect(await found()).toEqual([])
      expect((await database.inspection.counts()).instances).toBe(23)
    })

    it('finds values that no posting leads to', async () => {
      await bench.sql(`DELETE FROM tag_post WHERE value_id = (SELECT id FROM tag_value WHERE value = 'n 2')`)
      expect(await found()).toEqual(['series 1: postings of 00104000 LT miss something that an instance has'])
    })

    it('finds studies that are owed and have no row, and settles for more than was owed', async () => {
      expect(await Array.fromAsync(database.inspection.outbox())).toEqual([])
      const outbox = async (): Promise<string[]> =>
        (await Array.fromAsync(database.inspection.outbox())).map((finding) => finding.what)
      await bench.sql('UPDATE outbox SET done_gen = 9')
      expect(await outbox()).toContain('study 1.2.3: more is settled than was ever owed')
      await bench.sql('DELETE FROM outbox')
      expect(await outbox()).toEqual(['study 1.2.3: has instances and was never owed to the FHIR server'])
    })

    it('lists blobs in pages, and says which keys a row names', async () => {
      const first = await database.inspection.blobs(0, 2)
      const rest = await database.inspection.blobs(first.at(-1)?.id ?? 0, 2)
      const keys = [...first, ...rest].map((blob) => blob.key)
      expect(keys.length).toBe(3)
      expect(first[0]).toMatchObject({ store: 'folder', size: 1000, state: 'live' })
      expect(first[0]?.sha256).toMatch(/^[0-9a-f]{64}$/)
      const known = await database.inspection.referenced('folder', [...keys, 'unknown'])
      expect([...known].sort()).toEqual([...keys].sort())
      expect((await database.inspection.referenced('s3:bucket', keys)).size).toBe(0)
    })

    it('counts the archive and finds the engine sound', async () => {
      expect(await database.inspection.counts()).toEqual({
        patients: 1,
        studies: 1,
        series: 1,
        instances: 3,
        bytes: 3000,
      })
      expect(await database.inspection.integrity()).toEqual([])
    })
  })
}
