import { deflateRawSync } from 'node:zlib'
import type { DataElement, DataSet, Tag, Uid, Vr } from './data-set.ts'
import { vrRule } from './element-vr.ts'
import { ExplicitVRLittleEndian, transferSyntax, type TransferSyntax } from './transfer-syntax.ts'
import { textEncoder, type TextEncoder } from './writer-text.ts'
import { encodeValue, padded, pixelWordSize, swapWords } from './writer-values.ts'

/** Who wrote the file: Implementation Class UID (0002,0012) and Implementation Version Name (0002,0013). */
export const IMPLEMENTATION_CLASS_UID: Uid = '2.25.228763025036547847571791267443953550824'
export const IMPLEMENTATION_VERSION_NAME = 'CONCORD'

const UNDEFINED_LENGTH = 0xffffffff
const LONGEST_SHORT_VALUE = 0xfffe

/** Pixel data of a file to write: native bytes in little endian, or fragments of an encapsulated syntax. */
export type Pixels =
  | { readonly tag?: Tag; readonly vr?: Vr; readonly bytes: Buffer }
  | { readonly fragments: readonly Buffer[]; readonly offsetTable?: readonly number[] }

export interface WriteOptions {
  /** Default: Explicit VR Little Endian. */
  readonly TransferSyntaxUID?: Uid
  readonly pixels?: Pixels
  /**
   * Character set of the text written; it replaces the data set's own. Default: `ISO_IR 192` where the data set names
   * one or has text beyond ASCII, else none.
   */
  readonly SpecificCharacterSet?: string
  /** Elements of group 0002 to add to, or put in place of, those that the writer makes. */
  readonly meta?: DataSet
  /** 128 bytes; default: zeros. */
  readonly preamble?: Buffer
  /** Sequences and items of undefined length, closed by delimiters; default: lengths are counted. */
  readonly undefinedLengths?: boolean
  /** The bytes of an element that has only `offset` and `length`, in little endian. Without it such an element throws. */
  readonly bulk?: (element: DataElement) => Buffer
}

export interface Encoding extends Pick<WriteOptions, 'bulk' | 'undefinedLengths'> {
  readonly explicitVr: boolean
  readonly bigEndian: boolean
  readonly text: TextEncoder
}

/**
 * A Part 10 file (PS3.10 §7) of a data set in any native, deflated or encapsulated transfer syntax.
 * Throws RangeError or TypeError for a data set that cannot be written: text outside of the character set, a number
 * outside of its VR, an unknown transfer syntax.
 */
export function writeInstance(dataSet: DataSet, options: WriteOptions = {}): Buffer {
  const syntax = knownSyntax(options.TransferSyntaxUID ?? ExplicitVRLittleEndian)
  const body = writeDataSet(dataSet, options)
  const preamble = options.preamble ?? Buffer.alloc(128)
  const meta = writeFileMeta(dataSet, syntax.uid, options.meta)
  return Buffer.concat([preamble, Buffer.from('DICM'), meta, body])
}

/** The data set alone, as it follows group 0002: sorted by tag, without groups 0000 and 0002 and group lengths. */
export function writeDataSet(dataSet: DataSet, options: WriteOptions = {}): Buffer {
  const syntax = knownSyntax(options.TransferSyntaxUID ?? ExplicitVRLittleEndian)
  const SpecificCharacterSet = options.SpecificCharacterSet ?? defaultCharacterSet(dataSet)
  const encoding: Encoding = {
    explicitVr: syntax.explicitVr,
    bigEndian: syntax.bigEndian,
    text: textEncoder(SpecificCharacterSet),
    ...(options.bulk && { bulk: options.bulk }),
    ...(options.undefinedLengths && { undefinedLengths: true }),
  }
  const { '00080005': replaced, ...rest } = withoutNestedCharacterSets(dataSet)
  const own =
    SpecificCharacterSet === ''
      ? replaced && { vr: 'CS' as const }
      : { vr: 'CS' as const, Value: [SpecificCharacterSet] }
  const chunks = encodeElements(own ? { ...rest, '00080005': own } : rest, encoding, options.pixels)
  const bytes = Buffer.concat(chunks)
  // PS3.5 §A.5: a deflated stream of odd length is padded by one NUL.
  return syntax.deflated ? padded(deflateRawSync(bytes), 'OB') : bytes
}

