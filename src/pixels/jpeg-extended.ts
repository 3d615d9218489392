import type { PixelFormat } from '../dicom/pixel-format.ts'
import { ZIGZAG, inverse, putBlock } from './jpeg-dct.ts'
import { bitsFrom, decodeValue, restart, takeDifference, type Bits } from './jpeg-huffman.ts'
import { readHead, readScans, type JpegScan } from './jpeg-markers.ts'
import { checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

/** The extended sequential process of 12 bits with Huffman codes, which no library for 8 bits takes: grey alone. */
export function decodeJpegExtended(bytes: Uint8Array, format: PixelFormat): Decoded {
  const { frame } = readHead(bytes)
  const { process, precision, width, height, components } = frame
  if (process > 1 || precision !== 12 || components.length !== 1) {
    throw new UndecodableError('no sequential JPEG of 12 bits and one component')
  }
  checkSize(format, width, height, 1)
  const out = new Uint16Array(width * height)
  readScans(bytes, (scan) => decodeScan(bytes, scan, out))
  return {
    width,
    height,
    components: 1,
    bits: 12,
    isSigned: false,
    bytesPerSample: 2,
    samples: new Uint8Array(out.buffer),
  }
}

function decodeScan(bytes: Uint8Array, scan: JpegScan, out: Uint16Array): number {
  const { width, height, components } = scan.frame
  const [part] = scan.parts
  const quantization = scan.quantization[components[0]?.quantization ?? 0]
  if (part === undefined || quantization === undefined) throw new UndecodableError('a table is missing')
  const bits = bitsFrom(bytes, scan.start)
  const across = Math.ceil(width / 8)
  const blocks = across * Math.ceil(height / 8)
  const coefficients = new Float64Array(64)
  const half = new Float64Array(64)
  let previous = 0
  for (let block = 0; block < blocks; block++) {
    if (scan.restartInterval > 0 && block > 0 && block % scan.restartInterval === 0) {
      restart(bits)
      previous = 0
    }
    previous = readBlock(bits, scan, part, { previous, quantization, coefficients })
    inverse(coefficients, half)
    putBlock(coefficients, out, { block, width, height })
  }
  return bits.at
}

/** Coefficients of one block, multiplied out; gives back the constant one for the next to differ from (§F.2.2). */
function readBlock(
  bits: Bits,
  scan: JpegScan,
  part: { readonly dc: number; readonly ac: number },
  block: { previous: number; quantization: Uint16Array; coefficients: Float64Array },
): number {
  const { quantization, coefficients } = block
  const [dc, ac] = [scan.dc[part.dc], scan.ac[part.ac]]
  if (dc === undefined || ac === undefined) throw new UndecodableError('a table of codes is missing')
  coefficients.fill(0)
  const constant = block.previous + takeDifference(bits, decodeValue(bits, dc) & 15)
  coefficients[0] = constant * (quantization[0] ?? 0)
  for (let k = 1; k < 64; k++) {
    const value = decodeValue(bits, ac)
    const [run, length] = [value >> 4, value & 15]
    if (length === 0 && run < 15) break
    k += run
    if (length > 0 && k < 64) {
      coefficients[ZIGZAG[k] ?? 0] = takeDifference(bits, length) * (quantization[k] ?? 0)
    }
  }
  return constant
}
