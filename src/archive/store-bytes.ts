import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { NewBlob } from '../blobs/ports.ts'
import type { OpenFile } from '../dicom/frames.ts'
import { sliceOf } from '../pieces.ts'

/** Opens bytes that are not yet a blob, or a range of them. */
export function spooledFile({ bytes, size }: NewBlob): OpenFile {
  return ({ offset, length } = { offset: 0, length: size }) => {
    const stream =
      'path' in bytes && length > 0
        ? createReadStream(bytes.path, { start: offset, end: offset + length - 1 })
        : Readable.from('path' in bytes ? [] : [sliceOf(bytes, offset, length)], { objectMode: false })
    return Promise.resolve(stream)
  }
}
