import type { Json, JsonObject, Resource } from '../ports.ts'
import { isList, isObject } from './canonical.ts'
import { ownSystem, ownTag } from './identifiers.ts'
import type { MappingSettings } from './settings.ts'

/** What is subscribed to: whoever corrects a patient changes the one, whoever moves a study to another patient the other. */
export const SUBSCRIBED = ['Patient', 'ImagingStudy'] as const
export type SubscribedType = (typeof SUBSCRIBED)[number]

/** Where the server calls, and the secret by which it is known there. */
export interface Hook {
  readonly url: string
  readonly secret: string
}

/** Header that carries the secret; the names of headers do not count their case. */
const SECRET_HEADER = 'X-Notify-Secret'
const REASON = 'Concord looks for corrections when it is called'
const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition'
const CHANNEL_TYPE = 'http://terminology.hl7.org/CodeSystem/subscription-channel-type'
/** Seconds between two signs of life of a channel on which nothing happens. */
const HEARTBEAT_S = 86_400

function tagsOf(archiveId: string, type: SubscribedType): JsonObject[] {
  return [ownTag(archiveId), { system: ownSystem(archiveId, 'subscription'), code: type }]
}

/** Search parameter value by which a Subscription of ours is found again. */
export function subscriptionToken(archiveId: string, type: SubscribedType): string {
  return `${ownSystem(archiveId, 'subscription')}|${type}`
}

/**
 * A Subscription to every change of resources of a type, by criteria (R4) or by a topic (R5; R4B with the Subscriptions
 * Backport IG). Nothing of a resource is sent: without payload, or with content `empty`, there is only the call.
 * @param topic canonical URL; null: by criteria, which R5 does not have any more
 */
export function subscription(
  type: SubscribedType,
  topic: string | null,
  hook: Hook,
  { archiveId, release }: Pick<MappingSettings, 'archiveId' | 'release'>,
): Resource {
  const own = { resourceType: 'Subscription', status: 'requested', reason: REASON }
  const tag = tagsOf(archiveId, type)
  if (release === 'R5' && topic !== null)
    return {
      ...{ ...own, meta: { tag }, topic, content: 'empty', endpoint: hook.url },
      channelType: { system: CHANNEL_TYPE, code: 'rest-hook' },
      parameter: [{ name: SECRET_HEADER, value: hook.secret }],
      heartbeatPeriod: HEARTBEAT_S,
    }
  const channel = { type: 'rest-hook', endpoint: hook.url, header: [`${SECRET_HEADER}: ${hook.secret}`] }
  if (topic === null) return { ...own, meta: { tag }, criteria: `${type}?`, channel }
  const content = { url: `${BACKPORT}/backport-payload-content`, valueCode: 'empty' }
  return {
    ...{ ...own, meta: { profile: [`${BACKPORT}/backport-subscription`], tag }, criteria: topic },
    channel: { ...channel, payload: 'application/fhir+json', _payload: { extension: [content] } },
  }
}

/** Canonical URL of the topic that tells of changes of a type; null where none of them does, or only under filters. */
export function topicFor(type: SubscribedType, topics: readonly Resource[]): string | null {
  const tells = (topic: Resource): boolean =>
    objects(topic['resourceTrigger']).some(({ resource, queryCriteria }) => {
      const name = typeof resource === 'string' ? resource.slice(resource.lastIndexOf('/') + 1) : ''
      return name === type && queryCriteria === undefined
    })
  const found = topics.find((topic) => topic['status'] === 'active' && tells(topic))?.['url']
  return typeof found === 'string' ? found : null
}

function objects(value: Json | undefined): JsonObject[] {
  return isList(value) ? value.filter((one) => isObject(one)) : []
}
