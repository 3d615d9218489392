/** The marker segments of JPEG (ISO/IEC 10918-1 Annex B). */
import { huffmanTable, type HuffmanTable } from './jpeg-huffman.ts'
import { UndecodableError } from './undecodable.ts'

export interface JpegComponent {
  readonly id: number
  readonly horizontal: number
  readonly vertical: number
  readonly quantization: number
}

export interface JpegFrame {
  /** Low digit of the start of frame: 0 baseline, 1 extended sequential, 2 progressive, 3 lossless. */
  readonly process: number
  readonly precision: number
  readonly height: number
  readonly width: number
  readonly components: readonly JpegComponent[]
}

/** One scan and the tables as they stand when it begins. */
export interface JpegScan {
  readonly frame: JpegFrame
  /** Which components of the frame, in what order, and their tables. */
  readonly parts: readonly { readonly component: number; readonly dc: number; readonly ac: number }[]
  /** Start of spectral selection, or the predictor of a lossless scan. */
  readonly selection: number
  /** End of spectral selection. */
  readonly selectionEnd: number
  /** Successive approximation high: 0 in the first scan of its coefficients. */
  readonly shiftBefore: number
  /** Successive approximation low, or the point transform. */
  readonly shift: number
  readonly restartInterval: number
  readonly dc: readonly (HuffmanTable | undefined)[]
  readonly ac: readonly (HuffmanTable | undefined)[]
  readonly quantization: readonly (Uint16Array | undefined)[]
  /** First byte of the entropy-coded data. */
  readonly start: number
}

/** Colours of three components, where the stream itself tells: by the Adobe marker, JFIF, or the names R, G, B. */
export type JpegColours = 'rgb' | 'ybr' | 'untold'

/** What markers say before the first scan. */
export interface JpegHead {
  readonly frame: JpegFrame
  readonly colours: JpegColours
}

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const DHT = 0xc4
const DQT = 0xdb
const DRI = 0xdd
const APP0 = 0xe0
const APP14 = 0xee
/** As many as components; hostile files have millions. */
const MOST_SCANS = 4
/** Where the Adobe marker tells the transform of colours. */
const ADOBE_TRANSFORM = 11

interface Reading {
  readonly bytes: Uint8Array
  at: number
  frame: JpegFrame | undefined
  restartInterval: number
  colours: JpegColours
  readonly dc: (HuffmanTable | undefined)[]
  readonly ac: (HuffmanTable | undefined)[]
  readonly quantization: (Uint16Array | undefined)[]
}

/** Reads up to the first scan. Throws {@link UndecodableError} for what is no JPEG. */
export function readHead(bytes: Uint8Array): JpegHead {
  const reading = begin(bytes)
  while (step(reading) !== SOS);
  const { frame, colours } = reading
  if (frame === undefined) throw new UndecodableError('a scan comes before its frame')
  const names = frame.components.map(({ id }) => String.fromCharCode(id)).join('')
  return { frame, colours: names === 'RGB' ? 'rgb' : colours }
}

/** Reads all segments; `onScan` decodes a scan and gives the position behind it. */
export function readScans(bytes: Uint8Array, onScan: (scan: JpegScan) => number, most = MOST_SCANS): void {
  const reading = begin(bytes)
  let scans = 0
  for (;;) {
    const marker = step(reading)
    if (marker === EOI) break
    if (marker !== SOS) continue
    reading.at = onScan(scanOf(reading))
    if (++scans > most) throw new UndecodableError('there are too many scans')
  }
  if (scans === 0) throw new UndecodableError('there is no scan')
}

function begin(bytes: Uint8Array): Reading {
  if (bytes[0] !== 0xff || bytes[1] !== SOI) throw new UndecodableError('the frame is no JPEG')
  return {
    bytes,
    at: 2,
    frame: undefined,
    restartInterval: 0,
    colours: 'untold',
    dc: [],
    ac: [],
    quantization: [],
  }
}

/** Takes one marker and, but for SOS, its segment. */
function step(reading: Reading): number {
  const { bytes } = reading
  while (reading.at < bytes.length && bytes[reading.at] !== 0xff) reading.at++
  while (bytes[reading.at] === 0xff) reading.at++
  const marker = bytes[reading.at++]
  if (marker === undefined) throw new UndecodableError('the compressed data ends early')
  if (marker === EOI || marker === SOS) return marker
  if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd7)) return marker
  takeSegment(reading, marker, segmentOf(reading))
  return marker
}

