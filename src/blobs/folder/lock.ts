import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../problem.ts'
import { systemCode } from '../faults.ts'

/** `O_EXLOCK` of macOS and the BSDs, which Node does not name: open and flock(2) in one call. */
const O_EXLOCK = 0x20

/**
 * Takes the folder for this process alone and returns what gives it back. The lock is the kernel's (flock(2) on an
 * open file), so it ends with the process however that ends, holds between containers that share the folder, and
 * can never be stale. Node cannot call flock itself: on Linux the program `flock` of util-linux locks the open file
 * that it inherits, which stays locked when the program has ended, because it is ours too.
 * @throws Problem `unavailable` when another process has the folder
 */
export function lockFolder(path: string): () => void {
  const fd = process.platform === 'linux' ? lockByProgram(path) : lockByOpening(path)
  return () => closeSync(fd)
}

function inUse(): Problem {
  return new Problem('unavailable', 'Another process of Concord is using this blob folder. Stop it first.')
}

function lockByProgram(path: string): number {
  const fd = openSync(join(path, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600)
  const { status, error } = spawnSync('flock', ['-x', '-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  })
  if (status === 0) return fd
  closeSync(fd)
  if (error) {
    throw new Problem(
      'unavailable',
      'The program "flock" (package util-linux) is needed to lock the blob folder.',
      {
        cause: error,
      },
    )
  }
  if (status === 1) throw inUse()
  throw new Problem('unavailable', 'The file system of the blob folder does not support locks (flock).')
}

function lockByOpening(path: string): number {
  try {
    return openSync(
      join(path, 'lock'),
      constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK,
      0o600,
    )
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') throw inUse()
    throw error
  }
}
