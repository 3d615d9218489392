/**
 * The one shape of a data set in Concord: the DICOM JSON model (PS3.18 Annex F) with two additions that never leave
 * the house, {@link BulkElement} and `undecoded`. `dicom/dicom-json.ts` turns it into what clients may see.
 */

/** Eight upper-case hexadecimal digits: `'0020000D'`. */
export type Tag = string
/** A DICOM UID, without padding. */
export type Uid = string
/** A path into sequences, outermost first: `['00400275', '00400009']`. */
export type TagPath = readonly Tag[]

/**
 * A step of a path as a client may name it: a tag, or `0019xx10;CREATOR` for an element of a private creator in whatever
 * block it has (`path-step.ts`, design §6).
 */
export type PathStep = string
/** A path into sequences, outermost first, as a client may name it. */
export type KeyPath = readonly PathStep[]

/** Value representations, PS3.5 §6.2. */
export type Vr =
  | 'AE' | 'AS' | 'AT' | 'CS' | 'DA' | 'DS' | 'DT' | 'FD' | 'FL' | 'IS' | 'LO' | 'LT' | 'OB' | 'OD' | 'OF' | 'OL' | 'OV'
  | 'OW' | 'PN' | 'SH' | 'SL' | 'SQ' | 'SS' | 'ST' | 'SV' | 'TM' | 'UC' | 'UI' | 'UL' | 'UN' | 'UR' | 'US' | 'UT' | 'UV' // prettier-ignore

/** The component groups of a person name (PS3.5 §6.2.1); only the groups that are not empty are there. */
export interface PersonName {
  Alphabetic?: string
  Ideographic?: string
  Phonetic?: string
}

/** One value; `null` is an empty value among several (PS3.18 F.2.5), an item of a sequence is a data set. */
export type Value = string | number | PersonName | DataSet | null

/**
 * One attribute as the index keeps it. At most one of `Value`, `InlineBinary` and `offset`/`length` is there; none of
 * them means zero length. Bytes are little endian in `InlineBinary`, as stored in the file at `offset`.
 */
export interface DataElement {
  vr: Vr
  Value?: Value[]
  /** Base64 of a binary value of at most 1 KiB. */
  InlineBinary?: string
  /** Of a longer binary value: its first byte, counted in the file (in the inflated data set if deflated). */
  offset?: number
  /** Of a longer binary value: its length in bytes. */
  length?: number
  /** Base64 of text that its character set cannot decode; `Value` then has U+FFFD in it. Matches only the universal key. */
  undecoded?: string
}

/** Attributes by tag, in ascending order as far as an object keeps it: tags of decimal digits alone come first (`dicomJsonText` sorts). */
export interface DataSet {
  [tag: Tag]: DataElement
}

export type Level = 'patient' | 'study' | 'series' | 'instance'

export interface InstanceUids {
  readonly study: Uid
  readonly series: Uid
  readonly instance: Uid
}

/** Something odd in a file that was stored all the same; `reason` is a Warning Reason of PS3.18 Table I.2-1. */
export interface Oddity {
  readonly reason: number
  /** Tag and cause in plain words, never a value. */
  readonly text: string
}

/** What the Part 10 reader makes of one file. */
export interface ParsedInstance {
  readonly uids: InstanceUids
  readonly SOPClassUID: Uid
  readonly TransferSyntaxUID: Uid
  /** Group 0002. */
  readonly meta: DataSet
  /** Every element of the data set but Pixel Data, Float and Double Float Pixel Data at the top level. */
  readonly dataSet: DataSet
  /** Where frames lie, encoded by `dicom/pixel-map.ts`; null without pixel data. */
  readonly pixelMap: Buffer | null
  /** Bytes of the whole file that were read. */
  readonly size: number
  /** First byte of the data set: after preamble and group 0002. */
  readonly dataSetOffset: number
  /** Pixel data ends early, or lacks its delimiter or pad byte (everyday in old archives). */
  readonly damaged: boolean
  readonly oddities: readonly Oddity[]
}
