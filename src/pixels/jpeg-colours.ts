/** Components of 12 bits as pixels: all of one size, and as red, green and blue. */
import { clamped, MIDDLE } from './jpeg-dct.ts'
import type { Plane } from './jpeg-planes.ts'

/** Samples of a component for every pixel of the frame. */
export function inFullSize(samples: Uint16Array, plane: Plane, width: number, height: number): Uint16Array {
  const { scale } = plane
  if (scale[0] === 1 && scale[1] === 1) return samples
  // As other decoders do it: between two samples, three parts of the nearer one and one of the other.
  const isDoubled = scale[0] === 2 && scale[1] <= 2 && plane.width > 2
  const out = new Uint16Array(width * height)
  for (let y = 0; y < height; y++) {
    const own = samples.subarray(lineAt(y, plane), lineAt(y, plane) + plane.width)
    const line = out.subarray(y * width, (y + 1) * width)
    if (!isDoubled) for (let x = 0; x < width; x++) line[x] = own[Math.floor(x / scale[0])] ?? 0
    else if (scale[1] === 1)
      doubled(
        Uint32Array.from(own, (value) => value * 4),
        line,
        [4, 8],
      )
    else doubled(mixed(own, neighbour(samples, y, plane)), line, [8, 7])
  }
  return out
}

function lineAt(y: number, { width, height, scale }: Plane): number {
  return Math.min(height - 1, Math.floor(y / scale[1])) * width
}

/** The line above, for the upper of two lines, or the one below. */
function neighbour(samples: Uint16Array, y: number, { width, height }: Plane): Uint16Array {
  const line = Math.max(0, Math.min(height - 1, (y >> 1) + (y % 2 === 0 ? -1 : 1)))
  return samples.subarray(line * width, (line + 1) * width)
}

/** Four times what lies between two lines, nearer to the first. */
function mixed(near: Uint16Array, far: Uint16Array): Uint32Array {
  return Uint32Array.from(near, (value, at) => value * 3 + (far[at] ?? 0))
}

/**
 * Twice as many samples; those given are four times what they stand for. What is added before a quarter of a quarter is
 * taken, at even places and at odd ones, makes halves go down and up by turns, as in the decoders of the IJG.
 */
function doubled(own: Uint32Array, line: Uint16Array, [even, odd]: readonly [number, number]): void {
  for (let x = 0; x < line.length; x++) {
    const at = x >> 1
    const here = own[at] ?? 0
    const there = own[at + (x % 2 === 0 ? -1 : 1)] ?? here
    line[x] = (here * 3 + there + (x % 2 === 0 ? even : odd)) >> 4
  }
}

/** Three components by pixel. */
export function interleaved(components: readonly Uint16Array[], isYbr: boolean): Uint16Array {
  const [first = new Uint16Array(), second = new Uint16Array(), third = new Uint16Array()] = components
  const out = new Uint16Array(first.length * 3)
  for (let at = 0; at < first.length; at++) {
    const [one, two, three] = [first[at] ?? 0, second[at] ?? 0, third[at] ?? 0]
    const [cb, cr] = [two - MIDDLE, three - MIDDLE]
    out[at * 3] = isYbr ? clamped(one + 1.402 * cr) : one
    out[at * 3 + 1] = isYbr ? clamped(one - 0.344136 * cb - 0.714136 * cr) : two
    out[at * 3 + 2] = isYbr ? clamped(one + 1.772 * cb) : three
  }
  return out
}
