import fc from 'fast-check'
import { createBatcher } from '../../src/archive/batch.ts'

describe('the batcher', () => {
  it('takes everything queued as soon as the last batch is done, and only then', async () => {
    const batches: number[][] = []
    const gate = Promise.withResolvers<undefined>()
    const twice = createBatcher<number, number>(async (batch) => {
      batches.push([...batch])
      await gate.promise
      return batch.map((number) => number * 2)
    }, 100)
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

    const first = [1, 2, 3].map(twice)
    for (let waited = 0; batches.length === 0 && waited < 100; waited++) await turn()
    // The first batch runs until the gate opens, whatever else the event loop has to do meanwhile.
    const second = [4, 5].map(twice)
    await turn()
    const third = [6].map(twice)
    await turn()
    expect(batches).toEqual([[1, 2, 3]])
    gate.resolve(undefined)

    expect(await Promise.all([...first, ...second, ...third])).toEqual([2, 4, 6, 8, 10, 12])
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  it('answers each caller with his own result, whatever the size of a batch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer(), { maxLength: 50 }),
        fc.integer({ min: 1, max: 7 }),
        async (items, most) => {
          const negate = createBatcher<number, number>((batch) => {
            expect(batch.length).toBeLessThanOrEqual(most)
            return Promise.resolve(batch.map((item) => item + 1))
          }, most)
          expect(await Promise.all(items.map(negate))).toEqual(items.map((item) => item + 1))
        },
      ),
    )
  })

  it('fails a batch alone, and goes on', async () => {
    const work = createBatcher<string, string>((batch) => {
      return batch.includes('bad') ? Promise.reject(new Error('bad batch')) : Promise.resolve(batch)
    }, 1)
    const results = await Promise.allSettled(['good', 'bad', 'fine'].map(work))
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('rejects rather than to mix up results when there are fewer than items', async () => {
    const work = createBatcher<string, string>(() => Promise.resolve(['only one']), 10)
    const results = await Promise.allSettled(['a', 'b'].map(work))
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
  })
})
