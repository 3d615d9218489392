/** What is made of pixels for a client that may have gone away. */
import { instanceOf, pixelsOf } from '../../src/archive/retrieve.ts'
import { createViewer } from '../../src/archive/viewing.ts'
import { openPixelEngine } from '../../src/pixels/engine.ts'
import { format, rle } from '../pixels/encoders.ts'
import { secondaryCapture } from '../samples.ts'
import { startWorld } from '../world.ts'

it('decodes no frame for a client that has gone', async () => {
  await using world = await startWorld()
  const of = format({ Rows: 3, Columns: 5, BitsAllocated: 8, SamplesPerPixel: 3 })
  const native = Buffer.alloc(45, 7)
  const sample = secondaryCapture(
    { Rows: 3, Columns: 5 },
    { TransferSyntaxUID: '1.2.840.10008.1.2.5', pixels: { fragments: [rle(native, of)] } },
  )
  await world.store(sample)
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 30_000, cacheBytes: 0 })
  const viewer = createViewer(world.archive, engine)
  const instance = await instanceOf(world.archive, sample.uids, { pixelMap: true })
  const gone = AbortSignal.abort(new Error('gone'))
  const [piece] = await viewer.decodedFrames(instance, pixelsOf(instance), [1], gone)
  await expect(piece?.open()).rejects.toThrow('gone')
  await engine.close()
})
