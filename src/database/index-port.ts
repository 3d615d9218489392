import { setImmediate as turn } from 'node:timers/promises'
import type { DurableWrite } from '../durable-write.ts'
import { isProblem, Problem } from '../problem.ts'
import type { Added } from './add.ts'
import type { Engine } from './engine.ts'
import type { DataSets, InstanceRow, InstancesPage, InstancesQuery } from './instances.ts'
import type { DigestPage } from './instances-digest.ts'
import type { InstancesWalk } from './instances-walk.ts'
import type { MetadataQuery } from './metadata.ts'
import type { AddedWithBytes, AddOutcome, IndexedInstance, NewInstance } from './ports/instance.ts'
import type {
  DigestedInstances,
  DigestedMetadata,
  InstanceIndex,
  InstancesOptions,
  MetadataOptions,
  Scope,
} from './ports/instance-index.ts'
import { prepare, type PreparedInstance } from './prepare.ts'

/** Instances of a page without their data sets, and with them. */
const PAGE = 500
const PAGE_WITH_TAGS = 200

export function instanceIndex(engine: Engine): InstanceIndex {
  return {
    known: async (sopUids) => {
      const rows = await engine.read('known', [sopUids])
      return new Map(rows.map((row) => [row.uids.instance, row]))
    },
    add: (batch) => add(engine, batch),
    ...(engine.hasWriterThread && { addWithBytes: (batch, todo) => addWithBytes(engine, batch, todo) }),
    quarantine: async (found) => {
      await engine.write('quarantine', [{ ...found, receivedAt: found.receivedAt.getTime() }])
    },
    search: (query, signal) => engine.read('search', [query], signal),
    count: (query, signal) => engine.read('count', [query], signal),
    instances: (scope, options) => pagesOf(engine, readingOf(scope, options ?? {})),
    digested: (scope, options) => digested(engine, readingOf(scope, options ?? {})),
    metadata: (scope, options) => metadata(engine, scope, options),
    representative: async ({ study, series }, unlikely, signal) => {
      const scope = { ...(study !== undefined && { study }), ...(series !== undefined && { series }) }
      const page = await engine.read('representative', [{ ...scope, unlikely }], signal)
      return page === null ? null : (indexed(page, true)[0] ?? null)
    },
    derivations: async (study) => {
      const rows = await engine.read('derivations', [study])
      return rows.map(({ source, ...row }) => ({
        ...row,
        source: { ...source, receivedAt: new Date(source.receivedAt) },
      }))
    },
  }
}

async function add(engine: Engine, batch: readonly NewInstance[]): Promise<AddOutcome[]> {
  const outcomes = batch.map(preparedOrFailed)
  const prepared = outcomes.filter((one): one is PreparedInstance => !('kind' in one))
  const added = (await addPrepared(engine, prepared)).values()
  return outcomes.map((one): AddOutcome => ('kind' in one ? one : (added.next().value ?? LOST)))
}

async function addWithBytes(
  engine: Engine,
  batch: readonly NewInstance[],
  todo: DurableWrite,
): Promise<AddedWithBytes> {
  const prepared = batch.map(preparedOrFailed)
  const ready = prepared.filter((one): one is PreparedInstance => !('kind' in one))
  if (ready.length < batch.length)
    return { bytes: 'untouched', outcomes: prepared.map((one) => ('kind' in one ? one : null)) }
  const done = await engine.write('addWithBytes', [ready, todo], [todo.bytes.buffer])
  if (done.bytes === 'torn') return done
  const isAdded = done.bytes === 'written'
  return {
    bytes: done.bytes,
    outcomes: done.added.map((kept) => (kept === null && !isAdded ? null : outcomeOf(kept))),
  }
}

function preparedOrFailed(instance: NewInstance): AddOutcome | PreparedInstance {
  try {
    return prepare(instance)
  } catch (error) {
    if (isProblem(error)) return { kind: 'failed', problem: error }
    throw error
  }
}

function outcomeOf(kept: Added): AddOutcome {
  return kept === null ? { kind: 'added' } : { kind: 'exists', kept }
}

const LOST: AddOutcome = {
  kind: 'failed',
  problem: new Problem('unprocessable', 'The instance was not indexed.'),
}

