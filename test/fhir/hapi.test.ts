import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { touchStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent } from '../../src/archive/sync-settings.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { studyToken } from '../../src/fhir/mapping/identifiers.ts'
import type { FhirServer, Resource, Stored } from '../../src/fhir/ports.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { ct, mr, pdf, sr } from '../samples.ts'
import { memoryArchive, type MemoryArchive } from './memory-database.ts'

// A real server, which CI starts: see test/servers/hapi.mjs.
const url = process.env['TEST_FHIR_URL']
const describeHapi = url === undefined || url === '' ? describe.skip : describe
const name = describeHapi === describe ? 'HAPI FHIR' : 'HAPI FHIR (skipped: no HAPI FHIR server)'

describeHapi(name, () => {
  let server: FhirServer
  let store: MemoryArchive
  let sync: Sync
  let events: SyncEvent[]
  const system = `urn:uuid:${randomUUID()}`

  beforeEach(() => {
    server = openFhirServer({ url: url ?? '' })
    store = memoryArchive({ archiveId: randomUUID() })
    events = []
    sync = startSync(store.archive, server, {
      mapping: {
        archiveId: store.archive.database.archiveId,
        release: 'R4',
        dicomwebUrl: 'http://pacs.example.org/dicomweb',
        lineageUrl: 'http://pacs.example.org/lineage',
        defaultIssuer: system,
      },
      quietMs: 0,
      pollMs: 50,
      backoff: { firstMs: 50, longestMs: 500 },
      report: (event) => events.push(event),
    })
  })

  afterEach(async () => {
    await sync.stop()
    expect(events.filter(({ what }) => what === 'bug' || what === 'dead')).toEqual([])
  })

  async function settled(): Promise<void> {
    sync.wake()
    while ([...store.debts.values()].some(({ gen, doneGen }) => gen > doneGen)) await sleep(20)
  }

  async function found(study: string): Promise<Stored> {
    const matches = await server.search('ImagingStudy', { identifier: studyToken(study) })
    expect(matches).toHaveLength(1)
    return matches[0]!
  }

  it('takes studies of every kind, once each, and versions only what changed', async () => {
    const study = { StudyInstanceUID: newUid(), PatientID: randomUUID(), PatientName: 'Roe^Jane' }
    store.add(ct(study), mr(study), sr(study), pdf(study))
    await settled()
    const first = await found(study.StudyInstanceUID)
    expect(first.resource).toMatchObject({ status: 'available', numberOfSeries: 4, numberOfInstances: 4 })
    await touchStudy(store.archive, sync, study.StudyInstanceUID)
    await settled()
    expect((await found(study.StudyInstanceUID)).versionId).toBe(first.versionId)
    expect(store.pushes.map(({ outcome }) => outcome)).toEqual(['created', 'unchanged'])
    const patients = await server.search('Patient', { identifier: `${system}|${study.PatientID}` })
    expect(patients).toHaveLength(1)
    expect(first.resource['subject']).toMatchObject({ reference: `Patient/${patients[0]?.id ?? ''}` })
  })

  it('keeps what others add, takes repairs, and converges with a second writer', async () => {
    const study = { StudyInstanceUID: newUid(), PatientID: randomUUID() }
    store.add(ct(study))
    await settled()
    for (let round = 1; round <= 5; round += 1) {
      const { resource, id, versionId } = await found(study.StudyInstanceUID)
      store.add(ct(study))
      sync.wake()
      const notes = (resource['note'] ?? []) as readonly { text: string }[]
      const edited: Resource = {
        ...resource,
        note: [...notes, { text: `round ${round}` }],
        description: 'edited',
      }
      await server.update({ ...edited, id }, versionId).catch(() => undefined)
      await settled()
    }
    await touchStudy(store.archive, sync, study.StudyInstanceUID)
    await settled()
    const { resource } = await found(study.StudyInstanceUID)
    expect(resource).toMatchObject({ numberOfInstances: 6, description: 'CT ABDOMEN' })
    expect(Array.isArray(resource['note'])).toBe(true)
  })

  it('gets back what was deleted there', async () => {
    const study = { StudyInstanceUID: newUid(), PatientID: randomUUID() }
    store.add(ct(study))
    await settled()
    const { id } = await found(study.StudyInstanceUID)
    expect((await fetch(`${server.url}/ImagingStudy/${id}`, { method: 'DELETE' })).ok).toBe(true)
    await touchStudy(store.archive, sync, study.StudyInstanceUID)
    await settled()
    expect((await found(study.StudyInstanceUID)).id).toBe(id)
  })

  it('has one Patient for many studies that are pushed at once', async () => {
    const PatientID = randomUUID()
    for (let n = 0; n < 10; n += 1) store.add(ct({ StudyInstanceUID: newUid(), PatientID }))
    await settled()
    expect(await server.search('Patient', { identifier: `${system}|${PatientID}` })).toHaveLength(1)
  })
})
