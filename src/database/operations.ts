import { add } from './add.ts'
import { known } from './known.ts'
import { migrate, openArchive } from './migrate.ts'

/** Every operation that reads, by the name under which it is sent to a reader. */
export const reads = { known }

/** Every operation that writes. */
export const writes = { migrate, openArchive, add }
