import { setTimeout as sleep } from 'node:timers/promises'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import { releaseStudy, retryStudy, touchStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent, SyncSettings } from '../../src/archive/sync-settings.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'
import { ct, mr, type Sample, sr } from '../samples.ts'
import { until } from '../until.ts'

type Study = Record<string, unknown> & { id: string; series: { uid: string; numberOfInstances: number }[] }

let server: FhirStandIn
let store: MemoryArchive
let sync: Sync | null
let events: SyncEvent[]

beforeEach(async () => {
  server = await startFhirStandIn()
  store = memoryArchive()
  sync = null
  events = []
})

afterEach(async () => {
  await sync?.stop()
  await server.stop()
  expect(events.filter(({ what }) => what === 'bug')).toEqual([])
})

function start(settings: Partial<SyncSettings> = {}, timeoutMs = 2000): Sync {
  const { archiveId } = store.archive.database
  sync = startSync(store.archive, openFhirServer({ url: server.url, timeoutMs }), {
    mapping: {
      archiveId,
      release: 'R4',
      dicomwebUrl: 'http://pacs.example.org/dicomweb',
      lineageUrl: 'http://pacs.example.org/lineage',
      defaultIssuer: 'urn:oid:1.2.3.4',
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

/** Waits until nothing is owed, or what is owed is out of the way for longer than any test. */
async function settled(): Promise<void> {
  const isOwed = (): boolean =>
    [...store.debts.values()].some(
      ({ gen, doneGen, dueAt }) => gen > doneGen && dueAt < Date.now() + 3_600_000,
    )
  await until(() => !isOwed())
}

function studies(): Study[] {
  return server.store.all('ImagingStudy') as unknown as Study[]
}

function theStudy(): Study {
  const all = studies()
  expect(all).toHaveLength(1)
  return all[0]!
}

function idOf(resource: object | undefined): string {
  return resource && 'id' in resource && typeof resource.id === 'string' ? resource.id : ''
}

function versions(): number {
  return server.store.versions('ImagingStudy', theStudy().id).length
}

function open(reason: string): readonly Readonly<Record<string, unknown>>[] {
  return store.attention
    .filter((row) => row.reason === reason && row.resolvedAt === null)
    .map(({ detail }) => detail)
}

async function again(): Promise<void> {
  for (const study of store.debts.keys()) await touchStudy(store.archive, sync, study)
  await settled()
}

/** Writes to the server as somebody else would. */
function edit(resource: Record<string, unknown>, change: Record<string, unknown>): void {
  server.store.put({ ...resource, ...change } as never)
}

function studyOf(count: number, attributes: Record<string, string> = {}): Sample[] {
  const uids = { StudyInstanceUID: '1.2.826.0.1.1', SeriesInstanceUID: '1.2.826.0.1.1.1' }
  const person = { PatientID: 'P1', PatientName: 'Roe^Jane', PatientBirthDate: '19700102', PatientSex: 'F' }
  return Array.from({ length: count }, () => ct({ ...uids, ...person, ...attributes }))
}

describe('a push', () => {
  it('makes Patient, Endpoint and ImagingStudy, valid and with exact counts', async () => {
    const samples = studyOf(3)
    store.add(...samples)
    start()
    await settled()
    const study = theStudy()
    expect(study).toMatchObject({
      status: 'available',
      numberOfSeries: 1,
      numberOfInstances: 3,
      modality: [{ code: 'CT' }],
      identifier: [
        { system: 'urn:dicom:uid', value: 'urn:oid:1.2.826.0.1.1' },
        { type: { coding: [{ code: 'ACSN' }, { code: '121022' }] } },
      ],
    })
    const [patient] = server.store.all('Patient')
    expect(patient).toMatchObject({
      identifier: [{ system: 'urn:oid:1.2.3.4', value: 'P1' }],
      birthDate: '1970-01-02',
    })
    expect(study['subject']).toEqual({
      reference: `Patient/${idOf(patient)}`,
      identifier: { system: 'urn:oid:1.2.3.4', value: 'P1' },
    })
    const [endpoint] = server.store.all('Endpoint')
    expect(endpoint).toMatchObject({ address: 'http://pacs.example.org/dicomweb' })
    expect(study['endpoint']).toEqual([{ reference: `Endpoint/${idOf(endpoint)}` }])
    expect(store.pushes).toMatchObject([{ gen: 3, outcome: 'created' }])
  })

  it('speaks R5 to an R5 server, which is as strict', async () => {
    server.behaviour.release = 'R5'
    const { archiveId } = store.archive.database
    store.add(
      ...studyOf(2),
      sr({ StudyInstanceUID: '1.2.826.0.1.1', PatientID: 'P1', PatientName: 'Roe^Jane' }),
    )
    start({
      mapping: {
        archiveId,
        release: 'R5',
        dicomwebUrl: 'http://pacs.example.org/dicomweb',
        lineageUrl: 'http://pacs.example.org/lineage',
      },
    })
    await settled()
    const before = theStudy()
    expect(before).toMatchObject({
      numberOfInstances: 3,
      modality: [{ coding: [{ code: 'CT' }] }, { coding: [{ code: 'SR' }] }],
      series: [{ modality: { coding: [{ code: 'CT' }] } }, { modality: { coding: [{ code: 'SR' }] } }],
    })
    await again()
    expect(versions()).toBe(1)
    edit(before, { note: [{ text: 'n' }], modality: [{ coding: [{ code: 'XX' }] }] })
    await again()
    expect(theStudy()).toMatchObject({ note: [{ text: 'n' }], modality: before['modality'] })
    expect(open('hand-edited')).toHaveLength(1)
  })

  it('writes nothing when nothing changed', async () => {
    store.add(...studyOf(2))
    start()
    await settled()
    await again()
    expect(versions()).toBe(1)
    expect(store.pushes.map(({ outcome }) => outcome)).toEqual(['created', 'unchanged'])
  })

  // fhir.md §7, 1 and the bar of design §8, with waits that are a third of their defaults.
  it('sums up 1,000 instances of a study that come over a while in at most five versions', async () => {
    store = memoryArchive({ quietMs: 1500, maxWaitMs: 20_000 })
    start()
    const samples = studyOf(1000)
    for (let i = 0; i < 1000; i += 50) {
      store.add(...samples.slice(i, i + 50))
      sync?.wake()
      await sleep(10)
    }
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 1000, series: [{ numberOfInstances: 1000 }] })
    expect(versions()).toBeLessThanOrEqual(5)
  })

  it('keeps what others added, over ten pushes', async () => {
    start()
    const [first, ...rest] = studyOf(11)
    store.add(first!)
    await settled()
    server.store.put({ resourceType: 'Encounter', id: 'e1' })
    const foreign = {
      note: [{ text: 'compare with 2019' }],
      encounter: { reference: 'Encounter/e1' },
      extension: [{ url: 'http://example.org/x', valueString: 'kept' }],
    }
    edit(theStudy(), foreign)
    for (const sample of rest) {
      store.add(sample)
      await settled()
    }
    expect(theStudy()).toMatchObject({ ...foreign, numberOfInstances: 11 })
    expect(versions()).toBe(12)
    expect(open('hand-edited')).toEqual([])
  })

  it('repairs what was edited by hand, and says which elements, without their values', async () => {
    store.add(...studyOf(2))
    start()
    await settled()
    const before = theStudy()
    edit(before, {
      description: 'secret of a patient',
      numberOfInstances: 7,
      series: undefined,
    })
    await again()
    expect({ ...theStudy(), meta: null }).toEqual({ ...before, meta: null })
    const [detail] = open('hand-edited')
    expect(detail).toMatchObject({
      version: '2',
      elements: ['numberOfInstances', 'description', 'series[1.2.826.0.1.1.1]'],
    })
    expect(JSON.stringify(store.attention)).not.toContain('secret')
  })

  it('leaves hand edits where the site wants that, and says so', async () => {
    store.add(...studyOf(1))
    start({ handEdits: 'respect' })
    await settled()
    edit(theStudy(), { description: 'better words' })
    store.add(...studyOf(1))
    await settled()
    expect(theStudy()).toMatchObject({ description: 'better words', numberOfInstances: 2 })
    expect(open('hand-edited')).toMatchObject([{ elements: ['description'] }])
  })

  it('makes again what was deleted on the server, or leaves it so', async () => {
    store.add(...studyOf(1))
    start()
    await settled()
    const { id } = theStudy()
    server.store.remove('ImagingStudy', id)
    await again()
    expect(theStudy().id).toBe(id)
    expect(open('deleted-there')).toMatchObject([{ outcome: 'created' }])
    await sync?.stop()
    server.store.remove('ImagingStudy', id)
    start({ remoteDelete: 'respect' })
    await again()
    expect(studies()).toEqual([])
    expect(open('deleted-there')).toMatchObject([{ outcome: 'deleted-there' }])
  })

  it('adopts a study that somebody else put there, and leaves his words alone', async () => {
    server.store.put({
      resourceType: 'ImagingStudy',
      id: 'theirs',
      identifier: [{ system: 'urn:dicom:uid', value: 'urn:oid:1.2.826.0.1.1' }],
      status: 'registered',
      subject: { display: 'ordered for somebody' },
      description: 'ordered as thorax',
    })
    store.add(...studyOf(1))
    start()
    await settled()
    await again()
    expect(theStudy()).toMatchObject({ id: 'theirs', status: 'available', description: 'ordered as thorax' })
    expect(theStudy()['subject']).toEqual({ display: 'ordered for somebody' })
    expect(open('hand-edited')).toEqual([])
  })

  it('says cancelled when the last instance is deleted, and available when one comes back', async () => {
    const samples = studyOf(2)
    store.add(...samples)
    start()
    await settled()
    store.setState('deleted', samples)
    await settled()
    expect(theStudy()).toMatchObject({ status: 'cancelled', numberOfSeries: 0, numberOfInstances: 0 })
    expect(theStudy().series).toBeUndefined()
    store.setState('active', samples.slice(1))
    await settled()
    expect(theStudy()).toMatchObject({ status: 'available', numberOfInstances: 1 })
    store.setState('rejected', samples)
    await settled()
    expect(theStudy()).toMatchObject({ status: 'entered-in-error' })
    expect(open('hand-edited')).toEqual([])
  })

  it('tells nothing of a study that was gone before it was told of', async () => {
    const samples = studyOf(1)
    store.add(...samples)
    store.setState('deleted', samples)
    start()
    await settled()
    expect(studies()).toEqual([])
    expect(store.pushes).toMatchObject([{ outcome: 'nothing' }])
  })
})

describe('the patient of a study', () => {
  const patient = (id: string, more: Record<string, unknown> = {}): void => {
    server.store.put({
      resourceType: 'Patient',
      id,
      identifier: [{ system: 'urn:oid:1.2.3.4', value: 'P1' }],
      name: [{ family: 'Roe', given: ['Jane'] }],
      birthDate: '1970-01-02',
      ...more,
    })
  }

  it('is found and never written', async () => {
    patient('known', { name: [{ family: 'Röe-Smith' }, { family: 'Roe' }] })
    store.add(...studyOf(1))
    start()
    await settled()
    expect(theStudy()['subject']).toMatchObject({ reference: 'Patient/known' })
    expect(server.store.versions('Patient', 'known')).toHaveLength(1)
    expect(server.store.all('Patient')).toHaveLength(1)
  })

  it('is the survivor of a merge, also when merged later', async () => {
    patient('old')
    store.add(...studyOf(1))
    start()
    await settled()
    patient('new', { identifier: [{ system: 'urn:oid:1.2.3.4', value: 'P9' }] })
    patient('old', { link: [{ type: 'replaced-by', other: { reference: 'Patient/new' } }] })
    await again()
    expect(theStudy()['subject']).toMatchObject({ reference: 'Patient/new' })
    expect(open('subject-moved')).toEqual([])
  })

  describe('Other Patient IDs', () => {
    const otherIds = (...ids: readonly object[]) => ({
      ...{ PatientID: 'P9', PatientName: 'Roe^Jane', PatientBirthDate: '19700102' },
      OtherPatientIDsSequence: [
        ...ids,
        // Without an issuer it may be anybody's.
        { PatientID: 'P1', TypeOfPatientID: 'TEXT' },
      ],
    })
    const universal = (PatientID: string) => ({
      ...{ PatientID, TypeOfPatientID: 'TEXT' },
      IssuerOfPatientIDQualifiersSequence: [{ UniversalEntityID: '1.2.40.7', UniversalEntityIDType: 'ISO' }],
    })

    it('find the Patient where nobody has the Patient ID', async () => {
      patient('known', { identifier: [{ system: 'urn:oid:1.2.40.7', value: 'N1' }] })
      patient('stranger', { identifier: [{ system: 'urn:oid:1.2.3.4', value: 'P1' }] })
      store.add(ct(otherIds(universal('N1'))))
      start()
      await settled()
      expect(theStudy()['subject']).toMatchObject({
        reference: 'Patient/known',
        identifier: { system: 'urn:oid:1.2.3.4', value: 'P9' },
      })
      expect(server.store.all('Patient')).toHaveLength(2)
      expect(server.store.versions('Patient', 'known')).toHaveLength(1)
      // And again, when more of it comes.
      store.add(ct(otherIds(universal('N1'))))
      await settled()
      expect(server.store.all('Patient')).toHaveLength(2)
    })

    it('of several Patients leave the choice to a person', async () => {
      for (const id of ['one', 'two'])
        patient(id, { identifier: [{ system: 'urn:oid:1.2.40.7', value: `N-${id}` }] })
      store.add(ct(otherIds(universal('N-one'), universal('N-two'))))
      start()
      await settled()
      expect(theStudy()['subject']).not.toHaveProperty('reference')
      expect(open('ambiguous-patient')).toEqual([{ patients: ['one', 'two'] }])
    })

    it('are identifiers of a Patient that is made', async () => {
      store.add(ct(otherIds(universal('N1'))))
      start()
      await settled()
      const [made] = server.store.all('Patient')
      expect(made?.['identifier']).toEqual([
        { system: 'urn:oid:1.2.3.4', value: 'P9' },
        { system: 'urn:oid:1.2.40.7', value: 'N1' },
      ])
    })
  })

  it('is not guessed: two candidates give a logical reference and a row, until one is left', async () => {
    patient('one')
    patient('two')
    store.add(...studyOf(1))
    start()
    await settled()
    const { subject } = theStudy()
    expect(subject).toEqual({
      type: 'Patient',
      identifier: { system: 'urn:oid:1.2.3.4', value: 'P1' },
      display: 'Roe, Jane',
    })
    expect(open('ambiguous-patient')).toEqual([{ patients: ['one', 'two'] }])
    server.store.remove('Patient', 'two')
    await again()
    expect(theStudy()['subject']).toMatchObject({ reference: 'Patient/one' })
    expect(open('ambiguous-patient')).toEqual([])
  })

  it('is doubted when birth date and family name both disagree, and noted when one does', async () => {
    patient('p', { name: [{ family: 'Doe' }], birthDate: '1950' })
    store.add(...studyOf(1))
    start()
    await settled()
    expect(theStudy()['subject']).not.toHaveProperty('reference')
    expect(open('identity-conflict')).toMatchObject([{ patient: 'p', elements: ['birthDate', 'family'] }])
    patient('p', { name: [{ family: 'Doe' }], birthDate: '1970' })
    await again()
    expect(theStudy()['subject']).toMatchObject({ reference: 'Patient/p' })
    expect(open('identity-conflict')).toEqual([])
    expect(open('identity-differs')).toMatchObject([{ elements: ['family'] }])
  })

  it('is shown, not referred to, without Patient ID', async () => {
    store.add(...studyOf(1, { PatientID: '' }))
    start()
    await settled()
    expect(theStudy()['subject']).toEqual({ display: 'Roe, Jane' })
    expect(server.store.all('Patient')).toEqual([])
  })

  it('is not created where the site wants references only', async () => {
    store.add(...studyOf(1))
    start({ patients: 'reference' })
    await settled()
    expect(theStudy()['subject']).toMatchObject({ type: 'Patient', identifier: { value: 'P1' } })
    expect(server.store.all('Patient')).toEqual([])
  })

  it('is one Patient for two studies that are pushed at once, on a server that takes no ids and races', async () => {
    server.behaviour.updateCreate = false
    server.behaviour.statedUpdateCreate = null
    store.add(
      ...studyOf(1),
      ...studyOf(1, { StudyInstanceUID: '1.2.826.0.1.2', SeriesInstanceUID: '1.2.826.0.1.2.1' }),
    )
    start()
    await settled()
    expect(server.store.all('Patient')).toHaveLength(1)
    expect(studies()).toHaveLength(2)
  })

  it('that a person gave the study to stays, and is noted', async () => {
    store.add(...studyOf(1))
    start()
    await settled()
    patient('right', { identifier: [{ system: 'urn:oid:1.2.3.4', value: 'P2' }] })
    edit(theStudy(), { subject: { reference: 'Patient/right' } })
    store.add(...studyOf(1))
    await settled()
    expect(theStudy()).toMatchObject({ subject: { reference: 'Patient/right' }, numberOfInstances: 2 })
    expect(open('subject-moved')).toHaveLength(1)
  })

  it('is logical when the study names two, and held where the site wants that, until released', async () => {
    store.add(...studyOf(1), ...studyOf(1, { PatientID: 'P2' }))
    start({ mixedPatients: 'hold' })
    await settled()
    expect(studies()).toEqual([])
    expect(open('mixed-patients')).toEqual([{ patients: 2 }])
    expect([...store.debts.values()]).toMatchObject([{ hold: 'mixed-patients' }])
    await releaseStudy(store.archive, sync, '1.2.826.0.1.1')
    await settled()
    expect(theStudy()).toMatchObject({ subject: { identifier: { value: 'P1' } }, numberOfInstances: 2 })
    expect(theStudy()['subject']).not.toHaveProperty('reference')
  })
})

describe('a FHIR server that fails', () => {
  it('down while everything comes in: all is told once it is back', async () => {
    const { url } = server
    await server.stop()
    start()
    store.add(...studyOf(5))
    await until(() => sync?.state().status === 'unreachable')
    expect(sync?.state()).toMatchObject({
      problem: 'no answer from the FHIR server: ECONNREFUSED',
    })
    server = await startFhirStandIn({ port: Number(new URL(url).port) })
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 5 })
    expect(sync?.state().status).toBe('pushing')
  })

  // The process dies, or the answer is lost, between the server's commit and our own: one resource, no false alarm.
  it.each([
    ['ImagingStudy made by id', '^PUT /ImagingStudy/', true],
    ['ImagingStudy made by condition', '^POST /ImagingStudy', false],
    ['Patient', '^(PUT|POST) /Patient', true],
    ['Patient made by condition', '^(PUT|POST) /Patient', false],
    ['Endpoint', '^(PUT|POST) /Endpoint', true],
    ['Endpoint made by condition', '^(PUT|POST) /Endpoint', false],
  ])('loses the answer of a commit: %s', async (_what, on, updateCreate) => {
    Object.assign(server.behaviour, { updateCreate, statedUpdateCreate: updateCreate })
    server.faults.add({ on, do: 'commit-then-drop' })
    store.add(...studyOf(2))
    start()
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 2 })
    expect(versions()).toBe(1)
    expect(server.store.all('Patient')).toHaveLength(1)
    expect(server.store.all('Endpoint')).toHaveLength(1)
    expect(open('hand-edited')).toEqual([])
  })

  it('loses the answer of an update, and more instances come meanwhile: no false alarm of a hand edit', async () => {
    store.add(...studyOf(1))
    const more: number[] = []
    const report = (event: SyncEvent): void => {
      events.push(event)
      const count = event.what === 'postponed' ? more.pop() : undefined
      if (count !== undefined) store.add(...studyOf(count))
    }
    start({ handEdits: 'respect', report })
    await settled()
    server.faults.add({ on: '^PUT /ImagingStudy', do: 'commit-then-drop' })
    more.push(3)
    store.add(...studyOf(2))
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 6, series: [{ numberOfInstances: 6 }] })
    expect(open('hand-edited')).toEqual([])
  })

  it.each([
    ['500', { status: 500 }],
    [
      '503 with a page',
      { status: 503, body: '<html>maintenance</html>', headers: { 'content-type': 'text/html' } },
    ],
    ['429', { status: 429, headers: { 'retry-after': '0' } }],
    [
      '200 with a page',
      { status: 200, body: '<html>login</html>', headers: { 'content-type': 'text/html' } },
    ],
    ['a redirect', { status: 307, headers: { location: 'http://127.0.0.1:1/fhir/ImagingStudy' } }],
    ['401', { status: 401 }],
  ])('answers %s for a while: nothing is dropped', async (_what, answer) => {
    server.faults.add({ on: '^(PUT|POST) /', do: 'answer', times: 7, ...answer })
    store.add(...studyOf(2))
    start()
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 2 })
    expect(sync?.state().counts).toMatchObject({ dead: 0 })
  })

  it('asks for patience: no request until then', async () => {
    server.faults.add({ on: '^(PUT|POST) /', do: 'answer', status: 429, headers: { 'retry-after': '1' } })
    store.add(...studyOf(1))
    const at = Date.now()
    start()
    await until(() => sync?.state().status === 'asked-to-wait')
    // It is asked once: any request before the time is over would have succeeded.
    await settled()
    expect(Date.now() - at).toBeGreaterThanOrEqual(1000)
  })

  it('hangs: the request is given up, and made again', async () => {
    server.faults.add({ on: '^PUT /ImagingStudy', do: 'hang' })
    store.add(...studyOf(1))
    start({}, 200)
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 1 })
  })

  it('shows an old version: the write over it is refused, and done again over the new one', async () => {
    store.add(...studyOf(1))
    start()
    await settled()
    edit(theStudy(), { note: [{ text: 'n' }] })
    server.faults.add({ on: '^GET /ImagingStudy', do: 'stale-read' })
    store.add(...studyOf(1))
    await settled()
    expect(theStudy()).toMatchObject({ note: [{ text: 'n' }], numberOfInstances: 2 })
  })

  it.each([409, 412] as const)(
    'has a second writer who is always a moment earlier, and answers %i',
    async (status) => {
      server.behaviour.conflictStatus = status
      store.add(...studyOf(1))
      start()
      await settled()
      server.faults.add({ on: '^PUT /ImagingStudy', do: 'rival', times: 8 })
      store.add(...studyOf(1))
      await settled()
      const study = theStudy()
      expect(study).toMatchObject({ numberOfInstances: 2 })
      expect(study['note']).toHaveLength(8)
      expect(sync?.state().counts.conflicts).toBe(8)
    },
  )

  it('makes duplicates in a race of conditional creates: ours are withdrawn', async () => {
    Object.assign(server.behaviour, { updateCreate: false, statedUpdateCreate: false })
    server.faults.add({ on: '^POST /ImagingStudy', do: 'rival' })
    store.add(...studyOf(1))
    start()
    await settled()
    store.add(...studyOf(1))
    await settled()
    const live = studies().filter(({ status }) => status !== 'entered-in-error')
    expect(studies()).toHaveLength(2)
    expect(live).toMatchObject([{ numberOfInstances: 2 }])
  })

  it.each([400, 404, 405, 422] as const)(
    'refuses our ids with %i: remembered, and made by condition',
    async (status) => {
      Object.assign(server.behaviour, {
        updateCreate: false,
        statedUpdateCreate: null,
        refuseIdStatus: status,
      })
      store.add(...studyOf(1))
      start()
      await settled()
      expect(theStudy()).toMatchObject({ numberOfInstances: 1 })
      store.add(...studyOf(1, { StudyInstanceUID: '1.2.826.0.1.3', SeriesInstanceUID: '1.2.826.0.1.3.1' }))
      await settled()
      const puts = server.requests.filter(
        ({ method, path }) => method === 'PUT' && path.startsWith('/ImagingStudy'),
      )
      expect(puts).toHaveLength(1)
      expect([...store.facts.keys()].map((name) => name.split(' ')[1]).sort()).toEqual([
        'Device',
        'Endpoint',
        'ImagingStudy',
        'Patient',
        'Provenance',
      ])
    },
  )

  it('finds the list too large (413): series only, with exact counts, and remembered', async () => {
    server.behaviour.maxBytes = 3000
    store.add(...studyOf(30))
    start()
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 30, series: [{ numberOfInstances: 30 }] })
    expect(theStudy().series[0]).not.toHaveProperty('instance')
    server.faults.clear()
    store.add(...studyOf(1))
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 31 })
    // Once for the ImagingStudy, and once for its Provenance, which then cites a list.
    expect(server.requests.filter(({ status }) => status === 413)).toHaveLength(2)
    server.behaviour.maxBytes = 1_000_000
    await retryStudy(store.archive, sync, '1.2.826.0.1.1')
    await settled()
    expect(theStudy().series[0]).toHaveProperty('instance')
  })

  it('refuses the resource (422): dead, not dropped, with codes and no values; retried on demand', async () => {
    const outcome = {
      resourceType: 'OperationOutcome',
      issue: [
        {
          severity: 'error',
          code: 'invariant',
          diagnostics: 'Roe, Jane',
          expression: ['ImagingStudy.series[0]'],
        },
      ],
    }
    server.faults.add({
      on: '^(PUT|POST) /ImagingStudy',
      do: 'answer',
      times: 2,
      status: 422,
      body: JSON.stringify(outcome),
    })
    store.add(...studyOf(1))
    start()
    await settled()
    const error = 'the FHIR server answered 422 (invariant at ImagingStudy.series[0])'
    expect(open('dead')).toEqual([{ error, status: 422 }])
    expect([...store.debts.values()]).toMatchObject([{ error, gen: 1, doneGen: 0 }])
    expect(sync?.state().status).toBe('pushing')
    expect(open('overdue')).toEqual([])
    await retryStudy(store.archive, sync, '1.2.826.0.1.1')
    await settled()
    expect(theStudy()).toMatchObject({ numberOfInstances: 1 })
    expect(open('dead')).toEqual([])
  })

  it('refused it before the service was started anew: tried again', async () => {
    server.faults.add({ on: '^(PUT|POST) /ImagingStudy', do: 'answer', times: 2, status: 400 })
    store.add(...studyOf(1))
    start()
    await settled()
    expect([...store.debts.values()].map(({ dead }) => dead !== null)).toEqual([true])
    await sync?.stop()
    start()
    await until(() => studies().length > 0)
    await settled()
    expect(open('dead')).toEqual([])
  })

  it('fails one study for half a day: shown to a person, tried on', async () => {
    server.faults.add({ on: '^PUT /ImagingStudy', do: 'answer', times: 12, status: 500 })
    store.add(...studyOf(1))
    for (const debt of store.debts.values()) debt.firstDirtyAt -= 13 * 3_600_000
    start()
    await settled()
    expect(store.attention.filter(({ reason }) => reason === 'overdue')).toMatchObject([
      { detail: { error: 'the FHIR server answered 500', status: 500 } },
    ])
    expect(open('overdue')).toEqual([])
    expect(studies()).toHaveLength(1)
  })

  it.each([
    ['often', 12, 0],
    ['for long', 3, 13 * 3_600_000],
  ])('fails one study %s alone: nobody need look at it', async (_how, times, ageMs) => {
    server.faults.add({ on: '^PUT /ImagingStudy', do: 'answer', times, status: 500 })
    store.add(...studyOf(1))
    for (const debt of store.debts.values()) debt.firstDirtyAt -= ageMs
    start()
    await settled()
    expect(sync?.state().counts.postponed).toBe(times)
    expect(store.attention).toEqual([])
  })

  it('is of another release: nothing is written until it is the right one', async () => {
    server.behaviour.release = 'R5'
    store.add(...studyOf(1))
    start()
    await until(() => sync?.state().status === 'misconfigured')
    expect(sync?.state().problem).toBe('FHIR_VERSION is R4, but the FHIR server says that it is 5.0.0')
    const asked = server.requests.length
    await until(() => server.requests.length > asked + 1)
    expect(server.requests.filter(({ method }) => method !== 'GET')).toEqual([])
    server.behaviour.release = 'R4'
    await settled()
    expect(studies()).toHaveLength(1)
  })

  it('of one study does not keep the others waiting', async () => {
    server.faults.add({ on: '^(PUT|POST) /ImagingStudy', do: 'answer', times: 2, status: 422 })
    const others = [2, 3, 4, 5].map((n) =>
      mr({ StudyInstanceUID: `1.2.826.0.2.${n}`, SeriesInstanceUID: `1.2.826.0.2.${n}.1` }),
    )
    store.add(...others)
    start({ concurrency: 1 })
    await settled()
    expect(studies().length).toBe(3)
  })
})

