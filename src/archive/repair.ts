import type { StoredBlob } from '../blobs/ports.ts'
import type { KnownInstance } from '../database/ports/instance.ts'
import type { BlobRow, DerivedRow } from '../database/ports/inspection.ts'
import type { ParsedInstance } from '../dicom/data-set.ts'
import { type ReaderLimits, Unreadable } from '../dicom/reader.ts'
import type { KeptArchive } from './archive.ts'
import { readIfThere, type StoredFile } from './read-stored.ts'
import { sourceOf } from './store.ts'
import { blobRows } from './verify-bytes.ts'
import { orphans } from './verify-orphans.ts'

export interface RepairOptions {
  /** Change something; else only say what would be done. */
  readonly apply: boolean
  /**
   * Index the bytes of an orphan that are an instance which the index does not know: nobody can tell whether its sender
   * was told that it is stored, for a database that lost its last commits looks the same. Else they are removed.
   */
  readonly adopt: boolean
  /** Orphans that are younger are left alone: their transaction may be under way. */
  readonly graceMs: number
  readonly limits: Partial<ReaderLimits>
}

/** Something that was done, or would be. */
export interface Action {
  readonly kind: 'rebuild' | 'adopt' | 'collect' | 'release' | 'requeue' | 'left'
  /** In plain words, without patient data. */
  readonly what: string
}

/**
 * Puts right what follows from the instances: level rows and postings are derived anew, bytes that nothing names are
 * indexed or removed, studies whose outbox row makes no sense are owed once more. Lost or changed bytes and a broken
 * audit trail cannot be put right, and are not touched. Each action is told when it is done, and stands in the audit
 * trail. Rejects with Problem `unavailable`.
 */
export async function* repair(archive: KeptArchive, options: RepairOptions): AsyncGenerator<Action> {
  yield* rebuildLevels(archive, options)
  yield* endRemovals(archive, options)
  yield* releaseBlobs(archive, options)
  yield* settleOrphans(archive, options)
  yield* requeueStudies(archive, options)
}

/** Studies before patients: the studies of a patient hang on the studies. */
const ORDER: readonly DerivedRow['level'][] = ['series', 'study', 'patient', 'postings', 'archive']

async function* rebuildLevels({ database }: KeptArchive, { apply }: RepairOptions): AsyncGenerator<Action> {
  const rows = new Map<string, DerivedRow>()
  // What is wrong with a patient may show only when its studies are right.
  for (let passes = 0, before = -1; rows.size > before && passes < 2; passes++) {
    before = rows.size
    for await (const { entity } of database.inspection.levels())
      if (entity !== undefined) rows.set(`${entity.level} ${entity.id}`, entity)
    const sorted = [...rows.values()].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level))
    for (const row of sorted) if (apply) await database.repairs.rebuild(row)
  }
  for (const row of rows.values()) yield { kind: 'rebuild', what: nameOf(row) }
}

function nameOf({ level, id }: DerivedRow): string {
  if (level === 'archive') return 'the numbers of the whole archive'
  return level === 'postings' ? `postings of series ${id}` : `${level} ${id}`
}

/** Removes what an earlier run had marked when it was ended. */
async function* endRemovals(archive: KeptArchive, { apply }: RepairOptions): AsyncGenerator<Action> {
  for await (const { store, key, size, state } of blobRows(archive)) {
    if (state !== 'doomed' || store !== archive.blobs.name) continue
    if (apply) await removeDoomed(archive, key)
    yield { kind: 'collect', what: `blob ${key} (${size} bytes), whose removal was begun` }
  }
}

/** Bytes first: as long as there are any, a row says so. */
async function removeDoomed({ blobs, database }: KeptArchive, key: string): Promise<void> {
  await blobs.remove(key)
  await database.repairs.forget(blobs.name, key)
}

/**
 * Rows of blobs that no instance is made of. The index had an instance here, which was acknowledged: its bytes are
 * indexed again, and removed only if that instance is there from other bytes.
 */
async function* releaseBlobs(archive: KeptArchive, options: RepairOptions): AsyncGenerator<Action> {
  const { blobs, database } = archive
  for (const row of await database.inspection.unusedBlobs()) {
    const { id, store, key } = row
    if (store === blobs.name && (await blobs.stat(key)) === null) {
      if (options.apply) await database.repairs.release(id)
      yield { kind: 'release', what: `row of blob ${key}, which has no bytes` }
      continue
    }
    const judged = await judgeUnused(archive, row, options)
    if (judged.kind === 'left') yield { kind: 'left', what: `blob ${key}: ${judged.why}` }
    else if (!options.apply || (await database.repairs.release(id)))
      yield await settle(archive, row, judged, options)
  }
}

