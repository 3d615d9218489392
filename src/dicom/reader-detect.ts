import { vrRuleOf } from './element-vr.ts'
import {
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
  transferSyntax,
  type TransferSyntax,
} from './transfer-syntax.ts'
import type { Uid } from './data-set.ts'
import { note, Unreadable, type Oddities } from './reader-unreadable.ts'
import { FAILURE } from './reasons.ts'

/** How the bytes of a data set are to be read. */
export interface Encoding {
  readonly implicit: boolean
  readonly bigEndian: boolean
  readonly deflated: boolean
  /** What the data set and its pixel data are in, as far as bytes and group 0002 tell. */
  readonly TransferSyntaxUID: Uid
}

const PREAMBLE = 128
const DICM = Buffer.from('DICM', 'latin1')
/** Bytes that {@link findMeta} wants to see. */
export const SNIFFED = PREAMBLE + DICM.length + 4

/** Where a file begins: `at` is the first byte of group 0002 or, without one, of the data set. */
export interface Beginning {
  readonly at: number
  readonly hasMeta: boolean
}

/**
 * Finds out how a file begins (PS3.10 §7.1): preamble and prefix, or, outside of the standard but common, group 0002
 * or the data set itself at once. `bytes` are the first {@link SNIFFED}, or all there are. Throws {@link Unreadable}.
 */
export function findMeta(bytes: Buffer, oddities: Oddities): Beginning {
  const prefix = bytes.subarray(PREAMBLE, PREAMBLE + DICM.length).equals(DICM)
  const after = PREAMBLE + DICM.length
  const group = (at: number): number => (bytes.length >= at + 4 ? bytes.readUInt16LE(at) : -1)
  if (prefix && group(after) === 2) {
    if (bytes.readUInt16LE(0) === 0x5a4d) note(oddities, 'has a preamble that is a program for Windows')
    return { at: after, hasMeta: true }
  }
  if (group(0) === 2 && bytes.readUInt16LE(2) < 0x200) {
    note(oddities, 'has no preamble')
    return { at: 0, hasMeta: true }
  }
  if (isDataSet(bytes, 0)) {
    note(oddities, 'has neither preamble nor group 0002')
    return { at: 0, hasMeta: false }
  }
  if (prefix) {
    note(oddities, 'has no group 0002')
    return { at: after, hasMeta: false }
  }
  throw new Unreadable('is no DICOM file (PS3.10 §7.1)')
}

/** True when group 0008 begins at `at`, in either byte order, with an element that a data set may begin with. */
function isDataSet(bytes: Buffer, at: number): boolean {
  if (bytes.length < at + 8) return false
  if (bytes.readUInt16LE(at) === 8) return bytes.readUInt16LE(at + 2) < 0x100
  return bytes.readUInt16BE(at) === 8 && bytes.readUInt16BE(at + 2) < 0x100
}

/** How the elements of a data set are written. */
interface Form {
  readonly implicit: boolean
  readonly bigEndian: boolean
}

/**
 * The encoding of the data set that begins with `bytes` (8 or more, unless it is over before). What the bytes plainly
 * say counts more than `declared`, the Transfer Syntax UID of group 0002, if it has one. Throws {@link Unreadable} for
 * a transfer syntax that nobody knows.
 */
export function encodingOf(bytes: Buffer, declared: Uid | undefined, oddities: Oddities): Encoding {
  if (declared === undefined) {
    note(oddities, 'is not there: the transfer syntax is what the data set looks like', '00020010')
    const seen = look(bytes, EXPLICIT_LITTLE)
    return { ...seen, deflated: false, TransferSyntaxUID: nameOf(seen) }
  }
  const syntax = known(declared)
  const said = { implicit: !syntax.explicitVr, bigEndian: syntax.bigEndian }
  const seen = look(bytes, said)
  const isPlain = !seen.implicit && !seen.bigEndian && bytes.length >= 8 && bytes.readUInt16LE(0) === 8
  if (syntax.deflated && !isPlain) return { ...said, deflated: true, TransferSyntaxUID: declared }
  if (!syntax.deflated && seen.implicit === said.implicit && seen.bigEndian === said.bigEndian) {
    return { ...said, deflated: false, TransferSyntaxUID: declared }
  }
  note(oddities, 'names another transfer syntax than the data set is in', '00020010')
  // Of encapsulated pixel data the declaration is all that is known.
  return { ...seen, deflated: false, TransferSyntaxUID: syntax.encapsulated ? declared : nameOf(seen) }
}

type Known = Pick<TransferSyntax, 'explicitVr' | 'bigEndian' | 'deflated' | 'encapsulated'>

function known(uid: Uid): Known {
  const syntax = transferSyntax(uid)
  if (syntax !== undefined) return syntax
  // Those to come will be in explicit VR little endian, as all were since 1993 (PS3.5 §10).
  if (uid.startsWith(`${ImplicitVRLittleEndian}.`)) {
    return { explicitVr: true, bigEndian: false, deflated: false, encapsulated: true }
  }
  throw new Unreadable('is a transfer syntax that is not known', {
    tag: '00020010',
    reason: FAILURE.transferSyntaxNotSupported.code,
  })
}

const EXPLICIT_LITTLE: Form = { implicit: false, bigEndian: false }

function nameOf({ implicit, bigEndian }: Form): Uid {
  if (implicit) return ImplicitVRLittleEndian
  return bigEndian ? ExplicitVRBigEndian : ExplicitVRLittleEndian
}

/**
 * What the first element looks like; what was said where there is none. The groups that data sets begin with are
 * small, so a large one has its bytes turned round; and no first element is as long as two letters of a VR would say.
 */
function look(bytes: Buffer, said: Form): Form {
  if (bytes.length < 8) return said
  const little = bytes.readUInt16LE(0)
  const big = bytes.readUInt16BE(0)
  const bigEndian = said.bigEndian ? big < 0x100 || little >= 0x100 : little >= 0x100 && big < 0x100
  if (vrRuleOf(bytes.readUInt8(4), bytes.readUInt8(5)) !== undefined) return { implicit: false, bigEndian }
  const length = bigEndian ? bytes.readUInt32BE(4) : bytes.readUInt32LE(4)
  return { implicit: said.implicit || length < 0x10000, bigEndian }
}
