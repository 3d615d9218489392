import type { DataElement, DataSet, Uid, Vr } from './data-set.ts'
import { DEFAULT_CHARSET, type Charset } from './charset.ts'
import { tagText } from './dictionary.ts'
import type { PrivateBlock } from './private-dictionary.ts'
import { vrRule, type VrRule } from './element-vr.ts'
import { offsetOf, type Input } from './reader-input.ts'
import { Unreadable, type Oddities } from './reader-unreadable.ts'
import type { PixelMapBuilder } from './pixel-map-builder.ts'

export interface ReaderLimits {
  /** Bytes of elements that may be held: all but long binary values and pixel data. Default 256 MiB, the most. */
  readonly headerBytes: number
  /** Bytes that a deflated data set may grow to. */
  readonly inflatedBytes: number
  /** Sequences within sequences. */
  readonly depth: number
}

const MEBIBYTE = 1024 * 1024
/** Text of more bytes could not be a string of V8 once it is base64. */
const MOST_HEADER_BYTES = 256 * MEBIBYTE

export const DEFAULT_LIMITS: ReaderLimits = {
  headerBytes: MOST_HEADER_BYTES,
  inflatedBytes: 256 * MEBIBYTE,
  depth: 64,
}

/** A sequence whose items are being read. */
export interface OpenSequence {
  readonly tag: number
  readonly element: DataElement
  readonly end: number
  /** Of undefined length: a delimiter ends it. */
  readonly delimited: boolean
  readonly implicit: boolean
  readonly bigEndian: boolean
  /** Came as UN: its items should be in implicit VR, but some are not. */
  readonly fromUn: boolean
}

/** Text read before it was known whether (0008,0005) comes in its data set. */
export interface UndecidedText {
  readonly element: DataElement
  readonly tag: number
  readonly bytes: Buffer
}

/** A private creator of a data set, with what is known of its elements. */
export interface PrivateCreator {
  readonly creator: string
  readonly block: PrivateBlock
}

/** One data set being read: the root, or an item. */
export interface Scope {
  readonly dataSet: DataSet
  readonly parent: Scope | undefined
  readonly depth: number
  /** Offset where it must end. */
  readonly end: number
  /** Of undefined length: an item delimiter ends it. */
  readonly delimited: boolean
  implicit: boolean
  bigEndian: boolean
  /** Implicit VR is to be checked against the first element. */
  unsure: boolean
  charset: Charset
  /** (0008,0005) stood in this very data set. */
  ownCharset: boolean
  /** Pixel Representation (0028,0103), if it stood in this very data set. */
  PixelRepresentation: number | undefined
  lastTag: number
  ordered: boolean
  /** Private creators by group and block, `group << 8 | block`. */
  creators: Map<number, PrivateCreator> | undefined
  undecidedText: UndecidedText[] | undefined
  /** US elements that are SS if Pixel Representation says so. */
  undecidedSigns: DataElement[] | undefined
  open: OpenSequence | undefined
}

/** The value of encapsulated pixel data, or of another element of fragments, while it is read. */
export interface Fragments {
  readonly tag: number
  readonly vr: Vr
  /** Offset of the first item. */
  readonly start: number
  /** Pixel data of the root. */
  readonly isPixels: boolean
  /** Its map, unless there was pixel data before. */
  readonly pixels: PixelMapBuilder | undefined
  /** The first item is the Basic Offset Table. */
  first: boolean
  /** A fragment that is not wholly there yet. */
  partial: { readonly offset: number; readonly length: number; readonly head: Buffer } | undefined
}

/** Native pixel data of the root while it is passed over. */
export interface NativePixels {
  readonly pixels: PixelMapBuilder
  readonly offset: number
  readonly length: number
}

/** Everything about one file while it is read. */
export interface Parse {
  readonly input: Input
  readonly limits: ReaderLimits
  readonly oddities: Oddities
  /** Bytes of elements held so far. */
  held: number
  /** Estimate of the memory that their model takes. */
  weight: number
  scope: Scope
  TransferSyntaxUID: Uid
  fragments: Fragments | undefined
  native: NativePixels | undefined
  /** Values of (7FE0,0001) and (7FE0,0002). */
  extendedOffsets: Buffer | undefined
  extendedLengths: Buffer | undefined
  pixelMap: Buffer | null
  /** Pixel data was met, whole or not. */
  pixelsMet: boolean
  damaged: boolean
  /** What is left is no part of the data set. */
  trailing: 'no' | 'zeros' | 'anything'
  /** Header of the element at hand. */
  tag: number
  rule: VrRule
  length: number
  headerLength: number
  /** The VR was chosen for want of Pixel Representation. */
  signUndecided: boolean
  /** The VR written is UN, and `rule` comes from a dictionary. */
  fromUn: boolean
  /** Told of each element of the root that is met: its tag, and where its header begins; of some more than once. */
  onElement: ((tag: number, offset: number) => void) | undefined
}

export const UNDEFINED_LENGTH = 0xffffffff

export function newScope(parent: Scope | undefined, end: number, delimited: boolean): Scope {
  return {
    dataSet: Object.create(null) as DataSet,
    parent,
    depth: parent === undefined ? 0 : parent.depth + 1,
    end,
    delimited,
    implicit: parent?.open?.implicit ?? false,
    bigEndian: parent?.open?.bigEndian ?? false,
    unsure: parent?.open?.fromUn ?? false,
    charset: parent?.charset ?? DEFAULT_CHARSET,
    ownCharset: false,
    PixelRepresentation: undefined,
    lastTag: -1,
    ordered: true,
    creators: undefined,
    undecidedText: undefined,
    undecidedSigns: undefined,
    open: undefined,
  }
}

/** Memory of one value and of one element or item, roughly, in bytes. */
export const VALUE_WEIGHT = 16
export const ELEMENT_WEIGHT = 96
/** The model may weigh this many times the bytes that may be held. */
const MODEL_FACTOR = 4

/** Books bytes that will be held, and what is made of them; throws when a limit is passed. */
export function charge(parse: Parse, bytes: number, weight: number): void {
  parse.held += bytes
  parse.weight += weight
  const { headerBytes } = parse.limits
  if (parse.held > headerBytes || parse.weight > headerBytes * MODEL_FACTOR) {
    throw new Unreadable(`makes the data set larger than ${headerBytes} bytes without pixel data`, {
      tag: tagText(parse.tag),
    })
  }
}

export function limitsOf(limits: Partial<ReaderLimits>): ReaderLimits {
  const all = { ...DEFAULT_LIMITS, ...limits }
  return { ...all, headerBytes: Math.min(all.headerBytes, MOST_HEADER_BYTES) }
}

/** Offset of the value of the element at hand. */
export function valueOffset(parse: Parse): number {
  return offsetOf(parse.input) + parse.headerLength
}

/** Nothing read yet. */
export function newParse(input: Input, limits: ReaderLimits = DEFAULT_LIMITS): Parse {
  return {
    input,
    limits,
    oddities: { texts: new Set() },
    held: 0,
    weight: 0,
    scope: newScope(undefined, Infinity, false),
    TransferSyntaxUID: '',
    fragments: undefined,
    native: undefined,
    extendedOffsets: undefined,
    extendedLengths: undefined,
    pixelMap: null,
    pixelsMet: false,
    damaged: false,
    trailing: 'no',
    tag: 0,
    rule: vrRule('UN'),
    length: 0,
    headerLength: 0,
    signUndecided: false,
    fromUn: false,
    onElement: undefined,
  }
}
