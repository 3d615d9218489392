import type { Answer, Ask, World } from './interactions.ts'
import { asText, isObject, type JsonValue, list, type ResourceJson } from './validate.ts'
import { RefusalError } from './refusal.ts'

/** A transaction Bundle: all of it or nothing (R4 §3.1.0.11.2); `urn:uuid:` links become the ids that were given. */
export function transaction(ask: Ask, world: World, interact: (ask: Ask, world: World) => Answer): Answer {
  const bundle = ask.body
  if (bundle?.resourceType !== 'Bundle' || bundle['type'] !== 'transaction')
    throw new RefusalError(400, 'structure')
  const order = ['DELETE', 'POST', 'PUT', 'GET']
  const entries = list(bundle['entry'])
    .map((entry, place) => ({ entry, place, request: isObject(entry['request']) ? entry['request'] : {} }))
    .sort((a, b) => order.indexOf(asText(a.request['method'])) - order.indexOf(asText(b.request['method'])))
  const ids = new Map<string, string>()
  return world.store.atomically(() => {
    const answers: JsonValue[] = []
    for (const { entry, place, request } of entries) {
      const answer = interact(entryAsk(entry, request, ids, world), world)
      remember(entry, request, answer, ids)
      answers[place] = {
        response: { status: String(answer.status), ...answer.headers },
        ...(answer.body !== undefined && answer.body !== null && { resource: answer.body }),
      }
    }
    return { status: 200, body: { resourceType: 'Bundle', type: 'transaction-response', entry: answers } }
  })
}

function entryAsk(
  entry: Record<string, JsonValue>,
  request: Record<string, JsonValue>,
  ids: ReadonlyMap<string, string>,
  world: World,
): Ask {
  const url = new URL(asText(request['url']), `${world.baseUrl}/`)
  const text = JSON.stringify(entry['resource'] ?? null)
  const linked = [...ids].reduce((all, [from, to]) => all.replaceAll(`"${from}"`, `"${to}"`), text)
  return {
    method: asText(request['method']),
    path: url.pathname.slice(new URL(world.baseUrl).pathname.length + 1).split('/'),
    query: url.searchParams,
    ifMatch: request['ifMatch'] as string | undefined,
    ifNoneExist: request['ifNoneExist'] as string | undefined,
    body: JSON.parse(linked) as ResourceJson | null,
  }
}

function remember(
  entry: Record<string, JsonValue>,
  request: Record<string, JsonValue>,
  answer: Answer,
  ids: Map<string, string>,
): void {
  const type = asText(request['url']).split(/[/?]/u)[0] ?? ''
  const id = isObject(answer.body) ? asText(answer.body['id']) : ''
  const fullUrl = asText(entry['fullUrl'])
  if (fullUrl !== '' && id !== '') ids.set(fullUrl, `${type}/${id}`)
}
