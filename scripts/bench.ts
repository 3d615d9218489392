/**
 * How fast Concord is here, as ratios in one run: against dcmjs, against HTTP servers that throw bodies away or only make
 * them durable, against raw hash + write + sync, and against a peer if one is named. Warmed up, best of three.
 *
 *   npm run bench                                               reader, STOW, QIDO, WADO on SQLite and a folder
 *   npm run bench -- --only stow --database postgres://… --blobs s3://bucket
 *   npm run bench -- --peer http://127.0.0.1:8042/dicom-web     the same questions to another DICOMweb server
 *   npm run bench -- --file some-ct.dcm                         a file of your own for the reader
 *
 * And how what it costs grows with the archive: ingest by window, bytes an instance, every kind of question at each size,
 * and once more after one in a hundred instances was deleted or corrected, in one table with the bars (design §8).
 *
 *   npm run bench -- --scale 1000000 --steps 100000,1000000 --database postgres://… --peer … --plans
 *   npm run bench -- --scale 5000 --steps 2000,5000             the same in a minute
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { rawFilesPerSecond, startDurableSink, startSink } from './bench/ceilings.ts'
import { readLongSeries, storeLongSeries } from './bench/long-series.ts'
import { madeInstance } from './bench/made-instances.ts'
import { readerTimes } from './bench/reader.ts'
import { PICTURE, RETRIEVALS, retrieveRate } from './bench/retrieve.ts'
import { benchScale } from './bench/scale.ts'
import { latency, questions } from './bench/search.ts'
import { LARGE, SMALL, storeRate, type StoreCase } from './bench/store.ts'
import { freePort, startService, type Service } from './running-service.ts'

interface Options {
  readonly only?: string
  readonly peer?: string
  readonly database?: string
  readonly blobs?: string
  readonly file?: string
  readonly rounds: number
  readonly instances: number
  readonly repetitions: number
  readonly scale?: number
  readonly steps?: readonly number[]
  readonly seed: number
  readonly plans?: boolean
  readonly data?: string
  readonly filled?: boolean
}

interface Bench {
  readonly options: Options
  readonly base: string
  /** Number of the next instance that nobody has sent yet: every measurement stores new ones. */
  next: number
}

async function main(options: Options): Promise<void> {
  if (options.scale === undefined) return benchAll(options)
  const { scale, steps = [100_000], database, blobs, peer, data, plans = false, filled = false } = options
  if (filled && data === undefined && database === undefined)
    throw new Error('--filled wants --data or --database')
  await benchScale({
    scale,
    steps: [...new Set([...steps.filter((size) => size < scale), scale])].sort((a, b) => a - b),
    seed: options.seed,
    repetitions: options.repetitions,
    database,
    blobs,
    peer,
    data,
    plans,
    filled,
  })
}

