import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/**
 * Every file under the paths, in byte order of the paths, so that a run can be repeated and compared; links are not
 * followed. A path that is not there rejects with ENOENT.
 */
export async function* filesUnder(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of [...paths].map((one) => resolve(one)).sort(byBytes)) {
    if ((await stat(path)).isDirectory()) yield* inFolder(path)
    else yield path
  }
}

async function* inFolder(folder: string): AsyncGenerator<string> {
  // A folder sorts as its path does, with the slash: `a-b` before `a/b`, `a/b` before `ab`.
  const entries = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() || entry.isFile())
    .map((entry) => ({ entry, key: entry.isDirectory() ? `${entry.name}/` : entry.name }))
    .sort((a, b) => byBytes(a.key, b.key))
  for (const { entry } of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* inFolder(path)
    else yield path
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
