import { createHash } from 'node:crypto'
import { canonical } from '../fhir/mapping/canonical.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'
import {
  type Hook,
  SUBSCRIBED,
  type SubscribedType,
  subscription,
  subscriptionToken,
  topicFor,
} from '../fhir/mapping/subscription.ts'
import { type Capabilities, type FhirServer, isFhirError, type Resource, type Stored } from '../fhir/ports.ts'
import type { Archive } from './archive.ts'

export interface SubscriptionSettings {
  readonly mapping: MappingSettings
  /** Null: there is to be no Subscription, and those that were made are taken away. */
  readonly hook: Hook | null
  /** Between two looks at what became of them. */
  readonly upkeepMs?: number
  readonly report: (event: {
    readonly what: 'subscribed' | 'unsubscribed' | 'fault'
    readonly error?: unknown
  }) => void
}

export interface SubscriptionState {
  readonly type: SubscribedType
  /** By `criteria` (R4), by a `topic` (R5, R4B with the backport); null: not yet known. */
  readonly form: 'criteria' | 'topic' | null
  readonly id: string | null
  /**
   * As the server says: `requested`, `active`, `error`, `off`; `unsupported` where it has no way to subscribe; `none` as long
   * as there is none.
   */
  readonly status: string
  /** In words, without data of a patient; null when nothing is wrong. */
  readonly problem: string | null
  readonly lookedAt: Date | null
}

export interface Subscriptions {
  stop(): Promise<void>
  state(): readonly SubscriptionState[]
}

const UPKEEP_MS = 300_000
/** What the server is left with is looked at sooner as long as it has not yet said that it works. */
const SOON_MS = 5000

interface Keeper {
  readonly archive: Archive
  readonly server: FhirServer
  readonly settings: SubscriptionSettings
  readonly states: Map<SubscribedType, SubscriptionState>
}

/** What is remembered of a Subscription: it is the same after a restart, and made anew when another one is wanted. */
interface Kept {
  readonly id: string
  /** SHA-256 of what was sent: a server need not show the secret. */
  readonly sent: string
}

/**
 * Keeps Subscriptions on the FHIR server that wake the watch: made where there is none, made anew where somebody deleted
 * it or it fell into error, taken away when they are not wanted any more. Corrections do not depend on it (design §7).
 */
export function startSubscriptions(
  archive: Archive,
  server: FhirServer,
  settings: SubscriptionSettings,
): Subscriptions {
  const keeper: Keeper = { archive, server, settings, states: new Map() }
  const { upkeepMs = UPKEEP_MS } = settings
  let isStopped = false
  let wakeUp = (): void => undefined

  async function run(): Promise<void> {
    while (!isStopped) {
      const isDone = await lookAfter(keeper)
      if (isDone && settings.hook === null) return
      const isWorking = [...keeper.states.values()].every(({ status }) => status !== 'requested')
      const pauseMs = isWorking ? upkeepMs : Math.min(SOON_MS, upkeepMs)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs)
        wakeUp = () => {
          clearTimeout(timer)
          resolve()
        }
        if (isStopped) wakeUp()
      })
    }
  }

  const running = run()
  return {
    stop: async () => {
      isStopped = true
      wakeUp()
      await running
    },
    state: () => [...keeper.states.values()],
  }
}

/** One look at all of them; whether nothing went wrong. */
async function lookAfter(keeper: Keeper): Promise<boolean> {
  const { server, settings, archive } = keeper
  let isWell = true
  let capabilities: Capabilities | undefined
  for (const type of SUBSCRIBED) {
    const before = keeper.states.get(type) ?? NONE
    try {
      if (settings.hook === null) await unsubscribe(keeper, type)
      else {
        capabilities ??= await server.capabilities()
        keeper.states.set(type, { ...(await keep(keeper, settings.hook, type, capabilities)), type })
      }
    } catch (error) {
      isWell = false
      const problem = isFhirError(error) ? error.message : 'the index does not answer'
      keeper.states.set(type, { ...before, type, problem, lookedAt: archive.now() })
      settings.report({ what: 'fault', error })
    }
  }
  return isWell
}

const NONE = { form: null, id: null, status: 'none', problem: null, lookedAt: null } as const

/** Looks after one Subscription. Rejects with FhirError. */
async function keep(
  keeper: Keeper,
  hook: Hook,
  type: SubscribedType,
  { types }: Capabilities,
): Promise<Omit<SubscriptionState, 'type'>> {
  const { archive, server, settings } = keeper
  const lookedAt = archive.now()
  const topic = await topicOf(keeper, type, types)
  const isSupported = types.has('Subscription') && (settings.mapping.release !== 'R5' || topic !== null)
  if (!isSupported) {
    const problem = 'the FHIR server has no Subscriptions to this: it is asked for changes from time to time'
    return { ...NONE, status: 'unsupported', problem, lookedAt }
  }
  const form = topic === null ? 'criteria' : 'topic'
  const wanted = subscription(type, topic, hook, settings.mapping)
  const sent = createHash('sha256').update(canonical(wanted)).digest('hex')
  const kept = await keptOf(archive, type)
  const there = (kept && (await server.read('Subscription', kept.id))) ?? (await found(keeper, type))
  const status = there === null ? null : statusOf(there)
  const isRight = there !== null && kept?.id === there.id && kept.sent === sent
  // What was asked for and is not answered yet is waited for.
  if (isRight && (status === 'active' || status === 'requested'))
    return { form, id: there.id, status, problem: null, lookedAt }
  const written = await write(server, wanted, there)
  await archive.database.fhir.saveFact(factOf(type), JSON.stringify({ id: written.id, sent }))
  settings.report({ what: 'subscribed' })
  const problem = status === 'error' ? 'the FHIR server could not call; it was asked to try again' : null
  return { form, id: written.id, status: statusOf(written), problem, lookedAt }
}

function statusOf({ resource }: Stored): string {
  const { status } = resource
  return typeof status === 'string' ? status : ''
}

async function write(server: FhirServer, wanted: Resource, there: Stored | null): Promise<Stored> {
  if (there !== null) return server.update({ ...wanted, id: there.id }, there.versionId)
  return server.create(wanted)
}

/** One of ours that nobody remembers: made by a process that ended before it could. */
async function found({ server, settings }: Keeper, type: SubscribedType): Promise<Stored | null> {
  const token = subscriptionToken(settings.mapping.archiveId, type)
  const [one, ...others] = await server.search('Subscription', { _tag: token, _count: '10' })
  for (const { id } of others) await server.remove('Subscription', id)
  return one ?? null
}

/** The topic that tells of a type; null where the server has none, or subscribes by criteria alone. */
async function topicOf(
  { server, settings }: Keeper,
  type: SubscribedType,
  types: ReadonlySet<string>,
): Promise<string | null> {
  if (settings.mapping.release === 'R4' || !types.has('SubscriptionTopic')) return null
  const topics = await server.search('SubscriptionTopic', { status: 'active', _count: '200' })
  return topicFor(
    type,
    topics.map(({ resource }) => resource),
  )
}

async function unsubscribe({ archive, server, settings }: Keeper, type: SubscribedType): Promise<void> {
  const kept = await keptOf(archive, type)
  if (kept === null) return
  await server.remove('Subscription', kept.id)
  await archive.database.fhir.saveFact(factOf(type), null)
  settings.report({ what: 'unsubscribed' })
}

function factOf(type: SubscribedType): string {
  return `subscription ${type}`
}

async function keptOf({ database }: Archive, type: SubscribedType): Promise<Kept | null> {
  const text = await database.fhir.fact(factOf(type))
  return text === null ? null : (JSON.parse(text) as Kept)
}
