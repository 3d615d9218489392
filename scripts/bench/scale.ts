import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { freePort, startService, type Service } from '../running-service.ts'
import { memoryOf } from '../large/memory.ts'
import { ask } from './http-client.ts'
import { change } from './scale/change.ts'
import { fill } from './scale/fill.ts'
import { indexStore, type IndexStore } from './scale/index-store.ts'
import { begun, planArchive, type MadeArchive } from './scale/made-archive.ts'
import { measure, shortestWay, type Measured, type Patience } from './scale/measure.ts'
import { isSearch, openExplainer } from './scale/plans.ts'
import { questionsTo, type Question } from './scale/questions.ts'
import { bytesAnInstance, ms, short, sizeTable, summary, table, type Line } from './scale/report.ts'

export interface ScaleOptions {
  /** Instances at the end. */
  readonly scale: number
  /** Sizes at which questions are asked, ascending; the last is `scale`. */
  readonly steps: readonly number[]
  readonly seed: number
  readonly database: string | undefined
  readonly blobs: string | undefined
  readonly peer: string | undefined
  readonly repetitions: number
  /** Whether to show how the engine goes about the questions. */
  readonly plans: boolean
  /** Folder that is kept, and what it holds is asked as it is when it was filled before. */
  readonly data: string | undefined
  readonly filled: boolean
}

interface Run {
  readonly options: ScaleOptions
  readonly archive: MadeArchive
  readonly store: IndexStore
  readonly database: string
  readonly env: Readonly<Record<string, string>>
  readonly origin: string
  service: Service
}

type Answers = ReadonlyMap<string, Measured | null>

const LOAD = { clients: 4, batch: 200, window: 50_000 }
/** The peer is slow: each question is asked a few times, and not for long. */
const PEER = { repetitions: 10, capMs: 5000, timeoutMs: 120_000 }
const OURS = { capMs: 8000, timeoutMs: 120_000 }
const INDEX_BYTES = 1500

/** Fills an archive through STOW-RS, asks at each size, changes some of it, asks again, and prints one table. */
export async function benchScale(options: ScaleOptions): Promise<void> {
  const folder = options.data ?? (await mkdtemp(join(tmpdir(), 'concord-scale-')))
  const database = options.database ?? `sqlite:${join(folder, 'index.db')}`
  const port = await freePort()
  const env = {
    PORT: String(port),
    DATA_DIR: folder,
    DATABASE_URL: database,
    LOG_LEVEL: 'error',
    DELETION: 'on',
    ...(options.blobs !== undefined && { BLOB_URL: options.blobs }),
  }
  const run: Run = {
    options,
    archive: planArchive(options.seed, options.scale),
    store: indexStore(database),
    database,
    env,
    origin: `http://127.0.0.1:${port}`,
    service: await startService(env),
  }
  try {
    await sayMachine(run)
    if (!options.filled) await expectEmpty(run)
    await measureAll(run)
  } finally {
    await run.service.stop()
    if (options.data === undefined) await rm(folder, { recursive: true, force: true })
  }
}

async function measureAll(run: Run): Promise<void> {
  const { options, archive } = run
  const known = options.steps[0] ?? options.scale
  const steps = options.filled ? [options.scale] : options.steps
  const answers: Answers[] = []
  let peer: Answers = new Map()
  let from = 0
  for (const size of steps) {
    if (!options.filled) await fillTo(run, from, size)
    from = size
    await settle(run)
    await saySizes(run, size)
    const questions = questionsTo(archive, size, known)
    await sayMemory(run, questions)
    answers.push(await askAll(run, questions))
    if (!options.filled) await expectCounts(run, size)
    if (size === known && options.peer !== undefined) peer = await askPeer(run, options.peer, size)
  }
  const questions = questionsTo(archive, options.scale, known)
  const floor = await shortestWay(run.origin)
  if (options.plans) await sayPlans(run, questions)
  const changed = options.filled ? new Map<string, Measured | null>() : await askChanged(run, questions)
  const lines = questions.map((question): Line => ({
    question,
    sizes: answers.map((at) => at.get(question.name) ?? null),
    changed: changed.get(question.name) ?? null,
    peer: peer.get(question.name) ?? null,
  }))
  say(`\nQuestions over HTTP, ms, warmed up; ${ms(floor)} ms of each are the way through the server and back`)
  const report = { lines, sizes: steps, engine: run.store.engine, floor }
  for (const line of [...table(report), ...summary(report)]) say(line)
}

async function fillTo({ origin, archive }: Run, from: number, to: number): Promise<void> {
  const began = performance.now()
  say(`\nStored by STOW-RS, ${LOAD.clients} clients × ${LOAD.batch}, made meanwhile on the same cores`)
  await fill(
    `${origin}/dicomweb`,
    archive,
    { from, to },
    {
      ...LOAD,
      onWindow: (window) =>
        say(`  up to ${String(window.to).padStart(9)}   ${window.rate.toFixed(0).padStart(6)} instances/s`),
    },
  )
  const seconds = (performance.now() - began) / 1000
  const { patients, studies, series } = begun(archive, to)
  say(
    `  ${to} instances of ${patients} patients, ${studies} studies, ${series} series; ${((to - from) / seconds).toFixed(0)} instances/s`,
  )
}

