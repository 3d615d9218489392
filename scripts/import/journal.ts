import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Outcome } from './outcome.ts'

/** What an earlier, unfinished run over the same paths has done already. */
export interface Journal {
  /** Outcome of a file by its path. */
  readonly done: ReadonlyMap<string, Outcome>
  add(entries: readonly (readonly [path: string, outcome: Outcome])[]): Promise<void>
  /** The run is complete: the next one begins anew. */
  finish(): Promise<void>
}

/**
 * Opens the journal of a run over `paths`, kept in `folder`; `anew` forgets an earlier run. A line cut by a crash is left
 * out: its file is sent again.
 */
export async function openJournal(folder: string, paths: readonly string[], anew: boolean): Promise<Journal> {
  const name = createHash('sha256').update(paths.join('\0')).digest('hex').slice(0, 16)
  const file = join(folder, `${name}.jsonl`)
  await mkdir(dirname(file), { recursive: true })
  if (anew) await rm(file, { force: true })
  return {
    done: await readDone(file),
    add: (entries) => appendFile(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')),
    finish: () => rm(file, { force: true }),
  }
}

async function readDone(file: string): Promise<Map<string, Outcome>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  const done = new Map<string, Outcome>()
  for (const line of text.split('\n')) {
    try {
      const [path, outcome] = JSON.parse(line) as [string, Outcome]
      done.set(path, outcome)
    } catch {
      continue
    }
  }
  return done
}
