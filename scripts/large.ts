/**
 * Sends instances of gigabytes through the service, in and out, and watches how much memory it takes meanwhile.
 *
 *   npm run test:large                              4 GiB; the process may have 512 MiB resident
 *   npm run test:large -- --size 256 --limit 448    less, in seconds
 *   npm run test:large -- --database postgres://… --blobs s3://bucket      (S3_… from the environment)
 *
 * Three instances are made while they are sent: native pixel data as long as its length can say, the same in Implicit VR
 * (rewritten on its way out), and fragments beyond 4 GiB. Each comes back whole, as the file that was received, as frames
 * and as a range, and must have the bytes that were sent. Needs Linux, for /proc. Exit status: 0 all held, 1 not, 2 could
 * not be tried.
 */
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import {
  digestOf,
  FRAME_BYTES,
  frameChunks,
  KINDS,
  largeFile,
  type Kind,
  type LargeFile,
} from './large/files.ts'
import { inMib, memoryOf, type Memory } from './large/memory.ts'
import { fetched, fetchedPixels, store } from './large/transfer.ts'
import { freePort, startService } from './running-service.ts'

interface Options {
  readonly size: number
  readonly limit: number
  readonly rounds: number
  readonly kind: Kind | undefined
  readonly database: string | undefined
  readonly blobs: string | undefined
}

interface Run {
  readonly base: string
  readonly memory: Memory
  readonly limit: number
  readonly faults: string[]
}

const MIB = 1024 * 1024

async function main(options: Options): Promise<number> {
  const bytes = options.size * MIB
  const kinds = options.kind === undefined ? KINDS : [options.kind]
  const folder = await mkdtemp(join(tmpdir(), 'concord-large-'))
  try {
    await expectRoom(folder, (options.rounds * kinds.length + 1) * bytes)
    const port = await freePort()
    const service = await startService({
      PORT: String(port),
      DATA_DIR: folder,
      LOG_LEVEL: 'error',
      ...(options.database !== undefined && { DATABASE_URL: options.database }),
      ...(options.blobs !== undefined && { BLOB_URL: options.blobs }),
    })
    const memory = memoryOf(service.pid)
    const run: Run = {
      base: `http://127.0.0.1:${port}/dicomweb`,
      memory,
      limit: options.limit * MIB,
      faults: [],
    }
    say(`${inMib(memory.peak())} MiB resident at the start; the limit is ${options.limit} MiB`)
    try {
      for (let round = 1; round <= options.rounds; round++)
        for (const kind of kinds) await inAndOut(run, largeFile(kind, bytes, round))
    } finally {
      await service.stop()
    }
    for (const fault of run.faults) say(`NOT AS PROMISED: ${fault}`)
    say(`${options.rounds * kinds.length} instances, ${run.faults.length} faults`)
    return run.faults.length === 0 ? 0 : 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function expectRoom(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < needed)
    throw new Error(`${folder} has ${inMib(bavail * bsize)} MiB free, and ${inMib(needed)} are needed`)
}

async function inAndOut(run: Run, file: LargeFile): Promise<void> {
  const url = run.base + file.path
  const sent = await step(run, file, 'in by STOW-RS', () => store(run.base, file))
  await step(run, file, 'out as it was received', async () => {
    expectSame(run, file, 'original', (await fetched(`${url}/original`)).sha256, sent)
  })
  await step(run, file, 'out by WADO-RS', async () => {
    // A file in Implicit VR leaves in Explicit VR: another header, the same pixel data.
    if (file.kind === 'implicit')
      expectSame(run, file, 'pixel data', await fetchedPixels(url, file), digestOf(allFrames(file)))
    else {
      const whole = await fetched(url, { Accept: 'application/dicom; transfer-syntax=*' })
      expectSame(run, file, 'instance', whole.sha256, sent)
    }
  })
  await step(run, file, 'frames, and ranges', () => piecesOut(run, file, url))
}

/** The first, the middle and the last frame, each alone; and the last one as a range of the file. */
async function piecesOut(run: Run, file: LargeFile, url: string): Promise<void> {
  for (const frame of [1, Math.ceil(file.frames / 2), file.frames]) {
    const accept = { Accept: 'application/octet-stream' }
    const got = await fetched(`${url}/frames/${frame}`, accept)
    expectSame(run, file, `frame ${frame}`, got.sha256, digestOf(frameChunks(frame)))
  }
  const stride = FRAME_BYTES + (file.kind === 'encapsulated' ? 8 : 0)
  const start = file.start + (file.frames - 1) * stride
  const range = await fetched(`${url}/original`, { Range: `bytes=${start}-${start + FRAME_BYTES - 1}` })
  expectSame(run, file, 'range of the last frame', range.sha256, digestOf(frameChunks(file.frames)))
}

function* allFrames({ frames }: LargeFile): Generator<Buffer> {
  for (let frame = 1; frame <= frames; frame++) yield* frameChunks(frame)
}

function expectSame(run: Run, { kind }: LargeFile, what: string, got: string, wanted: string): void {
  if (got !== wanted) run.faults.push(`${kind}: the ${what} comes back with other bytes`)
}

async function step<T>(run: Run, file: LargeFile, what: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now()
  const result = await work()
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  const peak = run.memory.peak()
  say(
    `${file.kind.padEnd(12)}  ${what.padEnd(22)}  ${inMib(file.size)} MiB in ${seconds} s, peak ${inMib(peak)} MiB`,
  )
  if (peak > run.limit) run.faults.push(`${file.kind}, ${what}: ${inMib(peak)} MiB were resident`)
  return result
}

function say(line: string): void {
  process.stdout.write(`large: ${line}\n`)
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a whole number, 1 or more.')
}

function mebibytes(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value * MIB >= FRAME_BYTES) return value
  throw new InvalidArgumentError('It must be a whole number of MiB, 8 or more.')
}

function kindOf(text: string): Kind {
  const kind = KINDS.find((one) => one === text)
  if (kind !== undefined) return kind
  throw new InvalidArgumentError(`It must be one of ${KINDS.join(', ')}.`)
}

const program = new Command('large')
  .description('Sends instances of gigabytes in and out, and watches the memory of the service.')
  .option('--size <MiB>', 'of each instance', mebibytes, 4096)
  .option('--limit <MiB>', 'that may be resident at any time', mebibytes, 512)
  .option('--rounds <n>', 'how often: what grows from one to the next is a leak', wholeNumber, 1)
  .option('--kind <kind>', `only one of them: ${KINDS.join(', ')}`, kindOf)
  .option('--database <url>', 'DATABASE_URL; default: SQLite in a folder of its own')
  .option('--blobs <url>', 'BLOB_URL; default: a folder of its own')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.opts())
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}
