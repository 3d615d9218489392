import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import type { ResourceJson } from '../../scripts/stand-ins/fhir/validate.ts'
import { type Corrector, decideCorrection, startCorrector } from '../../src/archive/correct.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { startSync, type Sync } from '../../src/archive/sync.ts'
import { startWatch, type Watch, type WatchSettings } from '../../src/archive/watch.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import { FhirError, type FhirServer } from '../../src/fhir/ports.ts'
import { fhirNotifyRoutes } from '../../src/http/fhir-notify.ts'
import { ct, series } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

// The whole way: what a person changes on the FHIR server comes out of QIDO, and what was there first is there still.

let standIn: FhirStandIn
let running: (Sync | Corrector | Watch)[]
let proposals: number

beforeEach(async () => {
  standIn = await startFhirStandIn()
  running = []
  proposals = 0
})

afterEach(async () => {
  for (const one of running.reverse()) await one.stop()
  await standIn.stop()
})

type Changed = (patient: ResourceJson) => object

interface Watching extends World {
  readonly watch: Watch
  readonly patients: () => readonly (ResourceJson & { id: string })[]
  readonly patientOf: (value: string) => ResourceJson & { id: string }
  /** What is remembered of a Patient. */
  readonly linkOf: (id: string) => Promise<unknown>
  readonly change: (id: string, changed: Changed) => void
  readonly settled: () => Promise<void>
}

async function startWatching(
  settings: Partial<WatchSettings> = {},
  through: (server: FhirServer) => FhirServer = (server) => server,
): Promise<Watching> {
  let watch: Watch | undefined
  let corrector: Corrector | undefined
  const world = await startWorld({
    more: (archive) => {
      const mapping = {
        archiveId: archive.database.archiveId,
        release: 'R4',
        dicomwebUrl: 'http://pacs.example.org/dicomweb',
        lineageUrl: 'http://pacs.example.org/lineage',
      } as const
      const server = openFhirServer({ url: standIn.url, timeoutMs: 2000 })
      running.push(startSync(archive, server, { mapping, isWatched: true, quietMs: 0, pollMs: 20 }))
      corrector = startCorrector(archive, { limits: {}, note: 'identity' }, () => undefined)
      watch = startWatch(archive, through(server), {
        mapping,
        policy: everyKind('auto'),
        pollMs: 30,
        report: ({ what }) => {
          if (what === 'proposed') proposals++
          corrector?.wake()
        },
        ...settings,
      })
      running.push(corrector, watch)
      return [{ at: '', router: fhirNotifyRoutes(watch, 'a secret of some length'), access: 'open' }]
    },
  })
  const { outbox, corrections } = world.archive.database
  const patients = () =>
    standIn.store.all('Patient').map((patient) => ({ ...patient, id: patient['id'] as string }))
  return {
    ...world,
    watch: watch!,
    patients,
    patientOf: (value) => patients().find((patient) => JSON.stringify(patient).includes(`"${value}"`))!,
    linkOf: (id) => world.archive.database.fhir.linksTo('patient', [id]),
    change: (id, changed) => {
      const current = standIn.store.current('Patient', id)?.resource
      if (!current) throw new Error('no such Patient')
      standIn.store.put({ ...current, ...changed(current), id })
    },
    settled: () =>
      until(async () => {
        // In this order: a correction that is done owes what it changed.
        const list = await corrections.list({ limit: 100 })
        const { rows } = await outbox.owed(100)
        const open = list.filter(({ state }) => state === 'approved' || state === 'running')
        for (const { study, dueAt, leased } of rows)
          if (!leased && dueAt.getTime() > Date.now() + 500) await outbox.touch(study)
        return rows.length + open.length === 0
      }),
  }
}

/** A whole look that begins from now on is over: it is told of when it begins, and the next one begins after it. */
async function looked({ watch }: Watching): Promise<void> {
  for (let begun = 0; begun < 2; begun++) {
    const before = watch.state().lastPollAt
    await until(() => watch.state().lastPollAt !== before)
  }
}