/** Starts the service anew, so that neither what it remembers of filling nor what that left undone is measured. */
async function settle(run: Run): Promise<void> {
  await run.service.stop()
  await run.store.settle()
  run.service = await startService(run.env)
}

async function saySizes({ store }: Run, size: number): Promise<void> {
  const objects = await store.sizes()
  say(`\nIndex on disk at ${short(size)}, bytes an instance`)
  for (const line of sizeTable(objects, size)) say(line)
  if (store.engine !== 'sqlite') return
  const met = bytesAnInstance(objects, size) <= INDEX_BYTES ? 'met' : 'NOT MET'
  say(`  bar: ≤ ${INDEX_BYTES} without audit: ${met}`)
}

async function askAll({ options, origin }: Run, questions: readonly Question[]): Promise<Answers> {
  const patience: Patience = { ...OURS, repetitions: options.repetitions }
  const answers = new Map<string, Measured | null>()
  const began = performance.now()
  for (const question of questions) {
    const answer = await measure(`${origin}/dicomweb`, question, patience)
    if (answer === null && question.pageBefore === undefined) say(`  no answer to: ${question.name}`)
    answers.set(question.name, answer)
  }
  say(`\n${questions.length} questions asked in ${((performance.now() - began) / 1000).toFixed(0)} s`)
  return answers
}

/** What was counted must be what was sent: a fast answer that is wrong is no answer. */
async function expectCounts({ origin, archive }: Run, size: number): Promise<void> {
  for (const [level, count] of Object.entries({ ...begun(archive, size), instances: size })) {
    await expectCount(origin, level, count)
  }
}

async function expectEmpty({ origin }: Run): Promise<void> {
  await expectCount(origin, 'instances', 0).catch(() => {
    throw new Error('The archive is not empty. Name an empty one, or ask it as it is with --filled.')
  })
}

async function expectCount(origin: string, level: string, expected: number): Promise<void> {
  const { body } = await ask(`${origin}/dicomweb/${level}/count`)
  const { count } = JSON.parse(body.toString()) as { count?: number }
  if (count !== expected) throw new Error(`${expected} ${level} were stored and ${count} are counted`)
}

async function askPeer(run: Run, peer: string, size: number): Promise<Answers> {
  say(`\nThe same ${size} instances and questions to ${new URL(peer).host}`)
  const began = performance.now()
  await fill(peer, run.archive, { from: 0, to: size }, { ...LOAD, onWindow: () => undefined })
  say(`  stored at ${((size * 1000) / (performance.now() - began)).toFixed(0)} instances/s`)
  const answers = new Map<string, Measured | null>()
  for (const question of questionsTo(run.archive, size, size)) {
    answers.set(question.name, await measure(peer, question, PEER))
  }
  return answers
}

async function askChanged(run: Run, questions: readonly Question[]): Promise<Answers> {
  const { archive, options, origin } = run
  const began = performance.now()
  const { deleted, corrected } = await change(origin, archive, options.scale)
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  say(`\n${deleted} instances deleted and ${corrected} corrected in ${seconds} s`)
  await expectCount(origin, 'instances', options.scale - deleted)
  await settle(run)
  return askAll(run, questions)
}

/** Memory of the service, just started, while it writes its largest answer, some times one after the other. */
async function sayMemory({ options, service, origin }: Run, questions: readonly Question[]): Promise<void> {
  const question = questions.find(({ name }) => name === 'series metadata, 3,000')
  if (question === undefined || process.platform !== 'linux') return
  const memory = memoryOf(service.pid)
  memory.peak()
  const before = memory.now()
  const patience: Patience = { ...OURS, repetitions: Math.min(20, options.repetitions) }
  const answer = await measure(`${origin}/dicomweb`, question, patience)
  if (answer === null) return
  const mib = (count: number) => `${(count / 2 ** 20).toFixed(0)} MiB`
  say(
    `\n${question.name}: ${mib(answer.bytes)}, first byte after ${ms(answer.firstByte)} ms, all after ${ms(answer.p50)} ms; ` +
      `resident ${mib(before)} before, ${mib(memory.peak())} at the most`,
  )
}

async function sayPlans({ database }: Run, questions: readonly Question[]): Promise<void> {
  const explainer = await openExplainer(database)
  try {
    for (const { name, path } of questions.filter(
      (one) => one.pageBefore === undefined && isSearch(one.path(0)),
    )) {
      say(`\n${name}: ${decodeURIComponent(path(0))}`)
      for (const { sql, plan } of await explainer.explain(path(0))) {
        say(`  ${sql.length > 300 ? `${sql.slice(0, 300)} …` : sql}`)
        for (const line of plan) say(`      ${line}`)
      }
    }
  } finally {
    await explainer.close()
  }
}

async function sayMachine({ options, store, archive }: Run): Promise<void> {
  say(
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? '?'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}, ${await store.about()}`,
  )
  const sizes = archive.studies.map(({ count }) => count).sort((a, b) => a - b)
  const mean = sizes.reduce((sum, one) => sum + one, 0) / sizes.length
  say(
    `seed ${options.seed}: studies of ${sizes[Math.floor(sizes.length / 2)] ?? 0} instances in the median, ` +
      `${mean.toFixed(0)} in the mean, ${sizes.at(-1) ?? 0} at the most`,
  )
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
