import { Readable } from 'node:stream'
import type { Tag, Vr } from './data-set.ts'
import type { PixelFormat } from './pixel-format.ts'
import { frameBytes } from './pixel-format.ts'
import { headOf, type RewriteOptions } from './rewrite.ts'
import { createTranscoder } from './rewrite-elements.ts'
import { splitHead } from './rewrite-head.ts'
import { ExplicitVRLittleEndian } from './transfer-syntax.ts'
import { header } from './writer.ts'
import { padded } from './writer-values.ts'

/** Native pixel data that take the place of compressed ones. */
export interface NativePixels {
  /** What the samples are once decoded. */
  readonly format: PixelFormat
  readonly frames: number
  /** The frames one after the other, each of `frameBytes(format)`. */
  readonly read: () => AsyncIterable<Buffer>
  /** Nothing follows the compressed pixel data in the file: what is left of it need not be read. */
  readonly isLast: boolean
}

const LITTLE = { explicitVr: true, bigEndian: false }
/** A value of defined length has 32 bits for it, and an even number of bytes. */
const LONGEST_VALUE = 0xfffffffe
/** Offsets and lengths of frames that are no longer there (PS3.3 C.7.6.3.1.8), and the length of all of them. */
const OF_FRAGMENTS: readonly Tag[] = ['7FE00001', '7FE00002', '7FE00003']

/** Whether so many frames can be one native value (PS3.18 §8.7.3: "of such a length that it cannot be encoded"). */
export function fitsNative(format: PixelFormat, frames: number): boolean {
  const bits = format.Rows * format.Columns * format.SamplesPerPixel * format.BitsAllocated
  // Frames of native pixel data follow each other without a gap, decoded ones begin at whole bytes.
  return (frames === 1 || bits % 8 === 0) && frameBytes(format) * frames <= LONGEST_VALUE
}

/**
 * A compressed file in Explicit VR Little Endian: everything as it was, but for the pixel data and what the data set says
 * of their colours and their order (PS3.5 §8.2). Memory does not grow with the file.
 */
export function rewriteNative(
  source: Readable,
  pixels: NativePixels,
  options: RewriteOptions = {},
): Readable {
  return Readable.from(rewritten(source, pixels, options), { objectMode: false })
}

async function* rewritten(
  source: Readable,
  pixels: NativePixels,
  options: RewriteOptions,
): AsyncGenerator<Buffer> {
  try {
    const { head, rest } = await splitHead(source)
    yield headOf(head, ExplicitVRLittleEndian, options)
    const marker = Buffer.alloc(0)
    const transcoder = createTranscoder(
      { implicit: false, bigEndian: false },
      { elements: editsFor(pixels.format), pixels: marker },
    )
    for await (const chunk of rest) {
      const pieces = transcoder.push(chunk)
      const at = pieces.indexOf(marker)
      yield* at < 0 ? pieces : pieces.slice(0, at)
      if (at < 0) continue
      if (pixels.isLast) source.destroy()
      yield* nativeValue(pixels)
      if (pixels.isLast) return
      yield* pieces.slice(at + 1)
    }
    yield* transcoder.end()
  } finally {
    source.destroy()
  }
}

async function* nativeValue({ format, frames, read }: NativePixels): AsyncGenerator<Buffer> {
  const length = frameBytes(format) * frames
  const vr: Vr = format.BitsAllocated > 8 ? 'OW' : 'OB'
  yield header('7FE00010', vr, length + (length % 2), LITTLE)
  yield* read()
  if (length % 2 === 1) yield Buffer.of(0)
}

function editsFor(format: PixelFormat): { tag: number; bytes: Buffer | null }[] {
  const { PhotometricInterpretation, SamplesPerPixel } = format
  const colours = padded(Buffer.from(PhotometricInterpretation, 'latin1'), 'CS')
  const changed: [Tag, Buffer | null][] =
    SamplesPerPixel === 1
      ? []
      : [
          ['00280004', element('00280004', 'CS', colours)],
          ['00280006', element('00280006', 'US', Buffer.of(format.isPlanar ? 1 : 0, 0))],
        ]
  const removed = OF_FRAGMENTS.map((tag): [Tag, null] => [tag, null])
  return [...changed, ...removed].map(([tag, bytes]) => ({ tag: Number.parseInt(tag, 16), bytes }))
}

function element(tag: Tag, vr: Vr, value: Buffer): Buffer {
  return Buffer.concat([header(tag, vr, value.length, LITTLE), value])
}
