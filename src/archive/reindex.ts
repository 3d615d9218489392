import { join } from 'node:path'
import { createWriteStream } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { StoredBlob } from '../blobs/ports.ts'
import type { AddOutcome, KnownInstance, NewInstance } from '../database/ports/instance.ts'
import type { ReaderLimits } from '../dicom/reader.ts'
import { rejectionOf } from '../dicom/rejection-note.ts'
import { uuidv7 } from '../dicom/uid.ts'
import { makeFolder } from '../folders.ts'
import { Problem } from '../problem.ts'
import type { KeptArchive } from './archive.ts'
import { inArrivalOrder } from './arrival-order.ts'
import { inGroups, inOrder } from './in-order.ts'
import { readBlob, readMade, type Ready } from './reindex-read.ts'
import { addRejection } from './store-settle.ts'
import { settleDuplicate } from './store-duplicate.ts'

export interface ReindexOptions {
  /** Go on with a database that an earlier run has begun to fill. */
  readonly resume: boolean
  readonly limits: Partial<ReaderLimits>
  /** Folder for what memory should not hold: the list of the blobs, and a file while it is compared with another. */
  readonly spoolDir: string
  readonly onProgress?: (blobs: number) => void
}

/** What became of one blob; `what` in plain words, without patient data. */
export interface Reindexed {
  readonly kind:
    | 'added'
    /** Its row is there already. */
    | 'kept'
    /** Of an instance that is there from other bytes. */
    | 'duplicate'
    | 'quarantined'
    /** Made for a correction that failed, or was given up before it was carried out: it was never to be seen. */
    | 'unfinished'
    /** No instance, or one that cannot be indexed. */
    | 'refused'
  readonly what: string
}

const GROUP = 256
const READ_AT_ONCE = 4

/**
 * Fills an empty database from the blobs alone, in the order in which they arrived, by the rules that store them: which
 * shows that the index is derived: corrected instances take the place of their originals again, and rejection notes are
 * honoured. What only the old database knew is not in the blobs: deletions and other decisions, proposals of corrections,
 * who sent what if the file does not say, links to FHIR resources (found again by their identifiers), and
 * the audit trail. Rejects with Problem `conflict` where the database is not empty and `resume` was not asked for.
 */
export async function* reindex(archive: KeptArchive, options: ReindexOptions): AsyncGenerator<Reindexed> {
  const { blobs, database } = archive
  if (!options.resume && (await database.inspection.blobs(0, 1)).length > 0)
    throw new Problem('conflict', 'The database is not empty. Name an empty one, or go on with --resume.')
  await makeFolder(options.spoolDir)
  const pending: Pending = new Map()
  for await (const group of inGroups(inArrivalOrder(blobs.list(), options.spoolDir), GROUP)) {
    const keys = group.map(({ key }) => key)
    const named = await database.inspection.referenced(blobs.name, keys)
    for (const key of named) yield { kind: 'kept', what: `blob ${key}` }
    yield* addGroup(
      archive,
      group.filter(({ key }) => !named.has(key)),
      pending,
      options,
    )
    options.onProgress?.(group.length)
  }
  for (const [correction, made] of pending)
    for (const { key } of made)
      yield {
        kind: 'unfinished',
        what: `blob ${key}: made for correction ${correction}, which was not carried out`,
      }
}

/** What was made for corrections of which nothing says yet that they were carried out, by their ids. */
type Pending = Map<string, StoredBlob[]>

async function* addGroup(
  archive: KeptArchive,
  group: readonly StoredBlob[],
  pending: Pending,
  options: ReindexOptions,
): AsyncGenerator<Reindexed> {
  let batch: Ready[] = []
  const read = (blob: StoredBlob) => readBlob(archive.blobs, blob, options.limits)
  for await (const one of inOrder(group, READ_AT_ONCE, read)) {
    if (one.kind === 'ready') batch.push(one)
    else if (one.kind === 'made') add(pending, one.correction, one.blob)
    else if (one.kind === 'complete') {
      yield* addBatch(archive, batch, options)
      batch = []
      yield* addMade(archive, pending.get(one.correction) ?? [], options)
      pending.delete(one.correction)
    } else yield one
  }
  yield* addBatch(archive, batch, options)
}

