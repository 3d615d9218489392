/** So many at a time; the others wait in turn. */
export interface Slots {
  /** Gives back the place that was taken; null where none is free. */
  take(): (() => void) | null
  /** Waits for a place; rejects with the signal's reason when it fires. */
  wait(signal: AbortSignal | undefined): Promise<() => void>
}

export function openSlots(n: number): Slots {
  let free = n
  const waiting: (() => void)[] = []
  const giveBack = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  const take = (): (() => void) | null => {
    if (free === 0) return null
    free--
    return giveBack
  }
  return {
    take,
    wait: (signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const taken = take()
        if (taken !== null) {
          resolve(taken)
          return
        }
        const leave = (): void => {
          waiting.splice(waiting.indexOf(enter), 1)
          reject(signal?.reason as Error)
        }
        const enter = (): void => {
          signal?.removeEventListener('abort', leave)
          resolve(giveBack)
        }
        waiting.push(enter)
        signal?.addEventListener('abort', leave, { once: true })
      }),
  }
}
