import type { PixelFormat } from '../dicom/pixel-format.ts'
import {
  bitsFrom,
  decodeValue,
  restart,
  takeDifference,
  type Bits,
  type HuffmanTable,
} from './jpeg-huffman.ts'
import { readHead, readScans, type JpegScan } from './jpeg-markers.ts'
import { checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

const LOSSLESS = 3

/** The lossless process with Huffman codes (ISO/IEC 10918-1 Annex H): every predictor, 2 to 16 bits. */
export function decodeJpegLossless(bytes: Uint8Array, format: PixelFormat): Decoded {
  const { frame } = readHead(bytes)
  const { process, precision, width, height, components } = frame
  if (process !== LOSSLESS || precision < 2 || precision > 16) throw new UndecodableError('no lossless JPEG')
  checkSize(format, width, height, components.length)
  const out = new Uint16Array(width * height * components.length)
  const found = new Set<number>()
  readScans(bytes, (scan) => {
    for (const { component } of scan.parts) found.add(component)
    return decodeScan(bytes, scan, out)
  })
  if (found.size !== components.length) throw new UndecodableError('a component is missing')
  const size = precision > 8 ? 2 : 1
  const samples = size === 2 ? new Uint8Array(out.buffer) : Uint8Array.from(out)
  return {
    width,
    height,
    components: components.length,
    bits: precision,
    isSigned: false,
    bytesPerSample: size,
    samples,
  }
}

/** One component of a scan on its way. */
interface Channel {
  readonly table: HuffmanTable
  /** Position of its sample within the pixel. */
  readonly offset: number
}

function decodeScan(bytes: Uint8Array, scan: JpegScan, out: Uint16Array): number {
  const { width, height, precision, components } = scan.frame
  const channels = channelsOf(scan)
  const bits = bitsFrom(bytes, scan.start)
  const step = components.length
  const initial = 1 << (precision - scan.shift - 1)
  // Restarts come between lines (§H.1.1): an interval is a whole number of them.
  const linesBetween = scan.restartInterval === 0 ? 0 : scan.restartInterval / width
  if (!Number.isInteger(linesBetween)) throw new UndecodableError('a restart lies within a line')
  let isFirst = true
  for (let y = 0; y < height; y++) {
    if (linesBetween > 0 && y > 0 && y % linesBetween === 0) {
      restart(bits)
      isFirst = true
    }
    const line = { out, step, from: y * width * step, rowStep: width * step, width }
    decodeLine(
      bits,
      channels,
      line,
      isFirst ? { initial, predictor: 0 } : { initial, predictor: scan.selection },
    )
    isFirst = false
  }
  if (scan.shift > 0) for (const { offset } of channels) shiftUp(out, offset, step, scan.shift)
  return bits.at
}

function channelsOf({ parts, dc, frame }: JpegScan): Channel[] {
  return parts.map(({ component, dc: index }) => {
    const table = dc[index]
    const { horizontal, vertical } = frame.components[component] ?? { horizontal: 0, vertical: 0 }
    if (table === undefined) throw new UndecodableError('a table of codes is missing')
    if (horizontal !== 1 || vertical !== 1) {
      if (frame.components.length > 1) throw new UndecodableError('subsampled colours in lossless JPEG')
    }
    return { table, offset: component }
  })
}

interface Line {
  readonly out: Uint16Array
  /** Samples of a pixel, first sample of the line, samples of a line. */
  readonly step: number
  readonly from: number
  readonly rowStep: number
  readonly width: number
}

/** `predictor` 0: the first line, which looks to the left alone. */
function decodeLine(
  bits: Bits,
  channels: readonly Channel[],
  { out, step, from, rowStep, width }: Line,
  { initial, predictor }: { initial: number; predictor: number },
): void {
  for (let x = 0; x < width; x++) {
    for (const { table, offset } of channels) {
      const at = from + x * step + offset
      let predicted: number
      if (predictor === 0) predicted = x === 0 ? initial : (out[at - step] ?? 0)
      else if (x === 0) predicted = out[at - rowStep] ?? 0
      else
        predicted = predict(
          predictor,
          out[at - step] ?? 0,
          out[at - rowStep] ?? 0,
          out[at - rowStep - step] ?? 0,
        )
      const length = decodeValue(bits, table)
      // Sixteen bits stand for 32768 alone and have none of their own (§H.1.2.2).
      out[at] = predicted + (length === 16 ? 32768 : takeDifference(bits, length & 15))
    }
  }
}

/** Table H.1: `a` to the left, `b` above, `c` above to the left. */
function predict(predictor: number, a: number, b: number, c: number): number {
  switch (predictor) {
    case 1:
      return a
    case 2:
      return b
    case 3:
      return c
    case 4:
      return a + b - c
    case 5:
      return a + ((b - c) >> 1)
    case 6:
      return b + ((a - c) >> 1)
    case 7:
      return (a + b) >> 1
    default:
      throw new UndecodableError('there is no such predictor')
  }
}

function shiftUp(out: Uint16Array, offset: number, step: number, shift: number): void {
  for (let at = offset; at < out.length; at += step) out[at] = (out[at] ?? 0) << shift
}
