import { setTimeout as sleep } from 'node:timers/promises'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import { owedReport, restoreStudy, startReconcile, withdrawStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent, SyncSettings } from '../../src/archive/sync-settings.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { ownTag, studyIdentifier } from '../../src/fhir/mapping/identifiers.ts'
import type { Resource } from '../../src/fhir/ports.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'
import { ct } from '../samples.ts'
import { until } from '../until.ts'

type Kept = Resource & { readonly id: string }

let server: FhirStandIn
let store: MemoryArchive
let sync: Sync
let events: SyncEvent[]

beforeEach(async () => {
  server = await startFhirStandIn()
  store = memoryArchive()
  events = []
})

afterEach(async () => {
  await sync.stop()
  await server.stop()
  expect(events.filter(({ what }) => what === 'bug')).toEqual([])
})

function start(settings: Partial<SyncSettings> = {}): void {
  const { archiveId } = store.archive.database
  const base = 'http://pacs.example.org'
  sync = startSync(store.archive, openFhirServer({ url: server.url, timeoutMs: 2000 }), {
    mapping: { archiveId, release: 'R4', dicomwebUrl: `${base}/dicomweb`, lineageUrl: `${base}/lineage` },
    quietMs: 0,
    pollMs: 20,
    probeMs: 50,
    backoff: { firstMs: 10, longestMs: 50 },
    report: (event) => events.push(event),
    ...settings,
  })
}

async function settled(): Promise<void> {
  const isOwed = (): boolean => [...store.debts.values()].some(({ gen, doneGen }) => gen > doneGen)
  await until(() => !isOwed() && sync.state().inFlight === 0)
}

/** Runs once through everything, and lets the pushes that follow end; what was found. */
async function reconciled(): Promise<Readonly<Record<string, number>>> {
  const runs = (): number => events.filter(({ what }) => what === 'reconciled').length
  const before = runs()
  startReconcile(sync)
  await until(() => {
    if (events.some(({ what }) => what === 'not-reconciled'))
      throw new Error(sync.state().reconcile.problem ?? '')
    return runs() > before
  })
  await settled()
  return sync.state().reconcile.found
}

const uid = (n: number): string => `1.2.826.0.5.${n}`

function add(...studies: readonly number[]): void {
  store.add(
    ...studies.map((n) =>
      ct({ StudyInstanceUID: uid(n), SeriesInstanceUID: `${uid(n)}.1`, PatientID: 'P1' }),
    ),
  )
}

function studyOf(n: number): Kept {
  const token = `urn:oid:${uid(n)}`
  const found = (server.store.all('ImagingStudy') as unknown as Kept[]).filter((one) =>
    JSON.stringify(one['identifier']).includes(`"${token}"`),
  )
  const live = found.filter((one) => one['status'] !== 'entered-in-error')
  if (live[0] === undefined) throw new Error(`no ImagingStudy of ${uid(n)}`)
  return live[0]
}

function edit(resource: Kept, change: Record<string, unknown>): void {
  server.store.put({ ...resource, ...change } as never)
}

function open(reason: string): readonly (string | null)[] {
  return store.attention
    .filter((row) => row.reason === reason && row.resolvedAt === null)
    .map(({ study }) => study)
}

const plain = (resource: Kept): object => ({ ...resource, meta: null })

