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
  const bytes = profile === null ? null : createHash('sha256').update(profile).digest('base64url')
  const text = JSON.stringify({ ...look, profile: bytes }, (_name, value: unknown) =>
    value instanceof Uint16Array ? digestOfTable(value) : value,
  )
  return createHash('sha256').update(text).digest('base64url')
}

/** The tables of an instance stay the same objects from frame to frame. */
const digests = new WeakMap<Uint16Array, string>()

function digestOfTable(table: Uint16Array): string {
  const known = digests.get(table)
  if (known !== undefined) return known
  const digest = createHash('sha256').update(table).digest('base64url')
  digests.set(table, digest)
  return digest
}
