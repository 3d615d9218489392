import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createTurns } from '../../src/archive/in-order.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('turns', () => {
  it('hand on in the order of the beginning, past what fails', async () => {
    const inTurn = createTurns()
    const works = ['a', 'b', 'c'].map(() => Promise.withResolvers<string>())
    const ended: string[] = []
    const told = works.map(({ promise }, at) =>
      inTurn(promise).then(
        (name) => void ended.push(name),
        () => void ended.push(`${at} failed`),
      ),
    )
    works[2]?.resolve('c')
    await turn()
    expect(ended).toEqual([])
    works[0]?.resolve('a')
    await turn()
    expect(ended).toEqual(['a'])
    works[1]?.reject(new Error('b'))
    await Promise.all(told)
    expect(ended).toEqual(['a', '1 failed', 'c'])
  })

  it('keep nothing of what has been handed on', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const inTurn = createTurns()
    const begun: WeakRef<object>[] = []
    const hand = async () => {
      const result = { bytes: 'some' }
      begun.push(new WeakRef(result))
      await inTurn(Promise.resolve(result))
    }
    for (let round = 0; round < 20; round++) await hand()
    await turn()
    collect()
    // The last one may still be what the next waits for.
    expect(begun.slice(0, -1).filter((one) => one.deref() !== undefined)).toEqual([])
    expect(await inTurn(Promise.resolve('next'))).toBe('next')
  })
})
