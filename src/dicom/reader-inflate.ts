import { Inflate } from 'pako'
import { Unreadable } from './reader-unreadable.ts'

/** Inflates a raw deflate stream (PS3.5 §A.5) as it comes in. */
export interface Inflater {
  /** Throws {@link Unreadable} when the stream is broken, or larger than allowed. */
  push(chunk: Buffer): void
  /** Hands over what is left; true when the stream had its end. */
  end(): boolean
}

/** Memory is that of one chunk and of zlib's window, whatever the ratio of compression. */
const CHUNK = 65_536

/** Hands what it inflates to `take`, at most `ceiling` bytes altogether. */
export function createInflater(ceiling: number, take: (chunk: Buffer) => void): Inflater {
  const inflate = new Inflate({ raw: true, chunkSize: CHUNK })
  let size = 0
  const hand = (chunk: Uint8Array): void => {
    size += chunk.length
    if (size > ceiling) throw new Unreadable(`inflates to more than ${ceiling} bytes`)
    take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
  }
  inflate.onData = hand
  return {
    push(chunk) {
      // Behind the end there may be a pad byte.
      if (inflate.ended) return
      inflate.push(chunk, false)
      if (inflate.err < 0) throw new Unreadable('has a broken deflate stream')
    },
    end() {
      if (inflate.ended) return true
      const { output, next_out } = inflate.strm
      if (next_out > 0) hand(output.subarray(0, next_out))
      return false
    },
  }
}
