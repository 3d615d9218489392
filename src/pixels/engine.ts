import { createHash } from 'node:crypto'
import { createByteCache } from './byte-cache.ts'
import { decodes } from './decode.ts'
import { openPool, type PoolOptions } from './pool.ts'
import type { Look, PixelEngine } from './ports.ts'

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

/** Tables have up to 65,536 entries, and profiles more bytes: too long for a key. */
function digestOf({ profile, ...look }: Look): string {
  const hash = createHash('sha256')
  // Apart from the rest: of a Buffer, JSON.stringify makes numbers before the replacer sees it.
  if (profile !== null) hash.update(profile)
  const text = JSON.stringify({ ...look, profile: profile?.length ?? null }, (_name, value: unknown) => {
    if (!(value instanceof Uint16Array)) return value
    hash.update(value)
    return value.length
  })
  return hash.update(text).digest('base64url')
}
