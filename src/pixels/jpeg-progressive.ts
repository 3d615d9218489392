import type { PixelFormat } from '../dicom/pixel-format.ts'
import { inverse, putBlock, ZIGZAG } from './jpeg-dct.ts'
import {
  bitsFrom,
  decodeValue,
  restart,
  takeBits,
  takeDifference,
  type Bits,
  type HuffmanTable,
} from './jpeg-huffman.ts'
import { readHead, readScans, type JpegScan } from './jpeg-markers.ts'
import { checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

/** Each coefficient by itself, and each of its bits: no encoder makes so many. */
const MOST_SCANS = 64 * 14

/** The progressive process of 12 bits with Huffman codes (ISO/IEC 10918-1 Annex G), which no library takes: grey alone. */
export function decodeJpegProgressive(bytes: Uint8Array, format: PixelFormat): Decoded {
  const { process, precision, width, height, components } = readHead(bytes).frame
  if (process !== 2 || precision !== 12 || components.length !== 1) {
    throw new UndecodableError('no progressive JPEG of 12 bits and one component')
  }
  checkSize(format, width, height, 1)
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8)
  // In the order of the stream, 64 a block.
  const coefficients = new Int16Array(blocks * 64)
  let quantization: Uint16Array | undefined
  readScans(
    bytes,
    (scan) => {
      quantization ??= scan.quantization[components[0]?.quantization ?? 0]
      return decodeScan(bytes, scan, coefficients)
    },
    MOST_SCANS,
  )
  if (quantization === undefined) throw new UndecodableError('a table is missing')
  const samples = samplesOf(coefficients, quantization, { width, height })
  return { width, height, components: 1, bits: 12, isSigned: false, bytesPerSample: 2, samples }
}

function samplesOf(
  coefficients: Int16Array,
  quantization: Uint16Array,
  size: { readonly width: number; readonly height: number },
): Uint8Array {
  const out = new Uint16Array(size.width * size.height)
  const [natural, half] = [new Float64Array(64), new Float64Array(64)]
  for (let block = 0; block * 64 < coefficients.length; block++) {
    for (let k = 0; k < 64; k++) {
      natural[ZIGZAG[k] ?? 0] = (coefficients[block * 64 + k] ?? 0) * (quantization[k] ?? 0)
    }
    inverse(natural, half)
    putBlock(natural, out, { block, ...size })
  }
  return new Uint8Array(out.buffer)
}

/** One scan on its way. */
interface Pass {
  readonly bits: Bits
  readonly scan: JpegScan
  readonly coefficients: Int16Array
  /** Of constants in the first scan, of all others in any; a scan that refines constants has no codes. */
  readonly table: HuffmanTable | undefined
  /** The last constant. */
  previous: number
  /** Blocks of which nothing more is told, from the present one. */
  ended: number
}

function decodeScan(bytes: Uint8Array, scan: JpegScan, coefficients: Int16Array): number {
  const { restartInterval } = scan
  const pass = begun(bytes, scan, coefficients)
  const decodeBlock = wayOf(scan)
  for (let block = 0; block * 64 < coefficients.length; block++) {
    if (restartInterval > 0 && block > 0 && block % restartInterval === 0) {
      restart(pass.bits)
      pass.previous = 0
      pass.ended = 0
    }
    decodeBlock(pass, block * 64)
  }
  return pass.bits.at
}

function begun(bytes: Uint8Array, scan: JpegScan, coefficients: Int16Array): Pass {
  const { selection, selectionEnd, shift, parts } = scan
  if (selectionEnd > 63 || selection > selectionEnd || shift > 13 || (selection === 0 && selectionEnd > 0)) {
    throw new UndecodableError('a scan of coefficients that there are not')
  }
  const table = selection === 0 ? scan.dc[parts[0]?.dc ?? 0] : scan.ac[parts[0]?.ac ?? 0]
  return { bits: bitsFrom(bytes, scan.start), scan, coefficients, table, previous: 0, ended: 0 }
}

function wayOf({ selection, shiftBefore }: JpegScan): (pass: Pass, at: number) => void {
  if (selection === 0) return shiftBefore === 0 ? firstConstant : nextConstant
  return shiftBefore === 0 ? firstOthers : nextOthers
}

function codeOf({ bits, table }: Pass): number {
  if (table === undefined) throw new UndecodableError('a table of codes is missing')
  return decodeValue(bits, table)
}

/** §G.1.2.1: as in a sequential scan, without its lowest bits. */
function firstConstant(pass: Pass, at: number): void {
  pass.previous += takeDifference(pass.bits, codeOf(pass) & 15)
  pass.coefficients[at] = pass.previous * 2 ** pass.scan.shift
}

function nextConstant({ bits, scan, coefficients }: Pass, at: number): void {
  if (takeBits(bits, 1) === 1) coefficients[at] = (coefficients[at] ?? 0) | (1 << scan.shift)
}

/** §G.1.2.2: runs of zeros, coefficients, and runs of blocks that have no more of them. */
function firstOthers(pass: Pass, at: number): void {
  const { bits, scan, coefficients } = pass
  if (pass.ended > 0) {
    pass.ended--
    return
  }
  for (let k = scan.selection; k <= scan.selectionEnd; k++) {
    const code = codeOf(pass)
    const [run, length] = [code >> 4, code & 15]
    if (length === 0 && run < 15) {
      pass.ended = (1 << run) - 1 + takeBits(bits, run)
      return
    }
    k += run
    if (length > 0 && k <= scan.selectionEnd) {
      coefficients[at + k] = takeDifference(bits, length) * 2 ** scan.shift
    }
  }
}

/** §G.1.2.3: one bit more of coefficients that there are, and new ones between them. */
function nextOthers(pass: Pass, at: number): void {
  const { bits, scan, coefficients } = pass
  let k = scan.selection
  while (pass.ended === 0 && k <= scan.selectionEnd) {
    const code = codeOf(pass)
    const [run, length] = [code >> 4, code & 15]
    if (length === 0 && run < 15) {
      pass.ended = (1 << run) + takeBits(bits, run)
      break
    }
    const value = length === 0 ? 0 : takeBits(bits, 1) === 1 ? 1 : -1
    k = refine(pass, at, k, run)
    if (value !== 0 && k <= scan.selectionEnd) coefficients[at + k] = value * 2 ** scan.shift
    k++
  }
  if (pass.ended > 0) {
    refine(pass, at, k, Infinity)
    pass.ended--
  }
}

/** Refines what there is from `k` on, over so many zeros; gives the place of the next zero, or the one behind the last. */
function refine({ bits, scan, coefficients }: Pass, at: number, k: number, zeros: number): number {
  const bit = 1 << scan.shift
  let left = zeros
  for (; k <= scan.selectionEnd; k++) {
    const value = coefficients[at + k] ?? 0
    if (value === 0) {
      if (left-- === 0) break
    } else if (takeBits(bits, 1) === 1 && (value & bit) === 0) {
      coefficients[at + k] = value + (value < 0 ? -bit : bit)
    }
  }
  return k
}
