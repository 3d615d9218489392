/** HTJ2K that is cut or damaged: refused or decoded to the size that it should have, with nothing of other frames in it. */
import { openPixelEngine } from '../../src/pixels/engine.ts'
import { isProblem } from '../../src/problem.ts'
import { format, highThroughput } from './encoders.ts'

const HTJ2K = '1.2.840.10008.1.2.4.201'
const of = format({ Rows: 48, Columns: 40, BitsStored: 12 })
const samples = Uint16Array.from({ length: 1920 }, (_, at) => ((at % 40) * 90 + at) % 4096)
const native = Buffer.from(samples.buffer)
/** What no damaged frame may show: it was decoded before it, in the same memory. */
const SECRET = 0x0a5a
const secret = Buffer.from(Uint16Array.from(samples, () => SECRET).buffer)

it('comes to no harm by frames that are cut or damaged, and shows nothing of the one before', async () => {
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 10_000, cacheBytes: 0 })
  const decode = (key: string, bytes: Buffer) => {
    const read = () => Promise.resolve(Buffer.from(bytes))
    return engine.decode({ key, TransferSyntaxUID: HTJ2K, format: of, read }).catch((error: unknown) => error)
  }
  const [whole, hidden] = [await highThroughput(native, of), await highThroughput(secret, of)]
  expect(await decode('whole', whole)).toEqual(native)
  const faults: unknown[] = []
  let decodedSome = 0
  for (const [name, bytes] of damages(whole)) {
    expect(await decode('hidden', hidden)).toEqual(secret)
    const result = await decode(name, bytes)
    if (!Buffer.isBuffer(result)) {
      if (!isProblem(result, 'not-acceptable')) faults.push([name, result])
      continue
    }
    decodedSome++
    const own = new Uint16Array(Uint8Array.from(result).buffer)
    const foreign = own.filter((sample) => sample === SECRET).length
    if (result.length !== native.length || foreign > MOST_BY_CHANCE)
      faults.push([name, result.length, foreign])
  }
  expect(faults).toEqual([])
  expect(decodedSome).toBeGreaterThan(0)
  // And it goes on.
  expect(await decode('whole', whole)).toEqual(native)
  await engine.close()
}, 120_000)

/** Of 1,920 samples of 12 bits, so many have one value by chance. */
const MOST_BY_CHANCE = 40

/** Cut at every thirteenth byte, with its end marker put back or not; one bit changed; bytes zeroed; a stretch doubled. */
function* damages(whole: Buffer): Generator<[string, Buffer]> {
  const end = Buffer.of(0xff, 0xd9)
  for (let at = 2; at < whole.length - 2; at += 13) {
    yield [`cut at ${at}`, whole.subarray(0, at)]
    yield [`cut at ${at}, and ended`, Buffer.concat([whole.subarray(0, at), end])]
    yield [`doubled at ${at}`, Buffer.concat([whole.subarray(0, at), whole.subarray(at - 2)])]
  }
  for (let at = 0; at < whole.length - 4; at += at < 150 ? 1 : 9) {
    const [flipped, zeroed, filled] = [Buffer.from(whole), Buffer.from(whole), Buffer.from(whole)]
    flipped[at] = (whole[at] ?? 0) ^ (1 << (at % 8))
    yield [`bit changed at ${at}`, flipped]
    yield [`zeros at ${at}`, zeroed.fill(0, at, at + 4)]
    yield [`ones at ${at}`, filled.fill(0xff, at, at + 2)]
  }
}
