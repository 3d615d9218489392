import type { BlobStore, BlobVault } from '../blobs/ports.ts'
import type { Database } from '../database/ports/database.ts'

/** What every transaction stands on: the ports, opened by `main.ts`. Passed as first argument, never global. */
export interface Archive {
  readonly database: Database
  readonly blobs: BlobStore
  readonly now: () => Date
}

/** The same as verify, repair and reindex have it: requests never see the vault. */
export interface KeptArchive extends Archive {
  readonly blobs: BlobVault
}
