/** Runs what it is given, at most so many at a time, in the order given. */
export type Gate = <Answer>(work: () => Promise<Answer>) => Promise<Answer>

/** A gate that lets `limit` through at a time. */
export function openGate(limit: number): Gate {
  const waiting: (() => void)[] = []
  let inside = 0
  return async (work) => {
    if (inside >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else inside++
    try {
      return await work()
    } finally {
      // Who leaves hands the place on, so nobody who comes in between overtakes.
      const next = waiting.shift()
      if (next) next()
      else inside--
    }
  }
}
