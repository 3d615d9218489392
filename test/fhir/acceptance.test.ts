import { type FhirStandIn, startFhirStandIn } from './stand-in.ts'
import { ct, series } from '../samples.ts'
import { followingIsAccepted } from './acceptance-following.ts'
import { pushingIsAccepted } from './acceptance-pushing.ts'
import { startTelling } from './service.ts'

// What a FHIR server and people at it may do, and what must come of it all the same: the whole service in a process of
// its own, numbered 1 to 12. Against a stand-in that fails on demand, and against HAPI, which CI starts (test/servers/hapi.mjs).

describe('with the stand-in', () => {
  let standIn: FhirStandIn
  beforeEach(async () => {
    standIn = await startFhirStandIn()
  })
  afterEach(() => standIn.stop())

  pushingIsAccepted({
    base: () => standIn.url,
    pace: 5,
    makeRacy: () => {
      // Takes no ids of clients, and makes conditional creates twice.
      Object.assign(standIn.behaviour, { updateCreate: false, statedUpdateCreate: false })
      standIn.faults.add({ on: '^POST /ImagingStudy', do: 'rival', times: 2 })
    },
  })

  it.each([409, 412] as const)(
    'acceptance 7: a server that answers %i converges with a hostile second writer',
    async (conflictStatus) => {
      Object.assign(standIn.behaviour, { conflictStatus })
      await using service = await startTelling(standIn.url)
      const [first, second] = series(ct, 2, { PatientID: 'P' })
      await service.store(first!)
      await service.settled()
      standIn.faults.add({ on: '^PUT /ImagingStudy', do: 'rival', times: 8 })
      await service.store(second!)
      await service.settled()
      const { resource } = await service.imagingStudy(first!.uids.study)
      expect(resource['numberOfInstances']).toBe(2)
      expect(resource['note']).toHaveLength(8)
    },
    120_000,
  )

  it('acceptance 8: a server that finds the list too large (413) is told of series only, with exact counts', async () => {
    standIn.behaviour.maxBytes = 3000
    await using service = await startTelling(standIn.url)
    const samples = series(ct, 30, { PatientID: 'P' })
    await service.store(...samples)
    await service.settled()
    const { resource } = await service.imagingStudy(samples[0]!.uids.study)
    expect(resource).toMatchObject({ numberOfInstances: 30, series: [{ numberOfInstances: 30 }] })
    expect(JSON.stringify(resource)).not.toContain('"instance":')
    const refused = (): number => standIn.requests.filter(({ status }) => status === 413).length
    const before = refused()
    await service.pushed(samples[0]!.uids.study)
    // Remembered: not tried again.
    expect(refused()).toBe(before)
  }, 120_000)

  followingIsAccepted(() => standIn.url)
})

const hapi = process.env['TEST_FHIR_URL'] ?? ''
const describeHapi = hapi === '' ? describe.skip : describe
describeHapi(hapi === '' ? 'with HAPI FHIR (skipped: no HAPI FHIR server)' : 'with HAPI FHIR', () => {
  pushingIsAccepted({ base: () => hapi, pace: 1 })
  followingIsAccepted(() => hapi)
})
