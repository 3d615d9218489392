/**
 * Pictures made by arithmetic that look like what a modality makes: for the demo, and for anyone who wants files that
 * were never a patient. Each returns `width × height` samples, row by row from the top left.
 */

interface Ellipse {
  /** Added to every point inside; HU for the head, arbitrary units elsewhere. */
  readonly value: number
  /** Centre and half axes in units of half the picture's width; z where the ellipsoid has its middle. */
  readonly x: number
  readonly y: number
  readonly z: number
  readonly a: number
  readonly b: number
  readonly c: number
  /** Degrees, counter-clockwise. */
  readonly turn: number
}

/** After Shepp and Logan (1974), with contrasts in HU that a brain window shows. */
const HEAD: readonly Ellipse[] = [
  { value: 2000, x: 0, y: 0, z: 0, a: 0.69, b: 0.92, c: 0.9, turn: 0 },
  { value: -965, x: 0, y: -0.0184, z: 0, a: 0.6624, b: 0.874, c: 0.88, turn: 0 },
  { value: -28, x: 0.22, y: 0, z: 0, a: 0.11, b: 0.31, c: 0.5, turn: -18 },
  { value: -28, x: -0.22, y: 0, z: 0, a: 0.16, b: 0.41, c: 0.5, turn: 18 },
  { value: 18, x: 0, y: 0.35, z: 0.1, a: 0.21, b: 0.25, c: 0.5, turn: 0 },
  { value: 24, x: 0, y: 0.1, z: 0.1, a: 0.046, b: 0.046, c: 0.3, turn: 0 },
  { value: 24, x: 0, y: -0.1, z: -0.1, a: 0.046, b: 0.046, c: 0.3, turn: 0 },
  { value: 45, x: -0.08, y: -0.605, z: 0, a: 0.046, b: 0.023, c: 0.2, turn: 0 },
  { value: 45, x: 0, y: -0.606, z: 0, a: 0.023, b: 0.023, c: 0.2, turn: 0 },
  { value: 45, x: 0.06, y: -0.605, z: 0, a: 0.023, b: 0.046, c: 0.2, turn: 0 },
]

/** A head in HU: air −1000, brain about 35, bone 1000. `z` from −1 (neck) to 1 (vertex). */
export function headSlice(size: number, z: number, noise = 6): Int16Array {
  const random = generator(Math.round(z * 1000) + 7)
  return draw(size, size, (x, y) => -1000 + inside(HEAD, x, y, z) + noise * normal(random))
}

/** Where the fluid in the middle of the head is, on the left or the right side of the patient: 1 or 0 a sample. */
export function ventricle(size: number, z: number, side: 'left' | 'right'): Uint8Array {
  const ellipse = HEAD[side === 'left' ? 2 : 3]
  return Uint8Array.from(draw(size, size, (x, y) => (ellipse && inside([ellipse], x, y, z) !== 0 ? 1 : 0)))
}

/** A brain as a spin echo shows it. `weight` 1: fluid dark, white matter bright (T1); −1: the other way round (T2). */
export function brainSlice(size: number, z: number, weight: 1 | -1): Int16Array {
  const random = generator(Math.round(z * 1000) + (weight === 1 ? 11 : 13))
  const tissue: readonly Ellipse[] = HEAD.map((ellipse, index) => ({
    ...ellipse,
    value: [420, 330, weight * -260, weight * -260, weight * 90, 80, 80, 120, 120, 120][index] ?? 0,
  }))
  return draw(size, size, (x, y) => {
    const folds =
      28 * weight * Math.sin(23 * x + 4 * Math.sin(9 * y)) * Math.sin(19 * y + 4 * Math.sin(11 * x))
    const signal = inside(tissue, x, y, z)
    return Math.max(0, signal > 500 ? signal + folds : signal) + Math.abs(14 * normal(random))
  })
}

