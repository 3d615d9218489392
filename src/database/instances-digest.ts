/** What tells one list of instances from another, worked out where the rows are: they need not cross to whoever asks. */
import { createHash } from 'node:crypto'
import { instancesPage, type InstancesPage, type InstancesQuery } from './instances.ts'
import { type InstancesCursor, type InstancesWalk, walkInstances } from './instances-walk.ts'
import { hex } from './known.ts'
import type { Dialect, Row, Step } from './operation.ts'

export interface DigestPage {
  readonly instances: number
  /** Of the rows of this page, in hexadecimal. */
  readonly digest: string
  /** Where the next page begins; null at the end. */
  readonly next: InstancesCursor | null
}

const COLUMNS = 'i.id, i.sop_uid, e.series_uid, i.state, i.file_sha256'
const JOINS = 'JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id'

/** Instances that are hashed in one read, for each that is read in one. */
const HASHED = 40

export interface DigestedPage {
  readonly digest: DigestPage
  /** The first page at the same moment; null where there is more to hash before it. */
  readonly first: InstancesPage | null
}

/** A digest and a first page, read at once: whoever asks for one mostly wants the other. */
export function* digestedPage(dialect: Dialect, query: InstancesQuery): Generator<Step, DigestedPage, Row[]> {
  const digest = yield* instancesDigest(dialect, query)
  return { digest, first: digest.next === null ? yield* instancesPage(dialect, query) : null }
}

/** Hashes which instances there are, in which order and state, and of which bytes each is. */
export function* instancesDigest(
  _dialect: Dialect,
  query: InstancesWalk,
): Generator<Step, DigestPage, Row[]> {
  const { found, next } = yield* walkInstances({ ...query, limit: query.limit * HASHED }, COLUMNS, JOINS)
  return { instances: found.length, digest: digestOf(found), next }
}

/** Of rows with `id`, `state` and `file_sha256`, in hexadecimal. */
export function digestOf(rows: readonly Row[]): string {
  const hash = createHash('sha256')
  for (const row of rows)
    hash.update(`${Number(row['id'])} ${Number(row['state'])} ${hex(row['file_sha256'])}\n`)
  return hash.digest('hex')
}
