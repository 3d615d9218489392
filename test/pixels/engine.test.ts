/** What the engine does with a job before a thread has it. */
import { openPixelEngine } from '../../src/pixels/engine.ts'
import type { PictureWish } from '../../src/pixels/ports.ts'
import { format, PLAIN } from './encoders.ts'

const of = {
  ...format({ Rows: 2, Columns: 2, BitsAllocated: 8 }),
  SamplesPerPixel: 3,
  PhotometricInterpretation: 'RGB',
}
const wish: PictureWish = {
  media: 'image/png',
  quality: 90,
  region: null,
  box: null,
  profile: 'srgb',
  annotation: { top: [], bottom: [] },
}

it('knows colour profiles by their bytes, and never writes out a megabyte of numbers', async () => {
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 30_000, cacheBytes: 1_000_000 })
  let [reads, written] = [0, 0]
  // A profile comes as a Buffer, which JSON.stringify turns into numbers before anybody is asked.
  const profileOf = (name: string) =>
    Object.assign(Buffer.from(name), {
      toJSON: () => ({ type: 'Buffer', data: [...Array(++written).keys()] }),
    })
  const read = () => Promise.resolve(Buffer.alloc(12, ++reads))
  const frame = { key: 'k', TransferSyntaxUID: '1.2.840.10008.1.2.1', format: of, read }
  const picture = (profile: Buffer | null) => engine.picture(frame, { ...PLAIN, profile }, wish)
  await picture(profileOf('one'))
  await picture(profileOf('one'))
  expect([reads, written]).toEqual([1, 0])
  await picture(profileOf('two'))
  await picture(null)
  await picture(profileOf(''))
  expect([reads, written]).toEqual([4, 0])
  await engine.close()
})

it('makes no JPEG with a longer side than there is, and other pictures all the same', async () => {
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 30_000, cacheBytes: 0 })
  const long = format({ Rows: 1, Columns: 65_535, BitsAllocated: 8 })
  const read = () => Promise.resolve(Buffer.alloc(65_535))
  const frame = { key: 'k', TransferSyntaxUID: '1.2.840.10008.1.2.1', format: long, read }
  const asJpeg = { ...wish, media: 'image/jpeg' } as const
  await expect(engine.picture(frame, PLAIN, asJpeg)).rejects.toMatchObject({ kind: 'not-acceptable' })
  const box = { width: 100, height: 100 }
  for (const other of [wish, { ...asJpeg, box }])
    expect((await engine.picture(frame, PLAIN, other)).length).toBeGreaterThan(0)
  await engine.close()
})
