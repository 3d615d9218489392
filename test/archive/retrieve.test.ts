import { mkdtemp, rm } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { fileOf, instanceOf, instancesOf } from '../../src/archive/retrieve.ts'
import type { Archive } from '../../src/archive/archive.ts'
import { openFolderBlobs } from '../../src/blobs/folder.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import type { BlobExtent, InstanceState } from '../../src/database/ports.ts'
import { ct, series, type Sample } from '../samples.ts'
import { startWorld } from '../world.ts'

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
      stored.map((bytes) => ({ bytes, size: bytes.length, sha256: sha256(bytes) })),
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
  /** An index that says of one instance that it is in another state than it is. */
  function inState(archive: Archive, sample: Sample, state: InstanceState): Archive {
    const { index } = archive.database
    return {
      ...archive,
      database: {
        ...archive.database,
        index: {
          ...index,
          async known(uids) {
            const known = await index.known(uids)
            return new Map(
              [...known].map(([uid, one]) => [uid, uid === sample.uids.instance ? { ...one, state } : one]),
            )
          },
          async *instances(scope, options) {
            for await (const page of index.instances(scope, options)) {
              const kept = page
                .map((one) => (one.uids.instance === sample.uids.instance ? { ...one, state } : one))
                .filter((one) => (options?.states ?? ['active']).includes(one.state))
              yield kept
            }
          },
        },
      },
    }
  }

  it('is gone if it was deleted, but only under its own address', async () => {
    await using world = await startWorld()
    const [one, other] = series(ct, 2) as [Sample, Sample]
    await world.store(one, other)
    const archive = inState(world.archive, one, 'deleted')

    await expect(instanceOf(archive, one.uids)).rejects.toMatchObject({ kind: 'gone' })
    await expect(instanceOf(archive, { ...one.uids, study: '1.2.3' })).rejects.toMatchObject({
      kind: 'not-found',
    })
    await expect(instanceOf(archive, { ...one.uids, instance: '1.2.3' })).rejects.toMatchObject({
      kind: 'not-found',
    })
    const pages = await Array.fromAsync(instancesOf(archive, { study: one.uids.study }))
    expect(pages.flat().map(({ uids }) => uids.instance)).toEqual([other.uids.instance])
  })

  it('is still had by its own UID when something has replaced it', async () => {
    await using world = await startWorld()
    const one = ct()
    await world.store(one)

    for (const state of ['superseded', 'rejected'] as const) {
      const archive = inState(world.archive, one, state)
      expect((await instanceOf(archive, one.uids)).uids).toEqual(one.uids)
      await expect(Array.fromAsync(instancesOf(archive, { study: one.uids.study }))).rejects.toMatchObject({
        kind: 'not-found',
      })
    }
  })
})