/** Of what was acknowledged, nothing is removed but a second copy. */
async function judgeUnused(
  archive: KeptArchive,
  { store, key, state }: BlobRow,
  options: RepairOptions,
): Promise<Judged> {
  const left = (why: string): Judged => ({ kind: 'left', why })
  if (store !== archive.blobs.name) return left(`in the store "${store}", which the settings do not name`)
  if (state === 'quarantined') return left('in quarantine, and the row that says why is gone')
  const judged = await judge(archive, key, { ...options, adopt: true })
  if (judged.kind !== 'collect') return judged
  if (judged.known === null) return left('an instance was made of it, and its bytes are none now')
  if (judged.known.datasetSha256 === judged.file.datasetSha256) return judged
  return left('its instance is there from other bytes, which are not the same')
}

async function* settleOrphans(archive: KeptArchive, options: RepairOptions): AsyncGenerator<Action> {
  for await (const blob of orphans(archive)) {
    const ageMs = archive.now().getTime() - blob.modifiedAt.getTime()
    if (ageMs < options.graceMs) continue
    yield await settle(archive, blob, await judge(archive, blob.key, options), options)
  }
}

async function* requeueStudies({ database }: KeptArchive, { apply }: RepairOptions): AsyncGenerator<Action> {
  const studies = new Set<string>()
  for await (const { study } of database.inspection.outbox()) if (study !== undefined) studies.add(study)
  for (const study of studies) {
    if (apply) await database.repairs.requeue(study)
    yield { kind: 'requeue', what: `study ${study}` }
  }
}

/** What is to become of bytes that no instance is made of, and why. */
type Judged =
  | {
      readonly kind: 'adopt'
      readonly why: string
      readonly file: StoredFile
      readonly parsed: ParsedInstance
    }
  | {
      readonly kind: 'collect'
      readonly why: string
      readonly file: StoredFile
      /** What the index has under the UID of the instance; null without. */
      readonly known: KnownInstance | null
    }
  | { readonly kind: 'left'; readonly why: string }

async function judge(
  { blobs, database }: KeptArchive,
  key: string,
  { limits, adopt }: RepairOptions,
): Promise<Judged> {
  const file = await readIfThere(blobs, limits, () => blobs.get(key))
  if (file === null) return { kind: 'left', why: 'its bytes cannot be read' }
  const { parsed } = file
  if (parsed instanceof Unreadable) return { kind: 'collect', why: 'no instance', file, known: null }
  const { instance } = parsed.uids
  const known = (await database.index.known([instance])).get(instance)
  if (known !== undefined)
    return { kind: 'collect', why: 'of an instance that is there from other bytes', file, known }
  if (adopt) return { kind: 'adopt', why: `instance ${instance}`, file, parsed }
  return { kind: 'collect', why: 'an instance that the index does not know', file, known: null }
}

async function settle(
  archive: KeptArchive,
  blob: Pick<StoredBlob, 'key' | 'size'> & { readonly arrivedAt?: Date },
  judged: Judged,
  { apply }: RepairOptions,
): Promise<Action> {
  const { key, size } = blob
  const what = `blob ${key} (${size} bytes): ${judged.why}`
  if (!apply || judged.kind === 'left') return { kind: judged.kind, what }
  if (judged.kind === 'adopt') return adoptBlob(archive, blob, judged)
  const { blobs, database } = archive
  const placed = { store: blobs.name, key, size, sha256: judged.file.sha256 }
  // Between the look and now a row may have come that names it.
  if (!(await database.repairs.doom([placed])).has(key))
    return { kind: 'left', what: `blob ${key}: in use by now` }
  await removeDoomed(archive, key)
  return { kind: 'collect', what }
}

async function adoptBlob(
  { blobs, database, now }: KeptArchive,
  { key, arrivedAt }: { readonly key: string; readonly arrivedAt?: Date },
  { file, parsed, why }: Extract<Judged, { kind: 'adopt' }>,
): Promise<Action> {
  const { size, sha256, datasetSha256 } = file
  const receivedAt = arrivedAt ?? now()
  const blob = { store: blobs.name, key, size, sha256 }
  const [outcome] = await database.index.add([
    { parsed, blob, datasetSha256, sender: sourceOf(parsed), receivedAt },
  ])
  const what = `blob ${key} (${size} bytes): ${why}`
  if (outcome?.kind === 'failed') return { kind: 'left', what: `${what}, but ${outcome.problem.message}` }
  await database.repairs.note('adopt', { store: blobs.name, key })
  return { kind: 'adopt', what }
}
