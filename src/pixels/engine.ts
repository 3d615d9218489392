import { createHash } from 'node:crypto'
import { createByteCache } from './byte-cache.ts'
import { decodes } from './decode.ts'
import { openPool, type PoolOptions } from './pool.ts'
import type { PixelEngine } from './ports.ts'

export interface EngineOptions extends PoolOptions {
  /** Frames and pictures that are kept, together. */
  readonly cacheBytes: number
}

/** The pixel engine; no thread is started before the first job. */
export function openPixelEngine(options: EngineOptions): PixelEngine {
  const pool = openPool(options)
  const cache = createByteCache(options.cacheBytes)
  const cached = async (key: string, make: () => Promise<Buffer>): Promise<Buffer> => {
    const known = cache.get(key)
    if (known !== undefined) return known
    const made = await make()
    cache.set(key, made)
    return made
  }
  return {
    decodes,
    decode({ key, TransferSyntaxUID, format, read }, signal) {
      return cached(`frame ${key}`, () => pool.run({ TransferSyntaxUID, format }, read, signal))
    },
    picture({ key, TransferSyntaxUID, format, read }, look, wish, signal) {
      const name = `picture ${key} ${digestOf(look)} ${JSON.stringify(wish)}`
      return cached(name, () =>
        pool.run({ TransferSyntaxUID, format, picture: { look, wish } }, read, signal),
      )
    },
    close: () => pool.close(),
  }
}

/** Tables have up to 65,536 entries: too long for a key. */
function digestOf(look: object): string {
  const hash = createHash('sha256')
  const text = JSON.stringify(look, (_name, value: unknown) => {
    if (!(value instanceof Uint16Array) && !(value instanceof Uint8Array)) return value
    hash.update(value)
    return value.length
  })
  return hash.update(text).digest('base64url')
}