/** A batch that cannot be written is tried again one instance at a time: one bad instance takes no other with it. */
async function addPrepared(engine: Engine, batch: readonly PreparedInstance[]): Promise<AddOutcome[]> {
  if (batch.length === 0) return []
  try {
    const added = await engine.write('add', [batch])
    return added.map(outcomeOf)
  } catch (error) {
    if (isProblem(error)) throw error
    if (batch.length === 1)
      return [
        {
          kind: 'failed',
          problem: new Problem('unprocessable', 'The instance cannot be indexed.', { cause: error }),
        },
      ]
  }
  const outcomes: AddOutcome[] = []
  for (const instance of batch) outcomes.push(...(await addPrepared(engine, [instance])))
  return outcomes
}

interface Reading {
  readonly query: InstancesQuery
  readonly isLent: boolean
  readonly signal: AbortSignal | undefined
}

function readingOf(scope: Scope, options: InstancesOptions): Reading {
  const { tags = false, pixelMap = false, isLent = false, states = ['active'], signal } = options
  const limit = options.pageSize ?? (tags ? PAGE_WITH_TAGS : PAGE)
  return { query: { scope, states, tags, pixelMap, limit, after: null }, isLent, signal }
}

/** All pages, of which the first may have been read already. */
async function* pagesOf(
  engine: Engine,
  { query, isLent, signal }: Reading,
  first: InstancesPage | null = null,
): AsyncGenerator<readonly IndexedInstance[]> {
  let page = first ?? (await engine.read('instancesPage', [query], signal))
  for (;;) {
    if (page.rows.length > 0) yield indexed(page, query.pixelMap)
    if (isLent) free(page)
    if (page.next === null) return
    // Requests that came in meanwhile go first.
    await turn()
    page = await engine.read('instancesPage', [{ ...query, after: page.next }], signal)
  }
}

async function digested(engine: Engine, reading: Reading): Promise<DigestedInstances> {
  const { query, signal } = reading
  const { digest, first } = await engine.read('digestedPage', [query], signal)
  return { ...(await digests(engine, query, digest, signal)), pages: pagesOf(engine, reading, first) }
}

/** A digest with those of what is left to hash. */
async function digests(
  engine: Engine,
  query: InstancesWalk,
  first: DigestPage,
  signal: AbortSignal | undefined,
): Promise<{ readonly count: number; readonly digest: string }> {
  const all = [first]
  for (let { next } = first; next !== null;) {
    const more: DigestPage = await engine.read('instancesDigest', [{ ...query, after: next }], signal)
    all.push(more)
    next = more.next
  }
  return {
    count: all.reduce((sum, one) => sum + one.instances, 0),
    digest: all.map((one) => one.digest).join(' '),
  }
}

async function metadata(engine: Engine, scope: Scope, options: MetadataOptions): Promise<DigestedMetadata> {
  const { service, states = ['active'], pageSize: limit = PAGE_WITH_TAGS, signal } = options
  const query: MetadataQuery = { scope, states, limit, after: null, service }
  const { digest, json, next } = await engine.read('digestedMetadata', [query], signal)
  async function* pages(): AsyncGenerator<Buffer> {
    let page = json === null ? await engine.read('metadataPage', [query], signal) : { json, next }
    for (;;) {
      yield asBuffer(page.json)
      if (page.next === null) return
      // Requests that came in meanwhile go first.
      await turn()
      page = await engine.read('metadataPage', [{ ...query, after: page.next }], signal)
    }
  }
  return { ...(await digests(engine, query, digest, signal)), pages: pages() }
}

/** Detached from whoever still holds it, the memory goes at once: of garbage the collector would leave many pages. */
function free({ tags }: InstancesPage): void {
  if (tags?.buffer instanceof ArrayBuffer) tags.buffer.transfer(0)
}

function indexed(page: InstancesPage, withMaps: boolean): IndexedInstance[] {
  return page.rows.map((row: InstanceRow, at): IndexedInstance => {
    const { pixelMap, receivedAt, ...rest } = row
    return {
      ...rest,
      receivedAt: new Date(receivedAt),
      ...dataSetAt(page, at),
      ...(withMaps ? { pixelMap: pixelMap === null ? null : asBuffer(pixelMap) } : {}),
    }
  })
}

function dataSetAt({ tags, ends }: DataSets, at: number): Pick<IndexedInstance, 'tags'> {
  if (tags === null) return {}
  const begin = at === 0 ? 0 : ends[at - 1]
  return { tags: asBuffer(tags).subarray(begin, ends[at]) }
}

/** Bytes that came out of a thread are no Buffer any more. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
