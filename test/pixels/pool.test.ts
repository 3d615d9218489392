/** Threads that hang or die are replaced, what waits is bounded, and nobody waits for ever. */
import { getEventListeners } from 'node:events'
import { pathToFileURL } from 'node:url'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { createByteCache } from '../../src/pixels/byte-cache.ts'
import { openPool, type Pool } from '../../src/pixels/pool.ts'
import fc from 'fast-check'
import { format } from './encoders.ts'

/** What the thread does is the first byte of a job: 1 hang, 2 exit, 3 exhaust the heap, 4 throw, 5 count the jobs it has had, else echo. */
const PROGRAM = `
import { parentPort } from 'node:worker_threads'
let jobs = 0
parentPort.on('message', ({ bytes }) => {
  jobs++
  if (bytes[0] === 1) for (;;);
  if (bytes[0] === 2) process.exit(3)
  if (bytes[0] === 3) { const held = []; for (;;) held.push(new Array(1e5).fill({})) }
  if (bytes[0] === 4) throw new Error('a bug')
  parentPort.postMessage({ kind: 'done', bytes: bytes[0] === 5 ? Uint8Array.of(jobs) : bytes })
})`
const task = { TransferSyntaxUID: '1.2', format: format() }
const job = (pool: Pool, ...bytes: number[]) => pool.run(task, () => Promise.resolve(Buffer.from(bytes)))

let folder: string
let program: URL
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'concord-pool-'))
  const path = join(folder, 'program.mjs')
  await writeFile(path, PROGRAM)
  program = pathToFileURL(path)
})
afterAll(() => rm(folder, { recursive: true }))
/** A limit in which a thread that takes the place of one that hung is up on a busy machine too; no longer, for that is waited for. */
const LIMIT = 2000
const open = (changes = {}) => openPool({ threads: 2, queue: 100, timeLimitMs: LIMIT, program, ...changes })

it('answers each job with its own bytes', async () => {
  const pool = open({ timeLimitMs: 20_000 })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => job(pool, 10, n)))
  expect(answers.map((bytes) => [...bytes])).toEqual(Array.from({ length: 50 }, (_, n) => [10, n]))
  await pool.close()
})

it.each([
  ['hangs', 1, { kind: 'not-acceptable' }],
  ['ends', 2, { kind: 'not-acceptable' }],
  ['exhausts its memory', 3, { kind: 'not-acceptable' }],
  ['throws', 4, { message: 'a bug' }],
])(
  'replaces a thread that %s, and fails that job alone',
  async (_what, command, error) => {
    const pool = open({ threads: 1, timeLimitMs: command === 1 ? LIMIT : 20_000 })
    const [bad, after, later] = await Promise.allSettled([
      job(pool, command),
      job(pool, 10, 1),
      job(pool, 10, 2),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: error })
    expect([after, later].map((one) => one.status)).toEqual(['fulfilled', 'fulfilled'])
    await pool.close()
  },
  60_000,
)

it('refuses what the queue cannot hold, and reads of what waits one job ahead of a thread', async () => {
  const pool = open({ threads: 1, queue: 2 })
  let reads = 0
  const counted = () => pool.run(task, () => Promise.resolve(Buffer.of(10, ++reads)))
  const hung = job(pool, 1).catch((error: unknown) => error)
  const waiting = [counted(), counted(), counted()]
  await expect(counted()).rejects.toMatchObject({ kind: 'unavailable' })
  expect(reads).toBe(1)
  expect(await hung).toMatchObject({ kind: 'not-acceptable' })
  const answers = await Promise.all(waiting)
  expect(answers.map((bytes) => bytes[1])).toEqual([1, 2, 3])
  await pool.close()
})

it('takes a job out of the queue when its client leaves, and fails one whose bytes cannot be read', async () => {
  const pool = open({ threads: 1 })
  const hung = job(pool, 1).catch(() => 'over')
  const ahead = job(pool, 10, 7)
  const gone = new AbortController()
  let isRead = false
  const left = pool.run(
    task,
    () => {
      isRead = true
      return Promise.resolve(Buffer.of(10))
    },
    gone.signal,
  )
  gone.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  await expect(pool.run(task, () => Promise.reject(new Error('no such blob')))).rejects.toThrow(
    'no such blob',
  )
  expect([await hung, [...(await ahead)]]).toEqual(['over', [10, 7]])
  expect(isRead).toBe(false)
  expect([...(await job(pool, 10))]).toEqual([10])
  await pool.close()
})

it('drops a job that has been read ahead when its client leaves', async () => {
  const pool = open({ threads: 1 })
  const hung = job(pool, 1).catch(() => 'over')
  const gone = new AbortController()
  const read = Promise.withResolvers<null>()
  const left = pool.run(
    task,
    () => {
      read.resolve(null)
      return Promise.resolve(Buffer.of(10))
    },
    gone.signal,
  )
  await read.promise
  await setImmediate()
  gone.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  const after = job(pool, 5)
  expect(await hung).toBe('over')
  expect([...(await after)]).toEqual([1])
  await pool.close()
})

it('leaves alone a job whose client left while it was read, and forgets signals that it is done with', async () => {
  const pool = open({ threads: 1, timeLimitMs: 20_000 })
  const gone = new AbortController()
  const bytes = Promise.withResolvers<Buffer>()
  const left = pool.run(task, () => bytes.promise, gone.signal)
  await setImmediate()
  gone.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  bytes.resolve(Buffer.of(10))
  const kept = new AbortController()
  const answer = await pool.run(task, () => Promise.resolve(Buffer.of(5)), kept.signal)
  expect([...answer]).toEqual([1])
  expect(getEventListeners(kept.signal, 'abort')).toEqual([])
  await pool.close()
})

it('begins nothing in a thread that is being ended, though its answer came in time', async () => {
  const pool = open({ threads: 1, timeLimitMs: LIMIT })
  await job(pool, 10)
  const jobs = [1, 2, 3].map((n) => job(pool, 10, n))
  await setImmediate()
  // The limit has passed before this process takes the answer.
  for (const end = Date.now() + LIMIT + 500; Date.now() < end;);
  const [, ...others] = await Promise.allSettled(jobs)
  expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  await pool.close()
}, 20_000)

it('closes with jobs under way', async () => {
  const pool = open({ threads: 1, timeLimitMs: 60_000 })
  const jobs = [job(pool, 1), job(pool, 10)].map((one) => one.catch((error: unknown) => error))
  await pool.close()
  expect(await Promise.all(jobs)).toEqual([
    expect.objectContaining({ kind: 'unavailable' }),
    expect.objectContaining({ kind: 'unavailable' }),
  ])
  await expect(job(pool, 10)).rejects.toMatchObject({ kind: 'unavailable' })
})

it('keeps bytes within its limit, the ones used last', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(40))), (uses) => {
      const cache = createByteCache(160)
      for (const [key, length] of uses) cache.set(String(key), Buffer.alloc(length, key))
      const kept = Array.from({ length: 10 }, (_, key) => cache.get(String(key)))
      expect(cache.size).toBe(kept.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0))
      expect(cache.size).toBeLessThanOrEqual(160)
      const [last] = uses.slice(-1)
      if (last !== undefined && last[1] <= 20) expect(kept[last[0]]).toEqual(Buffer.alloc(last[1], last[0]))
    }),
  )
})
