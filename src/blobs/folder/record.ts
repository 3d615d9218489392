import { crc32 } from 'node:zlib'
import { uuidBytes } from '../uuid7.ts'

/**
 * One record of a segment file: a header, then the bytes of the blob. The header names the segment and the offset it
 * was written for, so that a look-alike inside of a blob, or what an old block of the disk still holds, is never taken
 * for a record. All numbers are little endian.
 *
 *     0  magic 'CNCR'          20  UUID of the segment (16)
 *     4  version, 1            36  SHA-256 of the payload (32)
 *     5  zeros (3)             68  milliseconds since 1970 when written (u64)
 *     8  payload length (u32)  76  CRC-32 of bytes 0–75
 *    12  offset of this header in the segment (u64)
 */
export const HEADER = 80

const MAGIC = Buffer.from('CNCR', 'latin1')
const VERSION = 1

export interface RecordHeader {
  readonly length: number
  readonly sha256: string
  readonly writtenAt: number
}

/** Writes the header of the record at `offset` of `segment` into the first {@link HEADER} bytes of `target`. */
export function writeHeader(target: Buffer, segment: string, offset: number, header: RecordHeader): void {
  target.fill(0, 0, HEADER)
  MAGIC.copy(target, 0)
  target.writeUInt8(VERSION, 4)
  target.writeUInt32LE(header.length, 8)
  target.writeBigUInt64LE(BigInt(offset), 12)
  uuidBytes(segment).copy(target, 20)
  Buffer.from(header.sha256, 'hex').copy(target, 36, 0, 32)
  target.writeBigUInt64LE(BigInt(header.writtenAt), 68)
  target.writeUInt32LE(crc32(target.subarray(0, 76)), 76)
}

/** The header at the start of `bytes`, or null where these are not a whole header written for this very place. */
export function readHeader(bytes: Buffer, segment: string, offset: number): RecordHeader | null {
  if (bytes.length < HEADER || !bytes.subarray(0, 4).equals(MAGIC) || bytes.readUInt8(4) !== VERSION)
    return null
  if (bytes.readUInt32LE(76) !== crc32(bytes.subarray(0, 76))) return null
  if (bytes.readBigUInt64LE(12) !== BigInt(offset) || !bytes.subarray(20, 36).equals(uuidBytes(segment)))
    return null
  return {
    length: bytes.readUInt32LE(8),
    sha256: bytes.toString('hex', 36, 68),
    writtenAt: Number(bytes.readBigUInt64LE(68)),
  }
}

/** Where a header may begin again in `bytes`, at or after `from`; -1 where nowhere. */
export function nextMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf(MAGIC, from)
}
