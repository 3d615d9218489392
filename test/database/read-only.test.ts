import { randomUUID } from 'node:crypto'
import { isProblem } from '../../src/problem.ts'
import type { Bench } from './bench.ts'
import { postgresBench, sqliteBench } from './benches.ts'
import { made } from './instances.ts'

describe.each([
  ['SQLite', sqliteBench],
  ['PostgreSQL', postgresBench],
])('an index in %s that is opened for reading', (_engine, makeBench) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await makeBench()
  }, 60_000)
  afterEach(() => bench.close())

  it('is refused where there is no archive, and none is made', async () => {
    for (let times = 0; times < 2; times++) {
      const error: unknown = await bench.open({ readOnly: true }).catch((reason: unknown) => reason)
      expect(isProblem(error, 'unavailable')).toBe(true)
    }
  })

  it('is refused where the schema is older than the code', async () => {
    await (await bench.open()).close()
    await bench.sql('DELETE FROM migration')
    await expect(bench.open({ readOnly: true })).rejects.toThrow('The schema of the database is older')
  })

  it('sees what another writes meanwhile, and writes nothing itself', async () => {
    const archiveId = randomUUID()
    const writer = await bench.open({ archiveId })
    const reader = await bench.open({ readOnly: true })
    expect(reader.archiveId).toBe(archiveId)
    await writer.index.add([made({ instance: '1.2.3.4.5' })])
    expect((await reader.index.known(['1.2.3.4.5'])).size).toBe(1)
    const [outcome] = await reader.index.add([made({ instance: '1.2.3.4.6' })])
    expect(outcome?.kind).toBe('failed')
    await expect(reader.repairs.note('x', {})).rejects.toThrow('opened for reading')
    expect((await writer.index.known(['1.2.3.4.6'])).size).toBe(0)
  })

  it('keeps the id that an archive has', async () => {
    const first = await bench.open()
    const second = await bench.open({ archiveId: randomUUID() })
    expect(second.archiveId).toBe(first.archiveId)
  })
})
