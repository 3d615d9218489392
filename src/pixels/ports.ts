import type { Uid } from '../dicom/data-set.ts'
import type { PixelFormat } from '../dicom/pixel-format.ts'

/** One frame as it is stored. */
export interface StoredFrame {
  /** Names the bytes for the cache: the same key, the same frame. */
  readonly key: string
  readonly TransferSyntaxUID: Uid
  readonly format: PixelFormat
  /** The frame's bytes, native ones in little endian, the engine's from then on; called when a thread is soon free. */
  readonly read: () => Promise<Buffer>
}

/** A look-up table (PS3.3 C.11.1.1.1): entry 0 is for `first` and all below it. */
export interface Lut {
  readonly first: number
  readonly entries: Uint16Array
  /** Bits that an entry uses. */
  readonly bits: number
}

/** What stored values mean: a straight line or a table (PS3.3 C.11.1). */
export type ModalityTransform =
  | { readonly kind: 'rescale'; readonly slope: number; readonly intercept: number }
  | { readonly kind: 'lut'; readonly lut: Lut }

export interface Window {
  readonly center: number
  readonly width: number
  readonly shape: 'linear' | 'linear-exact' | 'sigmoid'
}

/** Which values are to be seen (PS3.3 C.11.2); `full`: from the least to the greatest that the frame has. */
export type ValuesOfInterest =
  | ({ readonly kind: 'window' } & Window)
  | { readonly kind: 'lut'; readonly lut: Lut }
  | { readonly kind: 'full' }

/** How a frame becomes something to look at. */
export interface Look {
  readonly modality: ModalityTransform
  readonly voi: ValuesOfInterest
  /** Least values are white. */
  readonly isInverse: boolean
  readonly palette: { readonly red: Lut; readonly green: Lut; readonly blue: Lut } | null
  /** Stored values, from the one to the other, that are no part of the picture and stay out of `full`. */
  readonly padding: readonly [number, number] | null
  /** What the colours of the frame mean: an ICC profile; null where there is none, or nobody asks. */
  readonly profile: Uint8Array | null
}

/**
 * What a picture in colour says of its colours: nothing; the frame's own profile, else that of sRGB; or that its samples
 * were turned into those of sRGB. GIF has no place for it.
 */
export type ColourProfile = 'none' | 'own' | 'srgb'

export type PictureType = 'image/jpeg' | 'image/png' | 'image/gif'

/** Part of a frame, in its pixels. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface PictureWish {
  readonly media: PictureType
  /** Of JPEG, 1 to 100. */
  readonly quality: number
  readonly region: (Region & { readonly isMirrored: boolean; readonly isUpsideDown: boolean }) | null
  /** The picture is as large as fits in, its proportions kept; null: as large as the region. */
  readonly box: { readonly width: number; readonly height: number } | null
  readonly profile: ColourProfile
  /** Lines of text that are burnt in: at the top, and at the bottom. */
  readonly annotation: { readonly top: readonly string[]; readonly bottom: readonly string[] }
}

/**
 * FRAMES AND PICTURES, made in threads of their own with a bounded queue and a bounded cache. Rejects with Problem
 * `not-acceptable` for what cannot be decoded or shown, `unavailable` when too much waits already, or the signal's reason.
 */
export interface PixelEngine {
  /** Whether there is a codec for a transfer syntax. */
  decodes(TransferSyntaxUID: Uid): boolean
  /** The frame's native bytes, little endian, in the format that `decodedFormat` of `dicom/pixel-format.ts` gives. */
  decode(frame: StoredFrame, signal?: AbortSignal): Promise<Buffer>
  picture(frame: StoredFrame, look: Look, wish: PictureWish, signal?: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}
