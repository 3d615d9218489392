/** What is remembered of instances is bounded by the bytes that it was read from. */
import type { Archive } from '../../src/archive/archive.ts'
import { instanceOf, pixelsOf } from '../../src/archive/retrieve.ts'
import { rememberFacts } from '../../src/archive/viewing-facts.ts'
import { ct } from '../samples.ts'
import { startWorld } from '../world.ts'

it.each([
  ['much', undefined, 2],
  ['little', 1, 4],
])('reads an instance again only where %s may be kept', async (_what, most, expected) => {
  await using world = await startWorld()
  const samples = [ct({ Columns: 2 }), ct({ Columns: 4 })]
  await world.store(...samples)
  const { index } = world.archive.database
  let reads = 0
  const instances: typeof index.instances = (...args) => {
    reads++
    return index.instances(...args)
  }
  const database = { ...world.archive.database, index: { ...index, instances } }
  const counted: Archive = { ...world.archive, database }
  const facts = rememberFacts(counted, most)
  const columns: (number | undefined)[] = []
  for (const { uids } of [...samples, ...samples]) {
    const instance = await instanceOf(world.archive, uids, { pixelMap: true })
    columns.push((await facts.of(instance, pixelsOf(instance))).format?.Columns)
  }
  expect([columns, reads]).toEqual([[2, 4, 2, 4], expected])
})
