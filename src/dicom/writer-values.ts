import type { DataElement, PersonName, Tag, Value, Vr } from './data-set.ts'
import { vrRule } from './element-vr.ts'
import type { TextEncoder } from './writer-text.ts'

/** How a multi-byte value is stored, and which text bytes stand for which characters. */
export interface ValueEncoding {
  readonly bigEndian: boolean
  readonly text: TextEncoder
}

/**
 * Bytes of a word of big-endian pixel data. Cells of more than 16 bits are turned round as a whole, as pydicom writes
 * and reads them, whatever the VR; PS3.5 §7.3 knows only the 16-bit words of OW, in which cells of 8 bits are pairs.
 */
export function pixelWordSize(vr: Vr, BitsAllocated: number): number {
  if (BitsAllocated === 16) return 2
  if (BitsAllocated === 32) return 4
  return BitsAllocated === 64 ? 8 : vrRule(vr).width
}

/** Turns every word of `size` bytes (1, 2, 4, 8) round, in place; a torn word at the end is left as it is. Gives back `bytes`. */
export function swapWords(bytes: Buffer, size: number): Buffer {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % size))
  if (size === 2) whole.swap16()
  if (size === 4) whole.swap32()
  if (size === 8) whole.swap64()
  return bytes
}

/** The value field of an element other than SQ and bulk, padded to even length (PS3.5 §6.2). */
export function encodeValue(tag: Tag, element: DataElement, encoding: ValueEncoding): Buffer {
  const { vr } = element
  if (element.undecoded !== undefined) return padded(Buffer.from(element.undecoded, 'base64'), vr)
  if (element.InlineBinary !== undefined) {
    const bytes = padded(Buffer.from(element.InlineBinary, 'base64'), vr)
    return encoding.bigEndian ? swapWords(bytes, vrRule(vr).width) : bytes
  }
  const values = element.Value ?? []
  const write = NUMBER_WRITERS[vr]
  if (write !== undefined) {
    const bytes = encodeNumbers(tag, vr, values, write)
    return encoding.bigEndian ? swapWords(bytes, vrRule(vr).width) : bytes
  }
  const text = values.map((value) => valueText(tag, vr, value)).join('\\')
  if (vrRule(vr).inCharset) return padded(encoding.text(text, tag), vr)
  return padded(Buffer.from(text, 'utf8'), vr)
}

/** `bytes` with one more byte if their number is odd: NUL for UI and binary, space for text (PS3.5 §6.2). */
export function padded(bytes: Buffer, vr: Vr): Buffer {
  if (bytes.length % 2 === 0) return bytes
  const nul = vr === 'UI' || vr === 'OB' || vr === 'UN'
  return Buffer.concat([bytes, Buffer.of(nul ? 0 : 0x20)])
}

interface NumberWriter {
  readonly size: 2 | 4 | 8
  readonly put: (bytes: Buffer, value: string | number, offset: number) => void
}

const NUMBER_WRITERS: Partial<Record<Vr, NumberWriter>> = {
  US: { size: 2, put: (bytes, value, at) => bytes.writeUInt16LE(Number(value), at) },
  SS: { size: 2, put: (bytes, value, at) => bytes.writeInt16LE(Number(value), at) },
  UL: { size: 4, put: (bytes, value, at) => bytes.writeUInt32LE(Number(value), at) },
  SL: { size: 4, put: (bytes, value, at) => bytes.writeInt32LE(Number(value), at) },
  UV: { size: 8, put: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at) },
  SV: { size: 8, put: (bytes, value, at) => bytes.writeBigInt64LE(BigInt(value), at) },
  FL: { size: 4, put: (bytes, value, at) => bytes.writeFloatLE(Number(value), at) },
  FD: { size: 8, put: (bytes, value, at) => bytes.writeDoubleLE(Number(value), at) },
  AT: {
    size: 4,
    put: (bytes, value, at) => {
      bytes.writeUInt16LE(Number.parseInt(String(value).slice(0, 4), 16), at)
      bytes.writeUInt16LE(Number.parseInt(String(value).slice(4), 16), at + 2)
    },
  },
}

function encodeNumbers(tag: Tag, vr: Vr, values: readonly Value[], { size, put }: NumberWriter): Buffer {
  const bytes = Buffer.alloc(values.length * size)
  values.forEach((value, index) => {
    // JSON has no NaN, so that null stands for it in FL and FD; any other number has no way to be empty.
    const number = value === null && (vr === 'FL' || vr === 'FD') ? Number.NaN : value
    if (typeof number !== 'number' && typeof number !== 'string')
      throw new TypeError(`(${tag}) is to hold numbers`)
    put(bytes, number, index * size)
  })
  return bytes
}

function valueText(tag: Tag, vr: Vr, value: Value): string {
  if (value === null) return ''
  if (vr === 'PN') return typeof value === 'string' ? value : personNameText(value as PersonName)
  if (typeof value === 'number') return vr === 'DS' ? decimalText(value) : String(value)
  if (typeof value === 'string') return value
  throw new TypeError(`(${tag}) is to hold text`)
}

/** The component groups joined by `=`; empty groups at the end are left out (PS3.5 §6.2.1). */
function personNameText({ Alphabetic = '', Ideographic = '', Phonetic = '' }: PersonName): string {
  return [Alphabetic, Ideographic, Phonetic].join('=').replace(/=+$/, '')
}

/** A number in the 16 bytes of a DS: as exact as they allow, without an exponent where that costs nothing. */
function decimalText(value: number): string {
  let text = String(value)
  for (let digits = 16; text.length > 16; digits--) {
    const rounded = value.toPrecision(digits)
    const forms = [String(Number(rounded)), rounded, value.toExponential(digits - 1)]
    text = forms.find((form) => form.length <= 16) ?? text
  }
  return text
}
