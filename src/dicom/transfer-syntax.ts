import type { Uid } from './data-set.ts'

/** How a data set and its pixel data are encoded (PS3.5 §10 and Annex A). */
export interface TransferSyntax {
  readonly uid: Uid
  readonly name: string
  /** Every element names its VR. */
  readonly explicitVr: boolean
  readonly bigEndian: boolean
  /** Pixel data is a sequence of fragments (PS3.5 §A.4). */
  readonly encapsulated: boolean
  /** The data set is one raw deflate stream (PS3.5 §A.5). */
  readonly deflated: boolean
  /** The codec can lose information; whether it did is told by Lossy Image Compression (0028,2110). */
  readonly lossy: boolean
  /** All fragments are one stream with its own idea of frames: MPEG, H.264, H.265. */
  readonly video: boolean
  /** Pixel data is elsewhere, named by Pixel Data Provider URL (JPIP), or is no pixel data at all. */
  readonly referenced: boolean
  /** Media type of one frame, without parameters (PS3.18 Table 8.7.3-5). */
  readonly mediaType: string
  /**
   * What the `transfer-syntax` parameter of a frame says: frames never leave byte swapped or deflated, and those of
   * Encapsulated Uncompressed are the native bytes.
   */
  readonly frameSyntax: Uid
  /** False for those that "shall not be used" with Web Services (PS3.18 §8.7.3): rewritten before they leave. */
  readonly web: boolean
}

export const ImplicitVRLittleEndian: Uid = '1.2.840.10008.1.2'
export const ExplicitVRLittleEndian: Uid = '1.2.840.10008.1.2.1'
export const DeflatedExplicitVRLittleEndian: Uid = '1.2.840.10008.1.2.1.99'
export const ExplicitVRBigEndian: Uid = '1.2.840.10008.1.2.2'
export const JPEGBaseline8Bit: Uid = '1.2.840.10008.1.2.4.50'
export const RLELossless: Uid = '1.2.840.10008.1.2.5'

type Trait = 'implicit' | 'big' | 'native' | 'deflated' | 'lossy' | 'video' | 'referenced' | 'no-file'

