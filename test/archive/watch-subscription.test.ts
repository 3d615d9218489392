import { setTimeout as sleep } from 'node:timers/promises'
import { type FhirStandIn, startFhirStandIn } from '../fhir/stand-in.ts'
import type { ResourceJson } from '../../scripts/stand-ins/fhir/validate.ts'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { startWatch, type Watch } from '../../src/archive/watch.ts'
import { startSubscriptions, type Subscriptions } from '../../src/archive/watch-subscription.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { FhirRelease } from '../../src/fhir/ports.ts'
import { fhirAdminRoutes } from '../../src/http/fhir-admin.ts'
import { fhirNotifyRoutes, NOTIFY } from '../../src/http/fhir-notify.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'

const SECRET = 'a secret of some length'

let standIn: FhirStandIn
let running: (Watch | Subscriptions)[]

beforeEach(() => {
  running = []
})

afterEach(async () => {
  for (const one of running.reverse()) await one.stop()
  await standIn.stop()
})

interface Subscribing extends World {
  readonly watch: Watch
  /** Starts to keep Subscriptions, or to take them away. */
  keep(options?: { isWanted?: boolean; secret?: string }): Subscriptions
  stop(): Promise<void>
}

async function startSubscribing(release: FhirRelease = 'R4'): Promise<Subscribing> {
  let watch: Watch | undefined
  let subscriptions: Subscriptions | undefined
  const server = openFhirServer({ url: standIn.url, timeoutMs: 2000 })
  const world = await startWorld({
    more: (archive) => {
      // It would look once an hour: whatever is looked at sooner was called for.
      watch = startWatch(archive, server, {
        ...{ mapping: mappingOf(archive.database.archiveId, release), policy: everyKind('approve') },
        ...{ pollMs: 3_600_000, report: () => undefined },
      })
      running.push(watch)
      const state = { state: () => subscriptions?.state() ?? [], stop: () => Promise.resolve() }
      return [
        { at: '', router: fhirNotifyRoutes(watch, SECRET), access: 'open' },
        { at: '', router: fhirAdminRoutes(archive, null, state), access: 'admin' },
      ]
    },
  })
  return {
    ...world,
    watch: watch!,
    keep: ({ isWanted = true, secret = SECRET } = {}) => {
      subscriptions = startSubscriptions(world.archive, server, {
        mapping: mappingOf(world.archive.database.archiveId, release),
        hook: isWanted ? { url: world.url + NOTIFY, secret } : null,
        upkeepMs: 30,
        report: () => undefined,
      })
      running.push(subscriptions)
      return subscriptions
    },
    stop: async () => subscriptions?.stop(),
  }
}

function mappingOf(archiveId: string, release: FhirRelease) {
  const [dicomwebUrl, lineageUrl] = ['http://pacs.example.org/dicomweb', 'http://pacs.example.org/lineage']
  return { archiveId, release, dicomwebUrl, lineageUrl }
}

const kept = (): readonly ResourceJson[] => standIn.store.all('Subscription')
const statuses = (subscriptions: Subscriptions): string[] =>
  subscriptions.state().map(({ type, form, status }) => `${type} ${form ?? '-'} ${status}`)
const ACTIVE = ['Patient criteria active', 'ImagingStudy criteria active']

/** Somebody writes a Patient, and the watch looks. */
async function wakes({ watch }: Subscribing): Promise<void> {
  await until(() => watch.state().lastPollAt !== null)
  // Looks are half a second apart at least.
  await sleep(600)
  const before = watch.state().lastPollAt
  standIn.store.put({ resourceType: 'Patient', id: 'p1', name: [{ family: `N${Date.now()}` }] })
  await until(() => watch.state().lastPollAt !== before)
}

