import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../problem.ts'
import { diskProblem, systemCode } from './faults.ts'
import { openFiles } from './folder/files.ts'
import { parseKey } from './folder/keys.ts'
import { readFileBlob, readRecord } from './folder/reading.ts'
import { openSegmentsForReading } from './folder/segments.ts'
import type { BlobVault } from './ports.ts'

/**
 * Opens a blob folder for looking only, as verify and reindex do: without its lock, so that the service may run, and
 * without tidying it up. Whatever would change it is refused.
 * @throws Problem `unavailable` where there is no such folder
 */
export async function openFolderForReading(path: string): Promise<BlobVault> {
  const parts = { segments: join(path, 'segments'), files: join(path, 'files') }
  for (const directory of Object.values(parts)) await requireDirectory(directory)
  const files = openFiles(parts.files, join(path, 'incoming'))
  const segments = openSegmentsForReading(parts.segments)

  /** A fault of the disk becomes a Problem. */
  async function working<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work()
    } catch (error) {
      throw diskProblem(error, 'A blob cannot be read')
    }
  }

  return {
    name: 'folder',
    put: () => Promise.reject(forReading()),
    remove: () => Promise.reject(forReading()),
    get: (key, extent) =>
      working(() => {
        const place = parseKey(key)
        if (place === null) throw new Problem('unavailable', 'This is no key of the blob folder.')
        if (place.kind === 'record') return readRecord(segments, place, extent)
        return readFileBlob(files, place.id, extent)
      }),
    stat: (key) =>
      working(async () => {
        const place = parseKey(key)
        if (place?.kind === 'record') return (await segments.has(place)) ? { size: place.length } : null
        const size = place && (await files.size(place.id))
        return size === null ? null : { size }
      }),
    async *list() {
      try {
        yield* files.list()
        yield* segments.list()
      } catch (error) {
        throw diskProblem(error, 'The blob folder cannot be listed')
      }
    },
    check: () => requireDirectory(parts.files),
    close: async () => {
      await Promise.all([segments.close(), files.close()])
    },
  }
}

async function requireDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskProblem(error, 'The blob folder cannot be opened')
  }
  throw new Problem('unavailable', 'There is no blob folder where the settings say.')
}

function forReading(): Error {
  return new Error('the blob folder was opened for reading')
}