describe('reconcile', () => {
  it('finds nothing, asks little and writes nothing where all is as it was left', async () => {
    add(...Array.from({ length: 45 }, (_, n) => n + 1))
    start()
    await settled()
    server.requests.length = 0
    expect(await reconciled()).toEqual({})
    expect(sync.state().reconcile.studies).toBe(45)
    // Three pages of studies, three of their Provenances, and one of all that bear our tag.
    expect(server.requests.map(({ method }) => method)).toEqual(Array.from({ length: 7 }, () => 'GET'))
    expect(store.attention).toEqual([])
  })

  it('mends what was edited, makes again what was deleted, and tells nobody twice', async () => {
    add(1, 2, 3, 4)
    start()
    await settled()
    const before = [1, 2, 3, 4].map(studyOf)
    edit(studyOf(1), { description: 'another', numberOfInstances: 9 })
    server.store.remove('ImagingStudy', studyOf(2).id)
    edit(studyOf(3), { note: [{ text: 'of somebody else' }] })
    const [provenance] = server.store.all('Provenance') as unknown as Kept[]
    server.store.remove('Provenance', provenance!.id)
    expect(await reconciled()).toEqual({ edited: 1, deleted: 1, foreign: 1, untold: 1 })
    expect([1, 2, 4].map((n) => plain(studyOf(n)))).toEqual([0, 1, 3].map((n) => plain(before[n]!)))
    expect(studyOf(3)).toMatchObject({ note: [{ text: 'of somebody else' }] })
    expect(server.store.all('Provenance')).toHaveLength(4)
    expect([open('hand-edited'), open('deleted-there')]).toEqual([[uid(1)], [uid(2)]])
    for (const row of store.attention) await store.archive.database.attention.resolve(row.id)
    expect(await reconciled()).toEqual({})
    expect(store.attention.filter(({ resolvedAt }) => resolvedAt === null)).toEqual([])
  })

  it('reads Provenances one by one where the server does not find them by their tag', async () => {
    add(1, 2)
    start()
    await settled()
    const [provenance] = server.store.all('Provenance') as unknown as Kept[]
    server.store.remove('Provenance', provenance!.id)
    server.faults.add({ on: '^GET /Provenance\\?_tag', do: 'answer', status: 400 })
    expect(await reconciled()).toEqual({ untold: 1 })
    expect(server.store.all('Provenance')).toHaveLength(2)
  })

  it('leaves alone what the site wants left alone, reports it once, and restores it on demand', async () => {
    add(1, 2, 3)
    start({ handEdits: 'respect', remoteDelete: 'respect' })
    await settled()
    const before = [1, 2, 3].map(studyOf)
    server.store.put({ resourceType: 'Patient', id: 'other' })
    edit(studyOf(1), { description: 'another' })
    server.store.remove('ImagingStudy', studyOf(2).id)
    edit(studyOf(3), { subject: { reference: 'Patient/other' } })
    expect(await reconciled()).toEqual({ edited: 1, deleted: 1, moved: 1 })
    expect([open('hand-edited'), open('deleted-there'), open('subject-moved')]).toEqual([
      [uid(1)],
      [uid(2)],
      [uid(3)],
    ])
    expect(studyOf(1)['description']).toBe('another')
    expect(() => studyOf(2)).toThrow('no ImagingStudy')
    expect(studyOf(3)['subject']).toEqual({ reference: 'Patient/other' })
    for (const row of store.attention) await store.archive.database.attention.resolve(row.id)
    expect(await reconciled()).toEqual({})
    expect(store.attention.filter(({ resolvedAt }) => resolvedAt === null)).toEqual([])
    for (const n of [1, 2, 3]) await restoreStudy(store.archive, sync, uid(n))
    await settled()
    expect([1, 2, 3].map((n) => plain(studyOf(n)))).toEqual(before.map(plain))
    expect(await reconciled()).toEqual({})
    expect(store.attention.filter(({ resolvedAt }) => resolvedAt === null)).toEqual([])
  })

  it('withdraws duplicates that are ours alone, and reports others', async () => {
    add(1, 2)
    start()
    await settled()
    const { archiveId } = store.archive.database
    server.store.put({ ...studyOf(1), id: 'twin-1' })
    server.store.put({ ...studyOf(2), id: 'twin-2', note: [{ text: 'read this' }] })
    // Ours by its tag, but not found by the identifier of its study.
    server.store.put({
      resourceType: 'ImagingStudy',
      id: 'lost',
      status: 'available',
      subject: { display: 'n' },
      identifier: [studyIdentifier(uid(99))],
      meta: { tag: [ownTag(archiveId)] },
    } as never)
    expect(await reconciled()).toMatchObject({ duplicated: expect.any(Number) as number, orphaned: 1 })
    expect(server.store.current('ImagingStudy', 'twin-1')?.resource).toMatchObject({
      status: 'entered-in-error',
    })
    expect(server.store.current('ImagingStudy', 'twin-2')?.resource).toMatchObject({ status: 'available' })
    expect(open('duplicate-study')).toEqual([uid(2)])
  })

  it('goes on with the one that is not withdrawn, where its link is lost and another is older', async () => {
    Object.assign(server.behaviour, { updateCreate: false, statedUpdateCreate: false })
    add(1)
    start()
    await settled()
    const first = studyOf(1)
    server.store.put({ ...first, id: 'live' })
    edit(first, { status: 'entered-in-error' })
    store.links.clear()
    // The first one has been there for longer, whichever was written last.
    const age = (id: string, lastUpdated: string): void => {
      const current = server.store.current('ImagingStudy', id)?.resource
      Object.assign(current?.['meta'] as object, { lastUpdated })
    }
    age(first.id, '2020-01-01T00:00:00Z')
    age('live', '2021-01-01T00:00:00Z')
    add(1)
    await settled()
    expect(studyOf(1)).toMatchObject({ id: 'live', numberOfInstances: 2 })
    expect(server.store.current('ImagingStudy', first.id)?.resource).toMatchObject({
      status: 'entered-in-error',
      numberOfInstances: 1,
    })
  })

  it('reports orphans, withdraws them on demand or by policy, and forgets those that are none any more', async () => {
    add(1)
    start()
    await settled()
    const orphan = (n: number): void => {
      server.store.put({ ...studyOf(1), id: `orphan-${n}`, identifier: [studyIdentifier(uid(n))] } as never)
    }
    orphan(7)
    orphan(8)
    expect(await reconciled()).toEqual({ orphaned: 2 })
    expect(open('orphaned-study')).toEqual([uid(7), uid(8)])
    expect(studyOf(7)).toMatchObject({ status: 'available' })
    await withdrawStudy(store.archive, sync, uid(7))
    expect(studyOf(7)).toMatchObject({ status: 'cancelled', numberOfInstances: 0 })
    await expect(withdrawStudy(store.archive, sync, uid(1))).rejects.toMatchObject({ kind: 'conflict' })
    add(8)
    await settled()
    await reconciled()
    expect(open('orphaned-study')).toEqual([])
    await sync.stop()
    orphan(9)
    start({ orphans: 'cancel' })
    expect(await reconciled()).toEqual({ orphaned: 1 })
    expect(studyOf(9)).toMatchObject({ status: 'cancelled' })
    expect(open('orphaned-study')).toEqual([uid(9)])
  })

  it('runs by itself when it is due, once, and goes on after a failure where it stopped', async () => {
    add(...Array.from({ length: 25 }, (_, n) => n + 100))
    start()
    await settled()
    await sync.stop()
    server.requests.length = 0
    server.faults.add({ on: '^GET /ImagingStudy\\?identifier', do: 'answer', status: 503, skip: 1 })
    start({ reconcileMs: 3_600_000 })
    await until(() => sync.state().reconcile.status === 'failed')
    expect(sync.state().reconcile).toMatchObject({ studies: 20, problem: 'the FHIR server answered 503' })
    await sync.stop()
    // As if ten minutes had gone by.
    const run = JSON.parse(store.facts.get('reconcile') ?? '{}') as Record<string, unknown>
    store.facts.set('reconcile', JSON.stringify({ ...run, at: 0 }))
    start({ reconcileMs: 3_600_000 })
    await until(() => sync.state().reconcile.status === 'done')
    expect(sync.state().reconcile).toMatchObject({ studies: 25, problem: null })
    const before = server.requests.length
    await sleep(100)
    expect(server.requests).toHaveLength(before)
    expect((await owedReport(store.archive, sync, 10)).server?.reconcile.status).toBe('done')
  })
})
