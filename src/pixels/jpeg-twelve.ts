import type { PixelFormat } from '../dicom/pixel-format.ts'
import { inFullSize, interleaved } from './jpeg-colours.ts'
import { samplesOf } from './jpeg-dct.ts'
import { decodeExtendedScan } from './jpeg-extended.ts'
import { readHead, readScans, type JpegHead } from './jpeg-markers.ts'
import { planesOf } from './jpeg-planes.ts'
import { decodeProgressiveScan } from './jpeg-progressive.ts'
import { checkSize, type Decoded } from './samples.ts'
import { UndecodableError } from './undecodable.ts'

/** Each coefficient by itself, and each of its bits: no encoder makes so many. */
const MOST_SCANS = 64 * 14

/**
 * JPEG of 12 bits with Huffman codes, which no library for 8 bits takes: the extended sequential process and the
 * progressive one (ISO/IEC 10918-1 Annex F, Annex G), of grey or of three colours, which come out as RGB.
 */
export function decodeJpegTwelve(bytes: Uint8Array, format: PixelFormat): Decoded {
  const head = readHead(bytes)
  const { process, precision, width, height, components } = head.frame
  const count = components.length
  if (process > 2 || precision !== 12 || (count !== 1 && count !== 3)) {
    throw new UndecodableError('no JPEG of 12 bits and one component or three')
  }
  checkSize(format, width, height, count)
  const planes = planesOf(head.frame)
  const [decodeScan, most] =
    process === 2 ? [decodeProgressiveScan, MOST_SCANS * count] : [decodeExtendedScan, count]
  readScans(
    bytes,
    (scan) => {
      for (const { component } of scan.parts) {
        const plane = planes[component]
        const table = scan.quantization[components[component]?.quantization ?? 0]
        if (plane !== undefined) plane.quantization ??= table
      }
      return decodeScan(bytes, scan, planes)
    },
    most,
  )
  const full = planes.map((plane) => inFullSize(samplesOf(plane), plane, width, height))
  const [grey = new Uint16Array()] = full
  const out = count === 1 ? grey : interleaved(full, isYbr(head, format))
  const samples = new Uint8Array(out.buffer)
  return { width, height, components: count, bits: 12, isSigned: false, bytesPerSample: 2, samples }
}

/** What the stream says of its colours, else the data set (PS3.5 §8.2.1). */
function isYbr({ colours }: JpegHead, { PhotometricInterpretation }: PixelFormat): boolean {
  return colours === 'untold' ? PhotometricInterpretation !== 'RGB' : colours === 'ybr'
}
