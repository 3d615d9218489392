/** A number in [0, 1) that seed and place alone decide: the same archive for the same seed, in whatever order it is made. */
export function chance(seed: number, ...place: readonly number[]): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  for (const one of place) {
    hash = Math.imul(hash ^ one, 0xc2b2ae35)
    hash ^= hash >>> 15
    hash = Math.imul(hash, 0x27d4eb2f)
    hash ^= hash >>> 13
  }
  return (hash >>> 0) / 2 ** 32
}

/** One of them, by a number in [0, 1). */
export function pick<T>(all: readonly [T, ...T[]], at: number): T {
  return all[Math.floor(at * all.length)] ?? all[0]
}

/** A log-normal value, by two numbers in [0, 1) (Box–Muller). */
export function logNormal(median: number, sigma: number, at: number, angle: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - at)) * Math.cos(2 * Math.PI * angle)
  return median * Math.exp(sigma * normal)
}
