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
 * The transfer syntax in which an instance leaves for what is wanted, or null where that cannot be; `isDecodable`: there
 * is a codec for it. Without a wish it is Explicit VR Little Endian where that has exactly the stored samples, else the
 * stored one, labelled so (design §6): what was compressed with a loss need not be decoded (PS3.18 §8.7.3: "unless the
 * origin server has access to the pixel data in lossy compressed form only").
 */
export function fileSyntax(
  TransferSyntaxUID: Uid,
  wanted: FileForm['wanted'],
  isDecodable: boolean,
): Uid | null {
  const stored = transferSyntax(TransferSyntaxUID)
  const isNative = stored !== undefined && !stored.encapsulated && !stored.referenced
  const served = stored?.web === false ? ExplicitVRLittleEndian : TransferSyntaxUID
  if (wanted === '*') return served
  const isExact = isNative || (isDecodable && stored?.lossy === false)
  if (wanted === undefined) return isExact ? ExplicitVRLittleEndian : served
  if (wanted === ExplicitVRLittleEndian) return isNative || isDecodable ? ExplicitVRLittleEndian : null
  return wanted === served ? served : null
}

/** Whether an instance has to be decoded to leave in a transfer syntax. */
export function needsDecoding(TransferSyntaxUID: Uid, syntax: Uid): boolean {
  return syntax === ExplicitVRLittleEndian && transferSyntax(TransferSyntaxUID)?.encapsulated === true
}

/** One way to send frames or pixel data. */
export interface FrameForm {
  readonly isMultipart: boolean
  /** Media type and transfer syntax of each frame. */
  readonly media: string
  readonly syntax: Uid
  /** Frames are decoded first. */
  readonly isDecoded: boolean
}

/**
 * How frames of an instance leave, or null where the client takes none of the ways: as they are stored, or decoded to
 * octets if there is a codec. `isOne`: the answer has one frame, which may come without parts.
 */
export function frameForm(
  ranges: readonly MediaRange[],
  TransferSyntaxUID: Uid,
  { isOne, isDecodable }: { readonly isOne: boolean; readonly isDecodable: boolean },
): FrameForm | null {
  const forms = formsOf(TransferSyntaxUID, isDecodable)
  for (const range of ranges) {
    for (const form of range.q === 0 ? [] : forms) {
      const takesParts = !isForbidden(ranges, { media: MULTIPART, part: form.media })
      const isMultipart = takesParts && covers(range.media, MULTIPART)
      if (!isMultipart && (!isOne || isForbidden(ranges, form))) continue
      const part = isMultipart ? (range.part ?? '*/*') : range.media
      if (takesFrame(part, range.transferSyntax, form.media, form.syntax)) return { isMultipart, ...form }
    }
  }
  return null
}

function formsOf(TransferSyntaxUID: Uid, isDecodable: boolean): Omit<FrameForm, 'isMultipart'>[] {
  const stored = transferSyntax(TransferSyntaxUID)
  const syntax = stored?.frameSyntax ?? TransferSyntaxUID
  const asStored = { media: stored?.mediaType ?? OCTETS, syntax, isDecoded: false }
  if (!isDecodable || syntax === ExplicitVRLittleEndian) return [asStored]
  return [asStored, { media: OCTETS, syntax: ExplicitVRLittleEndian, isDecoded: true }]
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

const PICTURES = ['image/jpeg', 'image/png', 'image/gif'] as const

/** One way to send a picture. */
export interface PictureForm {
  /** Every picture of the resource in a part of its own; else one alone. */
  readonly isMultipart: boolean
  readonly media: (typeof PICTURES)[number]
}

/**
 * How pictures leave (PS3.18 §8.7.4), or null where the client takes none of the ways. Parts that carry no pictures are
 * passed over, and who names nothing else gets the default: OHIF asks for thumbnails with the Accept of bulk data.
 */
export function pictureForm(ranges: readonly MediaRange[]): PictureForm | null {
  const wanted = ranges.filter(({ q }) => q > 0)
  for (const range of wanted) {
    const isMultipart = range.media === MULTIPART
    const part = isMultipart ? (range.part ?? '*/*') : range.media
    const media = PICTURES.find(
      (one) =>
        covers(part, one) &&
        !isForbidden(ranges, isMultipart ? { media: MULTIPART, part: one } : { media: one }),
    )
    if (media !== undefined) return { isMultipart, media }
  }
  const isOnlyParts = wanted.length > 0 && wanted.every(({ media }) => media === MULTIPART)
  return isOnlyParts ? { isMultipart: false, media: 'image/jpeg' } : null
}

export const ZIP = 'application/zip'

/** Whether a ZIP of the files is what the client wants most of all that can be had. */
export function takesZip(ranges: readonly MediaRange[], isInstance: boolean): boolean {
  const at = ranges.findIndex(({ media, q }) => media === ZIP && q > 0)
  return at >= 0 && fileForms(ranges.slice(0, at), isInstance).length === 0
}