describe('a Patient that changes on the FHIR server', () => {
  it('is followed by its studies, and by those alone', async () => {
    await using world = await startWatching()
    await world.store(...series(ct, 2, { PatientID: 'P1' }), ct({ PatientID: 'P1' }), ct({ PatientID: 'P2' }))
    await world.settled()
    const [one] = world.patients().filter(({ identifier }) => JSON.stringify(identifier).includes('P1'))
    // What DICOM does not know changes nothing.
    world.change(one!.id, () => ({ telecom: [{ system: 'phone', value: '1' }] }))
    await looked(world)
    expect(await world.archive.database.corrections.list({ limit: 9 })).toEqual([])
    world.change(one!.id, () => ({ name: [{ use: 'official', family: 'Roe', given: ['Jane'] }] }))
    await until(async () => (await world.qido('/instances?PatientName=Roe^Jane')).length === 3)
    await world.settled()
    expect(await world.qido('/studies?PatientName=Roe^Jane&PatientID=P1')).toHaveLength(2)
    expect(await world.qido('/studies?PatientID=P2&PatientName=Doe^Jane')).toHaveLength(1)
    const list = await world.archive.database.corrections.list({ limit: 9 })
    expect(list).toHaveLength(2)
    expect(list[0]).toMatchObject({
      state: 'done',
      detail: { reason: 'COERCE', proposedBy: 'fhir', description: `FHIR Patient/${one!.id}/_history/3` },
    })
    // It is told to the FHIR server, and nothing goes round in circles.
    await looked(world)
    await world.settled()
    expect(proposals).toBe(1)
    expect(standIn.store.versions('Patient', one!.id)).toHaveLength(3)
    const told = standIn.store.all('ImagingStudy').map(({ status }) => status)
    expect(told).toEqual(['available', 'available', 'available'])
  }, 60_000)

  it('is followed to the one that it was merged into', async () => {
    await using world = await startWatching()
    await world.store(ct({ PatientID: 'P1' }), ct({ PatientID: 'P2', PatientName: 'Doe^Jane^A' }))
    await world.settled()
    const byId = (value: string) =>
      world.patients().find(({ identifier }) => JSON.stringify(identifier).includes(value))!
    const [merged, survivor] = [byId('P1'), byId('P2')]
    world.change(merged.id, () => ({
      active: false,
      link: [{ type: 'replaced-by', other: { reference: `Patient/${survivor.id}` } }],
    }))
    await until(async () => (await world.qido('/studies?PatientID=P2')).length === 2)
    await world.settled()
    expect(await world.qido('/patients')).toHaveLength(1)
    expect(await world.qido('/studies?PatientName=Doe^Jane^A')).toHaveLength(2)
    const subjects = standIn.store.all('ImagingStudy').map(({ subject }) => JSON.stringify(subject))
    expect(subjects).toHaveLength(2)
    for (const subject of subjects) expect(subject).toContain(`Patient/${survivor.id}`)
    // Another identity: the originals are rejected by a note that nobody sees in lists.
    expect(await world.qido('/instances?Modality=KO')).toEqual([])
  }, 60_000)

  it('is followed back when the merge is taken back, and what was always of the other stays there', async () => {
    await using world = await startWatching()
    await world.store(
      ct({ PatientID: 'P1', PatientName: 'Roe^Jane', PatientBirthDate: '19600102' }),
      ct({ PatientID: 'P2', PatientName: 'Doe^Jane', PatientBirthDate: '19700102' }),
    )
    await world.settled()
    const [merged, survivor] = [world.patientOf('P1'), world.patientOf('P2')]
    // What FHIR does not tell any more comes back from what was corrected.
    const link = [{ type: 'replaced-by', other: { reference: `Patient/${survivor.id}` } }]
    world.change(merged.id, () => ({ active: false, link, birthDate: undefined }))
    await until(async () => (await world.qido('/studies?PatientID=P2&PatientName=Doe^Jane')).length === 2)
    await world.settled()
    world.change(merged.id, () => ({ active: true, link: undefined }))
    await until(async () => (await world.qido('/studies?PatientID=P1')).length === 1)
    await world.settled()
    expect(await world.qido('/studies?PatientName=Roe^Jane&PatientBirthDate=19600102')).toHaveLength(1)
    expect(
      await world.qido('/studies?PatientID=P2&PatientName=Doe^Jane&PatientBirthDate=19700102'),
    ).toHaveLength(1)
    const subjects = standIn.store.all('ImagingStudy').map(({ subject }) => JSON.stringify(subject))
    expect(subjects.filter((subject) => subject.includes(`Patient/${merged.id}`))).toHaveLength(1)
    expect(subjects.filter((subject) => subject.includes(`Patient/${survivor.id}`))).toHaveLength(1)
    // And no further, though it is looked at again.
    world.change(merged.id, () => ({ telecom: [{ system: 'phone', value: '1' }] }))
    await looked(world)
    await world.settled()
    expect(await world.archive.database.corrections.list({ limit: 9 })).toHaveLength(2)
  }, 60_000)

  it('is not taken for another one when an identifier goes back to whom it was of', async () => {
    await using world = await startWatching()
    await world.store(
      ct({ PatientID: 'P1', PatientName: 'Roe^Jane' }),
      ct({ PatientID: 'P2', PatientName: 'Doe^Jane' }),
    )
    await world.settled()
    const [merged, survivor] = [world.patientOf('P1'), world.patientOf('P2')]
    const [own, other] = [merged['identifier'], survivor['identifier']] as [ResourceJson[], ResourceJson[]]
    world.change(survivor.id, () => ({ identifier: [...other, ...own] }))
    world.change(merged.id, () => ({
      link: [{ type: 'replaced-by', other: { reference: `Patient/${survivor.id}` } }],
    }))
    await until(async () => (await world.qido('/studies?PatientID=P1&PatientName=Doe^Jane')).length === 1)
    await world.settled()
    world.change(merged.id, () => ({ link: undefined }))
    world.change(survivor.id, () => ({ identifier: other }))
    await until(async () => (await world.qido('/studies?PatientID=P1&PatientName=Roe^Jane')).length === 1)
    await world.settled()
    expect(await world.qido('/studies?PatientID=P2&PatientName=Doe^Jane')).toHaveLength(1)
    const list = await world.archive.database.corrections.list({ limit: 9 })
    expect(list.map(({ to }) => Object.keys(to))).not.toContainEqual(expect.arrayContaining(['00100020']))
  }, 60_000)

  it('is left to a person where an identifier was taken away and nobody has it', async () => {
    await using world = await startWatching()
    await world.store(ct({ PatientID: 'P1' }))
    await world.settled()
    const { id, identifier } = world.patientOf('P1')
    const [own] = identifier as [ResourceJson]
    const both = [own, { ...own, value: 'P2' }]
    world.change(id, () => ({ identifier: both }))
    await until(async () => JSON.stringify(await world.linkOf(id)).includes('P2'))
    world.change(id, () => ({ identifier: both.slice(1) }))
    const { attention, corrections } = world.archive.database
    await until(async () =>
      (await attention.list({ open: true, limit: 9 })).some(({ reason }) => reason === 'patient-separated'),
    )
    expect(await corrections.list({ limit: 9 })).toEqual([])
    expect(await world.qido('/studies?PatientID=P1')).toHaveLength(1)
  }, 60_000)

  it.each([
    ['a search finds nobody else', []],
    ['a search finds somebody else, who is new', ['somebody-new']],
    ['a search finds the one that it was merged into', ['survivor']],
  ] as const)(
    'is followed when its studies are pushed before anybody looked, and %s',
    async (_what, others) => {
      await using world = await startWatching({ pollMs: 100_000 })
      const [one, late] = series(ct, 2, { PatientID: 'P1' })
      await world.store(one!)
      await world.settled()
      const [patient] = world.patients()
      const [identifier] = patient!['identifier'] as [ResourceJson]
      const [other] = others
      if (other !== undefined) standIn.store.put({ ...patient!, id: other })
      const link = [{ type: 'replaced-by', other: { reference: 'Patient/survivor' } }]
      if (other === 'survivor')
        standIn.store.put({
          ...patient!,
          id: other,
          identifier: [
            { ...identifier, value: 'P9' },
            { ...identifier, use: 'old' },
          ],
        })
      world.change(patient!.id, () => ({
        identifier: [{ ...identifier, value: 'P9' }],
        ...(other === 'survivor' && { link }),
      }))
      await world.store(late!)
      await world.settled()
      expect(await world.qido('/instances?PatientID=P1')).toHaveLength(2)
      world.watch.wake()
      await until(async () => (await world.qido('/instances?PatientID=P9')).length === 2)
      await world.settled()
      const [study] = standIn.store.all('ImagingStudy')
      expect(study).toMatchObject({
        numberOfInstances: 2,
        subject: {
          reference: `Patient/${other === 'survivor' ? other : patient!.id}`,
          identifier: { value: 'P9' },
        },
      })
    },
    60_000,
  )

  it('is found where the server knows no search by time, and when it says so only', async () => {
    const blind = (server: FhirServer): FhirServer => ({
      ...server,
      search: (type, parameters) =>
        server.search(
          type,
          Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== '_lastUpdated')),
        ),
      pages: () => {
        throw new Error('must not be asked')
      },
    })
    await using world = await startWatching({ pollMs: 100_000 }, blind)
    await world.store(ct({ PatientID: 'P1' }))
    await world.settled()
    const [patient] = world.patients()
    world.change(patient!.id, () => ({ gender: 'male' }))
    const notify = async (secret: string): Promise<number> =>
      (
        await world.ask('/fhir/notify', {
          method: 'POST',
          headers: { 'X-Notify-Secret': secret },
          body: '{"x":',
        })
      ).status
    expect(await notify('another')).toBe(403)
    await until(async () => {
      expect(await notify('a secret of some length')).toBe(200)
      return (await world.qido('/studies?PatientSex=M')).length === 1
    })
    expect(world.watch.state()).toMatchObject({
      strategy: 'rotation',
      problem: null,
      proposed: 1,
    })
  }, 60_000)

  it('is followed when an ImagingStudy is given to it, by a policy of its own', async () => {
    await using world = await startWatching({ policy: { ...everyKind('auto'), subject: 'approve' } })
    const [first, second] = [ct({ PatientID: 'P1', PatientName: 'Doe^John' }), ct({ PatientID: 'P2' })]
    await world.store(first, second)
    await world.settled()
    const byId = (value: string) =>
      world.patients().find(({ identifier }) => JSON.stringify(identifier).includes(value))!
    const study = standIn.store
      .all('ImagingStudy')
      .find((one) => JSON.stringify(one).includes(first.uids.study))!
    // Something must have been looked at before: what changes from then on is found.
    await until(async () => (await world.archive.database.fhir.fact('watch-subjects-since')) !== null)
    const given = { ...study, id: study['id'] as string, subject: { reference: `Patient/${byId('P2').id}` } }
    standIn.store.put(given)
    await until(async () => (await world.archive.database.corrections.list({ limit: 9 })).length > 0)
    const [row] = await world.archive.database.corrections.list({ limit: 9 })
    expect(row).toMatchObject({
      ...{ study: first.uids.study, state: 'proposed' },
      to: { '00100020': { Value: ['P2'] }, '00100010': { Value: [{ Alphabetic: 'Doe^Jane' }] } },
      detail: { reason: 'CORRECT', isSubject: true, proposedBy: 'fhir' },
    })
    await decideCorrection(world.archive, row!.id, 'approve', null)
    await until(async () => (await world.qido('/studies?PatientID=P2')).length === 2)
    await world.settled()
    // What was told of is settled, and the FHIR server keeps what somebody said there.
    await until(
      async () => (await world.archive.database.attention.list({ open: true, limit: 9 })).length === 0,
    )
    const now = standIn.store.current('ImagingStudy', given.id)?.resource
    expect(JSON.stringify(now?.['subject'])).toContain(`Patient/${byId('P2').id}`)
    expect(await world.archive.database.corrections.list({ limit: 9 })).toHaveLength(1)
  }, 60_000)

  it('is followed when an ImagingStudy is given to it, though the server fails while it is looked at', async () => {
    let failures = 0
    await using world = await startWatching({}, (server) => ({
      ...server,
      read: (type, id) => {
        if (type !== 'Patient' || failures === 0) return server.read(type, id)
        failures--
        return Promise.reject(new FhirError('transient', 'busy'))
      },
    }))
    const first = ct({ PatientID: 'P1' })
    await world.store(first, ct({ PatientID: 'P2' }))
    await world.settled()
    await until(async () => (await world.archive.database.fhir.fact('watch-subjects-since')) !== null)
    const study = standIn.store
      .all('ImagingStudy')
      .find((one) => JSON.stringify(one).includes(first.uids.study))!
    failures = 1
    const subject = { reference: `Patient/${world.patientOf('P2').id}` }
    standIn.store.put({ ...study, id: study['id'] as string, subject })
    await until(async () => (await world.qido('/studies?PatientID=P2')).length === 2)
    expect(failures).toBe(0)
  }, 60_000)

  it('is left alone where a study has two patients', async () => {
    await using world = await startWatching()
    const [one, two] = series(ct, 2, { PatientID: 'P1' })
    await world.store(one!, ct({ PatientID: 'P1' }))
    await world.settled()
    await world.store(ct({ ...{ StudyInstanceUID: two!.uids.study }, PatientID: 'P2' }))
    await world.settled()
    const [patient] = world.patients().filter(({ identifier }) => JSON.stringify(identifier).includes('P1'))
    world.change(patient!.id, () => ({ gender: 'male' }))
    await until(async () => (await world.qido('/studies?PatientSex=M')).length === 1)
    const rows = await world.archive.database.attention.list({ open: true, limit: 20 })
    expect(rows.map(({ reason, study }) => [reason, study])).toContainEqual([
      'correction-of-mixed-patients',
      one!.uids.study,
    ])
  }, 60_000)

  it('is proposed once the server is back, from where it was left', async () => {
    await using world = await startWatching({ policy: everyKind('approve') })
    await world.store(ct({ PatientID: 'P1' }))
    await world.settled()
    const { port } = new URL(standIn.url)
    const [patient] = world.patients()
    const { store } = standIn
    await standIn.stop()
    await until(() => world.watch.state().problem !== null)
    standIn = await startFhirStandIn({ port: Number(port) })
    for (const resource of [...store.all('Patient'), ...store.all('ImagingStudy')])
      standIn.store.put(resource as ResourceJson & { id: string })
    world.change(patient!.id, () => ({ birthDate: '1971-02-03' }))
    await until(async () => (await world.archive.database.corrections.list({ limit: 9 })).length === 1)
    expect(await world.archive.database.corrections.list({ limit: 9 })).toMatchObject([
      { state: 'proposed', to: { '00100030': { Value: ['19710203'] } } },
    ])
    expect(await world.qido('/studies?PatientBirthDate=19710203')).toEqual([])
  }, 60_000)
})
