import { getEventListeners } from 'node:events'
import type { Database } from '../../src/database/ports/database.ts'
import type { NewInstance } from '../../src/database/ports/instance.ts'
import type { Bench, MakeBench } from './bench.ts'
import { made, text } from './instances.ts'

const WRITERS = 8

/** The same order every time: a failure can be looked at again. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const copy = [...list]
  let state = seed
  for (let at = copy.length - 1; at > 0; at--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    const other = state % (at + 1)
    const [a, b] = [copy[at], copy[other]]
    if (a !== undefined && b !== undefined) [copy[at], copy[other]] = [b, a]
  }
  return copy
}

export function concurrencyContract(makeBench: MakeBench): void {
  describe('many writers at once', () => {
    let bench: Bench
    beforeEach(async () => {
      bench = await makeBench()
    })
    afterEach(() => bench.close())

    it('add overlapping studies in any order: nothing is lost, nothing counted twice, no deadlock', async () => {
      const all = Array.from({ length: 240 }, (_, at): NewInstance => {
        const study = `6.${at % 6}`
        return made({
          study,
          series: `${study}.${at % 3}`,
          instance: `${study}.${at}`,
          dataSet: {
            '00080060': text('CS', ['CT', 'MR', 'SR'][at % 3] ?? ''),
            '00100020': text('LO', `P${at % 4}`),
            '00104000': text('LT', `${at}`),
            [`0019${1000 + (at % 17)}`]: text('LO', 'now and then'),
          },
        })
      })
      const databases = await Promise.all(Array.from({ length: WRITERS / 2 }, () => bench.open()))
      const added = await Promise.all(
        Array.from({ length: WRITERS }, async (_, writer) => {
          const database = databases[writer % databases.length]
          // Each writer has half of all instances; every instance is sent by four of them.
          const own = shuffled(all, writer + 1).filter((__, at) => at % 2 === 0)
          let n = 0
          for (let at = 0; at < own.length; at += 15) {
            const outcomes = (await database?.index.add(own.slice(at, at + 15))) ?? []
            expect(outcomes.filter((outcome) => outcome.kind === 'failed')).toEqual([])
            n += outcomes.filter((outcome) => outcome.kind === 'added').length
          }
          return n
        }),
      )
      const [database] = databases as [Database]
      const known = await database.index.known(all.map((one) => one.parsed.uids.instance))
      expect(added.reduce((sum, n) => sum + n, 0)).toBe(known.size)
      expect(await database.inspection.counts()).toMatchObject({
        instances: known.size,
        studies: 6,
        patients: 4,
      })
      expect(await Array.fromAsync(database.inspection.levels())).toEqual([])
      expect(await Array.fromAsync(database.inspection.outbox())).toEqual([])
      expect(await database.inspection.integrity()).toEqual([])
      const pages = await Array.fromAsync(database.index.instances({}, { tags: true, pageSize: 50 }))
      const byUid = new Map(all.map((one) => [one.parsed.uids.instance, one.parsed.dataSet]))
      for (const found of pages.flat())
        expect(JSON.parse(found.tags?.toString() ?? '')).toEqual(byUid.get(found.uids.instance))
      expect(pages.flat().length).toBe(known.size)
    }, 60_000)

    it('let one win when all add the same instance', async () => {
      const databases = await Promise.all(Array.from({ length: 4 }, () => bench.open()))
      for (let round = 0; round < 10; round++) {
        const outcomes = await Promise.all(
          databases.map((database, at) =>
            // Each under a study of its own: only the SOP Instance UID is the same.
            database.index.add([made({ study: `7.${round}.${at}`, instance: `7.${round}` })]),
          ),
        )
        expect(
          outcomes
            .flat()
            .map((outcome) => outcome.kind)
            .sort(),
        ).toEqual(['added', 'exists', 'exists', 'exists'])
      }
      expect(await Array.fromAsync(databases[0]?.inspection.levels() ?? [])).toEqual([])
    }, 60_000)

    it('keep nothing of a read that has been answered for the sake of who may go away', async () => {
      const database = await bench.open()
      await database.index.add(
        Array.from({ length: 5 }, (_, at) => made({ study: '8.2', instance: `8.2.${at}` })),
      )
      const { signal } = new AbortController()
      for await (const page of database.index.instances(
        { study: '8.2' },
        { tags: true, pageSize: 1, signal },
      ))
        expect(page).toHaveLength(1)
      expect(getEventListeners(signal, 'abort')).toEqual([])
    })

    it('end a read that nobody waits for any more, and answer the next one at once', async () => {
      const database = await bench.open()
      const wide = Object.fromEntries(
        Array.from({ length: 60 }, (_, at) => [`0019${1000 + at}`, text('LO', `value ${at}`)]),
      )
      for (let at = 0; at < 3000; at += 300)
        await database.index.add(
          Array.from({ length: 300 }, (_, n) =>
            made({ study: '8.1', series: '8.1.1', instance: `8.1.1.${at + n}`, dataSet: wide }),
          ),
        )
      const reason = new Error('client gone')
      const leaving = (pageSize: number) => {
        const abort = new AbortController()
        return { abort, pages: database.index.instances({}, { tags: true, pageSize, signal: abort.signal }) }
      }
      // While the one page is read that has them all.
      const one = leaving(3000)
      const reading = Array.fromAsync(one.pages)
      one.abort.abort(reason)
      await expect(reading).rejects.toBe(reason)
      await database.check()
      // After the first page of many.
      const many = leaving(100)
      let seen = 0
      const walking = async (): Promise<void> => {
        for await (const page of many.pages) {
          seen += page.length
          many.abort.abort(reason)
        }
      }
      await expect(walking()).rejects.toBe(reason)
      expect(seen).toBe(100)
      await database.check()
      const gone = AbortSignal.abort(reason)
      await expect(Array.fromAsync(database.index.instances({}, { signal: gone }))).rejects.toBe(reason)
    }, 60_000)
  })
}
