import type { BlobPlace, NewBlob, SmallBlob, SmallBlobs } from '../blobs/ports.ts'
import type { AddOutcome, NewInstance } from '../database/ports/instance.ts'
import type { InstanceIndex } from '../database/ports/instance-index.ts'
import { isProblem } from '../problem.ts'
import type { Archive } from './archive.ts'
import { createBatcher } from './batch.ts'
import type { IntakeOptions } from './store.ts'
import type { Arrived } from './store-duplicate.ts'

/**
 * Instances in one transaction at most. More would not make it cheaper by a per cent, and would let a large upload
 * hold up a small one.
 */
export const MOST_AT_ONCE = 256

/** An instance that the index is to have. */
export interface Ready {
  readonly arrived: Arrived
  /** Where its bytes are durable; null: they are small, in memory, and go along ({@link goesAlong}). */
  readonly place: BlobPlace | null
  /** Milliseconds since 1970 at which it came to be settled. */
  readonly at: number
}

type OnBug = IntakeOptions['onBug']

/** What an archive has whose index takes small blobs along, so that one thread does all there is to do with the disk. */
interface OneGo {
  readonly small: SmallBlobs
  readonly add: NonNullable<InstanceIndex['addWithBytes']>
}

function oneGoOf({ blobs: { small }, database: { index } }: Archive): OneGo | null {
  return small === undefined || index.addWithBytes === undefined ? null : { small, add: index.addWithBytes }
}

/** Whether the bytes may go to the index with the instance, and need not be made durable before. */
export function goesAlong(archive: Archive, { bytes, size }: NewBlob): boolean {
  const oneGo = oneGoOf(archive)
  return oneGo !== null && !('path' in bytes) && size <= oneGo.small.mostBytes
}

/**
 * Adds instances of all uploads to the index, a batch after the other, in the order in which they are given. A batch that
 * could not be added with its bytes is told to `onBug`, and added without.
 */
export function createAdder(
  archive: Archive,
  { onBug, onStored }: Pick<IntakeOptions, 'onBug' | 'onStored'>,
): (ready: Ready) => Promise<AddOutcome> {
  return createBatcher(async (batch: readonly Ready[]) => {
    const outcomes = await addAll(archive, batch, onBug)
    if (outcomes.some(({ kind }) => kind === 'added')) onStored?.()
    return outcomes
  }, MOST_AT_ONCE)
}

/** Those that are known already show at the first try, before anything is written; the others are added without them. */
async function addAll(archive: Archive, batch: readonly Ready[], onBug: OnBug): Promise<AddOutcome[]> {
  const outcomes = new Map<Ready, AddOutcome>()
  for (let left = batch; left.length > 0; left = left.filter((one) => !outcomes.has(one))) {
    const before = outcomes.size
    const found = await addSome(archive, left, onBug)
    for (const [at, one] of left.entries()) {
      const outcome = found[at] ?? null
      if (outcome !== null) outcomes.set(one, outcome)
    }
    if (outcomes.size === before) throw new Error('The index said nothing of a batch.')
  }
  return batch.flatMap((one) => outcomes.get(one) ?? [])
}

/** Outcomes in order; null for what was not tried, because of others. */
async function addSome(
  archive: Archive,
  batch: readonly Ready[],
  onBug: OnBug,
): Promise<readonly (AddOutcome | null)[]> {
  const oneGo = oneGoOf(archive)
  if (oneGo === null || batch.every(({ place }) => place !== null)) return addPlaced(archive, batch)
  try {
    return await addAlong(archive, oneGo, batch)
  } catch (error) {
    if (isProblem(error)) throw error
    // One of them may be what cannot be indexed; which one shows when their bytes are durable by themselves.
    onBug(error)
    return addPlaced(archive, batch)
  }
}

function addAlong(
  archive: Archive,
  { small, add }: OneGo,
  batch: readonly Ready[],
): Promise<readonly (AddOutcome | null)[]> {
  const along = batch.filter(({ place }) => place === null)
  return small.lend(along.map(smallBlob), async (todo, places) => {
    const placeOf = new Map(along.map((one, at) => [one, places[at]]))
    const instances = batch.map((one) => newInstance(archive, one.arrived, one.place ?? placeOf.get(one)))
    const added = await add(instances, todo)
    return added.bytes === 'torn' ? added : { bytes: added.bytes, result: added.outcomes }
  })
}

async function addPlaced(archive: Archive, batch: readonly Ready[]): Promise<readonly AddOutcome[]> {
  const instances = await Promise.all(
    batch.map(async ({ arrived, place }) =>
      newInstance(archive, arrived, place ?? (await putBlob(archive, arrived.spooled.blob))),
    ),
  )
  return archive.database.index.add(instances)
}

/** Makes the bytes durable. Rejects with Problem `unavailable`. */
export async function putBlob(archive: Archive, blob: NewBlob): Promise<BlobPlace> {
  const [place] = await archive.blobs.put([blob])
  if (place === undefined) throw new Error('The blob store gave no place for a blob.')
  if (isProblem(place)) throw place
  return place
}

function smallBlob({ arrived: { spooled }, at }: Ready): SmallBlob {
  const { bytes, size, sha256 } = spooled.blob
  if ('path' in bytes) throw new Error('A blob that goes along is in memory.')
  return { pieces: bytes, size, sha256, arrivedAt: at }
}

/** What the index is told of an instance whose bytes are durable, or will be in the same go. */
export function newInstance(archive: Archive, arrived: Arrived, place: BlobPlace | undefined): NewInstance {
  if (place === undefined) throw new Error('The blob store gave no place for a blob.')
  const { parsed, spooled, sender, receivedAt } = arrived
  const { size, sha256 } = spooled.blob
  const blob = { store: archive.blobs.name, ...place, size, sha256 }
  return { parsed, blob, datasetSha256: spooled.datasetSha256, sender, receivedAt }
}
