import type { PixelFormat } from '../dicom/pixel-format.ts'
import { bitsFrom, decodeValue, restart, takeDifference, type Bits } from './jpeg-huffman.ts'
import { readHead, readScans, type JpegScan } from './jpeg-markers.ts'
import { checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

/** Order of coefficients in the stream (ISO/IEC 10918-1 Figure A.6). */
const ZIGZAG = Uint8Array.of(
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55,
  62, 63,
) // prettier-ignore

/** `BASIS[x * 8 + u]`: the inverse cosine transform in one direction (§A.3.3). */
const BASIS = Float64Array.from({ length: 64 }, (_, index) => {
  const [x, u] = [index >> 3, index & 7]
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16)
})

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
    putBlock(coefficients, out, {
      left: (block % across) * 8,
      top: Math.floor(block / across) * 8,
      width,
      height,
    })
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

/** The inverse cosine transform, rows and then columns, in place. */
function inverse(block: Float64Array, half: Float64Array): void {
  for (let row = 0; row < 8; row++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0
      for (let u = 0; u < 8; u++) sum += (block[row * 8 + u] ?? 0) * (BASIS[x * 8 + u] ?? 0)
      half[row * 8 + x] = sum
    }
  }
  for (let column = 0; column < 8; column++) {
    for (let y = 0; y < 8; y++) {
      let sum = 0
      for (let v = 0; v < 8; v++) sum += (half[v * 8 + column] ?? 0) * (BASIS[y * 8 + v] ?? 0)
      block[y * 8 + column] = sum
    }
  }
}

function putBlock(
  block: Float64Array,
  out: Uint16Array,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
): void {
  for (let y = 0; y < Math.min(8, height - top); y++) {
    for (let x = 0; x < Math.min(8, width - left); x++) {
      const value = Math.round((block[y * 8 + x] ?? 0) + 2048)
      out[(top + y) * width + left + x] = Math.max(0, Math.min(4095, value))
    }
  }
}
