import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFolderForReading } from '../../src/blobs/folder-reading.ts'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import { blobOf, keyOf, listAll, putOne, readAll } from './blobs.ts'

describe('a blob folder opened for reading', () => {
  let path: string
  let owner: BlobVault
  let reader: BlobVault
  const blobs = [10, 5000, 70_000, 400_000].map((size) => Buffer.alloc(size, size % 251))

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'concord-reading-'))
    owner = await openFolderBlobs({ path })
    reader = await openFolderForReading(path)
  })
  afterEach(async () => {
    await reader.close()
    await owner.close()
    await rm(path, { recursive: true })
  })

  it('gives what its owner gives, while the owner goes on', async () => {
    for (const bytes of blobs) {
      const key = await putOne(owner, blobOf(bytes))
      expect(await readAll(reader, key)).toEqual(bytes)
      expect(await readAll(reader, key, 3, 5)).toEqual(bytes.subarray(3, 8))
      expect(await reader.stat(key)).toEqual({ size: bytes.length })
    }
    expect(await listAll(reader)).toEqual(await listAll(owner))
    expect(reader.name).toBe(owner.name)
    await reader.check()
  })

  it('has nothing that was removed', async () => {
    const keys = (await owner.put(blobs.map(blobOf))).map(keyOf)
    for (const key of [keys[0]!, keys[3]!]) {
      await owner.remove(key)
      expect(await reader.stat(key)).toBeNull()
      await expect(reader.get(key)).rejects.toMatchObject({ kind: 'unavailable' })
    }
    expect((await listAll(reader)).map(({ key }) => key).sort()).toEqual([keys[1]!, keys[2]!].sort())
  })

  it('changes nothing: neither blobs, nor what is being written', async () => {
    const key = await putOne(owner, blobOf(blobs[0]!))
    const written = join(path, 'incoming', 'upload.part')
    await writeFile(written, 'half')
    await expect(reader.put([blobOf(blobs[1]!)])).rejects.toThrow('opened for reading')
    await expect(reader.remove(key)).rejects.toThrow('opened for reading')
    const another = await openFolderForReading(path)
    await another.close()
    expect(await readAll(owner, key)).toEqual(blobs[0])
    await rm(written)
  })

  it('is refused where there is none, and none is made', async () => {
    await expect(openFolderForReading(join(path, 'elsewhere'))).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(openFolderForReading(join(path, 'elsewhere'))).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('tells when each blob came, and in which order, by its key', async () => {
    const before = Date.now()
    const keys: string[] = []
    for (const bytes of blobs) {
      keys.push(await putOne(owner, blobOf(bytes)))
      await sleep(2)
    }
    const many = (size: number) => Array.from({ length: 50 }, () => blobOf(Buffer.alloc(size, 1)))
    for (const size of [10, 70_000]) keys.push(...(await owner.put(many(size))).map(keyOf))
    const sorted = (await listAll(reader)).toSorted((a, b) => (a.arrival < b.arrival ? -1 : 1))
    expect(sorted.map(({ key }) => key)).toEqual(keys)
    for (const { arrivedAt, modifiedAt } of await listAll(reader)) {
      expect(arrivedAt.getTime()).toBeGreaterThanOrEqual(before)
      expect(arrivedAt.getTime()).toBeLessThanOrEqual(Date.now())
      expect(Math.abs(arrivedAt.getTime() - modifiedAt.getTime())).toBeLessThan(5000)
    }
  })
})
