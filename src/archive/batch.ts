/**
 * Does work for many callers at once: whenever the last batch is done, the next one takes everything that has queued,
 * so that batches are as large as the load makes them and nobody waits for a timer. One batch runs at a time.
 * @param run what is done for a batch, of at most `most` items: as many results, in order
 * @returns puts one item in the queue; rejects when `run` did for its batch
 */
export function createBatcher<Item, Result>(
  run: (batch: readonly Item[]) => Promise<readonly Result[]>,
  most: number,
): (item: Item) => Promise<Result> {
  interface Waiting {
    readonly item: Item
    readonly resolve: (result: Result) => void
    readonly reject: (error: unknown) => void
  }
  let queue: Waiting[] = []
  let isRunning = false

  async function runQueue(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.length <= most ? queue : queue.slice(0, most)
      queue = queue.length <= most ? [] : queue.slice(most)
      try {
        const results = await run(batch.map(({ item }) => item))
        if (results.length !== batch.length)
          throw new Error(`A batch of ${batch.length} gave ${results.length} results.`)
        // The length has just been compared, so that every result is there, be it undefined.
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      // Those who have just been answered may have more; they come along in the next batch.
      await new Promise(setImmediate)
    }
    isRunning = false
  }

  return (item) =>
    new Promise<Result>((resolve, reject) => {
      queue.push({ item, resolve, reject })
      if (isRunning) return
      isRunning = true
      // Whatever else the same chunk of an upload holds comes along.
      setImmediate(() => void runQueue())
    })
}
