/** Builds DICOM files byte by byte, right or wrong as the test wants them. */

export interface Coding {
  readonly implicit?: boolean
  readonly bigEndian?: boolean
}

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV'])
export const UNDEFINED = 0xffffffff

export const LITTLE = '1.2.840.10008.1.2.1'
export const IMPLICIT = '1.2.840.10008.1.2'
export const BIG = '1.2.840.10008.1.2.2'
export const DEFLATED = '1.2.840.10008.1.2.1.99'
export const JPEG = '1.2.840.10008.1.2.4.50'

/** The bytes of a tag given as eight hexadecimal digits. */
export function tagBytes(tag: string, bigEndian = false): Buffer {
  const [group, element] = [parseInt(tag.slice(0, 4), 16), parseInt(tag.slice(4), 16)]
  return Buffer.concat([u16(group, bigEndian), u16(element, bigEndian)])
}

export function u16(value: number, bigEndian = false): Buffer {
  const bytes = Buffer.alloc(2)
  if (bigEndian) bytes.writeUInt16BE(value)
  else bytes.writeUInt16LE(value)
  return bytes
}

export function u32(value: number, bigEndian = false): Buffer {
  const bytes = Buffer.alloc(4)
  if (bigEndian) bytes.writeUInt32BE(value)
  else bytes.writeUInt32LE(value)
  return bytes
}

/** Tag, VR and length; the length may lie. */
export function header(tag: string, vr: string, length: number, coding: Coding = {}): Buffer {
  const { implicit = false, bigEndian = false } = coding
  const start = tagBytes(tag, bigEndian)
  if (implicit) return Buffer.concat([start, u32(length, bigEndian)])
  const letters = Buffer.from(vr, 'latin1')
  if (LONG.has(vr)) return Buffer.concat([start, letters, u16(0), u32(length, bigEndian)])
  return Buffer.concat([start, letters, u16(length, bigEndian)])
}

/** One element; text is padded to even length, bytes are taken as they are. */
export function element(tag: string, vr: string, value: string | Buffer = '', coding: Coding = {}): Buffer {
  const bytes = typeof value === 'string' ? padded(Buffer.from(value, 'latin1'), vr) : value
  return Buffer.concat([header(tag, vr, bytes.length, coding), bytes])
}

function padded(bytes: Buffer, vr: string): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')])
}

/** An item of defined length, or with a delimiter. */
export function item(content: Buffer, delimited = false, bigEndian = false): Buffer {
  const start = tagBytes('FFFEE000', bigEndian)
  if (!delimited) return Buffer.concat([start, u32(content.length, bigEndian), content])
  return Buffer.concat([start, u32(UNDEFINED), content, tagBytes('FFFEE00D', bigEndian), u32(0)])
}

/** A sequence of defined length, or with a delimiter. */
export function sequence(
  tag: string,
  items: readonly Buffer[],
  options: Coding & { readonly delimited?: boolean; readonly vr?: string } = {},
): Buffer {
  const content = Buffer.concat(items)
  const { vr = 'SQ', delimited = false, bigEndian = false } = options
  if (!delimited) return Buffer.concat([header(tag, vr, content.length, options), content])
  return Buffer.concat([
    header(tag, vr, UNDEFINED, options),
    content,
    tagBytes('FFFEE0DD', bigEndian),
    u32(0),
  ])
}

/** The elements without which an instance has no identity, but one may be replaced or left out. */
export function identity(
  replaced: Readonly<Record<string, Buffer | null>> = {},
  coding: Coding = {},
): Buffer[] {
  const elements: Record<string, Buffer | null> = {
    '00080016': element('00080016', 'UI', '1.2.840.10008.5.1.4.1.1.7', coding),
    '00080018': element('00080018', 'UI', '1.2.3.4', coding),
    '0020000D': element('0020000D', 'UI', '1.2.3', coding),
    '0020000E': element('0020000E', 'UI', '1.2.3.1', coding),
    ...replaced,
  }
  return Object.values(elements).filter((each) => each !== null)
}

/** Group 0002 with its length. */
export function meta(TransferSyntaxUID: string | null, more: readonly Buffer[] = []): Buffer {
  const content = Buffer.concat([
    element('00020001', 'OB', Buffer.from([0, 1])),
    ...(TransferSyntaxUID === null ? [] : [element('00020010', 'UI', TransferSyntaxUID)]),
    ...more,
  ])
  return Buffer.concat([element('00020000', 'UL', u32(content.length)), content])
}

/** Preamble, prefix, group 0002 and a data set. */
export function part10(dataSet: Buffer, TransferSyntaxUID: string | null = LITTLE): Buffer {
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), meta(TransferSyntaxUID), dataSet])
}

/**
 * A whole instance in explicit VR little endian: identity and `elements`, which are put in order by their tags unless
 * `inOrder` says that they are meant to stand as they do.
 */
export function instance(elements: readonly Buffer[], inOrder = false): Buffer {
  const all = [...identity(), ...elements]
  return part10(Buffer.concat(inOrder ? all : all.toSorted((a, b) => order(a) - order(b))))
}

function order(bytes: Buffer): number {
  return bytes.readUInt16LE(0) * 0x10000 + bytes.readUInt16LE(2)
}
