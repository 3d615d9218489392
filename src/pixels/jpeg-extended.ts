/** Scans of the extended sequential process with Huffman codes (ISO/IEC 10918-1 §F.2). */
import {
  bitsFrom,
  decodeValue,
  restart,
  takeDifference,
  type Bits,
  type HuffmanTable,
} from './jpeg-huffman.ts'
import type { JpegScan } from './jpeg-markers.ts'
import { eachBlock, type Plane } from './jpeg-planes.ts'
import { UndecodableError } from './undecodable.ts'

/** One component of a scan on its way. */
interface Channel {
  readonly coefficients: Int16Array
  readonly dc: HuffmanTable
  readonly ac: HuffmanTable
  /** The last constant. */
  previous: number
}

/** Decodes the scan into the planes; gives the position behind it. */
export function decodeExtendedScan(bytes: Uint8Array, scan: JpegScan, planes: readonly Plane[]): number {
  const bits = bitsFrom(bytes, scan.start)
  const channels = scan.parts.map((part): Channel => {
    const [dc, ac, plane] = [scan.dc[part.dc], scan.ac[part.ac], planes[part.component]]
    if (dc === undefined || ac === undefined || plane === undefined) {
      throw new UndecodableError('a table of codes is missing')
    }
    return { coefficients: plane.coefficients, dc, ac, previous: 0 }
  })
  eachBlock(scan, planes, {
    decode: (part, at) => {
      const channel = channels[part]
      if (channel !== undefined) readBlock(bits, channel, at)
    },
    restart: () => {
      restart(bits)
      for (const channel of channels) channel.previous = 0
    },
  })
  return bits.at
}

/** Coefficients of one block, the constant one by its difference to the one before (§F.2.2). */
function readBlock(bits: Bits, channel: Channel, at: number): void {
  const { coefficients, dc, ac } = channel
  channel.previous += takeDifference(bits, decodeValue(bits, dc) & 15)
  coefficients[at] = channel.previous
  for (let k = 1; k < 64; k++) {
    const value = decodeValue(bits, ac)
    const [run, length] = [value >> 4, value & 15]
    if (length === 0 && run < 15) break
    k += run
    if (length > 0 && k < 64) coefficients[at + k] = takeDifference(bits, length)
  }
}
