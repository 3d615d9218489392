import type { PixelFormat } from '../../src/dicom/pixel-format.ts'
import { openPixelEngine } from '../../src/pixels/engine.ts'
import { isProblem } from '../../src/problem.ts'

/** Of every byte of a frame one bit is turned over: where it is then neither refused nor decoded to `length` bytes. */
export async function faultsOfDamage(
  whole: Buffer,
  frame: { readonly TransferSyntaxUID: string; readonly format: PixelFormat; readonly length: number },
): Promise<unknown[]> {
  const { length, ...own } = frame
  const engine = openPixelEngine({ threads: 1, queue: 9, timeLimitMs: 5000, cacheBytes: 0 })
  const faults: unknown[] = []
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8))
    const read = () => Promise.resolve(damaged)
    const decoded = await engine.decode({ ...own, key: `${at}`, read }).catch((error: unknown) => error)
    const isFine = Buffer.isBuffer(decoded) ? decoded.length === length : isProblem(decoded, 'not-acceptable')
    if (!isFine) faults.push([at, decoded])
  }
  await engine.close()
  return faults
}
