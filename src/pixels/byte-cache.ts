/** Bytes by key, together at most so many; what was used longest ago goes first. */
export interface ByteCache {
  get(key: string): Buffer | undefined
  set(key: string, bytes: Buffer): void
  /** Bytes held. */
  readonly size: number
}

/** One entry may take so much of the whole; larger ones would drive all others out. */
const LARGEST = 1 / 8

export function createByteCache(limit: number): ByteCache {
  const entries = new Map<string, Buffer>()
  let size = 0
  const drop = (key: string) => {
    size -= entries.get(key)?.length ?? 0
    entries.delete(key)
  }
  return {
    get(key) {
      const bytes = entries.get(key)
      if (bytes === undefined) return undefined
      // A map keeps the order in which keys were set.
      entries.delete(key)
      entries.set(key, bytes)
      return bytes
    },
    set(key, bytes) {
      drop(key)
      if (bytes.length > limit * LARGEST) return
      entries.set(key, bytes)
      size += bytes.length
      for (const oldest of entries.keys()) {
        if (size <= limit) break
        drop(oldest)
      }
    },
    get size() {
      return size
    },
  }
}