describe('Subscriptions of the FHIR server', () => {
  it('are made, wake the watch, and are shown', async () => {
    standIn = await startFhirStandIn()
    await using world = await startSubscribing()
    const subscriptions = world.keep()
    await until(() => statuses(subscriptions).join() === ACTIVE.join())
    expect(kept()).toMatchObject([
      { criteria: 'Patient?', channel: { type: 'rest-hook', header: [`X-Notify-Secret: ${SECRET}`] } },
      { criteria: 'ImagingStudy?' },
    ])
    // Nothing of a resource is sent: there is no payload.
    expect(JSON.stringify(kept())).not.toContain('payload')
    await wakes(world)
    expect(standIn.calls.at(-1)).toMatchObject({ type: 'event-notification', status: 200 })
    const report = (await world.get('/admin/fhir')).json() as Record<string, unknown>
    expect(report['subscriptions']).toMatchObject([
      { type: 'Patient', form: 'criteria', status: 'active', problem: null },
      { type: 'ImagingStudy', status: 'active' },
    ])
    expect(JSON.stringify(report)).not.toContain(SECRET)
  }, 60_000)

  it('are made anew when they are gone, in error, or another one is wanted', async () => {
    standIn = await startFhirStandIn()
    await using world = await startSubscribing()
    const first = world.keep()
    await until(() => statuses(first).join() === ACTIVE.join())
    const [patient] = kept()
    standIn.store.remove('Subscription', patient!['id'] as string)
    await until(() => kept().length === 2 && kept().every(({ status }) => status === 'active'))
    const [, other] = kept()
    standIn.store.put({ ...other!, id: other!['id'] as string, status: 'error' })
    await until(() => kept().every(({ status }) => status === 'active'))
    expect(kept()).toHaveLength(2)
    const versions = standIn.store.versions('Subscription', other!['id'] as string).length
    await world.stop()
    // After a restart it is the same, and nothing is written; with another secret it is.
    const second = world.keep()
    await until(() => statuses(second).join() === ACTIVE.join())
    expect(standIn.store.versions('Subscription', other!['id'] as string)).toHaveLength(versions)
    await world.stop()
    const third = world.keep({ secret: 'another one of some length' })
    await until(() => statuses(third).join() === ACTIVE.join())
    expect(JSON.stringify(kept()).split('another one of some length')).toHaveLength(3)
    expect(kept()).toHaveLength(2)
  }, 60_000)

  it('are adopted when they were made by a process that did not live to remember it', async () => {
    standIn = await startFhirStandIn()
    await using world = await startSubscribing()
    world.keep()
    await until(() => kept().length === 2)
    await world.stop()
    await world.archive.database.fhir.saveFact('subscription Patient', null)
    const again = world.keep()
    await until(() => statuses(again).join() === ACTIVE.join())
    expect(kept()).toHaveLength(2)
  }, 60_000)

  it('are taken away when they are not wanted, also once the server is back', async () => {
    standIn = await startFhirStandIn()
    await using world = await startSubscribing()
    const made = world.keep()
    await until(() => statuses(made).join() === ACTIVE.join())
    await world.stop()
    standIn.faults.add({ on: '^DELETE /Subscription', do: 'answer', status: 503, times: 2 })
    world.keep({ isWanted: false })
    await until(() => kept().length === 0)
    await until(async () => (await world.archive.database.fhir.fact('subscription ImagingStudy')) === null)
    expect(await world.archive.database.fhir.fact('subscription Patient')).toBeNull()
  }, 60_000)

  it.each(['R4B', 'R5'] as const)(
    'are by topic where the server has topics, after a handshake (%s)',
    async (release) => {
      standIn = await startFhirStandIn({
        release,
        types: ['Patient', 'ImagingStudy', 'Subscription', 'SubscriptionTopic'],
      })
      const topic = (type: string, more: object = {}): void =>
        void standIn.store.put({
          ...{
            resourceType: 'SubscriptionTopic',
            id: `${type}${Object.keys(more).length}`,
            status: 'active',
          },
          url: `http://example.org/topic/${type}/${Object.keys(more).length}`,
          resourceTrigger: [{ resource: `http://hl7.org/fhir/StructureDefinition/${type}`, ...more }],
        })
      // One that tells of some changes only is not enough.
      topic('Patient', { queryCriteria: { current: 'active=false' } })
      await using world = await startSubscribing(release)
      const subscriptions = world.keep()
      // R5 has no criteria to subscribe by in the meantime.
      const before = release === 'R5' ? 'Patient - unsupported,ImagingStudy - unsupported' : ACTIVE.join()
      await until(() => statuses(subscriptions).join() === before)
      topic('Patient')
      topic('ImagingStudy')
      await until(() => statuses(subscriptions).join() === 'Patient topic active,ImagingStudy topic active')
      expect(standIn.calls.filter(({ type }) => type === 'handshake')).toMatchObject([
        { status: 200 },
        { status: 200 },
      ])
      // R4B has it as R4 has, and says by a profile that it is by topic (Subscriptions Backport IG).
      const [one] = kept()
      if (release === 'R4B')
        expect(one).toMatchObject({
          meta: { profile: [expect.stringMatching(/backport-subscription$/u) as unknown] },
          criteria: expect.stringMatching(/^http:\/\/example.org\/topic\//u) as unknown,
          channel: { type: 'rest-hook', _payload: { extension: [{ valueCode: 'empty' }] } },
        })
      else expect(one).toMatchObject({ content: 'empty', channelType: { code: 'rest-hook' } })
      await wakes(world)
    },
    60_000,
  )

  it('say that they are not supported where they are not', async () => {
    standIn = await startFhirStandIn({ types: ['Patient', 'ImagingStudy'] })
    await using world = await startSubscribing()
    const subscriptions = world.keep()
    await until(() => subscriptions.state().length === 2)
    expect(subscriptions.state()[0]).toMatchObject({ status: 'unsupported', id: null })
    expect(kept()).toEqual([])
  })

  it('tell what is wrong while the server cannot be reached, and go on', async () => {
    standIn = await startFhirStandIn()
    await using world = await startSubscribing()
    standIn.faults.add({ on: '^GET /metadata', do: 'answer', status: 503, times: 1000 })
    const subscriptions = world.keep()
    await until(() => subscriptions.state().some(({ problem }) => problem !== null))
    standIn.faults.clear()
    await until(() => statuses(subscriptions).join() === ACTIVE.join())
    expect(subscriptions.state().map(({ problem }) => problem)).toEqual([null, null])
  }, 60_000)
})
