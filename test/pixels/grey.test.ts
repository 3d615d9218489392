/** Grey scales by the formulas of PS3.3 C.11.2.1, worked out anew for each value. */
import fc from 'fast-check'
import { colourFrame, paletteFrame } from '../../src/pixels/colour.ts'
import { greyFrame } from '../../src/pixels/grey.ts'
import { format, PLAIN } from './encoders.ts'

/** C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1, as they stand there. */
function expected(x: number, shape: string, c: number, w: number): number {
  if (shape === 'sigmoid') return 255 / (1 + Math.exp((-4 * (x - c)) / w))
  if (shape === 'linear-exact') {
    if (x <= c - w / 2) return 0
    return x > c + w / 2 ? 255 : ((x - c) / w + 0.5) * 255
  }
  if (x <= c - 0.5 - (w - 1) / 2) return 0
  return x > c - 0.5 + (w - 1) / 2 ? 255 : ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
}

it('follows the window, after the rescale, for signed and unsigned values', () => {
  const shapes = fc.constantFrom('linear', 'linear-exact', 'sigmoid' as const)
  const widths = fc.double({ min: 1, max: 3000, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(fc.nat(4095), { minLength: 4, maxLength: 4 }),
      fc.boolean(),
      shapes,
      widths,
      fc.integer({ min: -900, max: 3000 }),
      (values, isSigned, shape, width, center) => {
        const of = format({ Rows: 2, Columns: 2, BitsStored: 12, isSigned })
        const bytes = new Uint8Array(Uint16Array.from(values).buffer)
        const voi = { kind: 'window', center, width, shape: shape as 'linear' } as const
        const greys = greyFrame(bytes, of, {
          ...PLAIN,
          modality: { kind: 'rescale', slope: 2, intercept: -100 },
          voi,
        })
        values.forEach((value, at) => {
          const stored = isSigned && value > 2047 ? value - 4096 : value
          expect(greys[at]).toBe(Math.round(expected(stored * 2 - 100, shape, center, width)))
        })
      },
    ),
  )
})

it('spans what the frame has, but for its padding, and can be inverse', () => {
  const of = format({ Rows: 1, Columns: 4, isSigned: true })
  const bytes = new Uint8Array(Int16Array.of(-2000, 0, 100, 200).buffer)
  expect([...greyFrame(bytes, of, { ...PLAIN, padding: [-2000, -2000] })]).toEqual([0, 0, 128, 255])
  expect([...greyFrame(bytes, of, { ...PLAIN, padding: [-2000, -2000], isInverse: true })]).toEqual([
    255, 255, 127, 0,
  ])
  expect([...greyFrame(bytes, of, PLAIN)]).toEqual([0, 232, 243, 255])
})

it.each([
  ['one bit', { BitsAllocated: 1 }, Uint8Array.of(0b1010), [0, 255, 0, 255]],
  [
    'bits that do not end at the last',
    { BitsAllocated: 16, BitsStored: 8, HighBit: 11 },
    new Uint8Array(Uint16Array.of(0xf00f, 0x0ff0, 0x07f0, 0).buffer),
    [0, 255, 127, 0],
  ],
  [
    '32 bits without a sign',
    { BitsAllocated: 32 },
    new Uint8Array(Uint32Array.of(0, 0xffffffff, 0x80000000, 1).buffer),
    [0, 255, 128, 0],
  ],
  [
    '64 bits',
    { BitsAllocated: 64 },
    new Uint8Array(BigUint64Array.of(0n, 4n, 2n, 1n).buffer),
    [0, 255, 128, 64],
  ],
  [
    'floating point',
    { BitsAllocated: 32, isFloat: true },
    new Uint8Array(Float32Array.of(-1, 1, 0, NaN).buffer),
    [0, 255, 128, 0],
  ],
  [
    'double',
    { BitsAllocated: 64, isFloat: true },
    new Uint8Array(Float64Array.of(-1, 1, 0, 0.5).buffer),
    [0, 255, 128, 191],
  ],
] as const)('reads %s', (_what, changes, bytes, greys) => {
  expect([...greyFrame(bytes, format({ Rows: 1, Columns: 4, ...changes }), PLAIN)]).toEqual(greys)
})

it('looks values up: modality first, then those of interest; the ends of a table stand for all beyond', () => {
  const of = format({ Rows: 1, Columns: 4, BitsAllocated: 8 })
  const modality = { kind: 'lut', lut: { first: 1, bits: 16, entries: Uint16Array.of(10, 20, 30) } } as const
  const voi = {
    kind: 'lut',
    lut: { first: 20, bits: 8, entries: Uint16Array.of(5, ...Array<number>(10).fill(200)) },
  } as const
  expect([...greyFrame(Uint8Array.of(0, 1, 2, 9), of, { ...PLAIN, modality, voi })]).toEqual([5, 5, 5, 200])
})

it('puts colours by pixel and makes RGB of them', () => {
  const of = format({ Rows: 1, Columns: 2, BitsAllocated: 8, SamplesPerPixel: 3 })
  const ybr = { ...of, PhotometricInterpretation: 'YBR_FULL' }
  expect([...colourFrame(Uint8Array.of(1, 2, 3, 4, 5, 6), { ...of, isPlanar: true })]).toEqual([
    1, 3, 5, 2, 4, 6,
  ])
  expect([...colourFrame(Uint8Array.of(76, 85, 255, 255, 128, 128), ybr)]).toEqual([254, 0, 0, 255, 255, 255])
  // Two pixels in four bytes.
  const half = { ...of, PhotometricInterpretation: 'YBR_FULL_422' }
  expect([...colourFrame(Uint8Array.of(10, 20, 128, 128), half)]).toEqual([10, 10, 10, 20, 20, 20])
  const wide = { ...of, BitsAllocated: 16, BitsStored: 16, HighBit: 15 }
  expect([...colourFrame(new Uint8Array(Uint16Array.of(0, 65535, 32896, 0, 0, 0).buffer), wide)]).toEqual([
    0, 255, 128, 0, 0, 0,
  ])
})

it('paints by palette, also by one that says sixteen bits and has eight', () => {
  const of = format({ Rows: 1, Columns: 2, BitsAllocated: 8, PhotometricInterpretation: 'PALETTE COLOR' })
  const lut = (...entries: number[]) => ({ first: 0, bits: 16, entries: Uint16Array.from(entries) })
  const palette = { red: lut(0xff00, 0), green: lut(0, 0x8000), blue: lut(0, 77) }
  expect([...paletteFrame(Uint8Array.of(0, 1), of, palette)]).toEqual([255, 0, 0, 0, 128, 77])
})
