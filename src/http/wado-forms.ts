/** What a client may be given of an instance, and what the Accept header makes of it: PS3.18 §8.7.3, §10.4. */
import type { IndexedInstance } from '../database/ports.ts'
import { ExplicitVRLittleEndian, transferSyntax } from '../dicom/transfer-syntax.ts'
import type { Uid } from '../dicom/data-set.ts'
import type { MediaRange } from './accept.ts'

/** Older and wrong names that clients still send (PS3.18 before 2016, cornerstone), and what they mean. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['image/x-jls', 'image/jls'],
  ['image/x-dicom-rle', 'image/dicom-rle'],
  ['image/jhc', 'image/jphc'],
  ['image/dicom+jpeg', 'image/jpeg'],
  ['image/dicom+jp2', 'image/jp2'],
  ['image/dicom+jpx', 'image/jpx'],
  ['image/dicom+jpeg-ls', 'image/jls'],
])

export const MULTIPART = 'multipart/related'
export const PART10 = 'application/dicom'
export const OCTETS = 'application/octet-stream'

/** One way to send instances as Part 10: in parts or as one body, and in which transfer syntax. */
export interface FileForm {
  readonly isMultipart: boolean
  /** As asked: a UID, `*` for the stored one, undefined where the client leaves it open. */
  readonly wanted: string | undefined
}

/** The ways that the ranges allow, most wanted first. A single part can only carry a single instance (PS3.18 §10.4.4). */
export function fileForms(ranges: readonly MediaRange[], isInstance: boolean): FileForm[] {
  return ranges.flatMap((range) => {
    if (range.q === 0) return []
    const isMultipart = covers(range.media, MULTIPART) && covers(range.part ?? '*/*', PART10)
    if (!isMultipart && !(isInstance && covers(range.media, PART10))) return []
    return [{ isMultipart, wanted: range.transferSyntax }]
  })
}

/**
 * The transfer syntax in which an instance leaves for what is wanted, or null where that cannot be. Without a wish it is
 * Explicit VR Little Endian where nothing needs decoding, else the stored one, labelled so (design §6).
 */
export function fileSyntax({ TransferSyntaxUID }: IndexedInstance, wanted: FileForm['wanted']): Uid | null {
  const stored = transferSyntax(TransferSyntaxUID)
  const isNative = stored !== undefined && !stored.encapsulated && !stored.referenced
  const served = stored?.web === false ? ExplicitVRLittleEndian : TransferSyntaxUID
  if (wanted === '*') return served
  if (wanted === undefined) return isNative ? ExplicitVRLittleEndian : served
  if (wanted === ExplicitVRLittleEndian) return isNative ? ExplicitVRLittleEndian : null
  return wanted === served ? served : null
}

/** One way to send frames or pixel data. */
export interface FrameForm {
  readonly isMultipart: boolean
  /** Media type and transfer syntax of each frame. */
  readonly media: string
  readonly syntax: Uid
}

/**
 * How frames of an instance leave, or null where the client takes none of the ways. Stored frames only: nothing is
 * decoded. `isOne`: the answer has one frame, which may come without parts.
 */
export function frameForm(
  ranges: readonly MediaRange[],
  { TransferSyntaxUID }: IndexedInstance,
  isOne: boolean,
): FrameForm | null {
  const stored = transferSyntax(TransferSyntaxUID)
  const media = stored?.mediaType ?? OCTETS
  const syntax = stored?.frameSyntax ?? TransferSyntaxUID
  for (const range of ranges) {
    if (range.q === 0) continue
    const isMultipart = covers(range.media, MULTIPART)
    if (!isMultipart && (!isOne || range.media === '*/*')) continue
    const part = isMultipart ? (range.part ?? '*/*') : range.media
    if (takesFrame(part, range.transferSyntax, media, syntax)) return { isMultipart, media, syntax }
  }
  return null
}

/**
 * Uncompressed bytes are asked for as octets without a syntax (PS3.18 §8.7.3.3.2), or with that of the stored frame;
 * `*` is the stored frame under whatever type (that is what OHIF sends, with octets, for compressed ones too).
 */
function takesFrame(part: string, wanted: string | undefined, media: string, syntax: Uid): boolean {
  const asked = ALIASES.get(part) ?? part
  if (wanted === '*' || wanted === syntax) return covers(asked, media) || asked === OCTETS
  return wanted === undefined && covers(asked, media)
}

/** Whether a media range (`*` for any) takes a media type. */
export function covers(range: string, media: string): boolean {
  return range === media || range === '*/*' || (range.endsWith('/*') && media.startsWith(range.slice(0, -1)))
}
