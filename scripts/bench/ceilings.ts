/** What this machine can do at all: HTTP servers that do less than an archive must, and raw hash + write + sync. */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

export interface Sink {
  readonly base: string
  stop(): Promise<void>
}

/** An HTTP server in a thread of its own that reads every body and answers 200. */
export async function startSink(): Promise<Sink> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:http').createServer((question, answer) => {
       question.resume()
       question.on('end', () => answer.end('{}'))
     })
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`,
    { eval: true },
  )
  const [port] = (await once(worker, 'message')) as [number]
  return {
    base: `http://127.0.0.1:${port}`,
    stop: async () => {
      await worker.terminate()
    },
  }
}

/** An HTTP server in a thread of its own that makes every body durable, commits one row for it and answers 200. */
export async function startDurableSink(): Promise<Sink> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-sink-'))
  const worker = new Worker(new URL('./durable-sink.ts', import.meta.url), { workerData: folder })
  const [port] = (await once(worker, 'message')) as [number]
  return {
    base: `http://127.0.0.1:${port}`,
    stop: async () => {
      await worker.terminate()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Files a second that are hashed, written each to a file of its own and synced, `inFlight` at a time. */
export async function rawFilesPerSecond(bytes: Buffer, count: number, inFlight: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-raw-'))
  try {
    const started = performance.now()
    let left = count
    const lane = async () => {
      while (left-- > 0) {
        createHash('sha256').update(bytes).digest()
        const file = await open(join(folder, randomUUID()), 'wx')
        await file.write(bytes)
        await file.datasync()
        await file.close()
      }
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
    return (count * 1000) / (performance.now() - started)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
