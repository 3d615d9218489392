import { randomBytes } from 'node:crypto'
import { Agent, request, type IncomingHttpHeaders } from 'node:http'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
/** As reading tells it, and as writing does, which a long body may do first. */
const HUNG_UP = new Set(['ECONNRESET', 'EPIPE'])

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Milliseconds until the first byte of the body. */
  readonly firstByteMs: number
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: Buffer
  /** Rejects when no byte has come for so long. */
  readonly timeoutMs?: number
}

/**
 * One request on a kept connection. A server may have closed that one meanwhile without our having read of it, for a
 * busy loop reads nothing: then once more on another (RFC 9112 §9.3.1).
 */
export function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, timeoutMs } = options
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs }
    const sent = request(url, { agent, method, headers: { ...headers, ...length }, ...timeout }, (answer) => {
      const chunks: Buffer[] = []
      let firstByteMs: number | undefined
      const sinceStart = () => performance.now() - started
      answer.on('data', (chunk: Buffer) => {
        firstByteMs ??= sinceStart()
        chunks.push(chunk)
      })
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks),
          firstByteMs: firstByteMs ?? sinceStart(),
        }),
      )
      answer.on('error', reject)
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (sent.reusedSocket && HUNG_UP.has(error.code ?? '')) resolve(ask(url, options))
      else reject(error)
    })
    sent.end(body)
  })
}

/** Stores one batch of files with STOW-RS. */
export function stow(base: string, files: readonly Buffer[]): Promise<Answer> {
  const boundary = randomBytes(12).toString('hex')
  const parts = files.flatMap((file) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    file,
    Buffer.from('\r\n'),
  ])
  return ask(`${base}/studies`, {
    method: 'POST',
    headers: {
      'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
      accept: 'application/dicom+json',
    },
    body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
  })
}

/** The value below which the share `p` of them lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? NaN
}