/** Group 0002 with its length (PS3.10 §7.1), always in Explicit VR Little Endian; `extra` wins over what is made here. */
export function writeFileMeta(dataSet: DataSet, TransferSyntaxUID: Uid, extra: DataSet = {}): Buffer {
  const encoding: Encoding = { explicitVr: true, bigEndian: false, text: textEncoder('ISO_IR 192') }
  const elements: DataSet = {
    '00020001': { vr: 'OB', InlineBinary: 'AAE=' },
    '00020002': { ...dataSet['00080016'], vr: 'UI' },
    '00020003': { ...dataSet['00080018'], vr: 'UI' },
    '00020012': { vr: 'UI', Value: [IMPLEMENTATION_CLASS_UID] },
    '00020013': { vr: 'SH', Value: [IMPLEMENTATION_VERSION_NAME] },
    ...extra,
    '00020010': { vr: 'UI', Value: [TransferSyntaxUID] },
  }
  const chunks = Object.keys(elements)
    .filter((tag) => tag.startsWith('0002') && tag !== '00020000')
    .sort()
    .flatMap((tag) => encodeElement(tag, elements[tag] ?? { vr: 'UN' }, encoding))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  return Buffer.concat([header('00020000', 'UL', 4, encoding), length, ...chunks])
}

/**
 * The header of an element: tag, VR where explicit, length (PS3.5 §7.1). `length` 0xFFFFFFFF means undefined. Items and
 * delimiters (FFFE,…) have no VR.
 */
export function header(
  tag: Tag,
  vr: Vr,
  length: number,
  { explicitVr, bigEndian }: Pick<Encoding, 'explicitVr' | 'bigEndian'>,
): Buffer {
  const isItem = tag.startsWith('FFFE')
  const long = isItem || !explicitVr || vrRule(vr).long
  const bytes = Buffer.alloc(explicitVr && long && !isItem ? 12 : 8)
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0)
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2)
  if (bigEndian) bytes.subarray(0, 4).swap16()
  if (explicitVr && !isItem) bytes.write(vr, 4, 'latin1')
  if (!long)
    return bigEndian ? (bytes.writeUInt16BE(length, 6), bytes) : (bytes.writeUInt16LE(length, 6), bytes)
  if (bigEndian) bytes.writeUInt32BE(length, bytes.length - 4)
  else bytes.writeUInt32LE(length, bytes.length - 4)
  return bytes
}

/**
 * Where each frame of an encapsulated syntax begins, counted from the first fragment's item (PS3.5 §A.4): the Basic
 * Offset Table of fragments of which `perFrame[i]` make up frame i; one each when it is not given.
 */
export function basicOffsetTable(
  fragments: readonly Buffer[],
  perFrame: readonly number[] = fragments.map(() => 1),
): number[] {
  let fragment = 0
  let offset = 0
  return perFrame.map((count) => {
    const start = offset
    for (const end = fragment + count; fragment < end; fragment++) {
      const length = fragments[fragment]?.length ?? 0
      offset += 8 + length + (length % 2)
    }
    return start
  })
}

function knownSyntax(uid: Uid): TransferSyntax {
  const syntax = transferSyntax(uid)
  if (syntax === undefined) throw new RangeError(`no writer for the transfer syntax ${uid}`)
  return syntax
}

function defaultCharacterSet(dataSet: DataSet): string {
  return dataSet['00080005'] !== undefined || /[\u0080-\uFFFF]/.test(JSON.stringify(dataSet))
    ? 'ISO_IR 192'
    : ''
}

