/** What is read of an instance before its pixels are. */
import type { IndexedInstance } from '../database/ports/instance.ts'
import { annotationsOf, type Annotations } from '../dicom/annotation.ts'
import type { DataSet, Uid } from '../dicom/data-set.ts'
import { displayElements } from '../dicom/display.ts'
import type { PixelMap } from '../dicom/pixel-map.ts'
import { pixelFormat, type PixelFormat } from '../dicom/pixel-format.ts'
import type { Archive } from './archive.ts'
import { withTags } from './retrieve.ts'

export interface Facts {
  readonly format: PixelFormat | null
  /** All that `displayOf` reads. */
  readonly elements: DataSet
  readonly annotations: Annotations
}

export interface RememberedFacts {
  of(instance: IndexedInstance, map: PixelMap): Promise<Facts>
  /** Whether facts of the instance of that SOP Instance UID are remembered: its tags need not be read once more. */
  has(instance: Uid): boolean
}

/** Bytes of JSON text; those of ten thousands of frames have tens of millions, and once parsed some times as many. */
const MOST_BYTES = 32 * 1024 * 1024
/** Small ones have little of what they were read from, and a cost of their own. */
const LEAST_BYTES = 64 * 1024

/**
 * Facts of the instances that were asked for last, so that a loop of frames reads a large data set once. What is kept was
 * read from at most `most` bytes of data sets together, but for the last one.
 */
export function rememberFacts(archive: Archive, most = MOST_BYTES): RememberedFacts {
  const known = new Map<Uid, { readonly id: number; readonly facts: Promise<Facts>; bytes: number }>()
  let sum = 0
  const forget = (uid: Uid) => {
    sum -= known.get(uid)?.bytes ?? 0
    known.delete(uid)
  }
  const factsOf = (instance: IndexedInstance, map: PixelMap) => {
    const { id } = instance
    const uid = instance.uids.instance
    const found = known.get(uid)
    // Of one UID there may be another version since.
    if (found?.id === id) return found.facts
    forget(uid)
    const read = readFacts(archive, instance, map)
    const entry = { id, facts: read.then(({ facts }) => facts), bytes: LEAST_BYTES }
    known.set(uid, entry)
    sum += entry.bytes
    const settle = ({ bytes }: { bytes: number }) => {
      if (known.get(uid) !== entry) return
      sum += Math.max(0, bytes - entry.bytes)
      entry.bytes = Math.max(bytes, entry.bytes)
      for (const oldest of known.keys()) if (sum > most && oldest !== uid) forget(oldest)
    }
    // What could not be read this time is tried anew the next.
    read.then(settle, () => known.get(uid) === entry && forget(uid))
    return entry.facts
  }
  return { of: factsOf, has: (uid) => known.has(uid) }
}

async function readFacts(
  archive: Archive,
  instance: IndexedInstance,
  map: PixelMap,
): Promise<{ readonly facts: Facts; readonly bytes: number }> {
  const { tags } = await withTags(archive, instance)
  const dataSet = JSON.parse(tags?.toString('utf8') ?? '{}') as DataSet
  const facts = {
    format: pixelFormat(dataSet, map.tag),
    elements: displayElements(dataSet),
    annotations: annotationsOf(dataSet),
  }
  return { facts, bytes: tags?.length ?? 0 }
}
