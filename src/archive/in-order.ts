/**
 * Does work for each item, for some at a time, and gives the results in the order of the items. Where one fails, the
 * iteration does; what was begun is waited for, and nobody else hears of how it ends.
 * @param atOnce how many may be under way
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item> | Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = []
  try {
    for await (const item of items) {
      const one = work(item)
      // Whoever comes to it in the queue meets the error.
      one.catch(() => undefined)
      running.push(one)
      const first = running.length >= atOnce ? running.shift() : undefined
      if (first !== undefined) yield await first
    }
    for (let first = running.shift(); first !== undefined; first = running.shift()) yield await first
  } finally {
    await Promise.allSettled(running)
  }
}

/** The items in groups of `size`, the last one smaller. */
export async function* inGroups<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let group: Item[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** Hands on what is under way in the order in which it was begun: each waits until those before it have ended, however. */
export function createTurns(): <Result>(work: Promise<Result>) => Promise<Result> {
  let before: Promise<unknown> = Promise.resolve()
  return (work) => {
    // Only that they ended: a result that were kept would keep the one before it, and so every one there ever was.
    const turn = Promise.allSettled([before, work]).then(() => undefined)
    before = turn
    return turn.then(() => work)
  }
}
