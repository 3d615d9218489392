import { constants, fdatasync, write } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * Linux makes each write durable within the write itself, in one trip to the thread pool, which was faster than write
 * and fdatasync at every batch size measured. Elsewhere O_DSYNC stops at the drive's cache, libuv's fdatasync does not.
 */
const O_DURABLE = process.platform === 'linux' ? constants.O_DSYNC : 0

/** Flags for {@link writeDurably}: the file is created where it is missing. */
export const DURABLE = constants.O_WRONLY | constants.O_CREAT | O_DURABLE
/** Flags for {@link writeDurably}: the file must not exist yet. */
export const CREATE_DURABLE = DURABLE | constants.O_EXCL

/** Writes all of `bytes` at `position` of a file opened with {@link DURABLE}; they survive a power cut then. */
export async function writeDurably(fd: number, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await writeSome(fd, bytes, done, position + done)
  }
  if (O_DURABLE === 0) await syncData(fd)
}

// Callbacks rather than FileHandle: this is the path of every small instance, and each wrapper costs latency.
function writeSome(fd: number, bytes: Buffer, from: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, position, (error, written) => {
      if (error) reject(error)
      else resolve(written)
    })
  })
}

function syncData(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
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
