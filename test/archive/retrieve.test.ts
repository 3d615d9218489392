import { mkdtemp, rm } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { fileOf, instanceOf, instancesOf } from '../../src/archive/retrieve.ts'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import type { BlobExtent, InstanceState } from '../../src/database/ports/instance.ts'
import { ct, series, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('a file in pieces', () => {
  let folder: string
  let blobs: BlobVault
  const keys: string[] = []
  // Of lengths that lie in a segment, and in a file of its own that is streamed.
  const stored = [100, 300_000, 5000].map((length, which) =>
    Buffer.from(Uint8Array.from({ length }, (_, index) => index * (which + 3))),
  )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-retrieve-'))
    blobs = await openFolderBlobs({ path: folder })
    const places = await blobs.put(
      stored.map((bytes) => ({ bytes: [bytes], size: bytes.length, sha256: sha256(bytes) })),
    )
    for (const place of places) if ('key' in place) keys.push(place.key)
    expect(keys).toHaveLength(3)
  })
  afterAll(async () => {
    await blobs.close()
    await rm(folder, { recursive: true })
  })

  const pieces = fc.array(
    fc.nat(2).chain((which) => {
      const { length } = stored[which] ?? Buffer.alloc(0)
      return fc
        .tuple(fc.nat(length), fc.nat(length))
        .map(([a, b]) => ({ which, offset: Math.min(a, b), length: Math.abs(a - b) }))
    }),
    { maxLength: 4 },
  )

  it('reads as if it were one, whole and in any range', async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat(), fc.nat(), async (chosen, from, count) => {
        const extents = chosen.map(({ which, offset, length }): BlobExtent => ({
          store: blobs.name,
          key: keys[which] ?? '',
          offset,
          length,
        }))
        const whole = Buffer.concat(
          chosen.map(
            ({ which, offset, length }) =>
              stored[which]?.subarray(offset, offset + length) ?? Buffer.alloc(0),
          ),
        )
        const open = fileOf({ blobs }, { extents, size: whole.length })
        const offset = whole.length === 0 ? 0 : from % whole.length
        const length = Math.min(count % (whole.length + 1), whole.length - offset)

        expect((await buffer(await open())).equals(whole)).toBe(true)
        expect(
          (await buffer(await open({ offset, length }))).equals(whole.subarray(offset, offset + length)),
        ).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('is unavailable where a piece lies in another store than that of the settings', async () => {
    const extents = [{ store: 's3:elsewhere', key: keys[0] ?? '', offset: 0, length: 10 }]

    await expect(fileOf({ blobs }, { extents, size: 10 })()).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(
      buffer(await fileOf({ blobs }, { extents: [...extents, ...extents], size: 20 })()),
    ).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

describe('what is there no more', () => {
  function move({ archive }: World, { uids }: Sample, to: InstanceState): Promise<number> {
    const from: readonly InstanceState[] = ['active', 'superseded', 'rejected', 'deleted']
    return archive.database.lifecycle.change({ scope: uids, from, to, actor: null, reason: 'test' })
  }

  it('is gone if it was deleted, but only under its own address', async () => {
    await using world = await startWorld()
    const { archive } = world
    const [one, other] = series(ct, 2) as [Sample, Sample]
    await world.store(one, other)
    expect(await move(world, one, 'deleted')).toBe(1)

    await expect(instanceOf(archive, one.uids)).rejects.toMatchObject({ kind: 'gone' })
    for (const wrong of [{ study: '1.2.3' }, { series: '1.2.3' }, { instance: '1.2.3' }]) {
      await expect(instanceOf(archive, { ...one.uids, ...wrong })).rejects.toMatchObject({
        kind: 'not-found',
      })
    }
    const pages = await Array.fromAsync(instancesOf(archive, { study: one.uids.study }))
    expect(pages.flat().map(({ uids }) => uids.instance)).toEqual([other.uids.instance])
  })

  it('is still had by its own UID when something has replaced it', async () => {
    await using world = await startWorld()
    const { archive } = world
    const one = ct()
    await world.store(one)

    for (const state of ['superseded', 'rejected'] as const) {
      expect(await move(world, one, state)).toBe(1)
      expect(await instanceOf(archive, one.uids)).toMatchObject({ uids: one.uids, state })
      const all = Array.fromAsync(instancesOf(archive, { study: one.uids.study }))
      await expect(all).rejects.toMatchObject({ kind: 'not-found' })
    }
  })
})
