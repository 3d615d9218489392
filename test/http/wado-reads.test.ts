/** How often index and bytes are looked at for what a viewer asks again and again. */
import type { Archive } from '../../src/archive/archive.ts'
import { secondaryCapture } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const lut = { vr: 'OW', InlineBinary: Buffer.alloc(4096, 7).toString('base64') } as const
const loop = secondaryCapture(
  {
    SamplesPerPixel: 1,
    NumberOfFrames: 3,
    Rows: 4,
    Columns: 4,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PhotometricInterpretation: 'PALETTE COLOR',
    ...Object.fromEntries(
      ['1', '2', '3'].map((one) => [`0028110${one}`, { vr: 'US', Value: [2048, 0, 16] }]),
    ),
    ...Object.fromEntries(['1', '2', '3'].map((one) => [`0028120${one}`, lut])),
  },
  { pixels: { vr: 'OB', bytes: Buffer.alloc(48, 1) } },
)

let world: World
const count = { index: 0, tags: 0, bytes: 0 }
beforeAll(async () => {
  const through = (archive: Archive): Archive => {
    const { index } = archive.database
    const instances: typeof index.instances = (scope, options) => {
      count.index++
      if (options?.tags === true) count.tags++
      return index.instances(scope, options)
    }
    const representative: typeof index.representative = (...asked) => {
      count.index++
      count.tags++
      return index.representative(...asked)
    }
    const search: typeof index.search = (...asked) => {
      count.index++
      return index.search(...asked)
    }
    const get: typeof archive.blobs.get = (key, extent) => {
      count.bytes++
      return archive.blobs.get(key, extent)
    }
    const database = { ...archive.database, index: { ...index, instances, representative, search } }
    return { ...archive, database, blobs: { ...archive.blobs, get } }
  }
  world = await startWorld({ through })
  await world.store(loop)
})
afterAll(() => world[Symbol.asyncDispose]())

it.each([
  ['a picture: one look, and each table of its palette', '/frames/1/rendered', 'image/png', [1, 1, 4]],
  ['the next frame of the same: its bytes alone', '/frames/2/rendered', 'image/png', [1, 0, 1]],
  ['a thumbnail of the same frame', '/frames/2/thumbnail', 'image/png', [1, 0, 1]],
  ['the same picture again', '/frames/1/rendered', 'image/png', [1, 0, 0]],
  ['a frame', '/frames/3', 'multipart/related; type="application/octet-stream"', [1, 0, 1]],
])('%s', async (_what, path, Accept, [index, tags, bytes]) => {
  Object.assign(count, { index: 0, tags: 0, bytes: 0 })
  const { study, series, instance } = loop.uids
  const url = `/dicomweb/studies/${study}/series/${series}/instances/${instance}${path}`
  const answer = await world.get(url, { Accept })
  expect(answer.status).toBe(200)
  expect(count).toEqual({ index, tags, bytes })
})

it.each(['study', 'series'])('a thumbnail, and a picture, of a %s: one look', async (level) => {
  const { study, series } = loop.uids
  const path = `/dicomweb/studies/${study}${level === 'study' ? '' : `/series/${series}`}`
  for (const form of ['thumbnail', 'rendered']) {
    Object.assign(count, { index: 0, tags: 0 })
    expect((await world.get(`${path}/${form}`, { Accept: 'image/png' })).status).toBe(200)
    expect(count).toMatchObject({ index: 1, tags: 1 })
  }
})
