import { writeDurably, type DurableWrite } from '../../durable-write.ts'
import { openGate } from '../gate.ts'
import type { BlobPlace, Handed, SmallBlob, SmallBlobs } from '../ports.ts'
import { openGrowing, recordSize, type GrowingOptions } from './growing.ts'

/** What one write to the disk may hold, in bytes; what is queued beyond waits for the next. */
const WRITE_BYTES = 16 * 1024 * 1024

/** Appends records to the segment of this process. Segments of earlier processes are never written to. */
export interface Appender {
  /** Resolves when the record is durable. Rejects with what the file system says. */
  append(blob: SmallBlob): Promise<BlobPlace>
  /** As the port has it; rejects with what the file system says, too. */
  readonly lend: SmallBlobs['lend']
  /** The segment that may still grow, or null. */
  current(): string | null
  close(): Promise<void>
}

interface Waiting extends SmallBlob {
  readonly resolve: (place: BlobPlace) => void
  readonly reject: (error: unknown) => void
}

type Hand<Result> = (todo: DurableWrite, places: readonly BlobPlace[]) => Promise<Handed<Result>>

/**
 * Opens the appender. Whatever is asked for in one turn of the event loop, or while a write is under way, is written
 * together: no timer, and one sync for all.
 */
export function openAppender(options: GrowingOptions): Appender {
  const growing = openGrowing(options)
  const queue: Waiting[] = []
  /** One write at a time, whoever does it. */
  const alone = openGate(1)
  let running: Promise<void> | null = null

  async function write(together: readonly Waiting[]): Promise<void> {
    try {
      const { target, bytes, places } = await growing.layOut(together)
      await writeDurably(target.fd, [bytes], target.position)
      target.position += bytes.length
      places.forEach((place, at) => together[at]?.resolve(place))
    } catch (error) {
      await growing.leave()
      for (const { reject } of together) reject(error)
    }
  }

  async function lend<Result>(blobs: readonly SmallBlob[], hand: Hand<Result>): Promise<Result> {
    const { target, bytes, places } = await growing.layOut(blobs)
    const { fd, position } = target
    // Moved on before: where the other one fails nobody knows what was written, and told of.
    target.position += bytes.length
    const handed = await hand({ fd, bytes, position }, places)
    if (handed.bytes !== 'written') target.position = position
    if (handed.bytes !== 'torn') return handed.result
    await growing.leave()
    throw Object.assign(new Error('bytes are torn'), { code: handed.code, syscall: 'write' })
  }

  async function run(): Promise<void> {
    await Promise.resolve()
    while (queue.length > 0) await alone(() => write(queue.splice(0, fitting(queue))))
    running = null
  }

  return {
    append(blob) {
      return new Promise((resolve, reject) => {
        queue.push({ ...blob, resolve, reject })
        running ??= run()
      })
    },
    lend: (blobs, hand) => alone(() => lend(blobs, hand)),
    current: () => growing.current(),
    async close() {
      await running
      await alone(() => growing.finish())
    },
  }
}

/** How many of the queue go into one write: one at least. */
function fitting(queue: readonly SmallBlob[]): number {
  let size = 0
  const end = queue.findIndex((blob) => (size += recordSize(blob)) > WRITE_BYTES)
  return end === -1 ? queue.length : Math.max(1, end)
}
