import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { BlobPlace } from '../blobs/ports.ts'
import type { IndexedInstance, KnownInstance } from '../database/ports/instance.ts'
import type { DataSet, ParsedInstance } from '../dicom/data-set.ts'
import { bulkValue } from '../dicom/frames.ts'
import { FAILURE, WARNING } from '../dicom/reasons.ts'
import { transferSyntax } from '../dicom/transfer-syntax.ts'
import type { Archive } from './archive.ts'
import { fileOf } from './retrieve.ts'
import { spooledFile } from './store-bytes.ts'
import { sameAttributes } from './store-compare.ts'
import type { Refused, StoreOutcome } from './store-outcome.ts'
import type { Spooled } from './store-spool.ts'

/** One instance that has arrived whole and can be read. */
export interface Arrived {
  readonly parsed: ParsedInstance
  readonly spooled: Spooled
  readonly sender: string | null
  readonly receivedAt: Date
}

const DELETED = FAILURE.deletedHere
/** Contradictions remembered, so that a sender who tries for ever fills no disk. */
const MOST_REMEMBERED = 10_000
/** Long values of a deflated data set that are compared: for each it is inflated from its beginning. */
const MOST_INFLATED = 16

/**
 * What to do with an instance whose SOP Instance UID is known (design §4, step 5): the same data set, or the same
 * attributes in another transfer syntax, is success, and the first copy stays; anything else is refused with 0111H and
 * kept aside for an administrator. Rejects with Problem `unavailable`.
 * @param place makes the bytes durable, unless they are already, and says where
 * @param keptAside what was kept aside before, and need not be again; it is added to
 */
export async function settleDuplicate(
  archive: Archive,
  kept: KnownInstance,
  arrived: Arrived,
  place: () => Promise<BlobPlace>,
  keptAside = new Set<string>(),
): Promise<StoreOutcome> {
  const { parsed, spooled } = arrived
  const { uids, SOPClassUID } = parsed
  if (kept.state === 'deleted') return { ...refused(parsed, DELETED.meaning), reason: DELETED.code }
  const isOfOther = isElsewhere(kept, parsed)
  if (!isOfOther) {
    if (kept.datasetSha256 === spooled.datasetSha256 && kept.TransferSyntaxUID === parsed.TransferSyntaxUID) {
      return { kind: 'stored', uids, SOPClassUID, isNew: false }
    }
    if (SOPClassUID === kept.SOPClassUID && (await isSameInOtherSyntax(archive, kept, arrived))) {
      const comment = `Kept as first received: ${transferSyntax(kept.TransferSyntaxUID)?.name ?? kept.TransferSyntaxUID}`
      const warning = { reason: WARNING.elementsDiscarded.code, comment }
      return { kind: 'stored', uids, SOPClassUID, isNew: false, warning }
    }
  }
  const contradiction = `${kept.id} ${spooled.datasetSha256}`
  if (!keptAside.has(contradiction)) {
    await quarantine(archive, kept, arrived, await place())
    if (keptAside.size >= MOST_REMEMBERED) keptAside.clear()
    keptAside.add(contradiction)
  }
  if (isOfOther) return refused(parsed, 'The UID is of an instance of another study or series')
  return refused(parsed, 'Other content is kept under this UID')
}

function isElsewhere(kept: KnownInstance, { uids }: ParsedInstance): boolean {
  return uids.study !== kept.uids.study || uids.series !== kept.uids.series
}

function refused({ SOPClassUID, uids }: ParsedInstance, comment: string): Refused {
  const reason = FAILURE.duplicateInstance.code
  return { kind: 'refused', reason, comment, SOPClassUID, SOPInstanceUID: uids.instance }
}

async function quarantine(
  archive: Archive,
  kept: KnownInstance,
  arrived: Arrived,
  place: BlobPlace,
): Promise<void> {
  const { parsed, spooled, sender, receivedAt } = arrived
  const { size, sha256 } = spooled.blob
  await archive.database.index.quarantine({
    blob: { store: archive.blobs.name, ...place, size, sha256 },
    uids: parsed.uids,
    datasetSha256: spooled.datasetSha256,
    keptId: kept.id,
    reason: isElsewhere(kept, parsed) ? 'other-study' : 'other-content',
    sender,
    receivedAt,
  })
}

async function isSameInOtherSyntax(
  archive: Archive,
  kept: KnownInstance,
  arrived: Arrived,
): Promise<boolean> {
  const { parsed, spooled } = arrived
  if (kept.TransferSyntaxUID === parsed.TransferSyntaxUID) return false
  const instance = await indexed(archive, kept)
  if (instance?.tags === undefined) return false
  // Its pixel data is not all there: the whole one must not be dropped for it.
  if (instance.damaged && !parsed.damaged) return false
  // By way of JSON, as the kept one went: what JSON cannot say (NaN) is then equal.
  const sent = JSON.parse(JSON.stringify(parsed.dataSet)) as DataSet
  const pairs = sameAttributes(JSON.parse(instance.tags.toString()) as DataSet, sent)
  if (pairs === null) return false
  const isDeflated = [kept, parsed].some(
    ({ TransferSyntaxUID }) => transferSyntax(TransferSyntaxUID)?.deflated === true,
  )
  if (isDeflated && pairs.length > MOST_INFLATED) return false
  const [ours, theirs] = [fileOf(archive, instance), spooledFile(spooled.blob)]
  for (const pair of pairs) {
    const one = await digestOf(await bulkValue(ours, pair.kept, kept.TransferSyntaxUID))
    const other = await digestOf(await bulkValue(theirs, pair.sent, parsed.TransferSyntaxUID))
    if (one !== other) return false
  }
  return true
}

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of stream as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}

async function indexed(
  archive: Archive,
  { uids, state }: KnownInstance,
): Promise<IndexedInstance | undefined> {
  const options = { tags: true, states: [state] }
  for await (const [instance] of archive.database.index.instances(uids, options)) return instance
  return undefined
}
