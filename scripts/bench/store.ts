import { stow } from './http-client.ts'

export interface StoreCase {
  readonly clients: number
  readonly batch: number
  /** Instances a measurement. */
  readonly count: number
}

/** Sizes and shapes of design §8: small instances one by one and in batches, from one client and from four. */
export const SMALL: readonly StoreCase[] = [
  { clients: 1, batch: 1, count: 600 },
  { clients: 4, batch: 1, count: 1600 },
  { clients: 1, batch: 100, count: 3000 },
  { clients: 4, batch: 100, count: 6000 },
]
export const LARGE: readonly StoreCase[] = [{ clients: 4, batch: 10, count: 200 }]

/**
 * Instances a second that `base` stores, clients and batches as the case says. `make(n)` is called before the clock
 * starts; every instance is new.
 */
export async function storeRate(
  base: string,
  one: StoreCase,
  from: number,
  make: (n: number) => Buffer,
): Promise<number> {
  const batches: Buffer[][] = []
  for (let first = from; first < from + one.count; first += one.batch) {
    batches.push(
      Array.from({ length: Math.min(one.batch, from + one.count - first) }, (_, index) =>
        make(first + index),
      ),
    )
  }
  const started = performance.now()
  let next = 0
  const client = async () => {
    for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
      const { status } = await stow(base, batch)
      if (status !== 200) throw new Error(`STOW answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: one.clients }, client))
  return (one.count * 1000) / (performance.now() - started)
}
