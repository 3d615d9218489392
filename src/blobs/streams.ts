import { Readable } from 'node:stream'

/** One buffer as a stream, without the buffers of its own that a file or socket stream has. */
export function streamOf(bytes: Buffer): Readable {
  const stream = new Readable({ read: () => undefined })
  if (bytes.length > 0) stream.push(bytes)
  stream.push(null)
  return stream
}
