/** Colour profiles within picture files (ICC.1:2022, Annex B). */
import { crc32, deflateSync } from 'node:zlib'
import type { PictureType } from './ports.ts'

const PNG_HEAD = 33
/** Bytes of a profile that one segment of JPEG takes, and segments that there can be. */
const LARGEST_CHUNK = 65519
const MOST_CHUNKS = 255

/** Whether bytes are a profile of red, green and blue: by the header (§7.2), which says its size, colours and signature. */
export function isRgbProfile(bytes: Uint8Array): boolean {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (header.length < 132 || header.length > LARGEST_CHUNK * MOST_CHUNKS) return false
  const size = header.readUInt32BE(0)
  return (
    size >= 132 &&
    size <= header.length &&
    header.toString('latin1', 16, 20) === 'RGB ' &&
    header.toString('latin1', 36, 40) === 'acsp'
  )
}

/** The file of a picture without a profile, with one; GIF as it is. */
export function withProfile(file: Buffer, media: PictureType, profile: Uint8Array): Buffer {
  if (media === 'image/gif') return file
  return media === 'image/png' ? inPng(file, profile) : inJpeg(file, profile)
}

/** Chunk iCCP, before all that is coded by it. */
function inPng(file: Buffer, profile: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from('iCCPICC profile\0\0', 'latin1'), deflateSync(profile)])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(body.length - 4, 0)
  frame.writeUInt32BE(crc32(body), 4)
  const chunk = [frame.subarray(0, 4), body, frame.subarray(4)]
  return Buffer.concat([file.subarray(0, PNG_HEAD), ...chunk, file.subarray(PNG_HEAD)])
}

/** Segments APP2, behind that of JFIF, which must be the first. */
function inJpeg(file: Buffer, profile: Uint8Array): Buffer {
  const start = file.readUInt16BE(2) === 0xffe0 ? 4 + file.readUInt16BE(4) : 2
  const count = Math.ceil(profile.length / LARGEST_CHUNK)
  const segments = Array.from({ length: count }, (_, index) => {
    const chunk = profile.subarray(index * LARGEST_CHUNK, (index + 1) * LARGEST_CHUNK)
    const head = Buffer.from([0xff, 0xe2, 0, 0, ...Buffer.from('ICC_PROFILE\0', 'latin1'), index + 1, count])
    head.writeUInt16BE(head.length - 2 + chunk.length, 2)
    return Buffer.concat([head, chunk])
  })
  return Buffer.concat([file.subarray(0, start), ...segments, file.subarray(start)])
}
