/** What is read of an instance before its pixels are. */
import type { IndexedInstance } from '../database/ports/instance.ts'
import { annotationsOf, type Annotations } from '../dicom/annotation.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { displayElements } from '../dicom/display.ts'
import type { PixelMap } from '../dicom/pixel-map.ts'
import { pixelFormat, type PixelFormat } from '../dicom/pixel-format.ts'
import type { Archive } from './archive.ts'
import { instanceOf } from './retrieve.ts'

export interface Facts {
  readonly format: PixelFormat | null
  /** All that `displayOf` reads. */
  readonly elements: DataSet
  readonly annotations: Annotations
}

export type FactsOf = (instance: IndexedInstance, map: PixelMap) => Promise<Facts>

/** Bytes of JSON text; those of ten thousands of frames have tens of millions, and once parsed some times as many. */
const MOST_BYTES = 32 * 1024 * 1024
/** Small ones have little of what they were read from, and a cost of their own. */
const LEAST_BYTES = 64 * 1024

/**
 * Facts of the instances that were asked for last, so that a loop of frames reads a large data set once. What is kept was
 * read from at most `most` bytes of data sets together, but for the last one.
 */
export function rememberFacts(archive: Archive, most = MOST_BYTES): FactsOf {
  const known = new Map<number, { readonly facts: Promise<Facts>; bytes: number }>()
  let sum = 0
  const forget = (id: number) => {
    sum -= known.get(id)?.bytes ?? 0
    known.delete(id)
  }
  return (instance, map) => {
    const { id } = instance
    const found = known.get(id)
    if (found !== undefined) return found.facts
    const read = readFacts(archive, instance, map)
    const entry = { facts: read.then(({ facts }) => facts), bytes: LEAST_BYTES }
    known.set(id, entry)
    sum += entry.bytes
    const settle = ({ bytes }: { bytes: number }) => {
      if (known.get(id) !== entry) return
      sum += Math.max(0, bytes - entry.bytes)
      entry.bytes = Math.max(bytes, entry.bytes)
      for (const oldest of known.keys()) if (sum > most && oldest !== id) forget(oldest)
    }
    // What could not be read this time is tried anew the next.
    read.then(settle, () => known.get(id) === entry && forget(id))
    return entry.facts
  }
}

async function readFacts(
  archive: Archive,
  instance: IndexedInstance,
  map: PixelMap,
): Promise<{ readonly facts: Facts; readonly bytes: number }> {
  const { tags } = instance.tags ? instance : await instanceOf(archive, instance.uids, { tags: true })
  const dataSet = JSON.parse(tags?.toString('utf8') ?? '{}') as DataSet
  const facts = {
    format: pixelFormat(dataSet, map.tag),
    elements: displayElements(dataSet),
    annotations: annotationsOf(dataSet),
  }
  return { facts, bytes: tags?.length ?? 0 }
}
