/** Chance that is the same for the same seed (mulberry32). */
export interface Chance {
  /** A whole number from 0, below `ceiling`. */
  below(ceiling: number): number
  pick<T>(from: readonly T[]): T
  /** True so many times in a hundred. */
  percent(often: number): boolean
  /** Some of a list, in its order. */
  some<T>(from: readonly T[], often: number): T[]
}

export function chance(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (ceiling: number): number => Math.floor(next() * ceiling)
  return {
    below,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new RangeError('nothing to pick from')
      return from[below(from.length)] as T
    },
    percent: (often) => next() * 100 < often,
    some: (from, often) => from.filter(() => next() * 100 < often),
  }
}
