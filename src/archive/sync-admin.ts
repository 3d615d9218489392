import type { AttentionRow } from '../database/ports/attention.ts'
import type { Owed } from '../database/ports/outbox.ts'
import { Problem } from '../problem.ts'
import type { Uid } from '../dicom/data-set.ts'
import { isUid } from '../dicom/uid.ts'
import { isFhirError } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'
import type { Sync, SyncState } from './sync.ts'
import { flagLink, newLink } from './sync-link.ts'
import { RESTORE, wishFor } from './sync-wish.ts'

/** What is owed to the FHIR server, and why. */
export interface OwedReport {
  /** Null where no FHIR server is configured: all is kept until one is. */
  readonly server: SyncState | null
  readonly studies: number
  readonly held: number
  readonly dead: number
  readonly oldestDirtyAt: Date | null
  /** The oldest of them. */
  readonly rows: readonly Owed[]
  /** Open rows of what a person should look at. */
  readonly attention: readonly AttentionRow[]
}

export async function owedReport(archive: Archive, sync: Sync | null, limit: number): Promise<OwedReport> {
  const { outbox, attention } = archive.database
  const [owed, open] = await Promise.all([outbox.owed(limit), attention.list({ open: true, limit })])
  return { server: sync?.state() ?? null, ...owed, attention: open }
}

/** Owes a study once more: what was edited or deleted on the server is put right. */
export async function touchStudy(archive: Archive, sync: Sync | null, study: string): Promise<void> {
  await mustExist(archive, study)
  await archive.database.outbox.touch(study)
  sync?.wake()
}

/** Releases a study that is held because it names two patients: a person looked at it. It stays released. */
export async function releaseStudy(archive: Archive, sync: Sync | null, study: string): Promise<void> {
  await mustExist(archive, study)
  const { fhir, outbox } = archive.database
  const link = (await fhir.link('study', study)) ?? newLink('study', study, 'ImagingStudy')
  await flagLink(fhir, link, 'released')
  await outbox.touch(study)
  sync?.wake()
}

/** Tries a study at once that the server refused: whatever was learnt of it (too large) is forgotten. */
export async function retryStudy(archive: Archive, sync: Sync | null, study: string): Promise<void> {
  await mustExist(archive, study)
  const { fhir, outbox } = archive.database
  const link = await fhir.link('study', study)
  if (link) await fhir.saveLink({ ...link, flags: link.flags.filter((flag) => flag !== 'series-only') })
  await outbox.touch(study)
  sync?.wake()
}

/** Brings the resource of a study back to what the index says: hand edits, subject, status, also where it was deleted. */
export async function restoreStudy(archive: Archive, sync: Sync | null, study: string): Promise<void> {
  await mustExist(archive, study)
  await archive.database.fhir.saveFact(wishFor(study), RESTORE)
  await archive.database.outbox.touch(study)
  sync?.wake()
}

/** Withdraws what the server still has of a study that the index does not have. */
export async function withdrawStudy(_archive: Archive, sync: Sync | null, study: string): Promise<void> {
  if (!isUid(study)) throw new Problem('malformed', 'The study is named by no UID.')
  try {
    if ((await server(sync).withdraw(study)) !== false) return
  } catch (error) {
    if (!isFhirError(error)) throw error
    throw new Problem('unavailable', `It could not be withdrawn: ${error.message}.`, { cause: error })
  }
  throw new Problem('conflict', 'The archive has this study: what the server says of it follows the archive.')
}

/** Compares all that was pushed with what is on the server, soon; what is found stands in the report. */
export function startReconcile(sync: Sync | null): void {
  server(sync).reconcile()
}

function server(sync: Sync | null): Sync {
  if (!sync) throw new Problem('conflict', 'No FHIR server is configured.')
  return sync
}

/** Closes a row of what a person should look at. */
export async function resolveAttention(archive: Archive, id: number): Promise<void> {
  if (!(await archive.database.attention.resolve(id))) {
    throw new Problem('not-found', 'There is no open row of this number.')
  }
}

async function mustExist(archive: Archive, study: Uid): Promise<void> {
  if (!isUid(study)) throw new Problem('malformed', 'The study is named by no UID.')
  const states = ['active', 'superseded', 'rejected', 'deleted'] as const
  for await (const page of archive.database.index.instances({ study }, { states, pageSize: 1 })) {
    if (page.length > 0) return
  }
  throw new Problem('not-found', 'The archive has no such study.')
}
