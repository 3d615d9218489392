/** What stands for bytes that a character set does not hold. */
export const REPLACEMENT = '\ufffd'

/** Registration number of ISO 2375, as in `ISO_IR 100`, to label of `TextDecoder` for the bytes from A0H on. */
const SINGLE_BYTE: ReadonlyMap<number, string> = new Map([
  [101, 'iso-8859-2'],
  [109, 'iso-8859-3'],
  [110, 'iso-8859-4'],
  [144, 'iso-8859-5'],
  [127, 'iso-8859-6'],
  [126, 'iso-8859-7'],
  [138, 'iso-8859-8'],
  [148, 'iso-8859-9'],
  [203, 'iso-8859-15'],
  [166, 'windows-874'],
])

const TABLES = new Map<number, readonly string[]>()

/**
 * The 256 characters of a single-byte set of this registration number (PS3.3 Table C.12-2), or undefined. Bytes 80H
 * to 9FH are the control characters C1, which the web's decoders fill with letters of Windows instead.
 */
export function singleByteTable(registration: number): readonly string[] | undefined {
  const known = TABLES.get(registration)
  if (known) return known
  const label = SINGLE_BYTE.get(registration)
  if (label === undefined && ![6, 13, 100].includes(registration)) return undefined
  const table = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
  if (label !== undefined) {
    const upper = new TextDecoder(label).decode(Uint8Array.from({ length: 96 }, (_, index) => 0xa0 + index))
    for (let index = 0; index < 96; index++) table[0xa0 + index] = upper[index] ?? REPLACEMENT
  }
  if (registration === 13) {
    // JIS X 0201: yen and overline in the lower half, katakana of half width in the upper.
    table[0x5c] = '¥'
    table[0x7e] = '‾'
    for (let byte = 0x80; byte < 256; byte++) {
      table[byte] = byte > 0xa0 && byte < 0xe0 ? String.fromCharCode(0xff60 + byte - 0xa0) : REPLACEMENT
    }
  }
  TABLES.set(registration, table)
  return table
}
