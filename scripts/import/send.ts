import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as secureRequest } from 'node:https'
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
  const answer = await post(target, boundary, async (sent) => {
    for (const { bytes } of parts) {
      sent.write(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
      sent.write(bytes)
      if (!sent.write('\r\n')) await once(sent, 'drain')
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
  const answer = await post(target, boundary, async (sent) => {
    sent.write(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
    await pipeline(createReadStream(file.path), sent, { end: false })
    sent.end(`\r\n--${boundary}--\r\n`)
  })
  if ('problem' in answer) return refused('', answer.problem)
  const uid = [...uidsIn(answer.response)][0] ?? null
  return outcomesOf(answer.response, [uid])[0] ?? refused('', 'the response does not mention it')
}

type StoreAnswer = { readonly response: DataSet } | { readonly problem: string }

/** Rejects when the service cannot be reached, or answers 401, 403 or 5xx: nothing is to be gained by going on. */
async function post(
  { base, token }: Target,
  boundary: string,
  write: (sent: ClientRequest) => Promise<void>,
): Promise<StoreAnswer> {
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
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  const [[answer]] = await Promise.all([answered, write(sent)])
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const status = answer.statusCode ?? 0
  if (answer.headers['content-type'] === 'application/dicom+json')
    return { response: JSON.parse(text) as DataSet }
  if (status === 401 || status === 403 || status >= 500)
    throw new Error(`the service answered ${status}: ${detailOf(text)}`)
  return { problem: `${status} ${detailOf(text)}` }
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
