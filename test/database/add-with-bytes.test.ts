import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdtemp, open, readFile, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../src/database/ports/database.ts'
import { prepare } from '../../src/database/prepare.ts'
import { openSqlite } from '../../src/database/sqlite.ts'
import { DURABLE } from '../../src/durable-write.ts'
import { made } from './instances.ts'

let folder: string
let database: Database
let handle: FileHandle | null

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'concord-bytes-'))
  database = await openSqlite({ path: join(folder, 'index.db'), readers: 1 })
  handle = null
})

afterEach(async () => {
  await handle?.close()
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

const file = (): string => join(folder, 'bytes')
const content = randomBytes(300_000)

async function addWithBytes(batch: Parameters<Database['index']['add']>[0], flags = DURABLE) {
  handle ??= await open(file(), flags, 0o600)
  // Memory of its own, as the one that lends it has it: it is moved.
  const bytes = new Uint8Array(content)
  return database.index.addWithBytes!(batch, { fd: handle.fd, bytes, position: 0 })
}

const knownOnes = async (...uids: string[]) => [...(await database.index.known(uids)).keys()]

describe('instances that are added with their bytes', () => {
  it('are there, and so are the bytes', async () => {
    const answer = await addWithBytes([made({ instance: '1.1' }), made({ instance: '1.2' })])
    expect(answer).toEqual({ bytes: 'written', outcomes: [{ kind: 'added' }, { kind: 'added' }] })
    expect(await readFile(file())).toEqual(content)
    expect(await knownOnes('1.1', '1.2')).toEqual(['1.1', '1.2'])
  })

  it('are not there when the disk does not take the bytes, and leave the index as it was', async () => {
    await (await open(file(), 'w')).close()
    const answer = await addWithBytes([made({ instance: '1.1' })], constants.O_RDONLY)
    expect(answer).toEqual({ bytes: 'torn', code: 'EBADF' })
    expect(await knownOnes('1.1')).toEqual([])
    expect(await database.inspection.counts()).toMatchObject({ studies: 0, series: 0, instances: 0 })
    expect(await database.index.add([made({ instance: '1.1' })])).toEqual([{ kind: 'added' }])
    expect(await database.inspection.counts()).toMatchObject({ studies: 1, series: 1, instances: 1 })
  })

  it('write nothing when one of them is known', async () => {
    await database.index.add([made({ instance: '1.1' })])
    const answer = await addWithBytes([made({ instance: '1.1' }), made({ instance: '1.2' })])
    expect(answer).toMatchObject({ bytes: 'untouched', outcomes: [{ kind: 'exists' }, null] })
    expect((await readFile(file())).length).toBe(0)
    expect(await knownOnes('1.2')).toEqual([])
  })

  it('that cannot be indexed are told only when nothing is written any more', async () => {
    const one = made({ instance: '1.1' })
    // Two instances cannot have one blob.
    const other = { ...made({ instance: '1.2' }), blob: one.blob }
    await expect(addWithBytes([one, other])).rejects.toThrow()
    expect(await readFile(file())).toEqual(content)
    expect(await knownOnes('1.1', '1.2')).toEqual([])
    expect(await database.index.add([made({ instance: '1.2' })])).toEqual([{ kind: 'added' }])
  })

  it('cross to the writer without the memory of others', () => {
    // As a reader makes it: a piece of what Node gives small Buffers out of.
    const pixelMap = Buffer.from([1, 2, 3])
    expect(pixelMap.buffer.byteLength).toBeGreaterThan(3)
    const views = Object.values(prepare(made({ instance: '1.1', pixelMap }))).filter((value) =>
      ArrayBuffer.isView(value),
    )
    expect(views).toHaveLength(1)
    for (const { byteLength, buffer } of views) expect(buffer.byteLength).toBe(byteLength)
  })
})
