import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import type { Archive } from '../../src/archive/archive.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent, SyncSettings } from '../../src/archive/sync-settings.ts'
import type { FhirLink } from '../../src/database/ports/fhir-state.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { bare, ct, series, sr } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

// The worker over the real index: STOW over HTTP on one side, a FHIR server on the other.

type Study = Record<string, unknown> & { id: string; numberOfInstances: number }

let standIn: FhirStandIn
let sync: Sync | null
let events: SyncEvent[]

beforeEach(async () => {
  standIn = await startFhirStandIn()
  sync = null
  events = []
})

afterEach(async () => {
  await sync?.stop()
  await standIn.stop()
})

function start(archive: Archive, settings: Partial<SyncSettings> = {}): Sync {
  const { archiveId } = archive.database
  sync = startSync(archive, openFhirServer({ url: standIn.url, timeoutMs: 2000 }), {
    mapping: {
      archiveId,
      release: 'R4',
      dicomwebUrl: 'http://pacs.example.org/dicomweb',
      lineageUrl: 'http://pacs.example.org/lineage',
    },
    quietMs: 0,
    pollMs: 20,
    probeMs: 50,
    backoff: { firstMs: 10, longestMs: 50 },
    report: (event) => events.push(event),
    ...settings,
  })
  return sync
}

/** Owes everything at once: the quiet of five seconds is for devices that send slowly, not for tests. */
async function settled({ archive }: World): Promise<void> {
  const { outbox } = archive.database
  await until(async () => {
    const { rows } = await outbox.owed(100)
    for (const { study, dueAt, leased } of rows) {
      if (!leased && dueAt.getTime() > Date.now() + 1000) await outbox.touch(study)
    }
    if (rows.length > 0) sync?.wake()
    return rows.length === 0
  })
}

function studies(): Study[] {
  return standIn.store.all('ImagingStudy') as unknown as Study[]
}

