/** What a client may be given of an instance, and what the Accept header makes of it: PS3.18 §8.7.3, §10.4. */
import { ExplicitVRLittleEndian, transferSyntax } from '../dicom/transfer-syntax.ts'
import type { Uid } from '../dicom/data-set.ts'
import { covers, isForbidden, type MediaRange } from './accept.ts'

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
  const takesParts = !isForbidden(ranges, { media: MULTIPART, part: PART10 })
  const takesOne = isInstance && !isForbidden(ranges, { media: PART10 })
  return ranges.flatMap((range) => {
    if (range.q === 0) return []
    const isMultipart = takesParts && covers(range.media, MULTIPART) && covers(range.part ?? '*/*', PART10)
    if (!isMultipart && !(takesOne && covers(range.media, PART10))) return []
    return [{ isMultipart, wanted: range.transferSyntax }]
  })
}

/**
 * The transfer syntax in which an instance leaves for what is wanted, or null where that cannot be. Without a wish it is
 * Explicit VR Little Endian where nothing needs decoding, else the stored one, labelled so (design §6).
 */
export function fileSyntax(TransferSyntaxUID: Uid, wanted: FileForm['wanted']): Uid | null {
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
  TransferSyntaxUID: Uid,
  isOne: boolean,
): FrameForm | null {
  const stored = transferSyntax(TransferSyntaxUID)
  const media = stored?.mediaType ?? OCTETS
  const syntax = stored?.frameSyntax ?? TransferSyntaxUID
  const takesParts = !isForbidden(ranges, { media: MULTIPART, part: media })
  const takesOne = isOne && !isForbidden(ranges, { media })
  for (const range of ranges) {
    if (range.q === 0) continue
    const isMultipart = takesParts && covers(range.media, MULTIPART)
    if (!isMultipart && !takesOne) continue
    const part = isMultipart ? (range.part ?? '*/*') : range.media
    if (takesFrame(part, range.transferSyntax, media, syntax)) return { isMultipart, media, syntax }
  }
  return null
}

/**
 * Octets without a syntax are uncompressed bytes and nothing else (PS3.18 §8.7.3.3.2); `*` is the stored frame, for
 * clients that ask for octets too (as OHIF does). Any other type has to be that of the stored frame.
 */
function takesFrame(part: string, wanted: string | undefined, media: string, syntax: Uid): boolean {
  const asked = ALIASES.get(part) ?? part
  if (wanted === '*' || wanted === syntax) return covers(asked, media) || asked === OCTETS
  if (wanted !== undefined || !covers(asked, media)) return false
  return asked !== OCTETS || syntax === ExplicitVRLittleEndian
}

/** One way to send a value. */
export interface BulkForm {
  readonly isMultipart: boolean
  readonly media: string
}

/**
 * How a value leaves: in a part, or alone, which is what a link in a page needs where the client leaves it open; as
 * octets, or as the document it is, of type `own`. Null where the client takes none of the ways.
 */
export function bulkForm(ranges: readonly MediaRange[], own: string): BulkForm | null {
  for (const range of ranges) {
    if (range.q === 0) continue
    if (range.media !== '*/*' && covers(range.media, MULTIPART)) {
      const media = [OCTETS, own].find(
        (one) => covers(range.part ?? '*/*', one) && !isForbidden(ranges, { media: MULTIPART, part: one }),
      )
      if (media !== undefined) return { isMultipart: true, media }
    }
    const media = [own, OCTETS].find(
      (one) => covers(range.media, one) && !isForbidden(ranges, { media: one }),
    )
    if (media !== undefined) return { isMultipart: false, media }
  }
  return null
}
