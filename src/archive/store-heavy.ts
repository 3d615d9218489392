/**
 * One budget for the data sets of all uploads, as far as they are large: an RTSTRUCT or an SR may take hundreds of
 * megabytes as a model. A part that would pass the budget waits until others are settled; the one that was large first
 * never waits, so there is always one that goes on.
 */
export interface HeavyGate {
  /** Says how much a part takes by now; a promise to wait for before it reads on. */
  update(part: object, bytes: number): Promise<void> | undefined
  /** The part is settled or given up. */
  leave(part: object): void
}

/** Data sets below this are not counted. */
const LIGHT = 1024 * 1024

export function createHeavyGate(budget: number): HeavyGate {
  /** In the order in which they became large. */
  const heavy = new Map<object, number>()
  let waiting: (() => void)[] = []
  let total = 0

  function mayGoOn(part: object): boolean {
    return total <= budget || heavy.keys().next().value === part
  }

  return {
    update(part, bytes) {
      if (bytes < LIGHT) return undefined
      total += bytes - (heavy.get(part) ?? 0)
      heavy.set(part, bytes)
      if (mayGoOn(part)) return undefined
      return new Promise((resolve) => {
        const ask = (): void => {
          if (mayGoOn(part)) resolve()
          else waiting.push(ask)
        }
        waiting.push(ask)
      })
    },
    leave(part) {
      const bytes = heavy.get(part)
      if (bytes === undefined) return
      heavy.delete(part)
      total -= bytes
      const woken = waiting
      waiting = []
      for (const wake of woken) wake()
    },
  }
}
