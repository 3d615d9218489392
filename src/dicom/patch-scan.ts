import { buffer } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import type { DataSet, ParsedInstance } from './data-set.ts'
import { tagText } from './dictionary.ts'
import type { OpenFile } from './frames.ts'
import type { Extent } from './pixel-map.ts'
import type { Encoding } from './reader-detect.ts'
import { createPart10Reader, type ReaderLimits } from './reader.ts'
import { inflated } from './rewrite.ts'
import { splitHead } from './rewrite-head.ts'

/** One element of the data set, items and all, as it lies in the file. */
export interface ElementPlace {
  readonly tag: string
  /** First byte of its header; counted in the inflated data set if that is deflated. */
  readonly start: number
  /** First byte behind it. What follows the data set belongs to the last element. */
  readonly end: number
}

/** A file with the place of each of its elements. */
export interface ScannedFile {
  readonly parsed: ParsedInstance
  readonly encoding: Encoding
  readonly elements: readonly ElementPlace[]
  /** Bytes as `elements` count them. */
  readonly read: (extent: Extent) => Promise<Buffer>
}

/**
 * Reads a Part 10 file to its end and notes where its elements lie. A deflated data set is held in memory, for nothing can
 * be read out of its middle; of others nothing but the header is. Rejects with `Unreadable` as the reader throws.
 */
export async function scanFile(open: OpenFile, limits: Partial<ReaderLimits> = {}): Promise<ScannedFile> {
  const { encoding, dataSet } = await beginningOf(open)
  const starts: { tag: string; start: number }[] = []
  const reader = createPart10Reader(limits, (tag, start) => {
    // An element that had to wait for its bytes is met again.
    if (starts.at(-1)?.start === start) starts.pop()
    starts.push({ tag: tagText(tag), start })
  })
  for await (const chunk of (await open()) as AsyncIterable<Buffer>) reader.push(chunk)
  const parsed = reader.end()
  const end = dataSet?.length ?? parsed.size
  return {
    parsed,
    encoding,
    elements: starts.map((one, at) => ({ ...one, end: starts[at + 1]?.start ?? end })),
    read: async (extent) =>
      dataSet?.subarray(extent.offset, extent.offset + extent.length) ?? (await buffer(await open(extent))),
  }
}

/** How the data set is encoded, and the data set itself if it must be inflated. */
async function beginningOf(open: OpenFile): Promise<{ encoding: Encoding; dataSet: Buffer | undefined }> {
  const file = await open()
  try {
    const { head, rest } = await splitHead(file)
    const { encoding } = head
    const dataSet = encoding.deflated
      ? await buffer(Readable.from(inflated(rest), { objectMode: false }))
      : undefined
    return { encoding, dataSet }
  } finally {
    file.destroy()
  }
}

/** Whether a UID stands anywhere in an element. */
export function mentions(element: DataSet[string], uids: ReadonlyMap<string, string>): boolean {
  if (element.vr === 'UI')
    return element.Value?.some((value) => typeof value === 'string' && uids.has(value)) === true
  if (element.vr !== 'SQ') return false
  return ((element.Value ?? []) as DataSet[]).some((item) =>
    Object.values(item).some((inner) => mentions(inner, uids)),
  )
}
