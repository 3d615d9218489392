import { createHash, randomUUID } from 'node:crypto'
import { touchStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent } from '../../src/archive/sync-settings.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { without } from '../../src/fhir/mapping/canonical.ts'
import { studyToken } from '../../src/fhir/mapping/identifiers.ts'
import type { FhirServer, Resource, Stored } from '../../src/fhir/ports.ts'
import { newUid } from '../../src/dicom/uid.ts'
import { ct, mr, pdf, sr } from '../samples.ts'
import { memoryArchive, type MemoryArchive } from './memory-database.ts'
import { faultsInR4 } from './validators.ts'
import { until } from '../until.ts'

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
    await until(() => [...store.debts.values()].every(({ gen, doneGen }) => gen <= doneGen))
  }

  async function reconciled(): Promise<void> {
    const runs = (): number => events.filter(({ what }) => what === 'reconciled').length
    const before = runs()
    sync.reconcile()
    await until(() => {
      if (events.some(({ what }) => what === 'not-reconciled'))
        throw new Error(sync.state().reconcile.problem ?? '')
      return runs() > before
    })
  }

  /** HAPI writes a `meta.source` that is no URI. */
  function withoutMeta(resource: Resource): Resource {
    return { ...without(resource, 'meta'), resourceType: resource.resourceType }
  }

  /** SHA-256, as URIs, of what a Provenance cites. */
  function citedIn({ contained }: Resource): string[] {
    const documents = contained as unknown as { identifier: { value: string }[] }[]
    return documents.map(({ identifier }) => identifier[0]?.value ?? '')
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

  it('tells where instances came from, once, with digests that are those of the files', async () => {
    const study = { StudyInstanceUID: newUid(), PatientID: randomUUID() }
    const samples = [ct(study), mr(study)]
    store.addFrom('CT-ROOM-1', new Date('2026-03-14T10:00:00Z'), ...samples)
    await settled()
    const made = await found(study.StudyInstanceUID)
    const target = { target: `ImagingStudy/${made.id}` }
    const [provenance, ...others] = await server.search('Provenance', target)
    expect(others).toEqual([])
    expect(faultsInR4(withoutMeta(provenance!.resource))).toEqual([])
    expect(citedIn(provenance!.resource)).toEqual(
      samples.map(({ bytes }) => `ni:///sha-256;${createHash('sha256').update(bytes).digest('base64url')}`),
    )
    const [, deviceId = ''] = /"Device\/([^"]+)"/u.exec(JSON.stringify(provenance?.resource)) ?? []
    expect(faultsInR4(withoutMeta((await server.read('Device', deviceId))!.resource))).toEqual([])
    await touchStudy(store.archive, sync, study.StudyInstanceUID)
    await settled()
    // As if the answer had been lost: it is sent again, and found there.
    for (const [key, link] of store.links)
      if (link.kind === 'provenance') store.links.set(key, { ...link, gen: null })
    await touchStudy(store.archive, sync, study.StudyInstanceUID)
    await settled()
    expect((await server.search('Provenance', target)).map(({ versionId }) => versionId)).toEqual(['1'])
    store.add(ct(study))
    await settled()
    expect(await server.search('Provenance', target)).toHaveLength(2)
  })

  it('takes a list for many originals', async () => {
    const study = { StudyInstanceUID: newUid(), PatientID: randomUUID() }
    store.add(...Array.from({ length: 201 }, () => ct(study)))
    await settled()
    const { id } = await found(study.StudyInstanceUID)
    const [provenance] = await server.search('Provenance', { target: `ImagingStudy/${id}` })
    expect(provenance?.resource['contained']).toMatchObject([
      { description: '201 DICOM instances, each with its SHA-256' },
    ])
  })

  it('is reconciled: what was edited, deleted or doubled there is put right', async () => {
    const studies = Array.from({ length: 3 }, () => ({ StudyInstanceUID: newUid(), PatientID: randomUUID() }))
    const [edited, deleted, doubled] = studies.map(({ StudyInstanceUID }) => StudyInstanceUID)
    store.add(...studies.map((study) => ct(study)))
    await settled()
    await reconciled()
    expect(sync.state().reconcile.found).toEqual({})
    const one = await found(edited!)
    await server.update({ ...one.resource, id: one.id, description: 'edited', numberOfInstances: 7 })
    const two = await found(deleted!)
    const [provenance] = await server.search('Provenance', { target: `ImagingStudy/${two.id}` })
    // A Provenance protects what it is about: both must go.
    for (const path of [`Provenance/${provenance!.id}`, `ImagingStudy/${two.id}`])
      expect((await fetch(`${server.url}/${path}`, { method: 'DELETE' })).ok).toBe(true)
    const three = await found(doubled!)
    // Servers give new ids to what is created.
    await server.create(three.resource)
    await reconciled()
    expect(sync.state().reconcile.found).toMatchObject({ edited: 1, deleted: 1, untold: 1 })
    await settled()
    expect((await found(edited!)).resource).toMatchObject({ description: 'CT ABDOMEN', numberOfInstances: 1 })
    expect((await found(deleted!)).id).toBe(two.id)
    expect(await server.search('Provenance', { target: `ImagingStudy/${two.id}` })).toHaveLength(1)
    const twins = await server.search('ImagingStudy', { identifier: studyToken(doubled!) })
    expect(twins.map(({ resource }) => resource['status']).sort()).toEqual(['available', 'entered-in-error'])
    await reconciled()
    expect(sync.state().reconcile.found).toEqual({})
  })

  it('has orders that are found by accession number and its issuer', async () => {
    const accession = randomUUID().slice(0, 16)
    const order = await server.create({
      resourceType: 'ServiceRequest',
      identifier: [{ system: 'urn:oid:1.2.3.4', value: accession }],
      status: 'active',
      intent: 'order',
      subject: { display: 'n' },
    })
    const study = {
      StudyInstanceUID: newUid(),
      AccessionNumber: accession,
      IssuerOfAccessionNumberSequence: [{ UniversalEntityID: '1.2.3.4', UniversalEntityIDType: 'ISO' }],
    }
    store.add(ct(study))
    await settled()
    expect((await found(study.StudyInstanceUID)).resource['basedOn']).toMatchObject([
      { reference: `ServiceRequest/${order.id}`, identifier: { value: accession } },
    ])
  })

  it('has one Patient for many studies that are pushed at once', async () => {
    const PatientID = randomUUID()
    for (let n = 0; n < 10; n += 1) store.add(ct({ StudyInstanceUID: newUid(), PatientID }))
    await settled()
    expect(await server.search('Patient', { identifier: `${system}|${PatientID}` })).toHaveLength(1)
  })
})
