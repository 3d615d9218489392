import type { FhirLink } from '../../src/database/ports/fhir-state.ts'
import { patientProjection } from '../../src/fhir/mapping/patient.ts'
import type { FhirServer, Stored } from '../../src/fhir/ports.ts'
import { newPatients, type Place } from '../../src/archive/watch-changes.ts'
import { movedSubjects, type Seen } from '../../src/archive/watch-subjects.ts'
import { writtenText } from '../../src/archive/sync-link.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'

// More than one look can take, from a server that keeps time by the second, as some do.

const MAPPING = {
  archiveId: 'a3f2c1d4-5b6e-4f70-8192-a3b4c5d6e7f8',
  release: 'R4',
  dicomwebUrl: 'http://pacs.example.org/dicomweb',
  lineageUrl: 'http://pacs.example.org/lineage',
} as const
const HOUR_AGO = Date.now() - 3_600_000

/** As a server would search them: by `_lastUpdated=gt…`, sorted by it, in pages of `_count`. */
function serverOf(all: readonly Stored[]): FhirServer {
  const timeOf = ({ resource }: Stored): number =>
    Date.parse((resource['meta'] as unknown as { lastUpdated: string }).lastUpdated)
  const notAsked = (): never => {
    throw new Error('this server only has pages')
  }
  return {
    ...{ url: 'http://fhir.example.org', capabilities: notAsked, read: notAsked, search: notAsked },
    ...{ create: notAsked, update: notAsked, remove: notAsked },
    async *pages(type, { _lastUpdated = '', _count = '' }) {
      const after = Date.parse(_lastUpdated.slice(2))
      const found = all.filter((one) => one.resource.resourceType === type && timeOf(one) > after)
      const sorted = found.sort((a, b) => timeOf(a) - timeOf(b))
      for (let at = 0; at < sorted.length; at += Number(_count))
        yield await Promise.resolve(sorted.slice(at, at + Number(_count)))
    },
  }
}

function written(resourceType: string, n: number, at: number, more: object = {}): Stored {
  const meta = { versionId: '1', lastUpdated: new Date(at).toISOString() }
  return { id: `r${n}`, versionId: '1', resource: { resourceType, id: `r${n}`, meta, ...more } }
}

async function link(
  store: MemoryArchive,
  kind: FhirLink['kind'],
  id: string,
  projection: string,
): Promise<void> {
  const own = { kind, key: `1.2.${id.slice(1)}`, resourceType: kind === 'study' ? 'ImagingStudy' : 'Patient' }
  await store.archive.database.fhir.saveLink({ ...own, id, projection, versionId: '1', gen: 1, flags: [] })
}

describe('what changed on the FHIR server', () => {
  it('is found whole, where more was written in one second than a look takes, long ago', async () => {
    const store = memoryArchive()
    const { fhir } = store.archive.database
    await fhir.saveFact('watch-since', new Date(HOUR_AGO - 1000).toISOString())
    // 1,500, then 1,000 in one second, then one an hour later: a look takes 2,000.
    const times = [
      ...Array<number>(1500).fill(HOUR_AGO),
      ...Array<number>(1000).fill(HOUR_AGO + 1000),
      Date.now(),
    ]
    const patients = times.map((at, n) => written('Patient', n, at))
    for (const { id, resource } of patients) await link(store, 'patient', id, patientProjection(resource))
    const ports = { archive: store.archive, server: serverOf(patients) }
    const met = new Set<string>()
    let place: Place | null = null
    for (let looks = 0; looks < 9; looks++) {
      const changes = await newPatients(ports, 'last-updated', place)
      for (const { patient } of changes.patients) met.add(patient.id)
      place = await changes.keep()
      if (!changes.isMore) break
    }
    expect(met.size).toBe(patients.length)
  })

  it('is found among studies, where more was pushed within the overlap than a look takes', async () => {
    const store = memoryArchive()
    const subject = { reference: 'Patient/ours' }
    const pushed = Array.from({ length: 2500 }, (_, n) =>
      written('ImagingStudy', n, HOUR_AGO + n, { subject }),
    )
    const moved = written('ImagingStudy', 2500, HOUR_AGO + 5000, { subject: { reference: 'Patient/theirs' } })
    for (const { id } of [...pushed, moved])
      await link(store, 'study', id, writtenText({ base: { subject }, pending: null }, 'R4'))
    await store.archive.database.fhir.saveFact(
      'watch-subjects-since',
      new Date(HOUR_AGO + 2400).toISOString(),
    )
    const ports = { archive: store.archive, server: serverOf([...pushed, moved]), mapping: MAPPING }
    const seen: Seen = new Map()
    const found: string[] = []
    for (let looks = 0; looks < 3; looks++) {
      const one = await movedSubjects(ports, 'last-updated', seen)
      found.push(...one.found.map(({ patient }) => patient))
      await one.keep()
    }
    expect(found).toEqual(['theirs'])
  })
})
