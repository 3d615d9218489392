import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { createHash, randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { clearSpool, createSpool, type SpoolRoom } from '../../src/archive/store-spool.ts'
import { spooledFile } from '../../src/archive/store-bytes.ts'
import { bytesOf } from '../../src/pieces.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('the spool of a part', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-spool-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const room = (memory: number): SpoolRoom => ({ folder, memory, used: 0 })

  it('keeps bytes and digests, whatever goes to disk and whenever the data set is seen to begin', async () => {
    const data = randomBytes(1_500_000)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: data.length }),
        fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 1000, 100_000, 10_000_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (size, cuts, memory, begin, isKnownLate) => {
          const bytes = data.subarray(0, size)
          const offset = Math.floor(begin * size)
          const own = room(memory)
          let written = 0
          const spool = createSpool(own, () => (written >= offset && !isKnownLate ? offset : undefined))
          for (let index = 0; written < size; index++) {
            const piece = bytes.subarray(written, written + (cuts[index % cuts.length] ?? 1))
            written += piece.length
            spool.write(piece)
            await spool.ready()
          }
          const { blob, datasetSha256 } = await spool.finish(offset)
          expect([blob.size, blob.sha256, datasetSha256]).toEqual([
            size,
            sha256(bytes),
            sha256(bytes.subarray(offset)),
          ])
          const range = { offset, length: size - offset }
          expect((await bytesOf(await spooledFile(blob)())).equals(bytes)).toBe(true)
          expect((await bytesOf(await spooledFile(blob)(range))).equals(bytes.subarray(offset))).toBe(true)
          await spool.discard()
          expect(own.used).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('gives memory back when a part is given up half-way', async () => {
    for (const memory of [0, 10_000_000]) {
      const own = room(memory)
      const spool = createSpool(own, () => undefined)
      spool.write(randomBytes(600_000))
      await spool.discard()
      await spool.discard()
      expect(own.used).toBe(0)
    }
    expect(await readdir(folder)).toEqual([])
  })

  it('tells a disk at fault as unavailable, without its path', async () => {
    const spool = createSpool({ folder: join(folder, 'none'), memory: 0, used: 0 }, () => undefined)
    spool.write(randomBytes(300_000))
    await expect(spool.ready()).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'The upload cannot be staged (ENOENT).',
    })
    await expect(spool.finish(0)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('is cleared of what is old, and of nothing else', async () => {
    const old = new Date(Date.now() - 1_000_000)
    for (const name of ['old.part', 'old.txt', 'new.part']) await writeFile(join(folder, name), 'x')
    for (const name of ['old.part', 'old.txt']) await utimes(join(folder, name), old, old)
    await clearSpool(folder, new Date(Date.now() - 500_000))
    expect((await readdir(folder)).toSorted()).toEqual(['new.part', 'old.txt'])
  })
})
