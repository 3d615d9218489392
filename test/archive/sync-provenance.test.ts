import { createHash } from 'node:crypto'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import { manifestOf, manifestText, originsOf } from '../../src/archive/origins.ts'
import { touchStudy } from '../../src/archive/sync-admin.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import type { SyncEvent, SyncSettings } from '../../src/archive/sync-settings.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { PushRecord } from '../../src/database/ports/fhir-state.ts'
import type { Json, Resource } from '../../src/fhir/ports.ts'
import { memoryArchive, type MemoryArchive } from '../fhir/memory-database.ts'
import { faultsInR4, faultsInR5 } from '../fhir/validators.ts'
import { ct, type Sample } from '../samples.ts'
import { until } from '../until.ts'

const STUDY = '1.2.826.0.1.1'

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

function start(settings: Partial<SyncSettings> = {}, release: 'R4' | 'R5' = 'R4'): void {
  const { archiveId } = store.archive.database
  const base = 'http://pacs.example.org'
  sync = startSync(store.archive, openFhirServer({ url: server.url, timeoutMs: 2000 }), {
    mapping: { archiveId, release, dicomwebUrl: `${base}/dicomweb`, lineageUrl: `${base}/lineage` },
    quietMs: 0,
    pollMs: 20,
    probeMs: 50,
    backoff: { firstMs: 10, longestMs: 50 },
    report: (event) => events.push(event),
    ...settings,
  })
}

async function settled(): Promise<void> {
  await until(() => [...store.debts.values()].every(({ gen, doneGen }) => gen <= doneGen))
}

async function again(): Promise<void> {
  await touchStudy(store.archive, sync, STUDY)
  await settled()
}

function studyOf(count: number): Sample[] {
  const uids = { StudyInstanceUID: STUDY, SeriesInstanceUID: `${STUDY}.1`, PatientID: 'P1' }
  return Array.from({ length: count }, () => ct(uids))
}

function told(): Resource[] {
  return server.store.all('Provenance')
}

/** SHA-256 of the originals that a Provenance cites. */
function cited(resource: Resource | undefined): string[] {
  return ((resource?.['contained'] ?? []) as unknown as Resource[]).map((document) => {
    const identifiers = document['identifier'] as unknown as { value: string }[]
    const uri = identifiers.find(({ value }) => value.startsWith('ni:'))?.value ?? ''
    return Buffer.from(uri.replace('ni:///sha-256;', ''), 'base64url').toString('hex')
  })
}

function digests(samples: readonly Sample[]): string[] {
  return samples.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))
}

function tagsOf(meta: Json | undefined): unknown {
  return (meta as { tag?: unknown } | undefined)?.tag
}

/**
 * Tells of batches one after the other, then the same archive from its bytes alone: who sent what is lost, and every link
 * to the server. What was told before that.
 */
async function toldThenLost(
  batches: readonly ReturnType<typeof studyOf>[],
): Promise<ReturnType<typeof told>> {
  start()
  for (const batch of batches) {
    store.addFrom('CT-ROOM-1', new Date(), ...batch)
    await settled()
  }
  await sync?.stop()
  const before = told()
  store = memoryArchive()
  store.add(...batches.flat())
  start()
  await settled()
  return before
}

