import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder for its owner alone, and those above it where they are missing, durably: a blob in a folder whose own entry
 * is lost with the power is lost too. Not with the `recursive` of `mkdir`, which asks for ever where a folder that is
 * there takes no others and says ENOENT, as /proc does.
 */
export async function makeFolder(path: string): Promise<void> {
  const above = dirname(resolve(path))
  if (await isFolder(path)) return
  if (above !== resolve(path)) await makeFolder(above)
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    // Somebody else may have been quicker.
    if (await isFolder(path)) return
    throw error
  }
  await syncDirectory(above)
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found?.isDirectory() ?? false
}

/** Makes what was created, renamed or unlinked in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
