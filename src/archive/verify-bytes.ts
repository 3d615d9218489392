import type { IndexedInstance, InstanceState } from '../database/ports/instance.ts'
import type { BlobRow, Finding } from '../database/ports/inspection.ts'
import type { DataSet, ParsedInstance } from '../dicom/data-set.ts'
import { printedTag, Unreadable } from '../dicom/reader-unreadable.ts'
import type { KeptArchive } from './archive.ts'
import { inOrder } from './in-order.ts'
import { readIfThere, type StoredFile } from './read-stored.ts'
import { fileOf } from './retrieve.ts'
import type { Tally, VerifyOptions } from './verify.ts'

/** Instances whose bytes must be there: those of deleted ones may be gone. */
const KEPT: readonly InstanceState[] = ['active', 'superseded', 'rejected']
const AT_ONCE = 16
/** When whole files are read: several, for the disk to be busy, and few, for memory. */
const READ_AT_ONCE = 4
const PAGE = 500

/** Whether the bytes of each instance are there, in full; `deep`: whether they are the same and say the same. */
export async function* checkInstances(
  archive: KeptArchive,
  options: VerifyOptions,
  tally: Tally,
): AsyncGenerator<Finding> {
  const { deep } = options
  const chosen = chosenInstances(archive, options, tally)
  const check = (instance: IndexedInstance) => checkInstance(archive, options, instance)
  for await (const findings of inOrder(chosen, deep ? READ_AT_ONCE : AT_ONCE, check)) yield* findings
}

async function* chosenInstances(
  { database }: KeptArchive,
  { deep, sample, since, progress }: VerifyOptions,
  tally: Tally,
): AsyncGenerator<IndexedInstance> {
  const options = { states: KEPT, tags: deep, pixelMap: deep }
  for await (const page of database.index.instances({}, options)) {
    for (const instance of page) {
      progress?.tick(1)
      if (since !== undefined && instance.receivedAt < since) continue
      if (sample < 1 && Math.random() >= sample) continue
      tally.instances++
      tally.bytes += instance.size
      yield instance
    }
  }
}

async function checkInstance(
  archive: KeptArchive,
  options: VerifyOptions,
  instance: IndexedInstance,
): Promise<Finding[]> {
  const missing = await missingBytes(archive, instance)
  if (missing !== null) return [finding(instance, missing)]
  if (!options.deep) return []
  const file = await readIfThere(archive.blobs, options.limits, fileOf(archive, instance))
  if (file === null) return [finding(instance, 'its bytes cannot be read')]
  return differences(instance, file).map((what) => finding(instance, what))
}

function finding({ uids }: IndexedInstance, what: string): Finding {
  return { check: 'bytes', what: `instance ${uids.instance}: ${what}` }
}

/** What is missing of an instance's bytes, in words; null where they are all there. */
async function missingBytes(
  { blobs }: KeptArchive,
  { extents, size }: IndexedInstance,
): Promise<string | null> {
  if (extents.reduce((sum, extent) => sum + extent.length, 0) !== size)
    return 'its pieces together have another size than it'
  for (const { store, key, offset, length } of extents) {
    if (store !== blobs.name) return `its bytes lie in the store "${store}", which the settings do not name`
    const found = await blobs.stat(key)
    if (found === null) return `blob ${key} is missing`
    const isWhole = extents.length === 1 && offset === 0
    if (isWhole ? found.size !== length : found.size < offset + length)
      return `blob ${key} has ${found.size} bytes, which should be ${isWhole ? '' : 'at least '}${offset + length}`
  }
  return null
}

/** In what the file is another than the index says. A file of other bytes is not read: it can say anything. */
function differences(instance: IndexedInstance, file: StoredFile): string[] {
  if (file.sha256 !== instance.fileSha256)
    return [`its bytes have changed: SHA-256 is ${file.sha256} and was ${instance.fileSha256}`]
  const { parsed } = file
  if (parsed instanceof Unreadable) return [`its bytes cannot be read any more: ${parsed.message}`]
  const { uids, TransferSyntaxUID, SOPClassUID, damaged } = parsed
  const differs = {
    'its data set has another SHA-256': file.datasetSha256 !== instance.datasetSha256,
    'its UIDs are others':
      uids.study !== instance.uids.study ||
      uids.series !== instance.uids.series ||
      uids.instance !== instance.uids.instance,
    'its SOP class is another': SOPClassUID !== instance.SOPClassUID,
    'its transfer syntax is another': TransferSyntaxUID !== instance.TransferSyntaxUID,
    'it is damaged, or not, against what the index says': damaged !== instance.damaged,
    'its pixel map is another': !samePixelMap(parsed.pixelMap, instance.pixelMap ?? null),
  }
  const words = Object.entries(differs).flatMap(([what, isSo]) => (isSo ? [what] : []))
  const tags = differingTags(parsed, instance)
  return tags.length === 0 ? words : [...words, `the index says something else of ${tags.join(', ')}`]
}

function samePixelMap(one: Buffer | null, other: Buffer | null): boolean {
  return one === null || other === null ? one === other : one.equals(other)
}

/** The most tags that are named. */
const NAMED = 10

/** Tags, as people write them, at which the index has another attribute than the file. */
function differingTags({ dataSet }: ParsedInstance, { tags }: IndexedInstance): string[] {
  const indexed = JSON.parse(tags?.toString('utf8') ?? '{}') as DataSet
  const all = [...new Set([...Object.keys(dataSet), ...Object.keys(indexed)])].sort()
  const differing = all.filter((tag) => JSON.stringify(dataSet[tag]) !== JSON.stringify(indexed[tag]))
  const named = differing.slice(0, NAMED).map(printedTag)
  return differing.length > NAMED ? [...named, `and ${differing.length - NAMED} more`] : named
}

/** Blobs that are kept for no instance: those in quarantine must be there, and what is doomed is counted. */
export async function* checkSetAside(
  archive: KeptArchive,
  options: VerifyOptions,
  tally: Tally,
): AsyncGenerator<Finding> {
  for await (const row of blobRows(archive)) {
    if (row.state === 'doomed') tally.doomed++
    if (row.state !== 'quarantined') continue
    tally.quarantined++
    const what = await faultOf(archive, options, row)
    if (what !== null) yield { check: 'quarantine', what: `blob ${row.key}: ${what}` }
  }
}

/** Every row of a blob. */
export async function* blobRows({ database }: KeptArchive): AsyncGenerator<BlobRow> {
  for (let after = 0, more = true; more;) {
    const rows = await database.inspection.blobs(after, PAGE)
    yield* rows
    after = rows.at(-1)?.id ?? after
    more = rows.length === PAGE
  }
}

async function faultOf(
  archive: KeptArchive,
  options: VerifyOptions,
  { store, key, size, sha256 }: BlobRow,
): Promise<string | null> {
  const { blobs } = archive
  if (store !== blobs.name) return `it lies in the store "${store}", which the settings do not name`
  const found = await blobs.stat(key)
  if (found === null) return 'it is missing'
  if (found.size !== size) return `it has ${found.size} bytes instead of ${size}`
  if (!options.deep) return null
  const file = await readIfThere(blobs, options.limits, () => blobs.get(key))
  if (file === null) return 'it cannot be read'
  return file.sha256 === sha256 ? null : `its bytes have changed: SHA-256 is ${file.sha256} and was ${sha256}`
}
