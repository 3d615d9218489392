/** Scans of the progressive process with Huffman codes (ISO/IEC 10918-1 Annex G). */
import {
  bitsFrom,
  decodeValue,
  restart,
  takeBits,
  takeDifference,
  type Bits,
  type HuffmanTable,
} from './jpeg-huffman.ts'
import type { JpegScan } from './jpeg-markers.ts'
import { eachBlock, type Plane } from './jpeg-planes.ts'
import { UndecodableError } from './undecodable.ts'

/** One component of a scan on its way. */
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

/** Decodes the scan into the planes; gives the position behind it. */
export function decodeProgressiveScan(bytes: Uint8Array, scan: JpegScan, planes: readonly Plane[]): number {
  checkScan(scan)
  const bits = bitsFrom(bytes, scan.start)
  const passes = scan.parts.map(({ component, dc, ac }): Pass => {
    const table = scan.selection === 0 ? scan.dc[dc] : scan.ac[ac]
    const coefficients = planes[component]?.coefficients ?? new Int16Array()
    return { bits, scan, coefficients, table, previous: 0, ended: 0 }
  })
  const decodeBlock = wayOf(scan)
  eachBlock(scan, planes, {
    decode: (part, at) => {
      const pass = passes[part]
      if (pass !== undefined) decodeBlock(pass, at)
    },
    restart: () => {
      restart(bits)
      for (const pass of passes) {
        pass.previous = 0
        pass.ended = 0
      }
    },
  })
  return bits.at
}

/** §G.1.1.1: constants by themselves, of one component or more; all others of one alone. */
function checkScan({ selection, selectionEnd, shift, parts }: JpegScan): void {
  const isOfConstants = selection === 0
  if (selectionEnd > 63 || selection > selectionEnd || shift > 13 || (isOfConstants && selectionEnd > 0)) {
    throw new UndecodableError('a scan of coefficients that there are not')
  }
  if (!isOfConstants && parts.length > 1) throw new UndecodableError('a scan of too many components')
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
