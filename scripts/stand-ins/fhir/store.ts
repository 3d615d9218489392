import { randomUUID } from 'node:crypto'
import type { JsonValue, ResourceJson } from './validate.ts'

/** One version of one resource; `resource` null: deleted. */
export interface Version {
  readonly version: number
  readonly lastUpdated: string
  readonly resource: ResourceJson | null
}

/** Every version of every resource, in memory. All methods are synchronous: each is atomic. */
export interface Store {
  /** The newest version, deleted or not; undefined: never there. */
  current(type: string, id: string): Version | undefined
  /** All versions, oldest first. */
  versions(type: string, id: string): readonly Version[]
  /** Resources of a type that are not deleted. */
  all(type: string): ResourceJson[]
  put(resource: ResourceJson & { id: string }): Version
  create(resource: ResourceJson): Version & { readonly resource: ResourceJson }
  remove(type: string, id: string): Version | undefined
  /** Runs all of it or nothing. */
  atomically<T>(work: () => T): T
  clear(): void
  /** Is told of every resource that is written, after it is there. */
  listen(listener: (resource: ResourceJson) => void): void
}

export function openStore(): Store {
  let kept = new Map<string, readonly Version[]>()
  let lastMs = 0
  const listeners: ((resource: ResourceJson) => void)[] = []
  const write = (type: string, id: string, resource: ResourceJson | null): Version => {
    const before = kept.get(`${type}/${id}`) ?? []
    // No two writes in the same millisecond: clients poll by _lastUpdated.
    lastMs = Math.max(Date.now(), lastMs + 1)
    const lastUpdated = new Date(lastMs).toISOString()
    const version = before.length + 1
    const meta = {
      ...(resource?.['meta'] as Record<string, JsonValue> | undefined),
      versionId: String(version),
      lastUpdated,
    }
    const written = { version, lastUpdated, resource: resource && { ...resource, id, meta } }
    kept.set(`${type}/${id}`, [...before, written])
    if (written.resource) for (const listener of listeners) listener(written.resource)
    return written
  }
  const store: Store = {
    current: (type, id) => kept.get(`${type}/${id}`)?.at(-1),
    versions: (type, id) => kept.get(`${type}/${id}`) ?? [],
    all: (type) =>
      [...kept].flatMap(([key, versions]) => {
        const resource = versions.at(-1)?.resource
        return resource && key.startsWith(`${type}/`) ? [resource] : []
      }),
    put: (resource) => write(resource.resourceType, resource.id, resource),
    create: (resource) => {
      const id = randomUUID()
      return { ...write(resource.resourceType, id, resource), resource: { ...resource, id } }
    },
    remove: (type, id) => (store.current(type, id)?.resource ? write(type, id, null) : undefined),
    atomically: (work) => {
      const before = new Map(kept)
      try {
        return work()
      } catch (error) {
        kept = before
        throw error
      }
    },
    clear: () => kept.clear(),
    listen: (listener) => void listeners.push(listener),
  }
  return store
}
