import type { Charset, TextForm } from './charset.ts'
import { REPLACEMENT, singleByteTable } from './charset-tables.ts'

/** 94 × 94 characters, two bytes each; `prefix` and `label` are how `TextDecoder` wants to see them. */
interface Plane {
  readonly label: 'euc-jp' | 'euc-kr' | 'gb18030'
  readonly prefix: boolean
}

/** What G0 or G1 holds: one byte a character, or two. */
type Designated = readonly string[] | Plane | undefined

interface Escape {
  readonly sequence: readonly number[]
  readonly half: 'g0' | 'g1'
  readonly registration: number
}

const PLANES: ReadonlyMap<number, Plane> = new Map([
  [87, { label: 'euc-jp', prefix: false }],
  [159, { label: 'euc-jp', prefix: true }],
  [149, { label: 'euc-kr', prefix: false }],
  [58, { label: 'gb18030', prefix: false }],
])

/** PS3.3 Tables C.12-3 and C.12-4: what follows ESC. 2/4 4/0 is the older edition of JIS X 0208. */
const ESCAPES: readonly Escape[] = [
  { sequence: [0x28, 0x42], half: 'g0', registration: 6 },
  { sequence: [0x28, 0x4a], half: 'g0', registration: 13 },
  { sequence: [0x29, 0x49], half: 'g1', registration: 13 },
  { sequence: [0x24, 0x42], half: 'g0', registration: 87 },
  { sequence: [0x24, 0x40], half: 'g0', registration: 87 },
  { sequence: [0x24, 0x28, 0x44], half: 'g0', registration: 159 },
  { sequence: [0x24, 0x29, 0x43], half: 'g1', registration: 149 },
  { sequence: [0x24, 0x29, 0x41], half: 'g1', registration: 58 },
  ...(
    [
      [0x41, 100],
      [0x42, 101],
      [0x43, 109],
      [0x44, 110],
      [0x4c, 144],
      [0x47, 127],
      [0x46, 126],
      [0x48, 138],
      [0x4d, 148],
      [0x54, 166],
      [0x62, 203],
    ] as const
  ).map(([final, registration]) => ({ sequence: [0x2d, final], half: 'g1' as const, registration })),
]

const ESC = 0x1b
const ASCII: readonly string[] = Array.from({ length: 128 }, (_, byte) => String.fromCharCode(byte))

const DECODERS = new Map<string, InstanceType<typeof TextDecoder>>()

/** A run of two-byte characters; `bytes` have their upper bits in any state. */
function decodePlane({ label, prefix }: Plane, bytes: Buffer): string {
  const wide = Buffer.alloc(prefix ? (bytes.length / 2) * 3 : bytes.length)
  for (let from = 0, to = 0; from + 1 < bytes.length; from += 2) {
    if (prefix) wide[to++] = 0x8f
    wide[to++] = bytes.readUInt8(from) | 0x80
    wide[to++] = bytes.readUInt8(from + 1) | 0x80
  }
  let decoder = DECODERS.get(label)
  if (!decoder) DECODERS.set(label, (decoder = new TextDecoder(label)))
  return decoder.decode(wide)
}

/**
 * Decodes ISO 2022 as PS3.5 §6.1.2.5 narrows it: the first set is in force at the start, escape sequences bring in
 * the others, and the first one comes back at the end of a line, a page or a value, in PN also of a component.
 * Files that forget to escape again after that are read with the set they plainly mean. `registrations` are the
 * numbers of the sets in ISO 2375, in the order of (0008,0005).
 */
export function codeExtensions(registrations: readonly number[]): Charset {
  const japanese = registrations[0] === 13
  const start = {
    g0: japanese ? singleByteTable(13) : ASCII,
    g1: registrations.map(upperHalf).find((half) => half !== undefined),
  }
  return {
    ascii: !japanese,
    guessed: false,
    decode: (bytes, from, to, form) => decodeText(start, bytes.subarray(from, to), form),
  }
}

interface Halves {
  readonly g0: Designated
  readonly g1: Designated
}

/** What a set puts into G1 by itself; ASCII and JIS X 0208 and 0212 are for G0. */
function upperHalf(registration: number): Designated {
  if (registration === 6 || registration === 87 || registration === 159) return undefined
  return PLANES.get(registration) ?? singleByteTable(registration)
}

function decodeText(start: Halves, bytes: Buffer, form: TextForm): string {
  let { g0, g1 } = start
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const byte = bytes.readUInt8(at)
    if (byte === ESC) {
      const escape = escapeAt(bytes, at + 1)
      if (!escape) {
        text += REPLACEMENT
        at += 1
        continue
      }
      const set = PLANES.get(escape.registration) ?? singleByteTable(escape.registration)
      if (escape.half === 'g0') g0 = set
      else g1 = set
      at += 1 + escape.sequence.length
    } else if (byte < 0x21 || byte === 0x7f) {
      // Controls and space are the same in every set; those that end a line end the designations.
      if (byte === 0x0a || byte === 0x0c || byte === 0x0d || byte === 0x09) ({ g0, g1 } = start)
      text += String.fromCharCode(byte)
      at += 1
    } else {
      const half = byte < 0x80 ? g0 : g1
      const run = runAt(bytes, at, half, form)
      text += run.text
      at = run.end
      if (run.delimiter) ({ g0, g1 } = start)
    }
  }
  return text
}

interface Run {
  readonly text: string
  readonly end: number
  readonly delimiter: boolean
}

/** The characters from `at` on that are of the same half. */
function runAt(bytes: Buffer, at: number, half: Designated, form: TextForm): Run {
  const upper = bytes.readUInt8(at) >= 0x80
  if (half === undefined) return { text: REPLACEMENT, end: at + 1, delimiter: false }
  if (isPlane(half)) return planeRun(bytes, at, half, upper)
  const byte = bytes.readUInt8(at)
  if (!upper && isDelimiter(byte, form)) {
    return { text: String.fromCharCode(byte), end: at + 1, delimiter: true }
  }
  return { text: half[byte] ?? REPLACEMENT, end: at + 1, delimiter: false }
}

function planeRun(bytes: Buffer, at: number, plane: Plane, upper: boolean): Run {
  let end = at
  while (
    end + 1 < bytes.length &&
    belongs(bytes.readUInt8(end), upper) &&
    belongs(bytes.readUInt8(end + 1), upper)
  ) {
    end += 2
  }
  // Half a character: the other half is missing, or is none.
  if (end === at) return { text: REPLACEMENT, end: at + 1, delimiter: false }
  return { text: decodePlane(plane, bytes.subarray(at, end)), end, delimiter: false }
}

function belongs(byte: number, upper: boolean): boolean {
  return upper ? byte >= 0xa1 && byte <= 0xfe : byte >= 0x21 && byte <= 0x7e
}

function isPlane(half: readonly string[] | Plane): half is Plane {
  return 'label' in half
}

function isDelimiter(byte: number, form: TextForm): boolean {
  if (byte === 0x5c) return form !== 'one'
  return form === 'names' && (byte === 0x5e || byte === 0x3d)
}

function escapeAt(bytes: Buffer, at: number): Escape | undefined {
  return ESCAPES.find(({ sequence }) => sequence.every((byte, index) => bytes[at + index] === byte))
}
