import { ownTag, ownTagToken, studyToken } from '../fhir/mapping/identifiers.ts'
import { isList, isObject } from '../fhir/mapping/canonical.ts'
import { covers } from '../fhir/mapping/same.ts'
import type { Resource, Stored } from '../fhir/ports.ts'
import { withdrawnStudy } from '../fhir/mapping/imaging-study.ts'
import type { Comparison, Drift } from './reconcile-drift.ts'
import { LOOK_AROUND, wishFor } from './sync-wish.ts'

/** Attention: a resource of ours on the server, whose study the index does not have. */
export const ORPHANED = 'orphaned-study'

const EVER = ['active', 'superseded', 'rejected', 'deleted'] as const
const WITHDRAWN = new Set<unknown>(['cancelled', 'entered-in-error'])

/**
 * Goes through every ImagingStudy there that bears our tag. One whose study the index has, but which we do not know, is
 * owed once more; one whose study is not here at all is an orphan: reported, or cancelled, by policy. (An index that was
 * restored from an old copy lacks studies too: hence only reported unless the site says otherwise.)
 */
export async function* findStrays(
  comparison: Comparison,
): AsyncGenerator<readonly [study: string, drift: Drift]> {
  const { server, settings } = comparison
  const _tag = ownTagToken(settings.mapping.archiveId)
  const parameters = { _tag, _elements: 'identifier,status', _count: '100' }
  for await (const page of server.pages('ImagingStudy', parameters)) {
    for (const stored of page) {
      const drift = await strayOf(comparison, stored)
      if (drift) yield drift
    }
  }
}

async function strayOf(
  comparison: Comparison,
  stored: Stored,
): Promise<readonly [study: string, drift: Drift] | null> {
  const { database, settings } = comparison
  const study = studyOf(stored.resource)
  if (study === null || WITHDRAWN.has(stored.resource['status'])) return null
  if ((await database.fhir.link('study', study))?.id === stored.id) return null
  if (await isHere(comparison, study)) {
    await database.fhir.saveFact(wishFor(study), LOOK_AROUND)
    await database.outbox.touch(study)
    return [study, 'duplicated']
  }
  const cancelled = settings.orphans === 'cancel' && (await cancel(comparison, stored.id))
  await database.attention.raise({
    reason: ORPHANED,
    study,
    detail: { resource: stored.id, version: stored.versionId, outcome: cancelled ? 'cancelled' : 'reported' },
  })
  return [study, 'orphaned']
}

/**
 * Withdraws every resource of ours for a study that the index does not have; how many. False, where the index has it:
 * then its pushes say what is true.
 */
export async function withdrawOrphans(comparison: Comparison, study: string): Promise<number | false> {
  if (await isHere(comparison, study)) return false
  const parameters = { identifier: studyToken(study), _count: '50' }
  const tag = [ownTag(comparison.settings.mapping.archiveId)]
  let withdrawn = 0
  for (const stored of await comparison.server.search('ImagingStudy', parameters)) {
    const isOurs = covers(stored.resource['meta'], { tag }) && studyOf(stored.resource) === study
    if (isOurs && (await cancel(comparison, stored.id))) withdrawn += 1
  }
  await comparison.database.attention.clear(ORPHANED, study)
  return withdrawn
}

async function cancel({ server }: Comparison, id: string): Promise<boolean> {
  const stored = await server.read('ImagingStudy', id)
  if (!stored || WITHDRAWN.has(stored.resource['status'])) return false
  await server.update({ ...withdrawnStudy(stored.resource, 'cancelled'), id }, stored.versionId)
  return true
}

async function isHere({ database }: Comparison, study: string): Promise<boolean> {
  for await (const page of database.index.instances({ study }, { states: EVER, pageSize: 1 }))
    if (page.length > 0) return true
  return false
}

/** The Study Instance UID of an ImagingStudy, in the form that we write. */
function studyOf({ identifier }: Resource): string | null {
  for (const one of isList(identifier) ? identifier : []) {
    if (!isObject(one) || one['system'] !== 'urn:dicom:uid' || typeof one['value'] !== 'string') continue
    const [, uid] = /^urn:oid:([\d.]{1,64})$/u.exec(one['value']) ?? []
    if (uid !== undefined) return uid
  }
  return null
}