describe('where instances came from', () => {
  it.each(['R4', 'R5'] as const)(
    'is told once for each arrival, of exactly what arrived (%s)',
    async (release) => {
      server.behaviour.release = release
      const [early, late] = [studyOf(2), studyOf(3)]
      store.addFrom('CT-ROOM-1', new Date('2026-03-14T10:00:00Z'), ...early)
      start({}, release)
      await settled()
      store.addFrom('CT-ROOM-2', new Date('2026-03-14T11:00:00Z'), ...late)
      await settled()
      await again()
      const [first, second] = told()
      expect(told()).toHaveLength(2)
      expect(cited(first)).toEqual(digests(early))
      expect(cited(second)).toEqual(digests(late))
      expect(second).toMatchObject({
        activity: { coding: [{ code: 'UPDATE' }] },
        agent: [{ who: { display: 'Concord' } }, { who: { display: 'CT-ROOM-2' } }],
      })
      for (const resource of [...told(), ...server.store.all('Device')])
        expect((release === 'R4' ? faultsInR4 : faultsInR5)(resource)).toEqual([])
      expect(server.store.versions('Provenance', first?.id ?? '')).toHaveLength(1)
    },
  )

  it('waits until the study has been quiet, and is one for all that came', async () => {
    // A clock of its own: it is quiet when the test says so.
    let clock = Date.now()
    Object.assign(store.archive, { now: () => new Date(clock) })
    start({ quietMs: 500 })
    const samples = studyOf(5)
    const pushed = () => events.filter(({ what }) => what === 'pushed').length
    for (const [before, sample] of samples.entries()) {
      store.addFrom('CT-ROOM-1', new Date(clock), sample)
      sync?.wake()
      await until(() => pushed() > before)
      expect(told()).toEqual([])
      clock += 499
    }
    clock += 1
    await settled()
    expect(told()).toHaveLength(1)
    expect(cited(told()[0])).toEqual(digests(samples))
  })

  it('points to a list where more than 200 arrived at once, whose digest can be checked', async () => {
    store.add(...studyOf(201))
    start()
    await settled()
    const [resource] = told()
    expect(faultsInR4(resource!)).toEqual([])
    const { fhir, index } = store.archive.database
    const [push] = await fhir.cuts(STUDY)
    const origins = await originsOf(index, STUDY, push!.range!, () => Promise.resolve())
    const list = [...manifestText(STUDY, push!.id, origins)].join('')
    expect((JSON.parse(list) as { origins: unknown[] }).origins).toHaveLength(201)
    const sha256 = createHash('sha256').update(list).digest('hex')
    expect(cited(resource)).toEqual([sha256])
    expect(manifestOf(STUDY, push!.id, origins)).toEqual({ sha256, size: Buffer.byteLength(list) })
  })

  it.each([
    ['an id of ours', true],
    ['a search by tag', false],
  ])('survives a lost answer: one Provenance, found by %s', async (_how, takesIds) => {
    Object.assign(server.behaviour, { updateCreate: takesIds, statedUpdateCreate: takesIds })
    server.faults.add({ on: '^(PUT|POST) /Provenance', do: 'commit-then-drop', times: 2 })
    const samples = studyOf(2)
    store.add(...samples)
    start()
    await settled()
    // What comes between the first try and the next is told apart.
    const more = studyOf(1)
    store.add(...more)
    await settled()
    expect(told().map(cited)).toEqual([digests(samples), digests(more)])
  })

  it('keeps its range when more arrives before it could be told', async () => {
    server.faults.add({ on: '^PUT /Provenance', do: 'answer', status: 503, times: 1 })
    const [samples, more] = [studyOf(2), studyOf(2)]
    store.add(...samples)
    const { fhir } = store.archive.database
    const endPush = fhir.endPush.bind(fhir)
    // Nothing is told at the first try: more arrives at that moment.
    Object.assign(fhir, {
      endPush: (id: string, outcome: string) => {
        Object.assign(fhir, { endPush })
        store.add(...more)
        return endPush(id, outcome)
      },
    })
    start()
    await settled()
    expect(told().map(cited)).toEqual([digests(samples), digests(more)])
  })

  it('is not told again by an index that was built anew, and what comes then is told apart', async () => {
    const batches = [studyOf(2), studyOf(3)]
    const before = await toldThenLost(batches)
    expect(before).toHaveLength(2)
    expect(told()).toEqual(before)
    const { fhir } = store.archive.database
    const cuts = await fhir.cuts(STUDY)
    expect(cuts.map(({ range }) => range)).toEqual([
      { after: 0, upTo: 2 },
      { after: 2, upTo: 5 },
    ])
    const links = await Promise.all(cuts.map(({ id }) => fhir.link('provenance', id)))
    expect(links.map((link) => link?.id)).toEqual(before.map(({ id }) => id))
    const more = studyOf(1)
    store.add(...more)
    await settled()
    expect(told().map(cited)).toEqual([...batches, more].map(digests))
    await again()
    expect(told()).toHaveLength(3)
  })

  it('is told by the same list in the same place, when it was told by a list', async () => {
    const before = await toldThenLost([studyOf(2), studyOf(201), studyOf(1)])
    expect(before).toHaveLength(3)
    expect(told().map(({ id }) => id)).toEqual(before.map(({ id }) => id))
    expect(
      told()
        .map(({ meta }) => meta)
        .map(tagsOf),
    ).toEqual(before.map(({ meta }) => meta).map(tagsOf))
    // The list is what this index has, under the address that it had.
    const [, { id, range }] = (await store.archive.database.fhir.cuts(STUDY)) as [PushRecord, PushRecord]
    expect(range).toEqual({ after: 2, upTo: 203 })
    const origins = await originsOf(store.archive.database.index, STUDY, range!, () => Promise.resolve())
    expect(cited(told()[1])).toEqual([manifestOf(STUDY, id, origins).sha256])
    expect(JSON.stringify(told()[1])).toContain(`/pushes/${id}"`)
    await again()
    expect(told()).toHaveLength(3)
  })

  it('is told anew from where an index that was built anew has more than was told', async () => {
    const [first, unknown, last] = [studyOf(2), studyOf(1), studyOf(1)]
    start()
    for (const batch of [first, last]) {
      store.add(...batch)
      await settled()
    }
    await sync?.stop()
    store = memoryArchive()
    store.add(...first, ...unknown, ...last)
    start()
    await settled()
    expect(told().map(cited)).toEqual([first, last, [...unknown, ...last]].map(digests))
  })

  it('is found again, mended and made again, and left out where the server has no Provenance', async () => {
    const samples = studyOf(1)
    store.add(...samples)
    start()
    await settled()
    const [before] = told()
    server.store.put({ ...before!, id: before?.id ?? '', activity: { text: 'edited' } })
    for (const [key, link] of store.links)
      if (link.kind === 'provenance') store.links.set(key, { ...link, gen: null })
    await again()
    expect({ ...told()[0], meta: null }).toEqual({ ...before, meta: null })
    server.store.remove('Provenance', before?.id ?? '')
    for (const [key, link] of store.links)
      if (link.kind === 'provenance') store.links.set(key, { ...link, gen: null })
    await again()
    expect({ ...told()[0], meta: null }).toEqual({ ...before, meta: null })
    await sync?.stop()
    server.behaviour.types = ['Patient', 'ImagingStudy', 'Endpoint']
    start()
    store.add(...studyOf(1))
    await settled()
    expect(told()).toHaveLength(1)
    expect(store.attention).toEqual([])
  })
})
