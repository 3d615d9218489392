import fc from 'fast-check'
import { createHeavyGate } from '../../src/archive/store-heavy.ts'

const MIB = 1024 * 1024

describe('the budget of large data sets', () => {
  it('does not count small ones', () => {
    const gate = createHeavyGate(0)
    for (let part = 0; part < 100; part++) expect(gate.update({}, MIB - 1)).toBeUndefined()
  })

  it('never lets all wait, and lets all go on in the end', async () => {
    const growths = fc.array(fc.array(fc.integer({ min: 1, max: 8 * MIB }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(growths, fc.integer({ min: 0, max: 20 * MIB }), async (parts, budget) => {
        const gate = createHeavyGate(budget)
        let atOnce = 0
        const run = async (steps: readonly number[]) => {
          const part = {}
          let bytes = 0
          for (const step of steps) {
            bytes += step
            await gate.update(part, bytes)
            atOnce += step
            await Promise.resolve()
          }
          atOnce -= bytes
          gate.leave(part)
        }
        await Promise.all(parts.map(run))
        expect(atOnce).toBe(0)
      }),
    )
  })

  it('lets the next one go on as soon as there is room', async () => {
    const gate = createHeavyGate(3 * MIB)
    const [first, second, third] = [{}, {}, {}]
    expect(gate.update(first, 2 * MIB)).toBeUndefined()
    const waits = [gate.update(second, 2 * MIB), gate.update(third, 2 * MIB)]
    const order: string[] = []
    void waits[0]?.then(() => order.push('second'))
    void waits[1]?.then(() => order.push('third'))
    await Promise.resolve()
    expect(order).toEqual([])
    gate.leave(first)
    await waits[0]
    expect(order).toEqual(['second'])
    gate.leave(second)
    await waits[1]
    expect(order).toEqual(['second', 'third'])
  })
})
