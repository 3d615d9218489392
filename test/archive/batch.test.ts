import fc from 'fast-check'
import { createBatcher } from '../../src/archive/batch.ts'

describe('the batcher', () => {
  it('takes everything queued as soon as the last batch is done, and only then', async () => {
    const sizes: number[] = []
    let running = 0
    const twice = createBatcher<number, number>(async (batch) => {
      expect(++running).toBe(1)
      sizes.push(batch.length)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running--
      return batch.map((number) => number * 2)
    }, 100)

    const first = [1, 2, 3].map(twice)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const second = [4, 5].map(twice)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const third = [6].map(twice)

    expect(await Promise.all([...first, ...second, ...third])).toEqual([2, 4, 6, 8, 10, 12])
    expect(sizes).toEqual([3, 3])
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
