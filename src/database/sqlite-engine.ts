import { availableParallelism } from 'node:os'
import type { Engine } from './engine.ts'
import type { WriterSettings } from './operation.ts'
import { openLane, type Job, type Lane } from './sqlite-threads.ts'

export interface SqliteOptions {
  readonly path: string
  /** Reader threads; one less than there are cores unless told otherwise. */
  readonly readers?: number
  readonly settings: WriterSettings
}

/** SQLite in its threads: one writer, a few quick readers, one slow reader for what may take long. */
export function sqliteEngine(options: SqliteOptions): Engine {
  const { path, settings } = options
  const writer = openLane({ path, settings, role: 'writer' }, 1)
  const quick = openLane(
    { path, settings, role: 'quick' },
    options.readers ?? Math.max(1, availableParallelism() - 1),
  )
  const slow = openLane({ path, settings, role: 'slow' }, 1)
  const ask = (lane: Lane, job: Omit<Job, 'resolve' | 'reject'>): Promise<unknown> =>
    new Promise((resolve, reject) => lane.add({ ...job, resolve, reject }))
  return {
    dialect: 'sqlite',
    hasWriterThread: true,
    read: (name, args, signal) => ask(quick, { name, args, signal, slower: (job) => slow.add(job) }) as never,
    // The file and its schema are there once the writer has opened the archive: only then can readers open it.
    write: async (name, args, moved) => {
      const result = await ask(writer, { name, args, signal: undefined, ...(moved && { moved }) })
      if (name === 'openArchive') quick.warm()
      return result as never
    },
    close: async () => {
      await Promise.all([quick.close(), slow.close()])
      // Last, so that it may fold the write-ahead log into the file.
      await writer.close()
    },
  }
}
