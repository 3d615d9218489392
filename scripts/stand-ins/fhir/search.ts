import type { Store } from './store.ts'
import { asText, isObject, type JsonValue, list, type ResourceJson } from './validate.ts'

/** A search that this server does not know. Silently ignoring it would answer another question. */
export class SearchError extends Error {
  override readonly name = 'SearchError'
}

type Test = (resource: ResourceJson, value: string, store: Store) => boolean

const TESTS: Readonly<Record<string, Test>> = {
  _id: (resource, value) => value.split(',').includes(asText(resource['id'])),
  _tag: (resource, value) =>
    token(list(isObject(resource['meta']) ? resource['meta']['tag'] : []), value, 'code'),
  _lastUpdated: (resource, value) => updated(resource, value),
  identifier: (resource, value) => token(list(resource['identifier']), value, 'value'),
  status: (resource, value) => value.split(',').includes(asText(resource['status'])),
  patient: (resource, value) => refers(resource['subject'] ?? resource['patient'], 'Patient', value),
  subject: (resource, value) => refers(resource['subject'], '', value),
  target: (resource, value) => list(resource['target']).some((target) => refers(target, '', value)),
  endpoint: (resource, value) => list(resource['endpoint']).some((one) => refers(one, 'Endpoint', value)),
  series: (resource, value) =>
    list(resource['series']).some(({ uid }) =>
      value.split(',').some((one) => one.replace(/^.*\|/u, '') === uid),
    ),
  name: (resource, value) =>
    JSON.stringify(resource['name'] ?? '')
      .toLowerCase()
      .includes(value.toLowerCase()),
}
const CONTROL = new Set([
  '_count',
  '_offset',
  '_sort',
  '_include',
  '_format',
  '_summary',
  '_total',
  '_elements',
])

/** Resources of a type that match all parameters, newest first when so sorted; with `_include`, what they refer to. */
export function search(
  store: Store,
  type: string,
  parameters: URLSearchParams,
): { matches: ResourceJson[]; included: ResourceJson[] } {
  const tests: [Test, string][] = []
  for (const [name, value] of parameters) {
    const test = TESTS[name]
    if (test) tests.push([test, value])
    else if (!CONTROL.has(name)) throw new SearchError(`unknown search parameter ${name}`)
  }
  const matches = store
    .all(type)
    .filter((resource) => tests.every(([test, value]) => test(resource, value, store)))
    .sort((a, b) => (lastUpdated(a) < lastUpdated(b) ? -1 : 1))
  if (parameters.get('_sort') === '-_lastUpdated') matches.reverse()
  return { matches, included: included(store, matches, parameters.getAll('_include')) }
}

/** `system|code`, `|code`, `code`, `system|`; several with commas. */
function token(
  codings: readonly Record<string, JsonValue>[],
  value: string,
  member: 'code' | 'value',
): boolean {
  return value.split(',').some((alternative) => {
    const bar = alternative.indexOf('|')
    const system = bar < 0 ? null : alternative.slice(0, bar)
    const code = alternative.slice(bar + 1)
    return codings.some(
      (coding) =>
        (system === null || (coding['system'] ?? '') === system) && (code === '' || coding[member] === code),
    )
  })
}

function updated(resource: ResourceJson, value: string): boolean {
  const [, prefix = '', text = ''] = /^(eq|ne|gt|ge|lt|le)?(.*)$/u.exec(value) ?? []
  const wanted = Date.parse(text)
  const is = Date.parse(lastUpdated(resource))
  switch (prefix) {
    case 'gt':
      return is > wanted
    case 'ge':
      return is >= wanted
    case 'lt':
      return is < wanted
    case 'le':
      return is <= wanted
    case 'ne':
      return is !== wanted
    default:
      return is === wanted
  }
}

function lastUpdated(resource: ResourceJson): string {
  const meta = resource['meta']
  return isObject(meta) ? asText(meta['lastUpdated']) : ''
}

function refers(reference: JsonValue | undefined, type: string, value: string): boolean {
  const text = isObject(reference) && typeof reference['reference'] === 'string' ? reference['reference'] : ''
  return value.split(',').some((one) => text === (one.includes('/') || type === '' ? one : `${type}/${one}`))
}

function included(
  store: Store,
  matches: readonly ResourceJson[],
  includes: readonly string[],
): ResourceJson[] {
  const found = new Map<string, ResourceJson>()
  for (const path of includes) {
    const name = path.split(':')[1] ?? ''
    for (const resource of matches) {
      const value = resource[name]
      for (const { reference } of Array.isArray(value)
        ? list(value)
        : list(value === undefined ? [] : [value])) {
        const [type = '', id = ''] = asText(reference).split('/')
        const target = store.current(type, id)?.resource
        if (target) found.set(`${type}/${id}`, target)
      }
    }
  }
  return [...found.values()]
}