function takeSegment(reading: Reading, marker: number, segment: Uint8Array): void {
  if (marker === DHT) readHuffman(reading, segment)
  else if (marker === DQT) readQuantization(reading, segment)
  else if (marker === DRI) reading.restartInterval = word(segment, 0)
  else if (marker === APP0 && text(segment, 4) === 'JFIF') reading.colours = 'ybr'
  else if (marker === APP14 && text(segment, 5) === 'Adobe' && segment.length > ADOBE_TRANSFORM) {
    reading.colours = segment[ADOBE_TRANSFORM] === 0 ? 'rgb' : 'ybr'
  } else if (isStartOfFrame(marker)) readFrame(reading, marker, segment)
}

/** Of DCT and lossless processes, and SOF55 of JPEG-LS (ISO/IEC 14495-1 §C.1.1). */
function isStartOfFrame(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7
}

function segmentOf(reading: Reading): Uint8Array {
  const { bytes, at } = reading
  const length = word(bytes, at)
  if (length < 2 || at + length > bytes.length) throw new UndecodableError('a segment ends early')
  reading.at = at + length
  return bytes.subarray(at + 2, at + length)
}

function readFrame(reading: Reading, marker: number, segment: Uint8Array): void {
  if (reading.frame !== undefined) throw new UndecodableError('there are several frames in one')
  const count = segment[5] ?? 0
  if (segment.length < 6 + count * 3 || count < 1) throw new UndecodableError('a segment ends early')
  reading.frame = {
    process: marker & 0x0f,
    precision: segment[0] ?? 0,
    height: word(segment, 1),
    width: word(segment, 3),
    components: Array.from({ length: count }, (_, index) => {
      const [id = 0, sampling = 0, quantization = 0] = segment.subarray(6 + index * 3)
      return { id, horizontal: sampling >> 4, vertical: sampling & 15, quantization }
    }),
  }
}

function readHuffman(reading: Reading, segment: Uint8Array): void {
  let at = 0
  while (at < segment.length) {
    const target = segment[at] ?? 0
    const counts = segment.subarray(at + 1, at + 17)
    const count = counts.reduce((sum, one) => sum + one, 0)
    if (counts.length < 16 || at + 17 + count > segment.length)
      throw new UndecodableError('a segment ends early')
    const tables = target >> 4 === 0 ? reading.dc : reading.ac
    tables[target & 3] = huffmanTable(counts, segment.subarray(at + 17, at + 17 + count))
    at += 17 + count
  }
}

function readQuantization(reading: Reading, segment: Uint8Array): void {
  let at = 0
  while (at < segment.length) {
    const target = segment[at++] ?? 0
    const size = target >> 4 === 0 ? 1 : 2
    if (at + 64 * size > segment.length) throw new UndecodableError('a segment ends early')
    const from = at
    reading.quantization[target & 3] = Uint16Array.from({ length: 64 }, (_, index) =>
      size === 1 ? (segment[from + index] ?? 0) : word(segment, from + index * 2),
    )
    at += 64 * size
  }
}

function scanOf(reading: Reading): JpegScan {
  const { frame, restartInterval, dc, ac, quantization } = reading
  const segment = segmentOf(reading)
  const count = segment[0] ?? 0
  if (frame === undefined || count < 1 || segment.length < 4 + count * 2) {
    throw new UndecodableError('a scan comes before its frame')
  }
  const parts = Array.from({ length: count }, (_, index) => {
    const [id = 0, tables = 0] = segment.subarray(1 + index * 2)
    const component = frame.components.findIndex((one) => one.id === id)
    if (component < 0) throw new UndecodableError('a scan names a component that the frame has not')
    return { component, dc: tables >> 4, ac: tables & 15 }
  })
  return {
    frame,
    parts,
    selection: segment[1 + count * 2] ?? 0,
    selectionEnd: segment[2 + count * 2] ?? 0,
    shiftBefore: (segment[3 + count * 2] ?? 0) >> 4,
    shift: (segment[3 + count * 2] ?? 0) & 15,
    restartInterval,
    dc: [...dc],
    ac: [...ac],
    quantization: [...quantization],
    start: reading.at,
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function text(bytes: Uint8Array, length: number): string {
  return String.fromCharCode(...bytes.subarray(0, length))
}
