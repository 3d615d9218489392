import { migrate, openArchive } from './migrate.ts'

/** Every operation that reads, by the name under which it is sent to a reader. */
export const reads = {}

/** Every operation that writes. */
export const writes = { migrate, openArchive }
