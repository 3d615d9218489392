import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { FRAME_BYTES, type LargeFile } from './files.ts'

const BOUNDARY = 'concord-large-instance'
/** Where the header of an answer's file must have ended. */
const LONGEST_HEAD = 1024 * 1024

/** Stores the file with STOW-RS as it is made; gives its SHA-256. Rejects when it is not stored without a warning. */
export async function store(base: string, file: LargeFile): Promise<string> {
  const hash = createHash('sha256')
  const body = function* () {
    yield Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`)
    for (const chunk of file.chunks()) {
      hash.update(chunk)
      yield chunk
    }
    yield Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
  }
  const outgoing = request(`${base}/studies`, {
    method: 'POST',
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}` },
  })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  // An answer before the end of the body is the one to tell, not that the connection was closed upon it.
  const [[answer]] = await Promise.all([
    answered,
    pipeline(Readable.from(body()), outgoing).catch(() => null),
  ])
  const said = await text(answer)
  if (answer.statusCode !== 200) throw new Error(`not stored: ${answer.statusCode} ${said.slice(0, 500)}`)
  return hash.digest('hex')
}

/** SHA-256 and length of a representation. */
export async function fetched(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of await get(url, headers)) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** SHA-256 of what follows the header of Pixel Data (7FE0,0010) with its length of native bytes, in a file that was rewritten. */
export async function fetchedPixels(url: string, file: LargeFile): Promise<string> {
  const hash = createHash('sha256')
  let head: Buffer | null = Buffer.alloc(0)
  let left = file.frames * FRAME_BYTES
  const take = (chunk: Buffer) => {
    hash.update(chunk.subarray(0, left))
    left -= Math.min(left, chunk.length)
  }
  for await (const chunk of await get(url, { Accept: 'application/dicom; transfer-syntax=*' })) {
    if (head === null) take(chunk)
    else {
      head = Buffer.concat([head, chunk])
      const at = head.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0]))
      if (at !== -1) {
        take(head.subarray(at + 12))
        head = null
      } else if (head.length > LONGEST_HEAD) throw new Error(`no pixel data within 1 MiB of ${url}`)
    }
  }
  if (left > 0) throw new Error(`${left} bytes of pixel data are missing from ${url}`)
  return hash.digest('hex')
}

async function get(url: string, headers: Readonly<Record<string, string>>): Promise<AsyncIterable<Buffer>> {
  const outgoing = request(url, { headers: { ...headers } }).end()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200 && answer.statusCode !== 206)
    throw new Error(`${answer.statusCode} for ${url}: ${(await text(answer)).slice(0, 500)}`)
  return answer
}