describe('from STOW to the FHIR server', () => {
  it('tells 1,000 instances of a study in at most five versions, with exact counts', async () => {
    await using world = await startWorld()
    start(world.archive)
    const samples = series((attributes) => bare(attributes, { pixels: null }), 1000, {
      Modality: 'CT',
      PatientID: 'P1',
    })
    for (let i = 0; i < samples.length; i += 100) await world.store(...samples.slice(i, i + 100))
    await settled(world)
    expect(studies()).toMatchObject([{ numberOfSeries: 1, numberOfInstances: 1000 }])
    expect(standIn.store.versions('ImagingStudy', studies()[0]?.id ?? '').length).toBeLessThanOrEqual(5)
    expect(studies()[0]?.['series']).toMatchObject([{ numberOfInstances: 1000 }])
    await sync?.stop()
  })

  it('stores while the FHIR server is down, and tells everything once it is there', async () => {
    await using world = await startWorld()
    const { port } = new URL(standIn.url)
    await standIn.stop()
    start(world.archive)
    await world.store(...series(ct, 3), sr())
    expect(await world.qido('/studies')).toHaveLength(2)
    await until(() => sync?.state().status === 'unreachable')
    standIn = await startFhirStandIn({ port: Number(port) })
    await settled(world)
    expect(
      studies()
        .map(({ numberOfInstances }) => numberOfInstances)
        .sort(),
    ).toEqual([1, 3])
    await sync?.stop()
  })

  // As if the process had died there: what it had in mind is lost, what the database has is not.
  it.each(['saveLink', 'saveProvenance', 'endPush', 'settle'] as const)(
    'dies between the commit there and its own (%s)',
    async (where) => {
      let deaths = 0
      const dying = (archive: Archive): Archive => {
        const die = (): void => {
          deaths += 1
          if (deaths <= 2) throw new Error('killed here')
        }
        const { fhir, outbox } = archive.database
        const isConfirmed = (link: FhirLink): boolean =>
          link.kind === (where === 'saveProvenance' ? 'provenance' : 'study') && link.gen !== null
        const database = {
          ...archive.database,
          fhir: {
            ...fhir,
            saveLink: (link: FhirLink) => {
              if (where.startsWith('save') && isConfirmed(link)) die()
              return fhir.saveLink(link)
            },
            endPush: (id: string, outcome: string) => {
              if (where === 'endPush') die()
              return fhir.endPush(id, outcome)
            },
          },
          outbox: {
            ...outbox,
            settle: (claim: Parameters<typeof outbox.settle>[0]) => {
              if (where === 'settle') die()
              return outbox.settle(claim)
            },
          },
        }
        return { ...archive, database }
      }
      await using world = await startWorld({ through: dying })
      start(world.archive, { leaseMs: 300 })
      await world.store(...series(ct, 2, { PatientID: 'P1' }))
      await settled(world)
      expect(deaths).toBeGreaterThan(2)
      expect(studies()).toMatchObject([{ numberOfInstances: 2 }])
      expect(standIn.store.versions('ImagingStudy', studies()[0]?.id ?? '')).toHaveLength(1)
      expect(standIn.store.all('Patient')).toHaveLength(1)
      const [provenance, ...others] = standIn.store.all('Provenance') as unknown as { id: string }[]
      expect(others).toEqual([])
      expect(standIn.store.versions('Provenance', provenance?.id ?? '')).toHaveLength(1)
      expect(await world.archive.database.attention.list({ open: true, limit: 10 })).toEqual([])
      await sync?.stop()
    },
  )

  it('looks as soon as something was stored, not at the next poll, and not for what was known', async () => {
    let stored = 0
    await using world = await startWorld({ intake: { onStored: () => (stored += 1) } })
    const sample = ct()
    await world.store(sample)
    expect(stored).toBe(1)
    await world.store(sample)
    expect(stored).toBe(1)
    start(world.archive, { pollMs: 60_000 })
    await until(() => standIn.requests.length > 0)
    await world.archive.database.outbox.touch(sample.uids.study)
    sync?.wake()
    await until(() => studies().length > 0)
    await sync?.stop()
  })

  it('answers DICOM the same, whether the FHIR server is up, lies, or is gone', async () => {
    await using world = await startWorld()
    await world.store(...series(ct, 2, { PatientID: 'P1', PatientName: 'Roe^Jane' }), sr())
    const ask = async (): Promise<unknown> => [
      await world.qido('/studies?includefield=all'),
      await world.qido('/instances'),
      await world.qido('/studies?PatientName=Roe*'),
    ]
    const before = await ask()
    start(world.archive)
    await settled(world)
    expect(await ask()).toEqual(before)
    for (const study of studies()) {
      standIn.store.put({ ...study, description: 'a lie', numberOfInstances: 99, series: [] } as never)
    }
    for (const { id, ...patient } of standIn.store.all('Patient') as unknown as { id: string }[]) {
      standIn.store.put({ ...patient, id, name: [{ family: 'Lie' }] } as never)
    }
    expect(await ask()).toEqual(before)
    sync?.reconcile()
    await until(() => events.some(({ what }) => what === 'reconciled'))
    await settled(world)
    expect(studies().map(({ numberOfInstances }) => numberOfInstances)).not.toContain(99)
    expect(await ask()).toEqual(before)
    await standIn.stop()
    expect(await ask()).toEqual(before)
    await sync?.stop()
  })

  it('tells both patients of a mixed study apart from certainty, and the index keeps the flag', async () => {
    await using world = await startWorld()
    const { StudyInstanceUID } = { StudyInstanceUID: '1.2.826.0.9' }
    await world.store(ct({ StudyInstanceUID, PatientID: 'A' }), ct({ StudyInstanceUID, PatientID: 'B' }))
    start(world.archive)
    await settled(world)
    expect(studies()[0]?.['subject']).toMatchObject({ identifier: { value: 'A' } })
    expect(studies()[0]?.['subject']).not.toHaveProperty('reference')
    const open = await world.archive.database.attention.list({ open: true, limit: 10 })
    expect(open).toMatchObject([
      { reason: 'mixed-patients', study: StudyInstanceUID, detail: { patients: 2 } },
    ])
    await sync?.stop()
  })
})