describe('two workers over one outbox', () => {
  it('make no duplicates and lose nothing, on a server with races', async () => {
    Object.assign(server.behaviour, { conflictStatus: 409 })
    const first = start()
    const second = startSync(store.archive, openFhirServer({ url: server.url }), {
      mapping: {
        archiveId: store.archive.database.archiveId,
        release: 'R4',
        dicomwebUrl: 'http://pacs.example.org/dicomweb',
        lineageUrl: 'http://pacs.example.org/lineage',
        defaultIssuer: 'urn:oid:1.2.3.4',
      },
      pollMs: 7,
      backoff: { firstMs: 10, longestMs: 50 },
    })
    for (let round = 0; round < 10; round += 1) {
      for (let n = 1; n <= 6; n += 1) {
        store.add(
          ...studyOf(2, { StudyInstanceUID: `1.2.826.0.5.${n}`, SeriesInstanceUID: `1.2.826.0.5.${n}.1` }),
        )
      }
      await sleep(10)
    }
    await settled()
    await second.stop()
    await first.stop()
    expect(studies()).toHaveLength(6)
    expect(studies().map(({ numberOfInstances }) => numberOfInstances)).toEqual([20, 20, 20, 20, 20, 20])
    expect(server.store.all('Patient')).toHaveLength(1)
    expect(open('hand-edited')).toEqual([])
  })

  it('a lease that is lost stops the push before its next request', async () => {
    store.add(sr({ PatientID: 'P1' }))
    server.faults.add({ on: '^GET /Patient', do: 'hang' })
    start({}, 300)
    await until(() => server.requests.some(({ path }) => path.startsWith('/Patient')))
    for (const debt of store.debts.values()) debt.lease = { token: 'another', until: Date.now() + 60_000 }
    await until(() => events.some(({ what }) => what === 'lease-lost' || what === 'postponed'))
    expect(
      server.requests.filter(({ method, path }) => method !== 'GET' && !path.startsWith('/Endpoint')),
    ).toEqual([])
    for (const debt of store.debts.values()) debt.lease = null
    await settled()
    expect(studies()).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('waits for what is in flight, and leaves the rest owed', async () => {
    for (let n = 1; n <= 20; n += 1)
      store.add(mr({ StudyInstanceUID: `1.2.826.0.6.${n}`, PatientID: `Q${n}` }))
    const { promise: begun, resolve: begin } = Promise.withResolvers<undefined>()
    const report = (event: SyncEvent): void => {
      events.push(event)
      if (event.what === 'pushed') begin(undefined)
    }
    start({ report })
    await begun
    await sync?.stop()
    const [told, seen] = [studies().length, server.requests.length]
    expect(told).toBeLessThan(20)
    await sleep(50)
    expect(server.requests).toHaveLength(seen)
    const owed = [...store.debts.values()].filter(({ gen, doneGen }) => gen > doneGen).length
    expect(owed).toBe(20 - told)
    expect(sync?.state().status).toBe('stopped')
  })
})
