import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until something has come to pass, and asks again and again: on a busy machine it may take its time, so the deadline
 * is only for what never comes. Rejects then.
 */
export async function until(test: () => boolean | Promise<boolean>, deadlineMs = 40_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!(await test())) {
    if (Date.now() > deadline)
      throw new Error(`It did not come to pass within ${deadlineMs} ms: ${String(test)}`)
    await sleep(10)
  }
}

/** Milliseconds of processor time that this process takes for something: other processes do not count. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
