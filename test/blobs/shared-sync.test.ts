import { shareSync } from '../../src/blobs/folder/shared-sync.ts'

interface Run {
  readonly target: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A sync that ends when the test says so. */
function gated(): { readonly runs: Run[]; readonly sync: (target: string) => Promise<void> } {
  const runs: Run[] = []
  const sync = shareSync(
    (target) => new Promise<void>((resolve, reject) => runs.push({ target, resolve, reject })),
  )
  return { runs, sync }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a shared sync', () => {
  it('is never one that began before it was asked for', async () => {
    const { runs, sync } = gated()
    const settled: string[] = []
    const ask = (name: string) => void sync('a').then(() => settled.push(name))
    ask('first')
    ask('second')
    ask('third')
    expect(runs).toHaveLength(1)
    runs[0]?.resolve()
    await turn()
    expect([settled, runs.length]).toEqual([['first'], 2])
    ask('fourth')
    runs[1]?.resolve()
    await turn()
    expect([settled, runs.length]).toEqual([['first', 'second', 'third'], 3])
    runs[2]?.resolve()
    await turn()
    expect(settled).toEqual(['first', 'second', 'third', 'fourth'])
    ask('fifth')
    expect(runs).toHaveLength(4)
  })

  it('goes on after a failure, which only those hear of who shared it', async () => {
    const { runs, sync } = gated()
    const first = sync('a')
    const second = sync('a')
    runs[0]?.reject(new Error('disk'))
    await expect(first).rejects.toThrow('disk')
    await turn()
    runs[1]?.resolve()
    await expect(second).resolves.toBeUndefined()
  })

  it('keeps targets apart', () => {
    const { runs, sync } = gated()
    void sync('a')
    void sync('b')
    expect(runs.map(({ target }) => target)).toEqual(['a', 'b'])
  })
})