async function benchAll(options: Options): Promise<void> {
  const wants = (section: string) => options.only === undefined || options.only.split(',').includes(section)
  say(
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? '?'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`,
  )
  if (wants('reader')) await benchReader(options)
  if (!wants('stow') && !wants('qido') && !wants('wado')) return
  const folder = await mkdtemp(join(tmpdir(), 'concord-bench-'))
  let service: Service | undefined
  try {
    const port = await freePort()
    service = await startService({
      PORT: String(port),
      DATA_DIR: folder,
      LOG_LEVEL: 'error',
      ...(options.database !== undefined && { DATABASE_URL: options.database }),
      ...(options.blobs !== undefined && { BLOB_URL: options.blobs }),
    })
    const bench: Bench = { options, base: `http://127.0.0.1:${port}/dicomweb`, next: 0 }
    await storeRate(bench.base, { clients: 4, batch: 100, count: 2000 }, take(bench, 2000), madeInstance)
    if (wants('qido')) await benchSearch(bench)
    if (wants('stow')) await benchStore(bench)
    if (wants('wado')) {
      await benchRetrieve(bench)
      await benchLongSeries(bench, service.pid)
    }
  } finally {
    await service?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function benchReader(options: Options): Promise<void> {
  const bytes = options.file === undefined ? madeInstance(0, 512) : await readFile(options.file)
  const { ours, dcmjs } = readerTimes(bytes)
  say('\nReader, header up to pixel data, ms a file')
  say(
    `  Concord ${ours.toFixed(3)}   dcmjs ${dcmjs.toFixed(3)}   ${(dcmjs / ours).toFixed(1)} times as fast (bar: 5)`,
  )
}

async function benchStore(bench: Bench): Promise<void> {
  const [sink, durable] = [await startSink(), await startDurableSink()]
  const bars: Readonly<Record<string, string>> = { '1×1': '2', '4×1': '3', '1×100': '6', '4×100': '8' }
  try {
    say('\nSTOW, instances a second (clients × batch), best of the rounds')
    say(
      '  The sink throws bodies away; the durable sink appends and syncs them, commits a row, and does nothing else.',
    )
    say('  shape        size   Concord      sink   of sink   durable of durable      peer   of peer   bar')
    for (const [cases, side] of [
      [SMALL, 32],
      [LARGE, 512],
    ] as const) {
      for (const one of cases) {
        const make = (n: number) => madeInstance(n, side)
        const shape = `${one.clients}×${one.batch}`
        const ours = await bestRate(bench, bench.base, one, make)
        const ceiling = await bestRate(bench, sink.base, one, make)
        const least = await bestRate(bench, durable.base, one, make)
        const peer =
          bench.options.peer === undefined ? undefined : await bestRate(bench, bench.options.peer, one, make)
        say(
          `  ${shape.padEnd(8)} ${size(make(0).length).padStart(8)} ${ours.toFixed(0).padStart(9)} ${ceiling.toFixed(0).padStart(9)} ` +
            `${`${((100 * ours) / ceiling).toFixed(0)} %`.padStart(9)} ${least.toFixed(0).padStart(9)} ` +
            `${`${((100 * ours) / least).toFixed(0)} %`.padStart(10)} ${(peer?.toFixed(0) ?? '-').padStart(9)} ` +
            `${(peer === undefined ? '-' : `${(ours / peer).toFixed(1)}×`).padStart(9)}   ${side === 512 ? '60 % of sink, 1.5× peer' : `${bars[shape] ?? ''}× peer`}`,
        )
      }
    }
    for (const [side, count] of [
      [32, 1500],
      [512, 400],
    ] as const) {
      const bytes = madeInstance(0, side)
      const rates = []
      for (const inFlight of [1, 8])
        rates.push(`${inFlight} in flight ${(await rawFilesPerSecond(bytes, count, inFlight)).toFixed(0)}`)
      say(`  raw hash + write + sync of ${size(bytes.length)}: ${rates.join(', ')} a second`)
    }
  } finally {
    await sink.stop()
    await durable.stop()
  }
}

async function bestRate(
  bench: Bench,
  base: string,
  one: StoreCase,
  make: (n: number) => Buffer,
): Promise<number> {
  let best = 0
  for (let round = 0; round < bench.options.rounds; round++) {
    best = Math.max(best, await storeRate(base, one, take(bench, one.count), make))
  }
  return best
}

async function benchSearch(bench: Bench): Promise<void> {
  const { instances, peer, repetitions } = bench.options
  for (const base of peer === undefined ? [bench.base] : [bench.base, peer]) {
    let rest = instances - (base === bench.base ? bench.next : 0)
    let from = instances - rest
    while (rest > 0) {
      const count = Math.min(rest, 5000)
      await storeRate(base, { clients: 4, batch: 100, count }, from, madeInstance)
      from += count
      rest -= count
    }
  }
  bench.next = Math.max(bench.next, instances)
  say(`\nQIDO and metadata at ${instances} instances, ms`)
  say('  question                         p50      p99    answer      peer   ratio')
  for (const question of questions(instances)) {
    const ours = await latency(bench.base, question, repetitions)
    const theirs = peer === undefined ? undefined : await latency(peer, question, Math.min(repetitions, 20))
    say(
      `  ${question.name.padEnd(28)} ${ours.p50.toFixed(2).padStart(7)} ${ours.p99.toFixed(2).padStart(8)} ` +
        `${size(ours.bytes).padStart(9)} ${(theirs?.p50.toFixed(1) ?? '-').padStart(9)} ` +
        (theirs === undefined ? '-' : `1/${(theirs.p50 / ours.p50).toFixed(0)}`),
    )
  }
}

async function benchRetrieve(bench: Bench): Promise<void> {
  const [count, warmUp] = [100, 10]
  const from = take(bench, count + warmUp)
  const make = (n: number) => madeInstance(n, 512)
  const { peer } = bench.options
  for (const base of peer === undefined ? [bench.base] : [bench.base, peer]) {
    await storeRate(base, { clients: 2, batch: 10, count: count + warmUp }, from, make)
    // Threads and codecs are loaded with the first of all pictures.
    await retrieveRate(base, PICTURE, { from: from + count, count: warmUp, clients: 4 })
  }
  const load = { from, count, clients: 4 }
  say(`\nWADO, answers a second, ${count} instances of 512 × 512, 4 clients`)
  say('  what                         Concord      peer')
  for (const retrieval of RETRIEVALS) {
    const ours = await retrieveRate(bench.base, retrieval, load)
    // A peer may know no thumbnails.
    const theirs = peer && (await retrieveRate(peer, retrieval, load).catch(() => undefined))
    const peers = typeof theirs === 'number' ? theirs.toFixed(0) : '-'
    say(`  ${retrieval.name.padEnd(26)} ${ours.toFixed(0).padStart(9)} ${peers.padStart(9)}`)
  }
}

async function benchLongSeries({ base, options: { peer } }: Bench, pid: number): Promise<void> {
  const count = 3000
  const ours = await readLongSeries(await storeLongSeries(base, count), pid)
  const theirs = peer === undefined ? [] : await readLongSeries(await storeLongSeries(peer, count), null)
  say(`\nMetadata of a series of ${count} instances`)
  say(
    '  client        answer   first byte      all   memory grows by     peer: first byte      all   (bar: 50 ms)',
  )
  for (const [at, { client, bytes, firstByteMs, allMs, growth }] of ours.entries()) {
    const peers = theirs[at]
    say(
      `  ${client.padEnd(10)} ${size(bytes).padStart(9)} ${`${firstByteMs.toFixed(0)} ms`.padStart(12)} ${`${allMs.toFixed(0)} ms`.padStart(8)} ` +
        (growth === null ? '-' : `${growth} MiB`).padStart(17) +
        (peers === undefined
          ? ''
          : `${`${peers.firstByteMs.toFixed(0)} ms`.padStart(21)} ${`${peers.allMs.toFixed(0)} ms`.padStart(8)}`),
    )
  }
}

function take(bench: Bench, count: number): number {
  const from = bench.next
  bench.next += count
  return from
}

function size(bytes: number): string {
  return bytes < 10_000 ? `${bytes} B` : `${(bytes / 1000).toFixed(0)} KB`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d{0,7}$/u.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1 to 99999999.')
  return Number(text)
}
const wholeNumbers = (text: string): number[] => text.split(',').map(wholeNumber)

const program = new Command('bench')
  .description(
    'Measures reader, STOW, QIDO and WADO, as ratios in one run; or how searching grows with the archive.',
  )
  .option('--only <sections>', 'some of reader,stow,qido,wado')
  .option('--peer <url>', 'another DICOMweb server, empty, to be asked the same')
  .option('--database <url>', 'DATABASE_URL, empty; default: SQLite in a folder of its own')
  .option('--blobs <url>', 'BLOB_URL; default: a folder of its own')
  .option('--file <path>', 'a file for the reader; default: a synthetic CT')
  .option('--rounds <n>', 'measurements of each STOW shape; the best counts', wholeNumber, 3)
  .option('--instances <n>', 'in the archive while searching', wholeNumber, 10_000)
  .option('--repetitions <n>', 'of each question', wholeNumber, 60)
  .option('--scale <n>', 'instead of all that: an archive of so many instances, by chance', wholeNumber)
  .option(
    '--steps <sizes>',
    'sizes on the way at which it is asked, comma-separated; default: 100000',
    wholeNumbers,
  )
  .option('--seed <n>', 'the same seed makes the same archive', wholeNumber, 1)
  .option('--plans', 'how the database goes about each question')
  .option('--data <folder>', 'DATA_DIR of this run, which is kept')
  .option('--filled', 'ask what an earlier run has left in --data or --database, as it is')
  .parse()
try {
  await main(program.opts())
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
