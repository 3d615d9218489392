import type { EditPolicy } from '../fhir/mapping/merge.ts'
import type { MappingSettings } from '../fhir/mapping/settings.ts'

/** How a site wants its FHIR server to be told. Times in milliseconds. */
export interface SyncSettings {
  readonly mapping: MappingSettings
  /** Where the server has no Patient of a study: make one, or refer to it by identifier. */
  readonly patients?: 'create' | 'reference'
  /** Owned elements that a person edited: bring ours back, or let theirs stay. Noted either way. */
  readonly handEdits?: EditPolicy
  /** Whether changes of Patients are looked for: what a link says of its Patient is kept until they were. */
  readonly isWatched?: boolean
  /** Studies that name two patients: push with a logical subject, or hold until released. */
  readonly mixedPatients?: 'flag' | 'hold'
  /** Our resource was deleted on the server: make it again, or leave it so. Noted either way. */
  readonly remoteDelete?: 'recreate' | 'respect'
  /** Resources of ours whose study is not in the index: note them, or withdraw them, too. */
  readonly orphans?: 'report' | 'cancel'
  /** From one comparison of all that was pushed with what is there to the next; 0: only on request. */
  readonly reconcileMs?: number
  /** Where instances came from is told once nothing new has come for the study in so long. */
  readonly quietMs?: number
  /** What was looked for and not found (orders, people) is not looked for again in so long. */
  readonly missedMs?: number
  /** Studies pushed at one time. */
  readonly concurrency?: number
  readonly leaseMs?: number
  /** The longest sleep while nothing is due: other processes may have stored. */
  readonly pollMs?: number
  /** Between two looks at a server that does not answer, or must not be written to. */
  readonly probeMs?: number
  /** First and longest wait between two tries of one study; doubling, with full jitter. */
  readonly backoff?: { readonly firstMs: number; readonly longestMs: number }
  /** Told of everything worth a line in the log, or a count; never with data of a patient. */
  readonly report?: (event: SyncEvent) => void
}

export interface SyncEvent {
  readonly what:
    | 'pushed'
    | 'unchanged'
    | 'held'
    | 'postponed'
    | 'dead'
    | 'lease-lost'
    | 'paused'
    | 'resumed'
    | 'reconciled'
    | 'not-reconciled'
    | 'bug'
  readonly study?: string
  readonly error?: unknown
}

export const SYNC_DEFAULTS = {
  patients: 'create',
  isWatched: false,
  handEdits: 'repair',
  mixedPatients: 'flag',
  remoteDelete: 'recreate',
  orphans: 'report',
  reconcileMs: 0,
  quietMs: 5_000,
  missedMs: 600_000,
  concurrency: 2,
  leaseMs: 60_000,
  pollMs: 5_000,
  probeMs: 30_000,
  backoff: { firstMs: 2_000, longestMs: 300_000 },
} as const satisfies Omit<SyncSettings, 'mapping' | 'report'>
