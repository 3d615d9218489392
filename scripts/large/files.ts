import { createHash, type Hash } from 'node:crypto'
import { composeDataSet, type Attributes } from '../../src/dicom/compose.ts'
import type { Uid } from '../../src/dicom/data-set.ts'
import { ExplicitVRLittleEndian, ImplicitVRLittleEndian } from '../../src/dicom/transfer-syntax.ts'
import { header, writeInstance } from '../../src/dicom/writer.ts'

const EncapsulatedUncompressed: Uid = '1.2.840.10008.1.2.1.98'
const ROWS = 2048
/** One frame of 2048 × 2048 samples of 16 bits. */
export const FRAME_BYTES = ROWS * ROWS * 2
/** PS3.5 §7.1: a length is even and has 32 bits, and 0xFFFFFFFF means undefined. */
const LONGEST_VALUE = 2 ** 32 - 2
/** The longest item header, and the delimiter that ends pixel data. */
const ITEM = 8

export const KINDS = ['native', 'implicit', 'encapsulated'] as const
export type Kind = (typeof KINDS)[number]

/** A multi-frame instance that is made while it is sent: the same bytes each time, and never in memory. */
export interface LargeFile {
  readonly kind: Kind
  /** Path of the instance below the DICOMweb root. */
  readonly path: string
  readonly frames: number
  readonly size: number
  /** Where the first frame begins in the file. */
  readonly start: number
  /** The bytes of the file, in order; no chunk may be changed. */
  chunks(): Generator<Buffer>
}

/**
 * An instance of about `bytes`. Native pixel data ends below 4 GiB, where its length can no longer be written;
 * encapsulated pixel data goes one frame beyond `bytes`, with an Extended Offset Table (PS3.3 C.7.6.3.1.8), for its
 * offsets do not fit into a basic one. Each round has UIDs of its own.
 */
export function largeFile(kind: Kind, bytes: number, round: number): LargeFile {
  const isEncapsulated = kind === 'encapsulated'
  const frames = isEncapsulated
    ? Math.ceil(bytes / FRAME_BYTES) + 1
    : Math.floor(Math.min(bytes, LONGEST_VALUE) / FRAME_BYTES)
  const uid = (what: string) => `2.25.1414213562373095.${KINDS.indexOf(kind)}.${frames}.${round}.${what}`
  const head = isEncapsulated ? encapsulatedHead(frames, uid) : nativeHead(kind, frames, uid)
  const between = isEncapsulated ? [itemHeader(FRAME_BYTES)] : []
  const tail = isEncapsulated ? [header('FFFEE0DD', 'UN', 0, LITTLE)] : []
  return {
    kind,
    path: `/studies/${uid('1')}/series/${uid('2')}/instances/${uid('3')}`,
    frames,
    start: head.length + (isEncapsulated ? ITEM : 0),
    size: head.length + frames * (FRAME_BYTES + between.length * ITEM) + tail.length * ITEM,
    *chunks() {
      yield head
      for (let frame = 1; frame <= frames; frame++) {
        yield* between
        yield* frameChunks(frame)
      }
      yield* tail
    },
  }
}

/** The bytes of frame `number`, counted from 1. */
export function* frameChunks(number: number): Generator<Buffer> {
  const stamp = Buffer.alloc(8)
  stamp.writeUInt32LE(number)
  yield stamp
  yield SAMPLES
}

/** SHA-256 of all that comes out of `chunks`. */
export function digestOf(chunks: Iterable<Buffer>, hash: Hash = createHash('sha256')): string {
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** What all frames have in common behind their first eight bytes. */
const SAMPLES = Buffer.alloc(FRAME_BYTES - 8)
for (let at = 0, state = 1; at < SAMPLES.length; at += 4) {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  SAMPLES.writeInt32LE(state, at)
}

const LITTLE = { explicitVr: true, bigEndian: false }

function nativeHead(kind: Kind, frames: number, uid: (what: string) => Uid): Buffer {
  const TransferSyntaxUID = kind === 'implicit' ? ImplicitVRLittleEndian : ExplicitVRLittleEndian
  const encoding = { explicitVr: kind !== 'implicit', bigEndian: false }
  return Buffer.concat([
    writeInstance(composeDataSet(attributes(frames, uid)), { TransferSyntaxUID }),
    header('7FE00010', 'OW', frames * FRAME_BYTES, encoding),
  ])
}

function encapsulatedHead(frames: number, uid: (what: string) => Uid): Buffer {
  const table = (value: (index: number) => number) => {
    const bytes = Buffer.alloc(frames * 8)
    for (let index = 0; index < frames; index++) bytes.writeBigUInt64LE(BigInt(value(index)), index * 8)
    return { vr: 'OV', InlineBinary: bytes.toString('base64') } as const
  }
  const dataSet = composeDataSet({
    ...attributes(frames, uid),
    '7FE00001': table((index) => index * (FRAME_BYTES + ITEM)),
    '7FE00002': table(() => FRAME_BYTES),
  })
  return Buffer.concat([
    writeInstance(dataSet, { TransferSyntaxUID: EncapsulatedUncompressed }),
    header('7FE00010', 'OB', 0xffffffff, LITTLE),
    itemHeader(0),
  ])
}

function itemHeader(length: number): Buffer {
  return header('FFFEE000', 'UN', length, LITTLE)
}

function attributes(NumberOfFrames: number, uid: (what: string) => Uid): Attributes {
  return {
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.7.3',
    SOPInstanceUID: uid('3'),
    StudyInstanceUID: uid('1'),
    SeriesInstanceUID: uid('2'),
    StudyDate: '20260102',
    PatientID: 'LARGE',
    PatientName: 'Large^Instance',
    Modality: 'OT',
    NumberOfFrames,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: ROWS,
    Columns: ROWS,
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 0,
  }
}
