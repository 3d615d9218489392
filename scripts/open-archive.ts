import { join } from 'node:path'
import type { KeptArchive } from '../src/archive/archive.ts'
import { openFolderForReading } from '../src/blobs/folder-reading.ts'
import { openFolderBlobs } from '../src/blobs/folder.ts'
import type { BlobVault } from '../src/blobs/ports.ts'
import { openS3Blobs } from '../src/blobs/s3.ts'
import { type Config, readConfig } from '../src/config.ts'
import { openPostgres } from '../src/database/postgres.ts'
import type { Database } from '../src/database/ports/database.ts'
import type { OpenOptions } from '../src/database/settings.ts'
import { openSqlite } from '../src/database/sqlite.ts'
import { usePrivateElements } from '../src/dicom/private-dictionary.ts'

/**
 * `look`: database and blobs as they are, for reading alone; the service may run. `mend`: for writing; over a blob folder
 * only when the service does not run.
 */
export type Purpose = 'look' | 'mend'

/** The settings of the environment; what they say of private elements is in force. Throws an error that names every fault. */
export function settings(): Config {
  const config = readConfig(process.env)
  if ('faults' in config) throw new Error(config.faults.join('\n'))
  usePrivateElements(config.privateElements)
  return config
}

/** Opens database and blobs of the settings; the caller closes both. Rejects with Problem `unavailable`. */
export async function openArchive(
  config: Config,
  purpose: Purpose,
): Promise<KeptArchive & { close(): Promise<void> }> {
  const blobs = await openVault(config, purpose)
  try {
    const database = await openIndex(config, { readOnly: purpose === 'look' })
    const close = async () => {
      await database.close()
      await blobs.close()
    }
    return { blobs, database, now: () => new Date(), close }
  } catch (error) {
    await blobs.close()
    throw error
  }
}

/** The blobs of the settings with all that is not for requests. */
export function openVault({ blobs }: Config, purpose: Purpose): Promise<BlobVault> {
  if (blobs.kind === 's3') return openS3Blobs({ ...blobs, readOnly: purpose === 'look' })
  return purpose === 'look' ? openFolderForReading(blobs.path) : openFolderBlobs({ path: blobs.path })
}

/** The index of the settings. */
export function openIndex(
  { database, fhirQuietMs, fhirMaxWaitMs, defaultIssuer }: Config,
  options: OpenOptions = {},
): Promise<Database> {
  const index = {
    quietMs: fhirQuietMs,
    maxWaitMs: fhirMaxWaitMs,
    ...(defaultIssuer !== undefined && { defaultIssuer }),
    ...options,
  }
  if (database.kind === 'postgres') return openPostgres({ url: database.url, ...index })
  return openSqlite({ path: database.path, ...index })
}

/** What a reader of the settings may hold. */
export function readerLimits({ limits }: Config): { headerBytes: number; inflatedBytes: number } {
  return { headerBytes: limits.headerBytes, inflatedBytes: limits.partBytes }
}

/** A folder of this run's own below the staging folder: the service empties that one itself when it starts. */
export function scratchFolder({ spoolDir }: Config, name: string): string {
  return join(spoolDir, name)
}