/** UID after `1.2.840.10008.1.2`, name, media type of a frame, and in what it differs from lossless encapsulated. */
const TABLE: readonly (readonly [suffix: string, name: string, mediaType: string, ...traits: Trait[]])[] = [
  ['', 'Implicit VR Little Endian', 'application/octet-stream', 'implicit', 'native'],
  ['.1', 'Explicit VR Little Endian', 'application/octet-stream', 'native'],
  ['.1.98', 'Encapsulated Uncompressed Explicit VR Little Endian', 'application/octet-stream'],
  ['.1.99', 'Deflated Explicit VR Little Endian', 'application/octet-stream', 'native', 'deflated'],
  ['.2', 'Explicit VR Big Endian', 'application/octet-stream', 'native', 'big'],
  ['.4.50', 'JPEG Baseline (Process 1)', 'image/jpeg', 'lossy'],
  ['.4.51', 'JPEG Extended (Process 2 and 4)', 'image/jpeg', 'lossy'],
  ['.4.52', 'JPEG Extended (Process 3 and 5)', 'image/jpeg', 'lossy'],
  ['.4.53', 'JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)', 'image/jpeg', 'lossy'],
  ['.4.54', 'JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)', 'image/jpeg', 'lossy'],
  ['.4.55', 'JPEG Full Progression, Non-Hierarchical (Process 10 and 12)', 'image/jpeg', 'lossy'],
  ['.4.56', 'JPEG Full Progression, Non-Hierarchical (Process 11 and 13)', 'image/jpeg', 'lossy'],
  ['.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'image/jpeg'],
  ['.4.58', 'JPEG Lossless, Non-Hierarchical (Process 15)', 'image/jpeg'],
  ['.4.59', 'JPEG Extended, Hierarchical (Process 16 and 18)', 'image/jpeg', 'lossy'],
  ['.4.60', 'JPEG Extended, Hierarchical (Process 17 and 19)', 'image/jpeg', 'lossy'],
  ['.4.61', 'JPEG Spectral Selection, Hierarchical (Process 20 and 22)', 'image/jpeg', 'lossy'],
  ['.4.62', 'JPEG Spectral Selection, Hierarchical (Process 21 and 23)', 'image/jpeg', 'lossy'],
  ['.4.63', 'JPEG Full Progression, Hierarchical (Process 24 and 26)', 'image/jpeg', 'lossy'],
  ['.4.64', 'JPEG Full Progression, Hierarchical (Process 25 and 27)', 'image/jpeg', 'lossy'],
  ['.4.65', 'JPEG Lossless, Hierarchical (Process 28)', 'image/jpeg'],
  ['.4.66', 'JPEG Lossless, Hierarchical (Process 29)', 'image/jpeg'],
  ['.4.70', 'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 SV1)', 'image/jpeg'],
  ['.4.80', 'JPEG-LS Lossless Image Compression', 'image/jls'],
  ['.4.81', 'JPEG-LS Lossy (Near-Lossless) Image Compression', 'image/jls', 'lossy'],
  ['.4.90', 'JPEG 2000 Image Compression (Lossless Only)', 'image/jp2'],
  ['.4.91', 'JPEG 2000 Image Compression', 'image/jp2', 'lossy'],
  ['.4.92', 'JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)', 'image/jpx'],
  ['.4.93', 'JPEG 2000 Part 2 Multi-component Image Compression', 'image/jpx', 'lossy'],
  ['.4.94', 'JPIP Referenced', 'application/octet-stream', 'native', 'referenced', 'lossy'],
  [
    '.4.95',
    'JPIP Referenced Deflate',
    'application/octet-stream',
    'native',
    'referenced',
    'lossy',
    'deflated',
  ],
  ['.4.100', 'MPEG2 Main Profile / Main Level', 'video/mpeg', 'lossy', 'video'],
  ['.4.100.1', 'Fragmentable MPEG2 Main Profile / Main Level', 'video/mpeg', 'lossy', 'video'],
  ['.4.101', 'MPEG2 Main Profile / High Level', 'video/mpeg', 'lossy', 'video'],
  ['.4.101.1', 'Fragmentable MPEG2 Main Profile / High Level', 'video/mpeg', 'lossy', 'video'],
  ['.4.102', 'MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4', 'lossy', 'video'],
  ['.4.102.1', 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4', 'lossy', 'video'],
  ['.4.103', 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', 'video/mp4', 'lossy', 'video'],
  [
    '.4.103.1',
    'Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
    'video/mp4',
    'lossy',
    'video',
  ],
  ['.4.104', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video', 'video/mp4', 'lossy', 'video'],
  [
    '.4.104.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video',
    'video/mp4',
    'lossy',
    'video',
  ],
  ['.4.105', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video', 'video/mp4', 'lossy', 'video'],
  [
    '.4.105.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video',
    'video/mp4',
    'lossy',
    'video',
  ],
  ['.4.106', 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', 'video/mp4', 'lossy', 'video'],
  [
    '.4.106.1',
    'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2',
    'video/mp4',
    'lossy',
    'video',
  ],
  ['.4.107', 'HEVC/H.265 Main Profile / Level 5.1', 'video/H265', 'lossy', 'video'],
  ['.4.108', 'HEVC/H.265 Main 10 Profile / Level 5.1', 'video/H265', 'lossy', 'video'],
  ['.4.110', 'JPEG XL Lossless', 'image/jxl'],
  ['.4.111', 'JPEG XL JPEG Recompression', 'image/jxl', 'lossy'],
  ['.4.112', 'JPEG XL', 'image/jxl', 'lossy'],
  ['.4.201', 'High-Throughput JPEG 2000 Image Compression (Lossless Only)', 'image/jphc'],
  ['.4.202', 'High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)', 'image/jphc'],
  ['.4.203', 'High-Throughput JPEG 2000 Image Compression', 'image/jphc', 'lossy'],
  ['.4.204', 'JPIP HTJ2K Referenced', 'application/octet-stream', 'native', 'referenced', 'lossy'],
  [
    '.4.205',
    'JPIP HTJ2K Referenced Deflate',
    'application/octet-stream',
    'native',
    'referenced',
    'lossy',
    'deflated',
  ],
  ['.5', 'RLE Lossless', 'image/dicom-rle'],
  ['.6.1', 'RFC 2557 MIME encapsulation', 'application/octet-stream', 'native', 'referenced', 'no-file'],
  ['.6.2', 'XML Encoding', 'application/octet-stream', 'native', 'referenced', 'no-file'],
  [
    '.7.1',
    'SMPTE ST 2110-20 Uncompressed Progressive Active Video',
    'application/octet-stream',
    'native',
    'referenced',
    'no-file',
  ],
  [
    '.7.2',
    'SMPTE ST 2110-20 Uncompressed Interlaced Active Video',
    'application/octet-stream',
    'native',
    'referenced',
    'no-file',
  ],
  [
    '.7.3',
    'SMPTE ST 2110-30 PCM Digital Audio',
    'application/octet-stream',
    'native',
    'referenced',
    'no-file',
  ],
  ['.8.1', 'Deflated Image Frame Compression', 'application/octet-stream'],
]

const BY_UID: ReadonlyMap<Uid, TransferSyntax> = new Map(
  TABLE.map(([suffix, name, mediaType, ...traits]) => {
    const uid = ImplicitVRLittleEndian + suffix
    const encapsulated = !traits.includes('native')
    const syntax: TransferSyntax = Object.freeze({
      uid,
      name,
      explicitVr: !traits.includes('implicit'),
      bigEndian: traits.includes('big'),
      encapsulated,
      deflated: traits.includes('deflated'),
      lossy: traits.includes('lossy'),
      video: traits.includes('video'),
      referenced: traits.includes('referenced'),
      mediaType,
      frameSyntax: encapsulated && suffix !== '.1.98' ? uid : ExplicitVRLittleEndian,
      web: !traits.some((trait) => trait === 'implicit' || trait === 'big' || trait === 'no-file'),
    })
    return [uid, syntax]
  }),
)

/** The transfer syntax of this UID, or undefined where it is private or unknown. */
export function transferSyntax(uid: Uid): TransferSyntax | undefined {
  return BY_UID.get(uid)
}

/** Every transfer syntax of PS3.6 Table A-1, in ascending order of their numbers. */
export function transferSyntaxes(): readonly TransferSyntax[] {
  return [...BY_UID.values()]
}
