import { Problem } from '../problem.ts'

/** What a fault of the system means to a person, and after how many seconds another attempt makes sense. */
const MEANINGS: Partial<Record<string, readonly [text: string, retryAfter: number]>> = {
  ENOSPC: ['the disk is full', 60],
  EDQUOT: ['the disk quota is used up', 60],
  EFBIG: ['the file would be larger than this process may write', 60],
  EIO: ['the disk reports an input/output error', 30],
  EROFS: ['the disk is mounted read-only', 60],
  EACCES: ['this process lacks the permission', 60],
  EPERM: ['this process lacks the permission', 60],
  EMFILE: ['this process has too many files open', 5],
  ENFILE: ['this machine has too many files open', 5],
  ENOENT: ['it is not there', 30],
}

/** The code of a fault that the operating system reported, such as `ENOSPC`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  // By shape: an error of Node's own may come from another realm than this module's Error.
  if (typeof error !== 'object' || error === null || !('syscall' in error) || !('code' in error))
    return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * A fault of the disk as a Problem `unavailable` that names what failed, but no path; a Problem stays what it is.
 * Throws anything else again, for that is a bug.
 */
export function diskProblem(error: unknown, what: string): Problem {
  if (error instanceof Problem) return error
  const code = systemCode(error)
  if (code === undefined) throw error
  const [text, retryAfter] = MEANINGS[code] ?? [`the system reports ${code}`, 30]
  return new Problem('unavailable', `${what}: ${text}.`, { cause: error, retryAfter })
}
