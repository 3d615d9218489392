import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { newUid } from '../../src/dicom/uid.ts'
import { inMib, memoryOf } from '../large/memory.ts'
import { stow } from './http-client.ts'
import { madeInstance } from './made-instances.ts'

/** A whole series as a viewer asks for it, by clients that take it at different speeds. */
export interface LongSeries {
  readonly client: string
  readonly firstByteMs: number
  readonly allMs: number
  readonly bytes: number
  /** MiB by which the service's resident memory grows at the most meanwhile; null where it cannot be seen. */
  readonly growth: string | null
}

const BATCH = 100
const MIB = 1024 * 1024
/** The slow one stops so long after each megabyte. */
const PAUSE_MS = 100

/** Stores one series of so many instances, and gives the address of its metadata. */
export async function storeLongSeries(base: string, count: number): Promise<string> {
  const [StudyInstanceUID, SeriesInstanceUID] = [newUid(), newUid()]
  for (let first = 0; first < count; first += BATCH) {
    const files = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => {
      const InstanceNumber = first + index + 1
      const SOPInstanceUID = `${SeriesInstanceUID}.${InstanceNumber}`
      return madeInstance(0, 8, { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, InstanceNumber })
    })
    const { status } = await stow(base, files)
    if (status !== 200) throw new Error(`STOW answered ${status}`)
  }
  return `${base}/studies/${StudyInstanceUID}/series/${SeriesInstanceUID}/metadata`
}

/** Asks for a series' metadata as quickly as can be, compressed, and slowly. `pid`: of the service, null for a peer. */
export async function readLongSeries(url: string, pid: number | null): Promise<LongSeries[]> {
  const found: LongSeries[] = []
  for (const [client, headers, pauseMs] of [
    ['warming up', {}, 0],
    ['quick', {}, 0],
    ['gzip', { 'accept-encoding': 'gzip' }, 0],
    ['slow', {}, PAUSE_MS],
  ] as const) {
    const memory = pid === null || process.platform !== 'linux' ? null : memoryOf(pid)
    memory?.peak()
    const before = memory?.now() ?? 0
    const times = await read(url, headers, pauseMs)
    found.push({ client, ...times, growth: memory === null ? null : inMib(memory.peak() - before) })
  }
  return found
}

async function read(url: string, headers: Record<string, string>, pauseMs: number) {
  const began = performance.now()
  const sent = get(url, { headers: { accept: 'application/dicom+json', ...headers }, agent: false })
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  if (answer.statusCode !== 200) throw new Error(`metadata answered ${answer.statusCode ?? 0}`)
  let firstByteMs = 0
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    firstByteMs ||= performance.now() - began
    if (pauseMs > 0 && Math.floor((bytes + chunk.length) / MIB) > Math.floor(bytes / MIB))
      await sleep(pauseMs)
    bytes += chunk.length
  }
  return { firstByteMs, allMs: performance.now() - began, bytes }
}
