/** Colours in JPEG of 12 bits: sequential and progressive, subsampled or not, beside dcmtk's decoder where it is installed. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composeDataSet } from '../../src/dicom/compose.ts'
import { frameExtents, readPixelMap } from '../../src/dicom/pixel-map.ts'
import { pixelFormat } from '../../src/dicom/pixel-format.ts'
import { createPart10Reader } from '../../src/dicom/reader.ts'
import { writeInstance } from '../../src/dicom/writer.ts'
import { decodeFrame } from '../../src/pixels/decode.ts'
import { format, jpegOfConstants } from './encoders.ts'
import { isInstalled, made } from './reference.ts'
import { faultsOfDamage } from './damaged.ts'

// By dcmcjpeg of dcmtk, of the colours below.
const SEQUENTIAL_RGB =
  '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8EAEQwADAAUA1IRAEcRAEIRAP/EABkAAAIDAQAAAAAAAAAAAAAAAAAKCwwNCf/EADYQAAACBwILBgcAAAAAAAAAAAECAAMEBQYHCAoRCQsZGkdRVmeEosI5g6Sz0uETISIxQUJh/9oADANSAEcAQgAAPwB6mxeWjaUuCvlJBznjV/MLtXMDOqIcGlaUohcAa0o+mI4dAHA9KQXWY4bv/CeyNMYVO3jUzVE0xvSFXTGbnXtS5hMqAitpII3iW7WmhV4jh0AcD0oZjhu/8J7JE4YZedbuqkr3jiYTlXEaXe8SkAixWN4DcdYPUl4QskvYgyV7zyVCGY4bv/CeyJyWiXCrVHUaR5EDBKuNjw+zMy1YVWQpTjcACN32OCYKJiOHQBwPSk4RkkqatiucnoTiXRBaSK85pzmYnNEU3Vza71jSBDKxKt+YX/1aKaFXiOHQBwPShkkqatiucnoR6jB5zBfc46XYaiiKWsXg+WoTfFXj+30kH836xS8IWSXsQZK955KhDJJU1bFc5PQn///Z'
const PROGRESSIVE_422 =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARDAAMABQDASEAAhEBAxEB/8QAFwAAAwEAAAAAAAAAAAAAAAAAAAoLDP/EABYBAQEBAAAAAAAAAAAAAAAAAAsKCf/aAAwDAQACEAMQAAABQCqj5aVdumERw/GbqpRry3X0rQ+U+v8A/8QAHBAAAgEFAQAAAAAAAAAAAAAAAwQFAQYHCAkC/9oACAEBAAEFAuW0gGGDobdyjSmM42jloaOvmQJzjuF0x8AC8nxl/8QAIhEAAAQGAgMAAAAAAAAAAAAAAQIDBQAEBgcSIQkRoaKx/9oACAEDAQE/AeTi+Tax0M4NCqgZYGDxFx3cJusXWYKOjLqD7DHNXcGoG6pnKRl1+k8jah3mlV3BdU47Ew/Y/8QAJhEAAAQEBAcAAAAAAAAAAAAAAgMEBQABBgcJITGxCBETIkFD8P/aAAgBAgEBPwHFF4bTlLmuUBJy5i8Q8WM6bieGZWgp7xiPW+p81EtMGTn3faRVFItAXxZKRfsFvH//xAAfEAACAgEEAwAAAAAAAAAAAAABAgAFAxESITEEIuH/2gAIAQEABj8CqRk0Gm2VyBh0s8TKo4Mrxhbb1KxWy6j1la78n4J//8QAGhABAQEAAwEAAAAAAAAAAAAAAQARITGB0f/aAAgBAQABPyFqkHfySlULYD8CwIxqW9ILGu8x/9oADAMBAAIAAwAAABBu0//EABoRAQEBAAMBAAAAAAAAAAAAAAERACExYXH/2gAIAQMBAT8QE2MCltGq4FfFtwyp7dV91zT6+qu//8QAGxEAAgIDAQAAAAAAAAAAAAAAAAEhYRExUZH/2gAIAQIBAT8QY5kembTU9WMy3GUWIUq490f/xAAcEAEAAQQDAAAAAAAAAAAAAAABABEhMWFRgfD/2gAIAQEAAT8QP4g2kUXlATgh6K+iHvMbcNA6i+CaX1uZ5Pw//9k='
const SPECTRAL_420 =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wgARDAAMABQDASIAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAADAAHC//EABcBAAMBAAAAAAAAAAAAAAAAAAYKCwz/2gAMAwEAAhADEAAAAOAKqPI2pRgZzVHJbrQe8uj/AP/EABoQAAEFAQAAAAAAAAAAAAAAAAcFCAkKCwb/2gAIAQEAAQIAy2CDQ3dzGYNqO3eZx7hYAkj/xAAaEAEBAAIDAAAAAAAAAAAAAAAFBgMEBwgJ/9oACAEBAAMFABOGhJGpkMVj1DZgkrdl/We8yf/EACURAAEDAgMJAAAAAAAAAAAAAAIBAwYEBQAHCQoREiMyQVJhYv/aAAgBAgEBPwDaZdBLLKUVF8kLlQyhcwt3CXv5xP8ASTy/t8sudIJNKgPOD0r2JU8cf//EACMRAAECBQMFAAAAAAAAAAAAAAECAwQFBgcRAAmhChIhQVH/2gAIAQMBAT8A6t/fPrOxMoqOzsHLFuMgOtd4KMY8j2oHjV4LnxlYXDn1ROgpVFRTzpHwrWVY51//xAAZEAADAQEBAAAAAAAAAAAAAAADBAcFAgb/2gAIAQEABgkAkwNDqdJBY8lqLhnwsZqYLta02cc4/8QAIxAAAgEDAgcBAAAAAAAAAAAAAQIDAAQREmETIVFSYoGD0f/aAAgBAQAKPwCOJo1tQdeB21AztHbrgEdBQeKXOCB4J+0bVEaAAD1TSRF7YEc9t64s768t84q////Z'

const root = '1.2.840.10008.1.2.4'
const size = { Rows: 12, Columns: 20 }
const of = format({ ...size, SamplesPerPixel: 3, BitsStored: 12 })
const colours = Array.from({ length: 240 }, (_, at) => {
  const [x, y] = [at % 20, Math.floor(at / 20)]
  return [2048 + 1000 * Math.sin(x / 6) * Math.cos(y / 5), 200 * x, 1000 + 100 * y]
}).flat()

async function samplesOf(
  stream: Buffer,
  syntax: string,
  changes: Partial<typeof of> = {},
): Promise<Uint16Array> {
  return new Uint16Array(Uint8Array.from(await decodeFrame(stream, syntax, { ...of, ...changes })).buffer)
}

function apart(one: ArrayLike<number>, other: ArrayLike<number>): { most: number; mean: number } {
  const by = Array.from(one, (value, at) => Math.abs(value - (other[at] ?? NaN)))
  return { most: Math.max(...by), mean: by.reduce((sum, value) => sum + value, 0) / by.length }
}

it.each([
  ['RGB, sequential', SEQUENTIAL_RGB, '51', 'RGB', 15],
  ['half of the chroma, progressive', PROGRESSIVE_422, '55', 'YBR_FULL_422', 40],
  ['a quarter of the chroma, by coefficients', SPECTRAL_420, '53', 'YBR_FULL', 40],
])('decodes %s, to RGB', async (_what, base64, suffix, PhotometricInterpretation, most) => {
  const stream = Buffer.from(base64, 'base64')
  const samples = await samplesOf(stream, `${root}.${suffix}`, { PhotometricInterpretation })
  expect(samples.length).toBe(720)
  expect(apart(samples, colours).mean).toBeLessThan(most)
})

it.each([0, 1, 2])('begins anew at restart markers, every %i units', async (restart) => {
  const units = [
    [100, 2000, 4000],
    [4095, 0, 1],
    [7, 8, 9],
  ]
  const wide = { Rows: 8, Columns: 24 }
  const samples = await samplesOf(jpegOfConstants(units, restart), `${root}.51`, wide)
  const expected = Array.from({ length: 192 }, (_, at) => units[Math.floor((at % 24) / 8)]).flat()
  expect([...samples]).toEqual(expected)
})

it('never crashes on damaged streams, nor gives another size', async () => {
  const whole = Buffer.from(PROGRESSIVE_422, 'base64')
  expect(whole.length).toBeGreaterThan(100)
  const frame = { TransferSyntaxUID: `${root}.55`, format: of, length: 1440 }
  expect(await faultsOfDamage(whole, frame)).toEqual([])
}, 60_000)

const hasTools = ['dcmcjpeg', 'dcmdjpeg'].every(isInstalled)
if (!hasTools) console.log('skipped: no dcmtk to compare JPEG of 12 bits with')

it('gives what dcmtk gives, whatever process and subsampling', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'concord-twelve-'))
  const [file, packed, raw] = [join(folder, 'in.dcm'), join(folder, 'packed.dcm'), join(folder, 'raw.dcm')]
  const differences: unknown[] = []
  // An odd size, so that the last units reach beyond it.
  const odd = { Rows: 21, Columns: 37 }
  await writeFile(file, instanceOf(odd))
  for (const process of hasTools ? ['+ee', '+es', '+ep'] : []) {
    for (const sampling of [['+cr'], ['+cy', '+s4'], ['+cy', '+s2'], ['+cy', '+n1']]) {
      expect(await made('dcmcjpeg', [process, ...sampling, '+bt', file, packed])).toBe(true)
      expect(await made('dcmdjpeg', ['+cp', '+px', packed, raw])).toBe(true)
      const [ours, theirs] = [await frameOf(packed), await frameOf(raw)]
      const { most, mean } = apart(
        await samplesOf(ours.bytes, ours.syntax, ours.format),
        new Uint16Array(Uint8Array.from(theirs.bytes).buffer),
      )
      // Transforms that round each component by one apart differ by one and 1.772 of one in blue.
      if (!(most <= 3 && mean < 0.2)) differences.push([process, sampling, most, mean])
    }
  }
  await rm(folder, { recursive: true })
  expect(differences).toEqual([])
}, 60_000)

function instanceOf({ Rows, Columns }: typeof size): Buffer {
  const bytes = Buffer.alloc(Rows * Columns * 6)
  for (let at = 0; at < Rows * Columns * 3; at++) {
    const [pixel, sample] = [Math.floor(at / 3), at % 3]
    const wave = Math.sin((pixel % Columns) / (4 + sample)) * Math.cos(Math.floor(pixel / Columns) / 5)
    bytes.writeUInt16LE(Math.round(2048 + 2000 * wave), at * 2)
  }
  const dataSet = composeDataSet({
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
    SOPInstanceUID: '1.2.3',
    StudyInstanceUID: '1.2.1',
    SeriesInstanceUID: '1.2.2',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows,
    Columns,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
  })
  return writeInstance(dataSet, { pixels: { vr: 'OW', bytes } })
}

async function frameOf(path: string): Promise<{ bytes: Buffer; syntax: string; format: typeof of }> {
  const file = await readFile(path)
  const reader = createPart10Reader()
  reader.push(file)
  const { dataSet, pixelMap, TransferSyntaxUID: syntax } = reader.end()
  const map = readPixelMap(pixelMap!)
  const pieces = frameExtents(map, 1) ?? []
  const bytes = Buffer.concat(pieces.map(({ offset, length }) => file.subarray(offset, offset + length)))
  return { bytes, syntax, format: pixelFormat(dataSet, map.tag)! }
}