function add(pending: Pending, correction: string, blob: StoredBlob): void {
  const made = pending.get(correction)
  if (made === undefined) pending.set(correction, [blob])
  else made.push(blob)
}

/** Adds what was made for a correction that was carried out. */
async function* addMade(
  archive: KeptArchive,
  blobs: readonly StoredBlob[],
  options: ReindexOptions,
): AsyncGenerator<Reindexed> {
  const read = (blob: StoredBlob) => readMade(archive.blobs, blob, options.limits)
  for await (const group of inGroups(inOrder(blobs, READ_AT_ONCE, read), GROUP)) {
    yield* group.filter((one) => one.kind !== 'ready')
    yield* addBatch(
      archive,
      group.filter((one) => one.kind === 'ready'),
      options,
    )
  }
}

async function* addBatch(
  archive: KeptArchive,
  batch: readonly Ready[],
  options: ReindexOptions,
): AsyncGenerator<Reindexed> {
  const [notes, others] = [batch.filter(isNote), batch.filter((one) => !isNote(one))]
  const outcomes =
    others.length === 0 ? [] : await archive.database.index.add(others.map(({ instance }) => instance))
  for (const [at, one] of others.entries()) {
    await supersede(archive, one)
    yield await settle(archive, one.instance, outcomes[at], options)
  }
  // What a note rejects has come before it.
  for (const { instance } of notes) {
    const rejection = rejectionOf(instance.parsed)
    if (rejection !== null)
      yield await settle(archive, instance, await addRejection(archive, instance, rejection), options)
  }
}

function isNote({ instance }: Ready): boolean {
  return rejectionOf(instance.parsed) !== null
}

/** Hides what a corrected instance replaces. */
async function supersede({ database }: KeptArchive, { instance, composition }: Ready): Promise<void> {
  if (composition === undefined) return
  await database.lifecycle.change({
    scope: {},
    instances: [composition.source],
    from: ['active'],
    to: 'superseded',
    replacement: { instance: instance.parsed.uids.instance, correction: composition.correction },
    actor: 'reindex',
    reason: `correction ${composition.correction}`,
  })
}

async function settle(
  archive: KeptArchive,
  instance: NewInstance,
  outcome: AddOutcome | undefined,
  options: ReindexOptions,
): Promise<Reindexed> {
  const what = `blob ${instance.blob.key}: instance ${instance.parsed.uids.instance}`
  if (outcome?.kind === 'added') return { kind: 'added', what }
  if (outcome?.kind === 'exists') return settleKnown(archive, instance, outcome.kept, options)
  return { kind: 'refused', what: `${what}: ${outcome?.problem.message ?? 'nothing came of it'}` }
}

/** By the rules of STOW (design §4, step 5), with bytes that are durable already. */
async function settleKnown(
  archive: KeptArchive,
  instance: NewInstance,
  kept: KnownInstance,
  { spoolDir }: ReindexOptions,
): Promise<Reindexed> {
  const { parsed, blob, datasetSha256, sender, receivedAt } = instance
  const path = join(spoolDir, `${uuidv7()}.part`)
  try {
    await pipeline(await archive.blobs.get(blob.key), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
    const spooled = { blob: { bytes: { path }, size: blob.size, sha256: blob.sha256 }, datasetSha256 }
    const outcome = await settleDuplicate(archive, kept, { parsed, spooled, sender, receivedAt }, () =>
      Promise.resolve({ key: blob.key }),
    )
    const what = `blob ${blob.key}: instance ${parsed.uids.instance}`
    return { kind: outcome.kind === 'stored' ? 'duplicate' : 'quarantined', what }
  } finally {
    await unlink(path).catch(() => undefined)
  }
}
