import { codeExtensions } from './charset-iso2022.ts'
import { REPLACEMENT, singleByteTable } from './charset-tables.ts'

/**
 * How a text uses its delimiters: `one` value (LT ST UR UT), `many` values with backslashes between them, or the
 * `names` of PN, where `^` and `=` delimit too.
 */
export type TextForm = 'one' | 'many' | 'names'

/** One value of Specific Character Set (0008,0005), made ready to decode (PS3.3 C.12.1.1.2, PS3.5 §6.1). */
export interface Charset {
  /** Bytes 20H to 7EH are ASCII, so that text of these alone needs no decoding. */
  readonly ascii: boolean
  /** Bytes above 7EH are none of its characters, and taken for ISO 8859-1. */
  readonly guessed: boolean
  /**
   * Text of `bytes[start, end)`. Delimiters are always ASCII in it, also where a byte of their code is part of a
   * character; U+FFFD stands for what the set does not hold.
   */
  readonly decode: (bytes: Buffer, start: number, end: number, form: TextForm) => string
}

/** A character set with what is odd about its name, if anything. */
export interface NamedCharset {
  readonly charset: Charset
  readonly cause: string | undefined
}

function singleByte(registration: number): Charset | undefined {
  if (registration === 6) return DEFAULT_CHARSET
  if (registration === 100) return LATIN_1
  const table = singleByteTable(registration)
  if (!table) return undefined
  const decode: Charset['decode'] = (bytes, start, end, form) => {
    let text = ''
    for (let at = start; at < end; at++) {
      const byte = bytes.readUInt8(at)
      // 5CH between values delimits, whatever character the set has there (PS3.5 §6.1.3).
      text += byte === 0x5c && form !== 'one' ? '\\' : (table[byte] ?? REPLACEMENT)
    }
    return text
  }
  return { ascii: registration !== 13, guessed: false, decode }
}

const LATIN_1: Charset = {
  ascii: true,
  guessed: false,
  decode: (bytes, start, end) => bytes.toString('latin1', start, end),
}

/** What a data set without Specific Character Set is read with: ISO IR 6, which ends at 7EH. */
export const DEFAULT_CHARSET: Charset = { ...LATIN_1, guessed: true }

const UTF_8: Charset = {
  ascii: true,
  guessed: false,
  decode: (bytes, start, end) => bytes.toString('utf8', start, end),
}

/** GBK and GB 18030: second bytes may be 5CH, so the text is split only after it is decoded. */
function chinese(label: 'gb18030' | 'gbk'): Charset {
  return {
    ascii: true,
    guessed: false,
    decode: (bytes, start, end) => new TextDecoder(label).decode(bytes.subarray(start, end)),
  }
}

const CACHE = new Map<string, NamedCharset>()

/**
 * The character set that the values of (0008,0005) name. Unknown names fall back to ISO 8859-1, misspelt ones
 * (`ISO-IR 100`) to what is meant, both with a `cause`.
 */
export function charsetOf(terms: readonly string[]): NamedCharset {
  const key = terms.join('\\')
  const known = CACHE.get(key)
  if (known) return known
  const made = makeCharset(terms)
  // Names come from files, so there is no end of them.
  if (CACHE.size < 256 && key.length < 256) CACHE.set(key, made)
  return made
}

function makeCharset(terms: readonly string[]): NamedCharset {
  const sets = terms.map((term, index) => readTerm(term, index))
  const strange = sets.some((set) => set.misspelt) ? 'names a character set in a way of its own' : undefined
  const [first] = sets
  if (!first) return { charset: DEFAULT_CHARSET, cause: undefined }
  const alone = sets.find((set) => set.charset)
  if (alone?.charset) {
    // UTF-8, GBK and GB 18030 allow no code extensions (PS3.3 C.12.1.1.2).
    const cause = sets.length > 1 ? 'combines a character set that stands alone with others' : strange
    return { charset: alone.charset, cause }
  }
  const coded = sets.flatMap((set) => (set.registration === undefined ? [] : [set.registration]))
  if (coded.length < sets.length) return { charset: LATIN_1, cause: 'names an unknown character set' }
  if (sets.length === 1 && !first.extensible) {
    const charset = singleByte(first.registration ?? 6)
    if (charset) return { charset, cause: strange }
  }
  const cause =
    sets.length > 1 && !sets.every((set) => set.extensible) ? 'mixes ISO_IR with ISO 2022' : strange
  return { charset: codeExtensions(coded), cause }
}

interface Term {
  readonly charset?: Charset
  readonly registration?: number
  /** `ISO 2022 IR 100`: may be combined. */
  readonly extensible: boolean
  readonly misspelt: boolean
}

const MULTI_BYTE = [58, 87, 149, 159]

function readTerm(term: string, index: number): Term {
  // An empty first value is the default repertoire with code extensions to follow.
  if (term === '') return { registration: 6, extensible: true, misspelt: index > 0 }
  const plain = term.toUpperCase().replaceAll(/[\s_-]+/gu, ' ')
  const parts = /^ISO ?(2022 )?(?:IR )?(\d{1,3})$/u.exec(plain)
  if (parts) {
    const registration = Number(parts[2])
    const extensible = parts[1] !== undefined
    const misspelt = term !== (extensible ? `ISO 2022 IR ${registration}` : `ISO_IR ${registration}`)
    if (registration === 192) return { charset: UTF_8, extensible, misspelt }
    if (MULTI_BYTE.includes(registration) || singleByteTable(registration)) {
      return { registration, extensible: extensible || MULTI_BYTE.includes(registration), misspelt }
    }
    return { extensible, misspelt: true }
  }
  if (plain === 'GB18030') return { charset: chinese('gb18030'), extensible: false, misspelt: term !== plain }
  if (plain === 'GBK') return { charset: chinese('gbk'), extensible: false, misspelt: term !== plain }
  if (plain === 'UTF 8' || plain === 'UTF8') return { charset: UTF_8, extensible: false, misspelt: true }
  return { extensible: false, misspelt: true }
}
