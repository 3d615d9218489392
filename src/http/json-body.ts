import type { Request } from 'express'
import { Problem } from '../problem.ts'

/** What people and programs write by hand is short. */
const MOST_BYTES = 64 * 1024

/** The body of a request as a JSON object. Problems: `unsupported-media-type`, `too-large`, `malformed`. */
export async function jsonBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  if (request.is('json') === false)
    throw new Problem('unsupported-media-type', 'The body must be application/json.')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new Problem('too-large', `The body may have ${MOST_BYTES} bytes.`)
    chunks.push(chunk)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>
  } catch (error) {
    throw new Problem('malformed', 'The body is no JSON.', { cause: error })
  }
  throw new Problem('malformed', 'The body must be one JSON object.')
}
