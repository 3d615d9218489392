import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as secureRequest } from 'node:https'
import { text as readText } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createPart10Reader } from '../../src/dicom/reader.ts'
import type { DataSet, Uid } from '../../src/dicom/data-set.ts'
import { outcomesOf, refused, type Outcome } from './outcome.ts'

export interface Target {
  /** DICOMweb root: `http://127.0.0.1:8080/dicomweb`. */
  readonly base: string
  readonly token: string | undefined
}

export interface ImportFile {
  readonly path: string
  readonly size: number
}

/** Files above this are sent alone, as a stream. */
export const LARGE_FILE = 8 * 2 ** 20

const agent = new Agent({ keepAlive: true })

/** One file with what a batch must know of it. */
interface Part {
  readonly bytes: Buffer
  /** SOP Instance UID, null where the file is no instance. */
  readonly uid: Uid | null
}

/**
 * Sends files in the order given and says what became of each. A UID stands once in a request, so that the response can
 * be read back: the second file with it begins the next request.
 */
export async function sendFiles(target: Target, files: readonly ImportFile[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  let parts: Part[] = []
  const flush = async () => {
    if (parts.length > 0) outcomes.push(...(await sendParts(target, parts)))
    parts = []
  }
  for (const file of files) {
    if (file.size > LARGE_FILE) {
      await flush()
      outcomes.push(await sendLarge(target, file))
      continue
    }
    const bytes = await readFile(file.path)
    const uid = sopInstanceUid(bytes)
    if (uid !== null && parts.some((part) => part.uid === uid)) await flush()
    parts.push({ bytes, uid })
  }
  await flush()
  return outcomes
}

async function sendParts(target: Target, parts: readonly Part[]): Promise<readonly Outcome[]> {
  const boundary = randomBytes(16).toString('hex')
  const answer = await post(target, boundary, async (sent, answered) => {
    for (const { bytes } of parts) {
      sent.write(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
      sent.write(bytes)
      if (!sent.write('\r\n')) await once(sent, 'drain', { signal: answered })
    }
    sent.end(`--${boundary}--\r\n`)
  })
  if ('problem' in answer) return parts.map(() => refused('', answer.problem))
  return outcomesOf(
    answer.response,
    parts.map(({ uid }) => uid),
  )
}

async function sendLarge(target: Target, file: ImportFile): Promise<Outcome> {
  const boundary = randomBytes(16).toString('hex')
  const answer = await post(target, boundary, async (sent, answered) => {
    sent.write(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
    await pipeline(createReadStream(file.path), sent, { end: false, signal: answered })
    sent.end(`\r\n--${boundary}--\r\n`)
  })
  if ('problem' in answer) return refused('', answer.problem)
  const uid = [...uidsIn(answer.response)][0] ?? null
  return outcomesOf(answer.response, [uid])[0] ?? refused('', 'the response does not mention it')
}

type StoreAnswer = { readonly response: DataSet } | { readonly problem: string }

/** Of one request alone, whose files others do not share the fate of: malformed, too slow, too large, not taken. */
const OF_THIS_REQUEST = new Set([400, 408, 413, 415])

/** Writes a body until `answered`: who answers early, takes no more. */
type WriteBody = (sent: ClientRequest, answered: AbortSignal) => Promise<void>

/** Rejects when the service cannot be reached, or answers what it would answer to every request: nothing is to be gained by going on. */
async function post({ base, token }: Target, boundary: string, write: WriteBody): Promise<StoreAnswer> {
  const url = new URL(`${base}/studies`)
  const send = url.protocol === 'https:' ? secureRequest : request
  const sent = send(url, {
    method: 'POST',
    ...(url.protocol === 'http:' && { agent }),
    headers: {
      'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
      accept: 'application/dicom+json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  })
  const { status, type, text } = await answerTo(sent, write)
  if (type === 'application/dicom+json') return { response: JSON.parse(text) as DataSet }
  const said = `${status} ${detailOf(text)}`.trim()
  if (!OF_THIS_REQUEST.has(status)) throw new Error(`the service at ${base} answered ${said}`)
  return { problem: said }
}

/** Sends, and reads the answer: after the body, or in the middle of it, and then nobody waits for what was not sent. */
async function answerTo(
  sent: ClientRequest,
  write: WriteBody,
): Promise<{ status: number; type: string | undefined; text: string }> {
  const early = new AbortController()
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  const written = write(sent, early.signal)
  const [answer] = await Promise.race([answered, written.then(() => answered)])
  const text = await readText(answer)
  early.abort()
  // What it rejects with now is that it was ended; a connection in the middle of a body serves no other request.
  written.catch(() => undefined)
  if (!sent.writableEnded) sent.destroy()
  return { status: answer.statusCode ?? 0, type: answer.headers['content-type'], text }
}

function detailOf(text: string): string {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string }
    return detail ?? title ?? ''
  } catch {
    return ''
  }
}

function sopInstanceUid(bytes: Buffer): Uid | null {
  try {
    const reader = createPart10Reader()
    reader.push(bytes)
    return reader.end().uids.instance
  } catch {
    return null
  }
}

function* uidsIn(response: DataSet): Generator<Uid> {
  for (const tag of ['00081199', '00081198']) {
    for (const item of (response[tag]?.Value ?? []) as DataSet[]) {
      const uid = item['00081155']?.Value?.[0]
      if (typeof uid === 'string') yield uid
    }
  }
}
