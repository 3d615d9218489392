import type { WriterSettings } from './operation.ts'

/** How the index is opened. */
export interface OpenOptions {
  /** As it is, for looking only: nothing is made, migrated or written, and another process may be using it. */
  readonly readOnly?: boolean
  /** UUID of the archive, for a database that has none yet; a new one unless told otherwise. */
  readonly archiveId?: string
}

/** What may be set when the index is opened. */
export interface IndexSettings extends OpenOptions {
  /** A study is owed to the FHIR server after so many milliseconds without change; 5,000 unless told otherwise. */
  readonly quietMs?: number
  /** … and after so many since its first change at the latest; 60,000 unless told otherwise. */
  readonly maxWaitMs?: number
  /** Issuer of Patient IDs that come without one. */
  readonly defaultIssuer?: string
}

export function settingsOf(options: IndexSettings): WriterSettings {
  return {
    quietMs: options.quietMs ?? 5000,
    maxWaitMs: options.maxWaitMs ?? 60_000,
    defaultIssuer: options.defaultIssuer ?? '',
  }
}
