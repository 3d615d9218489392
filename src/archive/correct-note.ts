import type { BlobPlace } from '../blobs/ports.ts'
import type { CorrectionRow } from '../database/ports/corrections.ts'
import { dateTime, IDENTIFYING } from '../dicom/correction.ts'
import type { DataSet } from '../dicom/data-set.ts'
import { type ReaderLimits, Unreadable } from '../dicom/reader.ts'
import { rejectionNote, type Rejected } from '../dicom/rejection-note.ts'
import { uidFrom } from '../dicom/uid.ts'
import { isProblem, type Problem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { sha256Of } from './composed.ts'
import { readStored } from './read-stored.ts'

export interface CorrectSettings {
  readonly limits: Partial<ReaderLimits>
  /** When a rejection note is written: where it was another patient, always, or never. */
  readonly note: 'identity' | 'always' | 'never'
}

/** Whether the originals of a correction are rejected by a note. */
export function wantsNote({ note }: CorrectSettings, { from, to, detail }: CorrectionRow): boolean {
  if (note !== 'identity') return note === 'always'
  // It was in the study of another patient.
  if (detail.part !== undefined) return true
  const valueOf = (dataSet: DataSet, tag: string): string => JSON.stringify(dataSet[tag]?.Value ?? [])
  return Object.keys(to).some(
    (tag) => IDENTIFYING.has(tag) && from.some((one) => valueOf(one, tag) !== valueOf(to, tag)),
  )
}

/** Stores a rejection note of what is about to be replaced; the same one when it is done again. */
export async function addNote(
  archive: Archive,
  settings: CorrectSettings,
  row: CorrectionRow,
): Promise<void> {
  const { index, corrections, lifecycle } = archive.database
  const staged = (await corrections.made(row.id)).filter(([, { state }]) => state === 'staged')
  const sources = staged
    .map(([source]) => source)
    .sort((a, b) => (a.uids.instance < b.uids.instance ? -1 : 1))
  const [first] = sources
  if (first === undefined) return
  const rejected: Rejected[] = []
  let like: DataSet = {}
  for (const { uids, SOPClassUID } of sources) {
    const options = { states: ['active', 'superseded'], pixelMap: true, tags: uids === first.uids } as const
    for await (const [found] of index.instances(uids, options)) {
      if (found?.tags !== undefined) like = JSON.parse(found.tags.toString()) as DataSet
      const isImage = found?.pixelMap !== undefined && found.pixelMap !== null
      rejected.push({ series: uids.series, instance: uids.instance, SOPClassUID, isImage })
    }
  }
  const name = sha256Of(Buffer.from(sources.map(({ uids }) => uids.instance).join('\n')))
  const bytes = rejectionNote(like, rejected, {
    series: uidFrom(row.id, `note series`),
    instance: uidFrom(row.id, `note ${name}`),
    now: dateTime(archive.now()),
  })
  const { parsed, size, sha256, datasetSha256 } = await readStored(once(bytes), settings.limits)
  if (parsed instanceof Unreadable) throw parsed
  const place = await putBytes(archive, bytes)
  await lifecycle.note(
    {
      parsed,
      blob: { store: archive.blobs.name, ...place, size, sha256 },
      datasetSha256,
      sender: row.detail.proposedBy,
      receivedAt: archive.now(),
    },
    // The correction hides them itself, when all of it is there.
    {
      scope: {},
      instances: [],
      from: [],
      to: 'rejected',
      actor: row.decidedBy,
      reason: `correction ${row.id}`,
    },
  )
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}

/** Makes bytes durable; rejects with Problem `unavailable`. */
export async function putBytes({ blobs }: Archive, bytes: Buffer): Promise<BlobPlace> {
  const [place] = await blobs.put([{ bytes: [bytes], size: bytes.length, sha256: sha256Of(bytes) }])
  return placeOf(place)
}

/** Where a blob was put; throws Problem `unavailable` where it could not be. */
export function placeOf(place: BlobPlace | Problem | undefined): BlobPlace {
  if (place === undefined) throw new Error('The blob store gave no place for a blob.')
  if (isProblem(place)) throw place
  return place
}
