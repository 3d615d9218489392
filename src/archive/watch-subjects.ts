import { setTimeout as sleep } from 'node:timers/promises'
import type { FhirLink } from '../database/ports/fhir-state.ts'
import type { Uid } from '../dicom/data-set.ts'
import { isObject } from '../fhir/mapping/canonical.ts'
import { ownTagToken } from '../fhir/mapping/identifiers.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'
import type { FhirRelease, FhirServer, Json, Stored } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'
import { writtenOf } from './sync-link.ts'
import { OVERLAP_MS, type Strategy, updatedAt } from './watch-changes.ts'

/** An ImagingStudy that somebody has given another Patient. */
export interface MovedSubject {
  readonly study: Uid
  readonly resource: Stored
  /** Id of the Patient that is its subject now. */
  readonly patient: string
}

interface Ports {
  readonly archive: Archive
  readonly server: FhirServer
  readonly mapping: MappingSettings
}

/** Versions that were looked at already, by id of the ImagingStudy. */
export type Seen = Map<string, string>

const PAGES = 10
const MOST_SEEN = 10_000
const MOST_MET = 200
const ROWS = 500
const REASON = 'subject-moved'
const SINCE = 'watch-subjects-since'
/** A push of our own is noted within so long after the server has it. */
const SETTLES_MS = 1000

export interface MovedSubjects {
  readonly found: readonly MovedSubject[]
  /** To be called when they have been dealt with: until then they are found again. */
  readonly keep: () => Promise<void>
}

/**
 * The ImagingStudies whose subject is not what it was pushed with: those that changed since the last look, where the server
 * can be asked for them; and those that a push or the reconciling has met. Rejects with FhirError.
 */
export async function movedSubjects(ports: Ports, strategy: Strategy, seen: Seen): Promise<MovedSubjects> {
  const changed = strategy === 'last-updated' ? await changedStudies(ports, seen) : null
  const fresh = [...(changed?.studies ?? []), ...(await metStudies(ports))].filter((one) => !isIn(seen, one))
  const suspects = await moved(ports, fresh)
  // It may be a push of our own that is on its way.
  if (suspects.length > 0) await sleep(SETTLES_MS)
  return {
    found: suspects.length > 0 ? await moved(ports, fresh) : [],
    keep: async () => {
      if (changed !== null) await ports.archive.database.fhir.saveFact(SINCE, changed.newest.toISOString())
      for (const { id, versionId } of fresh) if (versionId !== null) seen.set(id, versionId)
      for (const id of [...seen.keys()].slice(0, Math.max(0, seen.size - MOST_SEEN))) seen.delete(id)
    },
  }
}

function isIn(seen: Seen, { id, versionId }: Stored): boolean {
  return versionId !== null && seen.get(id) === versionId
}

/** Before the first look nobody knows what changed: the reconciling compares everything. */
async function changedStudies(
  { archive, server, mapping }: Ports,
  seen: Seen,
): Promise<{ readonly studies: readonly Stored[]; readonly newest: Date }> {
  const kept = await archive.database.fhir.fact(SINCE)
  if (kept === null) return { studies: [], newest: archive.now() }
  const since = Date.parse(kept)
  const parameters = {
    _lastUpdated: `gt${new Date(since - OVERLAP_MS).toISOString()}`,
    _tag: ownTagToken(mapping.archiveId),
    ...{ _sort: '_lastUpdated', _elements: 'subject', _count: '200' },
  }
  const studies: Stored[] = []
  let newest = since
  let pages = 0
  for await (const page of server.pages('ImagingStudy', parameters)) {
    for (const one of page) newest = Math.max(newest, updatedAt(one))
    studies.push(...page)
    // However much was written within the overlap: what was looked at already does not keep it from getting on.
    if (page.some((one) => !isIn(seen, one)) && ++pages >= PAGES) break
  }
  return { studies, newest: new Date(newest) }
}

/** Those that somebody is told of, as they are now. */
async function metStudies({ archive, server }: Ports): Promise<Stored[]> {
  const { attention } = archive.database
  const met: Stored[] = []
  let left = Math.min((await attention.counts()).get(REASON) ?? 0, MOST_MET)
  for (let after = 0; left > 0;) {
    const rows = await attention.list({ open: true, after, limit: ROWS })
    for (const { reason, detail } of rows) {
      const { resource } = detail
      if (reason !== REASON || typeof resource !== 'string') continue
      left--
      const there = await server.read('ImagingStudy', resource.slice(resource.lastIndexOf('/') + 1))
      if (there !== null) met.push(there)
    }
    if (rows.length < ROWS) break
    after = rows.at(-1)?.id ?? after
  }
  return met
}

async function moved(
  { archive, server, mapping }: Ports,
  studies: readonly Stored[],
): Promise<MovedSubject[]> {
  const links = await archive.database.fhir.linksTo('study', studies.map(({ id }) => id)) // prettier-ignore
  const byId = new Map(studies.map((one) => [one.id, one]))
  return links.flatMap((link) => {
    const resource = byId.get(link.id)
    const patient = resource && patientOf(resource.resource['subject'], server.url)
    if (resource === undefined || patient === undefined) return []
    const pushed = pushedSubjects(link, mapping.release)
    if (pushed.length === 0 || pushed.some((subject) => patientOf(subject, server.url) === patient)) return []
    return [{ study: link.key, resource, patient }]
  })
}

/** The subjects that were pushed last, or are being pushed. */
function pushedSubjects(link: FhirLink, release: FhirRelease): (Json | undefined)[] {
  const { base, pending } = writtenOf(link, release)
  return [base, pending].flatMap((written) => (written === null ? [] : [written['subject']]))
}

function patientOf(subject: Json | undefined, serverUrl: string): string | undefined {
  const reference = isObject(subject) && typeof subject['reference'] === 'string' ? subject['reference'] : ''
  const local = reference.startsWith(`${serverUrl}/`) ? reference.slice(serverUrl.length + 1) : reference
  return /^Patient\/([A-Za-z0-9.-]{1,64})$/u.exec(local)?.[1]
}
