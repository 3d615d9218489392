import { open } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { sliceOf } from '../pieces.ts'
import type { BlobStore, Extent, NewBlob } from '../blobs/ports.ts'
import type { BlobExtent } from '../database/ports/instance.ts'

/** A range of a file that lies in several blobs, as one piece in memory: for values of the header, not for pixels. */
export async function readBlob(
  blobs: BlobStore,
  extents: readonly BlobExtent[],
  wanted: Extent,
): Promise<Buffer> {
  const pieces: Buffer[] = []
  let begin = 0
  for (const { key, offset, length } of extents) {
    const from = Math.max(wanted.offset, begin)
    const to = Math.min(wanted.offset + wanted.length, begin + length)
    if (to > from) {
      pieces.push(await buffer(await blobs.get(key, { offset: offset + from - begin, length: to - from })))
    }
    begin += length
  }
  return Buffer.concat(pieces)
}

/** A range of bytes that are not yet a blob. */
export async function readSpooled({ bytes }: NewBlob, { offset, length }: Extent): Promise<Buffer> {
  if (!('path' in bytes)) return sliceOf(bytes, offset, length)
  const handle = await open(bytes.path)
  try {
    const { buffer: read, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
    return read.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
