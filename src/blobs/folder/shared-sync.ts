/**
 * Lets work be shared that counts only when it begins after it was asked for, such as syncing a directory: whoever asks
 * while it is under way waits for the next run, together with all others who do.
 * @param run the work, by what it is done to; errors go to all who shared it
 */
export function shareSync(run: (target: string) => Promise<void>): (target: string) => Promise<void> {
  interface Runs {
    current: Promise<void>
    next: Promise<void> | undefined
  }
  const underWay = new Map<string, Runs>()

  function begin(target: string): Runs {
    const runs: Runs = { current: run(target), next: undefined }
    const ended = (): void => {
      if (runs.next === undefined) underWay.delete(target)
    }
    runs.current.then(ended, ended)
    underWay.set(target, runs)
    return runs
  }

  return (target) => {
    const runs = underWay.get(target)
    if (runs === undefined) return begin(target).current
    runs.next ??= runs.current.catch(() => undefined).then(() => begin(target).current)
    return runs.next
  }
}
