import { retrievePath } from '../dicom/retrieve-path.ts'

/** What the HTTP layer must know: made by `config.ts`, handed down by `main.ts`. Sizes in bytes, times in milliseconds. */
export interface HttpSettings {
  /** Base of every address that leaves the house, without a slash at its end: `https://pacs.example.org/concord`. */
  readonly publicUrl: string
  /** Host headers that are answered, in lower case, with their port where one is named; others get 421. */
  readonly allowedHosts: readonly string[]
  /** Origins that a browser may call from; empty: none. */
  readonly corsOrigins: readonly string[]
  /** Who may come in. Empty: everyone is an administrator (local mode, or `AUTH=none`). */
  readonly tokens: readonly AccessToken[]
  readonly upload: UploadSettings
  /** 204 instead of `200 []` for a search without hits (design §6). */
  readonly emptySearchIs204: boolean
  /** Rows of an unscoped search where the client names no limit, and at most. */
  readonly searchLimit: number
  readonly searchLimitMax: number
  /** Milliseconds for which an unscoped search looks at data sets, before it says how to go on; absent: no end. */
  readonly searchBudgetMs?: number
  /** Whether administrators may delete over DICOMweb; absent: no. */
  readonly deletion?: boolean
  /** Where the console opens a study in a viewer: an address with `{study}` for its UID. */
  readonly viewerUrl?: string | undefined
}

export interface UploadSettings {
  readonly maxRequestBytes: number
  readonly maxPartBytes: number
  readonly maxParts: number
  /** Uploads at one time; one more gets 503. */
  readonly maxUploads: number
  /** An upload slower than this over `paceWindowMs` is ended with 408. */
  readonly minBytesPerSecond: number
  readonly paceWindowMs: number
}

export type Role = 'read' | 'write' | 'admin'

/** A static bearer token. Only its digest is kept. */
export interface AccessToken {
  /** Kept as the sender of what it stores, written to the audit trail and the log. */
  readonly name: string
  readonly roles: ReadonlySet<Role>
  readonly sha256: Buffer
}

/** Where the DICOMweb services stand under the public address. */
export const DICOMWEB = '/dicomweb'
/** Where it is told what was made of what. */
export const LINEAGE = '/lineage'

/** Address of a study, series or instance, for RetrieveURL (0008,1190) and BulkDataURI. */
export function retrieveUrl(
  settings: Pick<HttpSettings, 'publicUrl'>,
  study: string,
  series?: string,
  instance?: string,
): string {
  return settings.publicUrl + DICOMWEB + retrievePath(study, series, instance)
}
