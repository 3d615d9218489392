/** Real files: every tag comes back from Node and from SQL, and everything derived follows from the instances. */
import { createHash } from 'node:crypto'
import type { DataSet, ParsedInstance } from '../../src/dicom/data-set.ts'
import { readPart10, Unreadable } from '../../src/dicom/reader.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import type { Bench } from '../database/bench.ts'
import { postgresBench, sqliteBench } from '../database/benches.ts'

function readable(): NewInstance[] {
  return corpusPaths().flatMap((path): NewInstance[] => {
    const bytes = corpusFile(path)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const parsed = parsedOrNull(bytes)
    const blob = { store: 'folder', key: path, size: bytes.length, sha256 }
    return parsed === null
      ? []
      : [{ parsed, blob, datasetSha256: sha256, sender: 'corpus', receivedAt: new Date(0) }]
  })
}

function parsedOrNull(bytes: Buffer): ParsedInstance | null {
  try {
    return readPart10(bytes)
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
}

/** Prototypes and -0 are no matter of JSON. */
const plain = (dataSet: DataSet): DataSet => JSON.parse(JSON.stringify(dataSet)) as DataSet

describeCorpus('the corpus', () => {
  for (const [engine, makeBench] of [
    ['SQLite', sqliteBench],
    ['PostgreSQL', postgresBench],
  ] as const)
    describe(`in ${engine}`, () => {
      let bench: Bench
      beforeAll(async () => {
        bench = await makeBench()
      }, 60_000)
      afterAll(() => bench.close())

      it('is indexed file by file, and comes back as it was read', async () => {
        const database = await bench.open()
        const all = readable()
        expect(all.length).toBeGreaterThan(300)
        const stored = new Map<string, NewInstance>()
        for (let at = 0; at < all.length; at += 50) {
          const batch = all.slice(at, at + 50)
          const outcomes = await database.index.add(batch)
          expect(outcomes.filter((outcome) => outcome.kind === 'failed')).toEqual([])
          for (const [index, outcome] of outcomes.entries()) {
            const instance = batch[index]
            if (outcome.kind === 'added' && instance !== undefined)
              stored.set(instance.parsed.uids.instance, instance)
          }
        }
        let n = 0
        for await (const page of database.index.instances({}, { tags: true, pixelMap: true }))
          for (const { uids, tags, pixelMap } of page) {
            const instance = stored.get(uids.instance)
            expect({ tags: JSON.parse(String(tags)) as DataSet, pixelMap }).toEqual({
              tags: plain(instance?.parsed.dataSet ?? {}),
              pixelMap: instance?.parsed.pixelMap,
            })
            n++
          }
        expect(n).toBe(stored.size)
        for (const row of await bench.sql('SELECT sop_uid, tags FROM instance_tags WHERE tags IS NOT NULL')) {
          const parsed = stored.get(String(row['sop_uid']))?.parsed
          expect(JSON.parse(String(row['tags']))).toEqual(plain({ ...parsed?.meta, ...parsed?.dataSet }))
        }
        expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
        expect(await database.inspection.relations()).toEqual([])
        expect(await database.inspection.integrity()).toEqual([])
        await database.close()
      }, 120_000)
    })
})
