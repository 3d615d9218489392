import type { DataSet, Tag, Uid } from './data-set.ts'
import { ExplicitVRLittleEndian, transferSyntax } from './transfer-syntax.ts'

/** How the samples of a frame are laid out (Image Pixel Module, PS3.3 C.7.6.3). */
export interface PixelFormat {
  readonly Rows: number
  readonly Columns: number
  readonly SamplesPerPixel: number
  /** 1, 8, 16, 32 or 64. */
  readonly BitsAllocated: number
  readonly BitsStored: number
  readonly HighBit: number
  /** Samples are two's complement. */
  readonly isSigned: boolean
  /** Samples of one colour follow each other (Planar Configuration 1). */
  readonly isPlanar: boolean
  readonly isFloat: boolean
  readonly PhotometricInterpretation: string
}

const FLOAT_PIXELS: Tag = '7FE00008'
const DOUBLE_PIXELS: Tag = '7FE00009'
const ALLOCATED: ReadonlySet<number> = new Set([1, 8, 16, 32, 64])
/** Syntaxes whose decoders give RGB whatever the colours were coded as. */
const DECODES_TO_RGB = /^1\.2\.840\.10008\.1\.2\.4\.(?:5\d|11[12])$/

/**
 * The format of native frames in pixel data element `tag`; null where the data set describes no picture that has samples:
 * sizes are missing or impossible. Bits Stored and High Bit that contradict Bits Allocated are taken for all bits.
 */
export function pixelFormat(dataSet: DataSet, tag: Tag): PixelFormat | null {
  const [Rows, Columns] = [integer(dataSet, '00280010'), integer(dataSet, '00280011')]
  const SamplesPerPixel = integer(dataSet, '00280002') || 1
  const isFloat = tag === FLOAT_PIXELS || tag === DOUBLE_PIXELS
  const BitsAllocated = isFloat ? (tag === FLOAT_PIXELS ? 32 : 64) : integer(dataSet, '00280100')
  const isSized = Math.min(Rows, Columns) >= 1 && Math.max(Rows, Columns) <= 0xffff
  if (!isSized || (SamplesPerPixel !== 1 && SamplesPerPixel !== 3) || !ALLOCATED.has(BitsAllocated))
    return null
  return {
    Rows,
    Columns,
    SamplesPerPixel,
    BitsAllocated,
    ...storedBits(dataSet, BitsAllocated),
    isSigned: integer(dataSet, '00280103') === 1 && !isFloat,
    isPlanar: SamplesPerPixel === 3 && integer(dataSet, '00280006') === 1,
    isFloat,
    PhotometricInterpretation: interpretation(dataSet, SamplesPerPixel),
  }
}

function interpretation(dataSet: DataSet, SamplesPerPixel: number): string {
  const named = dataSet['00280004']?.Value?.[0]
  if (typeof named === 'string') return named
  return SamplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2'
}

function storedBits(dataSet: DataSet, BitsAllocated: number): Pick<PixelFormat, 'BitsStored' | 'HighBit'> {
  const stored = integer(dataSet, '00280101')
  const BitsStored = stored < 1 || stored > BitsAllocated ? BitsAllocated : stored
  const high = integer(dataSet, '00280102')
  return { BitsStored, HighBit: high < BitsStored - 1 || high >= BitsAllocated ? BitsStored - 1 : high }
}

function integer(dataSet: DataSet, tag: Tag): number {
  const value = Number(dataSet[tag]?.Value?.[0] ?? 0)
  return Number.isInteger(value) ? value : 0
}

/** Bytes of one frame in this format. */
export function frameBytes({ Rows, Columns, SamplesPerPixel, BitsAllocated }: PixelFormat): number {
  return Math.ceil((Rows * Columns * SamplesPerPixel * BitsAllocated) / 8)
}

/**
 * The format of frames stored in a transfer syntax once they are decoded (PS3.5 §8.2): colours by pixel, and no colour
 * transformation left that belongs to the compression.
 */
export function decodedFormat(format: PixelFormat, TransferSyntaxUID: Uid): PixelFormat {
  const syntax = transferSyntax(TransferSyntaxUID)
  if (syntax?.encapsulated !== true || syntax.frameSyntax === ExplicitVRLittleEndian) return format
  // A deflated frame is the native one, only smaller (PS3.5 §A.4.13).
  if (TransferSyntaxUID === '1.2.840.10008.1.2.8.1' || format.SamplesPerPixel === 1) return format
  return {
    ...format,
    isPlanar: false,
    PhotometricInterpretation: decodedColours(format.PhotometricInterpretation, TransferSyntaxUID),
  }
}

function decodedColours(stored: string, TransferSyntaxUID: Uid): string {
  const isLosslessJpeg = /\.4\.(57|58|65|66|70)$/.test(TransferSyntaxUID)
  if (!isLosslessJpeg && DECODES_TO_RGB.test(TransferSyntaxUID)) return 'RGB'
  if (stored === 'YBR_RCT' || stored === 'YBR_ICT' || stored === 'XYB') return 'RGB'
  return stored === 'YBR_FULL_422' ? 'YBR_FULL' : stored
}
