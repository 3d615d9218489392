import { createReadStream, createWriteStream } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StoredBlob } from '../blobs/ports.ts'
import { uuidv7 } from '../dicom/uid.ts'

/** Blobs that are sorted in memory: about 20 MB. */
const RUN = 100_000

/**
 * Blobs in the order in which they arrived. An archive may have more of them than memory should hold: sorted runs go
 * into files in `folder`, which are merged and deleted.
 * @param runLength how many are sorted in memory
 */
export async function* inArrivalOrder(
  blobs: AsyncIterable<StoredBlob>,
  folder: string,
  runLength: number = RUN,
): AsyncGenerator<StoredBlob> {
  const paths: string[] = []
  let run: StoredBlob[] = []
  try {
    for await (const blob of blobs) {
      run.push(blob)
      if (run.length < runLength) continue
      const path = join(folder, `${uuidv7()}.part`)
      paths.push(path)
      await pipeline(Readable.from(lines(run.sort(byArrival))), createWriteStream(path, { mode: 0o600 }))
      run = []
    }
    yield* merged([...paths.map(readRun), run.sort(byArrival).values()])
  } finally {
    for (const path of paths) await unlink(path).catch(() => undefined)
  }
}

function byArrival(a: StoredBlob, b: StoredBlob): number {
  return a.arrival < b.arrival ? -1 : a.arrival > b.arrival ? 1 : 0
}

function* lines(run: readonly StoredBlob[]): Generator<string> {
  for (const blob of run) yield `${JSON.stringify(blob)}\n`
}

async function* readRun(path: string): AsyncGenerator<StoredBlob> {
  const input = createReadStream(path)
  try {
    for await (const line of createInterface({ input })) {
      const blob = JSON.parse(line) as StoredBlob & { modifiedAt: string; arrivedAt: string }
      yield { ...blob, modifiedAt: new Date(blob.modifiedAt), arrivedAt: new Date(blob.arrivedAt) }
    }
  } finally {
    input.destroy()
  }
}

/** A run with the blob at which it stands. */
interface Head {
  readonly rest: Iterator<StoredBlob> | AsyncIterator<StoredBlob>
  blob: StoredBlob
}

async function* merged(
  runs: readonly (Iterator<StoredBlob> | AsyncIterator<StoredBlob>)[],
): AsyncGenerator<StoredBlob> {
  const heads: Head[] = []
  for (const rest of runs) {
    const first = await rest.next()
    if (first.done !== true) heads.push({ rest, blob: first.value })
  }
  for (let least = leastOf(heads); least !== undefined; least = leastOf(heads)) {
    yield least.blob
    const next = await least.rest.next()
    if (next.done === true) heads.splice(heads.indexOf(least), 1)
    else least.blob = next.value
  }
}

function leastOf(heads: readonly Head[]): Head | undefined {
  let least = heads[0]
  for (const head of heads) if (least !== undefined && byArrival(head.blob, least.blob) < 0) least = head
  return least
}
