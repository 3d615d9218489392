import type { SeriesState } from './series-state.ts'

/**
 * What one writer knows to be committed, so that it need not ask again. Everything here is an immutable fact or a hint
 * that is checked against the rows; throwing it away costs time, never correctness.
 */
export interface Memory {
  /** Numbers of blob stores, SOP classes, transfer syntaxes and tag paths: immutable, few. */
  readonly blobStore: Map<string, number>
  readonly sopClass: Map<string, number>
  readonly transferSyntax: Map<string, number>
  readonly tagPath: Map<string, number>
  /** Numbers of dictionary values: immutable, many. */
  readonly tagValue: Recent<number>
  /** By study and series UID. Whoever takes a state out owns it, and puts it back once its changes are committed. */
  readonly series: Recent<SeriesState>
}

/** A map that forgets what was used longest ago. */
export interface Recent<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  take(key: string): V | undefined
}

const VALUES = 50_000
const SERIES = 200

export function createMemory(): Memory {
  return {
    blobStore: new Map(),
    sopClass: new Map(),
    transferSyntax: new Map(),
    tagPath: new Map(),
    tagValue: recent(VALUES),
    series: recent(SERIES),
  }
}

export function recent<V>(limit: number): Recent<V> {
  const entries = new Map<string, V>()
  const set = (key: string, value: V): void => {
    entries.delete(key)
    entries.set(key, value)
    if (entries.size <= limit) return
    const oldest = entries.keys().next().value
    if (oldest !== undefined) entries.delete(oldest)
  }
  return {
    get: (key) => {
      const value = entries.get(key)
      if (value !== undefined) set(key, value)
      return value
    },
    set,
    take: (key) => {
      const value = entries.get(key)
      entries.delete(key)
      return value
    },
  }
}