/** A chest from the front, as a radiograph with bright bone: 12 bits. */
export function chest(width: number, height: number): Int16Array {
  const random = generator(17)
  return draw(width, height, (x, y) => {
    const body = smooth(1.02 - (x / 0.95) ** 2 - (y / 1.25) ** 4, 0.15)
    const lungs = [-0.42, 0.42].map((centre) =>
      smooth(1 - ((x - centre) / 0.33) ** 2 - ((y + 0.05) / 0.66) ** 2, 0.25),
    )
    const heart = smooth(1 - ((x - 0.14) / 0.3) ** 2 - ((y - 0.3) / 0.33) ** 2, 0.3)
    const spine = smooth(1 - (x / 0.09) ** 2, 0.5) * (0.8 + 0.2 * Math.sin(34 * y))
    const rib = Math.max(0, Math.sin(17 * (y + 0.35 * x * x)) - 0.55) * smooth(0.9 - Math.abs(x), 0.3)
    const clavicle = smooth(0.0009 - (y + 0.72 - 0.18 * Math.abs(x)) ** 2, 0.0009)
    const air = Math.max(...lungs) * (1 - heart)
    const density = body * (0.55 - 0.42 * air + 0.2 * heart + 0.3 * spine + 0.22 * rib + 0.25 * clavicle)
    return Math.min(4095, Math.max(0, 3600 * density + 60 + 18 * normal(random)))
  })
}

/** A sector of ultrasound with a chamber that beats: 8 bits. `phase` from 0 to 1 is one heartbeat. */
export function sector(width: number, height: number, phase: number): Uint8Array {
  const random = generator(19 + Math.round(phase * 60))
  const size = 0.22 + 0.07 * Math.cos(2 * Math.PI * phase)
  const values = draw(width, height, (x, y) => {
    const depth = Math.hypot(x, y + 1.05)
    if (Math.abs(Math.atan2(x, y + 1.05)) > 0.7 || depth < 0.12 || depth > 2) return 0
    const distance = Math.hypot((x + 0.06) / size, (y + 0.02) / (size * 1.5))
    const wall = Math.exp(-(((distance - 1.15) / 0.16) ** 2))
    const echo = (distance < 1 ? 0.05 : 0.33) + 0.6 * wall
    const speckle = Math.hypot(normal(random), normal(random)) / 1.25
    return Math.min(255, 235 * echo * speckle * Math.exp(-0.35 * depth))
  })
  return Uint8Array.from(values)
}

/** Colour bars over a grey ramp, as RGB samples pixel by pixel: 8 bits. */
export function testCard(width: number, height: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const bar = 7 - Math.floor((column * 8) / width)
      const ramp = Math.round((255 * column) / (width - 1))
      const colour =
        row < height * 0.75 ? [bar & 2, bar & 4, bar & 1].map((on) => (on ? 235 : 20)) : [ramp, ramp, ramp]
      rgb.set(colour, (row * width + column) * 3)
    }
  }
  return rgb
}

/** The samples as the little-endian bytes of native pixel data, of even length. */
export function pixelBytes(samples: Int16Array | Uint8Array): Buffer {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.of(0)])
}

function draw(width: number, height: number, value: (x: number, y: number) => number): Int16Array {
  const samples = new Int16Array(width * height)
  for (let row = 0; row < height; row++) {
    const y = (2 * row + 1) / height - 1
    for (let column = 0; column < width; column++) {
      samples[row * width + column] = Math.round(value((2 * column + 1) / width - 1, y))
    }
  }
  return samples
}

function inside(ellipses: readonly Ellipse[], x: number, y: number, z: number): number {
  let sum = 0
  for (const { value, x: x0, y: y0, z: z0, a, b, c, turn } of ellipses) {
    const angle = (turn * Math.PI) / 180
    const [dx, dy] = [x - x0, -y - y0]
    const along = dx * Math.cos(angle) + dy * Math.sin(angle)
    const across = dy * Math.cos(angle) - dx * Math.sin(angle)
    if ((along / a) ** 2 + (across / b) ** 2 + ((z - z0) / c) ** 2 <= 1) sum += value
  }
  return sum
}

function smooth(level: number, width: number): number {
  const t = Math.min(1, Math.max(0, level / width))
  return t * t * (3 - 2 * t)
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** One number of the standard normal distribution (Box and Muller). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
