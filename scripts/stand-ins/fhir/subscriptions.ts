import { RefusalError } from './refusal.ts'
import type { Store } from './store.ts'
import { asText, isObject, type JsonValue, list, type ResourceJson } from './validate.ts'

/** A call that a Subscription made. */
export interface Call {
  readonly subscription: string
  readonly type: 'handshake' | 'event-notification'
  readonly status: number | null
}

/** What a client may write: the server alone says what has become of a Subscription. */
export function checkSubscription(resource: ResourceJson, types: readonly string[], store: Store): void {
  const refuse = (cause: string): never => {
    throw new RefusalError(422, `Subscription.${cause}`)
  }
  const status = asText(resource['status'])
  if (status !== 'requested' && status !== 'off') refuse('status: only requested or off may be written')
  if (!/^https?:\/\//u.test(endpointOf(resource))) refuse('channel.endpoint: no address')
  const topic = topicOf(resource)
  if (topic === null) {
    const [, type = ''] = /^([A-Z]\w+)\?\S*$/u.exec(asText(resource['criteria'])) ?? []
    if (!types.includes(type)) refuse('criteria: no search of a type that is here')
  } else if (topicResources(store, topic).length === 0) refuse('topic: not known')
}

/**
 * Calls the endpoints of Subscriptions when something is written. One that is by topic is called once before, and is active
 * when that was answered (R5 Subscriptions, handshake); one that cannot be called is in error, and called no more.
 */
export function serveSubscriptions(store: Store): readonly Call[] {
  const calls: Call[] = []
  store.listen((resource) => {
    if (resource.resourceType === 'Subscription') {
      if (resource['status'] === 'requested') void activate(store, resource, calls)
      return
    }
    for (const one of store.all('Subscription'))
      if (one['status'] === 'active' && tells(store, one, resource.resourceType))
        void call(store, one, 'event-notification', calls)
  })
  return calls
}

async function activate(store: Store, resource: ResourceJson, calls: Call[]): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  const isGood = topicOf(resource) === null || (await call(store, resource, 'handshake', calls))
  if (isGood) setStatus(store, asText(resource['id']), 'active')
}

/** Whether the endpoint took it. */
async function call(
  store: Store,
  resource: ResourceJson,
  type: Call['type'],
  calls: Call[],
): Promise<boolean> {
  const id = asText(resource['id'])
  const isTopic = topicOf(resource) !== null
  const bundle = { resourceType: 'Bundle', type: 'subscription-notification', entry: [{ resource: { resourceType: 'SubscriptionStatus', type } }] } // prettier-ignore
  const status = await fetch(endpointOf(resource), {
    method: 'POST',
    headers: { ...headersOf(resource), ...(isTopic && { 'content-type': 'application/fhir+json' }) },
    ...(isTopic && { body: JSON.stringify(bundle) }),
    signal: AbortSignal.timeout(2000),
  }).then(
    (answer) => answer.status,
    () => null,
  )
  calls.push({ subscription: id, type, status })
  const isGood = status !== null && status < 300
  if (!isGood) setStatus(store, id, 'error')
  return isGood
}

function setStatus(store: Store, id: string, status: string): void {
  const current = store.current('Subscription', id)?.resource
  if (current && current['status'] !== status) store.put({ ...current, id, status })
}

function endpointOf(resource: ResourceJson): string {
  const { channel } = resource
  return asText(isObject(channel) ? channel['endpoint'] : resource['endpoint'])
}

function headersOf(resource: ResourceJson): Record<string, string> {
  const { channel } = resource
  if (!isObject(channel))
    return Object.fromEntries(
      list(resource['parameter']).map(({ name, value }) => [asText(name), asText(value)]),
    )
  const lines = Array.isArray(channel['header']) ? channel['header'].map(asText) : []
  return Object.fromEntries(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    }),
  )
}

/** Canonical URL of its topic; null for one by criteria. */
function topicOf(resource: ResourceJson): string | null {
  const topic = asText(resource['topic']) || asText(resource['criteria'])
  return /^https?:\/\//u.test(topic) ? topic : null
}

function topicResources(store: Store, url: string): string[] {
  return store
    .all('SubscriptionTopic')
    .filter((topic) => topic['url'] === url)
    .flatMap((topic) => list(topic['resourceTrigger']))
    .map((trigger: Record<string, JsonValue>) => asText(trigger['resource']).replace(/^.*\//u, ''))
}

function tells(store: Store, resource: ResourceJson, type: string): boolean {
  const topic = topicOf(resource)
  if (topic !== null) return topicResources(store, topic).includes(type)
  return asText(resource['criteria']).startsWith(`${type}?`)
}
