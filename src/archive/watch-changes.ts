import type { FhirLink } from '../database/ports/fhir-state.ts'
import { isObject } from '../fhir/mapping/canonical.ts'
import { type FhirServer, isFhirError, type Stored } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'

/**
 * How changed Patients are found: the server is asked for those that were updated since; or, where it does not know that
 * search, the linked ones are read in turn.
 */
export type Strategy = 'last-updated' | 'rotation'

/** Where looking goes on. */
export interface Place {
  /** Patients seen in these versions are not looked at again. */
  readonly seen: ReadonlyMap<string, string>
  /** Pages of one look; more when so many were not enough to get on. */
  readonly budget: number
  /** The last look did not come to its end, so that the next one need not go back. */
  readonly isUnfinished: boolean
}

export interface Changes {
  readonly patients: readonly { readonly link: FhirLink; readonly patient: Stored }[]
  readonly isMore: boolean
  /** To be called when they have been dealt with: notes how far it has come. */
  readonly keep: () => Promise<Place>
}

interface Ports {
  readonly archive: Archive
  readonly server: FhirServer
}

const PAGES = 10
const PAGE = '200'
const READ_AT_ONCE = 100
const MOST_SEEN = 10_000
/** Commits of a server are not in the order of their times: it is asked for a little more than what is new. */
export const OVERLAP_MS = 120_000
const DAY_MS = 86_400_000
/** Facts about the server, by which a restart goes on. */
const SINCE = 'watch-since'
const CURSOR = 'watch-cursor'
const BEGAN = 'watch-began'
const BEGIN: Place = { seen: new Map(), budget: PAGES, isUnfinished: false }

/**
 * Which strategy the server allows: nothing was updated tomorrow, and one that says otherwise has not understood. Null as
 * long as it has no Patient: then it cannot be told.
 */
export async function strategyOf(server: FhirServer): Promise<Strategy | null> {
  const tomorrow = new Date(Date.now() + DAY_MS).toISOString()
  try {
    const found = await server.search('Patient', { _lastUpdated: `gt${tomorrow}`, _count: '1' })
    if (found.length > 0) return 'rotation'
    return (await server.search('Patient', { _count: '1' })).length > 0 ? 'last-updated' : null
  } catch (error) {
    if (isFhirError(error, 'refused')) return 'rotation'
    throw error
  }
}

/** The linked Patients that may have changed. Rejects with FhirError. */
export function newPatients(ports: Ports, strategy: Strategy, place: Place | null): Promise<Changes> {
  return strategy === 'rotation' ? rotated(ports) : updated(ports, place ?? BEGIN)
}

async function updated({ archive, server }: Ports, place: Place): Promise<Changes> {
  const { fhir } = archive.database
  const kept = await fhir.fact(SINCE)
  if (kept === null) return firstOfAll({ archive, server })
  const since = Date.parse(kept)
  // Where a look was cut off there may be more of the very same moment.
  const from = new Date(since - (place.isUnfinished ? 1 : OVERLAP_MS)).toISOString()
  const parameters = { _lastUpdated: `gt${from}`, _sort: '_lastUpdated', _count: PAGE }
  const fresh: Stored[] = []
  let newest = since
  let pages = 0
  for await (const page of server.pages('Patient', parameters)) {
    for (const patient of page) {
      newest = Math.max(newest, updatedAt(patient))
      if (patient.versionId === null || place.seen.get(patient.id) !== patient.versionId) fresh.push(patient)
    }
    if (++pages >= place.budget) break
  }
  const isMore = pages >= place.budget
  const links = await fhir.linksTo('patient', fresh.map(({ id }) => id)) // prettier-ignore
  const byId = new Map(fresh.map((patient) => [patient.id, patient]))
  return {
    patients: links.flatMap((link) => {
      const patient = byId.get(link.id)
      return patient === undefined ? [] : [{ link, patient }]
    }),
    isMore,
    keep: async () => {
      await fhir.saveFact(SINCE, new Date(newest).toISOString())
      const all = [...place.seen, ...fresh.map(({ id, versionId }) => [id, versionId ?? ''] as const)]
      // Where so many pages all lie in one moment it takes more of them to get beyond it.
      const isStuck = isMore && newest === since
      return {
        seen: new Map(all.slice(-MOST_SEEN)),
        budget: isStuck ? place.budget * 2 : PAGES,
        isUnfinished: isMore,
      }
    },
  }
}

/** Before it is asked what is new, every linked Patient is looked at once: nobody knows how long nobody has. */
async function firstOfAll(ports: Ports): Promise<Changes> {
  const { fhir } = ports.archive.database
  const began = (await fhir.fact(BEGAN)) ?? ports.archive.now().toISOString()
  const round = await rotated(ports)
  return {
    ...round,
    isMore: round.isUnfinished,
    keep: async () => {
      await fhir.saveFact(BEGAN, began)
      if (!round.isUnfinished) await fhir.saveFact(SINCE, began)
      return round.keep()
    },
  }
}

/** When a resource was last written, in milliseconds since 1970; 0 where it does not say. */
export function updatedAt({ resource }: Stored): number {
  const { meta } = resource
  const at = isObject(meta) && typeof meta['lastUpdated'] === 'string' ? Date.parse(meta['lastUpdated']) : NaN
  return Number.isNaN(at) ? 0 : at
}

async function rotated({ archive, server }: Ports): Promise<Changes & { readonly isUnfinished: boolean }> {
  const { fhir } = archive.database
  const after = await fhir.fact(CURSOR)
  const links = await fhir.links('patient', after === '' ? null : after, READ_AT_ONCE)
  const patients: { link: FhirLink; patient: Stored }[] = []
  for (const link of links) {
    const patient = link.id === '' ? null : await server.read('Patient', link.id)
    if (patient !== null) patients.push({ link, patient })
  }
  const isUnfinished = links.length === READ_AT_ONCE
  return {
    patients,
    isUnfinished,
    // Reading on at once would ask the server for every Patient again and again.
    isMore: false,
    keep: async () => {
      await fhir.saveFact(CURSOR, isUnfinished ? (links.at(-1)?.key ?? '') : '')
      return BEGIN
    },
  }
}
