import { constants, fdatasync, writev } from 'node:fs'

/**
 * Linux makes each write durable within the write itself, in one trip to the thread pool, which was faster than write
 * and fdatasync at every batch size measured. Elsewhere O_DSYNC stops at the drive's cache, libuv's fdatasync does not.
 */
const O_DURABLE = process.platform === 'linux' ? constants.O_DSYNC : 0

/** Bytes for a file that is open with {@link DURABLE}, to be written by whoever is given this. */
export interface DurableWrite {
  readonly fd: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly position: number
}

/** Flags for {@link writeDurably}: the file is created where it is missing. */
export const DURABLE = constants.O_WRONLY | constants.O_CREAT | O_DURABLE
/** Flags for {@link writeDurably}: the file must not exist yet. */
export const CREATE_DURABLE = DURABLE | constants.O_EXCL

/**
 * More pieces are laid end to end first: systems refuse more in one call (IOV_MAX), and a client that sends byte by byte
 * should cost one sync like any other.
 */
const MOST_PIECES = 1024

/** Writes all pieces from `position` on into a file opened with {@link DURABLE}; they survive a power cut then. */
export async function writeDurably(
  fd: number,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let at = position
  for (let left = pieces.length > MOST_PIECES ? [Buffer.concat(pieces)] : pieces; left.length > 0;) {
    const written = await writeSome(fd, left, at)
    at += written
    left = after(left, written)
  }
  if (O_DURABLE === 0) await syncData(fd)
}

/** What is left of the pieces behind their first `written` bytes. */
function after(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let begin = 0
  for (const [index, piece] of pieces.entries()) {
    if (begin + piece.length > written) return [piece.subarray(written - begin), ...pieces.slice(index + 1)]
    begin += piece.length
  }
  return []
}

// Callbacks rather than FileHandle: this is the path of every small instance, and each wrapper costs latency.
function writeSome(fd: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, pieces, position, (error, written) => {
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
