import type { Tag } from './data-set.ts'

/**
 * Text → bytes in one character set: UTF-8 (`ISO_IR 192`) or a single-byte set of PS3.3 C.12.1.1.2 without code
 * extensions. Those are all that a writer needs; reading knows many more.
 */
export type TextEncoder = (text: string, tag: Tag) => Buffer

/** Labels under which `TextDecoder` knows the upper halves (the C1 range differs there and is not text). */
const SINGLE_BYTE: ReadonlyMap<string, string> = new Map([
  ['ISO_IR 101', 'iso-8859-2'],
  ['ISO_IR 109', 'iso-8859-3'],
  ['ISO_IR 110', 'iso-8859-4'],
  ['ISO_IR 144', 'iso-8859-5'],
  ['ISO_IR 127', 'iso-8859-6'],
  ['ISO_IR 126', 'iso-8859-7'],
  ['ISO_IR 138', 'iso-8859-8'],
  ['ISO_IR 148', 'iso-8859-9'],
  ['ISO_IR 203', 'iso-8859-15'],
  ['ISO_IR 166', 'windows-874'],
])

/**
 * The encoder of a value of Specific Character Set (0008,0005): `''`, `ISO_IR 6`, `ISO_IR 100`, `ISO_IR 192` or
 * another single-byte set. It throws RangeError, naming the tag, for text that the set cannot hold.
 */
export function textEncoder(SpecificCharacterSet: string): TextEncoder {
  if (SpecificCharacterSet === 'ISO_IR 192') return (text) => Buffer.from(text.toWellFormed(), 'utf8')
  if (SpecificCharacterSet === '' || SpecificCharacterSet === 'ISO_IR 6') return encodeBy(new Map(), '')
  if (SpecificCharacterSet === 'ISO_IR 13') return encodeBy(japaneseRoman(), SpecificCharacterSet)
  const upper = new Map<string, number>()
  const label = SINGLE_BYTE.get(SpecificCharacterSet)
  if (label === undefined && SpecificCharacterSet !== 'ISO_IR 100') {
    throw new RangeError(`no writer for the character set ${SpecificCharacterSet}`)
  }
  for (let byte = 0xa0; byte <= 0xff; byte++) {
    const text =
      label === undefined ? String.fromCharCode(byte) : new TextDecoder(label).decode(Buffer.of(byte))
    if (text !== '\uFFFD') upper.set(text, byte)
  }
  return encodeBy(upper, SpecificCharacterSet)
}

/** JIS X 0201: half-width katakana in the upper half, yen and overline where ASCII has backslash and tilde. */
function japaneseRoman(): Map<string, number> {
  const map = new Map([
    ['\u00A5', 0x5c],
    ['\u203E', 0x7e],
  ])
  for (let byte = 0xa1; byte <= 0xdf; byte++) map.set(String.fromCharCode(0xff61 + byte - 0xa1), byte)
  return map
}

function encodeBy(upper: ReadonlyMap<string, number>, name: string): TextEncoder {
  return (text, tag) => {
    const bytes = Buffer.alloc(text.length)
    let length = 0
    for (const character of text) {
      const code = character.charCodeAt(0)
      const byte = code < 0x80 ? code : upper.get(character)
      if (byte === undefined) throw new RangeError(`(${tag}) has text that ${name || 'ASCII'} cannot hold`)
      bytes[length++] = byte
    }
    return bytes.subarray(0, length)
  }
}