/** Items take over the character set of the data set around them (PS3.5 §6.1.2.3), and that has been replaced. */
function withoutNestedCharacterSets(dataSet: DataSet, nested = false): DataSet {
  const kept = Object.entries(dataSet).filter(([tag]) => !nested || tag !== '00080005')
  return Object.fromEntries(
    kept.map(([tag, element]) => {
      if (element.vr !== 'SQ' || element.Value === undefined) return [tag, element]
      const items = (element.Value as DataSet[]).map((item) => withoutNestedCharacterSets(item, true))
      return [tag, { ...element, Value: items }]
    }),
  )
}

function encodeElements(dataSet: DataSet, encoding: Encoding, pixels?: Pixels): Buffer[] {
  const pixelTag = pixels && ('bytes' in pixels ? (pixels.tag ?? '7FE00010') : '7FE00010')
  const tags = Object.keys(dataSet).filter((tag) => tag !== pixelTag && !/^000[02]|0000$/.test(tag))
  if (pixelTag !== undefined) tags.push(pixelTag)
  return tags.sort().flatMap((tag) => {
    if (pixels && tag === pixelTag)
      return encodePixels(tag, pixels, Number(dataSet['00280100']?.Value?.[0]), encoding)
    return encodeElement(tag, dataSet[tag] ?? { vr: 'UN' }, encoding)
  })
}

/** One element as it lies in a data set of that encoding. Throws RangeError or TypeError as {@link writeInstance}. */
export function encodeElement(tag: Tag, element: DataElement, encoding: Encoding): Buffer[] {
  if (element.vr === 'SQ') return encodeSequence(tag, (element.Value ?? []) as DataSet[], encoding)
  const value =
    element.offset === undefined ? encodeValue(tag, element, encoding) : bulkValue(tag, element, encoding)
  // PS3.5 §6.2.2 note: a value too long for 16 bits of length is written as UN.
  const tooLong = encoding.explicitVr && !vrRule(element.vr).long && value.length > LONGEST_SHORT_VALUE
  return [header(tag, tooLong ? 'UN' : element.vr, value.length, encoding), value]
}

function bulkValue(tag: Tag, element: DataElement, { bulk, bigEndian }: Encoding): Buffer {
  if (bulk === undefined) throw new TypeError(`(${tag}) is bulk data and there is nothing to read it from`)
  const bytes = padded(Buffer.from(bulk(element)), element.vr)
  return bigEndian ? swapWords(bytes, vrRule(element.vr).width) : bytes
}

function encodeSequence(tag: Tag, items: readonly DataSet[], encoding: Encoding): Buffer[] {
  const open = encoding.undefinedLengths === true
  const content = items.flatMap((item) => {
    const elements = encodeElements(item, encoding)
    const length = open ? UNDEFINED_LENGTH : byteLength(elements)
    return [
      header('FFFEE000', 'UN', length, encoding),
      ...elements,
      ...(open ? [header('FFFEE00D', 'UN', 0, encoding)] : []),
    ]
  })
  const length = open ? UNDEFINED_LENGTH : byteLength(content)
  return [
    header(tag, 'SQ', length, encoding),
    ...content,
    ...(open ? [header('FFFEE0DD', 'UN', 0, encoding)] : []),
  ]
}

function encodePixels(tag: Tag, pixels: Pixels, BitsAllocated: number, encoding: Encoding): Buffer[] {
  if ('bytes' in pixels) {
    const vr = pixels.vr ?? 'OW'
    const bytes = padded(pixels.bytes, 'OB')
    const stored = encoding.bigEndian
      ? swapWords(Buffer.from(bytes), pixelWordSize(vr, BitsAllocated))
      : bytes
    return [header(tag, vr, stored.length, encoding), stored]
  }
  const offsets = pixels.offsetTable ?? []
  const table = Buffer.alloc(offsets.length * 4)
  offsets.forEach((offset, index) => table.writeUInt32LE(offset, index * 4))
  const items = [table, ...pixels.fragments].flatMap((fragment) => {
    const bytes = padded(fragment, 'OB')
    return [header('FFFEE000', 'UN', bytes.length, encoding), bytes]
  })
  return [header(tag, 'OB', UNDEFINED_LENGTH, encoding), ...items, header('FFFEE0DD', 'UN', 0, encoding)]
}

function byteLength(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}
