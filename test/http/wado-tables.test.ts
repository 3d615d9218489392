/** Tables and colour profiles of pictures that are longer than any can be: no more is read of them than one may have. */
import type { Archive } from '../../src/archive/archive.ts'
import { secondaryCapture, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const MIB = 1024 * 1024
const image = { SamplesPerPixel: 1, Rows: 4, Columns: 4, BitsAllocated: 8, BitsStored: 8, HighBit: 7 }
const table = { vr: 'OW', InlineBinary: Buffer.alloc(8 * MIB, 1).toString('base64') } as const
const palette = secondaryCapture(
  {
    ...image,
    PhotometricInterpretation: 'PALETTE COLOR',
    ...Object.fromEntries(['1', '2', '3'].map((one) => [`0028110${one}`, { vr: 'US', Value: [256, 0, 16] }])),
    ...Object.fromEntries(['1', '2', '3'].map((one) => [`0028120${one}`, table])),
  },
  { pixels: { vr: 'OB', bytes: Buffer.alloc(16) } },
)
const profiled = secondaryCapture(
  {
    ...image,
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    ICCProfile: Buffer.alloc(24 * MIB, 1),
  },
  { pixels: { vr: 'OB', bytes: Buffer.alloc(48) } },
)

let world: World
let read = 0
beforeAll(async () => {
  const through = (archive: Archive): Archive => ({
    ...archive,
    blobs: {
      ...archive.blobs,
      get: (key, extent) => {
        read += extent?.length ?? Infinity
        return archive.blobs.get(key, extent)
      },
    },
  })
  world = await startWorld({ through })
  await world.store(palette, profiled)
})
afterAll(() => world[Symbol.asyncDispose]())

it.each<[string, Sample, string, number]>([
  ['palettes of 8 MiB', palette, '', 4 * MIB],
  ['a profile of 24 MiB', profiled, '?iccprofile=yes', 17 * MIB],
])('%s', async (_what, { uids: { study, series, instance } }, query, most) => {
  read = 0
  const path = `/dicomweb/studies/${study}/series/${series}/instances/${instance}/rendered${query}`
  const answer = await world.get(path, { Accept: 'image/png' })
  expect(answer.status).toBe(200)
  expect(read).toBeGreaterThan(0)
  expect(read).toBeLessThan(most)
})
