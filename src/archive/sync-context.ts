import type { Attention } from '../database/ports/attention.ts'
import type { FhirState } from '../database/ports/fhir-state.ts'
import type { FhirRelease, FhirServer } from '../fhir/ports.ts'
import type { Misses } from './sync-references.ts'
import type { SYNC_DEFAULTS, SyncSettings } from './sync-settings.ts'

/** The settings with every choice made. */
export type Settled = SyncSettings & {
  readonly [K in keyof typeof SYNC_DEFAULTS]: NonNullable<SyncSettings[K]>
}

/** What is counted, from the start of the process. */
export type SyncCount = 'pushed' | 'unchanged' | 'postponed' | 'conflicts' | 'dead'

/** What one push works with. */
export interface PushContext {
  /** Behind the lease of this push. */
  readonly server: FhirServer
  readonly state: FhirState
  readonly attention: Attention
  readonly settings: Settled
  readonly release: FhirRelease
  /** What was looked for on the server and not found. */
  readonly misses: Misses
  /** Whether the server says that it has resources of this type. */
  supports(resourceType: string): boolean
  takesClientIds(resourceType: string): Promise<boolean>
  rememberNoClientIds(resourceType: string): Promise<void>
  /** Runs one after the other what has the same key, in this process. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>
  count(what: SyncCount): void
}
