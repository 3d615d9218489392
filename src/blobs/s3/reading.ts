import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { Problem } from '../../problem.ts'
import type { Extent } from '../ports.ts'
import { streamOf } from '../streams.ts'
import { isMissing, isTransient, storeProblem } from './attempts.ts'
import { SilenceError } from './transport.ts'
import type { S3Bucket } from './writing.ts'

/** Up to this many bytes are read before they are given on, so that all of a broken transfer can be asked for again. */
const ONE_READ = 256 * 1024
/** How often a broken transfer is taken up where it broke. */
const RESUMPTIONS = 4

interface Transfer {
  readonly response: IncomingMessage
  readonly length: number
}

/**
 * The bytes of an object, or a range of them. A transfer that breaks is taken up again where it broke, so what comes
 * is whole or ends in an error. Rejects with Problem `unavailable` where the bytes are not all there.
 */
export async function readObject(
  store: S3Bucket,
  key: string,
  extent: Extent | undefined,
  idleMs: number,
): Promise<Readable> {
  try {
    return await store.attempts(async () => {
      const transfer = await ask(store, key, extent)
      if (transfer.length > ONE_READ)
        return resumed(store, key, transfer, { from: extent?.offset ?? 0, idleMs })
      return streamOf(await collect(transfer))
    })
  } catch (error) {
    if (!isMissing(error)) throw storeProblem(error, 'A blob cannot be read')
    throw new Problem('unavailable', 'A blob that should be there is not.', { cause: error, retryAfter: 60 })
  }
}

async function ask({ client, bucket }: S3Bucket, key: string, extent: Extent | undefined): Promise<Transfer> {
  const headers = extent ? { range: `bytes=${extent.offset}-${extent.offset + extent.length - 1}` } : {}
  const request = { method: 'GET', bucketName: bucket, objectName: key, headers }
  const response = await client.makeRequestAsync(request, '', [extent ? 206 : 200])
  const length = Number(response.headers['content-length'])
  if (Number.isSafeInteger(length) && length === (extent?.length ?? length)) return { response, length }
  response.destroy()
  throw new Problem(
    'unavailable',
    `The object store gives ${length} bytes of a range of ${extent?.length ?? length}.`,
  )
}

async function collect({ response, length }: Transfer): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  if (bytes.length !== length)
    throw new Problem('unavailable', `A blob ended after ${bytes.length} of ${length} bytes.`)
  return bytes
}

function resumed(
  store: S3Bucket,
  key: string,
  first: Transfer,
  { from, idleMs }: { readonly from: number; readonly idleMs: number },
): Readable {
  let current = first.response

  async function* bytes(): AsyncGenerator<Buffer> {
    let done = 0
    for (let resumptions = 0; done < first.length;) {
      try {
        for await (const chunk of watched(current, idleMs)) {
          yield chunk
          done += chunk.length
        }
      } catch (error) {
        if (!isTransient(error) || resumptions++ === RESUMPTIONS)
          throw storeProblem(error, 'A blob cannot be read on')
        current = await rest(done)
      }
    }
  }

  async function rest(done: number): Promise<IncomingMessage> {
    try {
      const extent = { offset: from + done, length: first.length - done }
      return (await store.attempts(() => ask(store, key, extent))).response
    } catch (error) {
      throw storeProblem(error, 'A blob cannot be read on')
    }
  }

  const stream = Readable.from(bytes(), { objectMode: false })
  // Also when nobody has read from it yet, and the generator has not begun.
  stream.once('close', () => current.destroy())
  return stream
}

/** Gives chunks on; fails when the store, not the reader, is silent for too long. */
async function* watched(response: IncomingMessage, idleMs: number): AsyncGenerator<Buffer> {
  // The socket's own clock would also run while a slow client keeps us waiting.
  response.setTimeout(0)
  const fallSilent = (): void => void response.destroy(new SilenceError(idleMs))
  let silence = setTimeout(fallSilent, idleMs)
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      clearTimeout(silence)
      yield chunk
      silence = setTimeout(fallSilent, idleMs)
    }
  } finally {
    clearTimeout(silence)
  }
}
