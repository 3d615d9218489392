/**
 * Stores files and folders, in path order, with STOW-RS: into the service that runs at HOST:PORT, or into one of its own
 * over the same settings when none runs there.
 *
 *   npm run import -- DIR|FILE …                    a progress bar, then a summary by outcome and reason
 *   npm run import -- DIR --report outcomes.tsv     and a line for each file
 *
 * A run that was interrupted goes on where it stopped. Exit status: 0 everything is in the archive, 1 something was
 * refused or put into quarantine, 2 it could not be done.
 */
import { randomBytes } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { readConfig } from '../src/config.ts'
import { filesUnder } from './import/files.ts'
import { openJournal, type Journal } from './import/journal.ts'
import type { Outcome, OutcomeKind } from './import/outcome.ts'
import { sendFiles, type ImportFile, type Target } from './import/send.ts'
import { freePort, startService, type Service } from './running-service.ts'

const BATCH_BYTES = 16 * 2 ** 20
const BATCH_FILES = 100

interface Options {
  readonly url?: string
  readonly token?: string
  readonly report?: string
  readonly restart?: boolean
}

interface Progress {
  tick(files: number): void
  stop(): void
}

async function main(paths: readonly string[], options: Options): Promise<number> {
  const config = readConfig(process.env)
  if ('faults' in config) throw new Error(config.faults.join('\n'))
  const files = await Array.fromAsync(filesUnder(paths))
  const journal = await openJournal(join(config.dataDir, 'import'), paths, options.restart === true)
  const { target, service } = await targetOf(options, `http://${config.host}:${config.port}`)
  const progress = startProgress(files.length)
  const outcomes = new Map(journal.done)
  try {
    await sendAll(target, journal, files, outcomes, progress)
    await journal.finish()
  } finally {
    progress.stop()
    await service?.stop()
  }
  if (options.report !== undefined) await writeFile(options.report, reportOf(files, outcomes))
  return summarise(files, outcomes)
}

/** The service that is named, else the one that runs, else one of our own. */
async function targetOf(options: Options, running: string): Promise<{ target: Target; service?: Service }> {
  const token = options.token ?? process.env['CONCORD_TOKEN']
  if (options.url !== undefined) return { target: { base: baseOf(options.url), token } }
  if (await isLive(running)) return { target: { base: `${running}/dicomweb`, token } }
  const port = await freePort()
  const own = randomBytes(24).toString('hex')
  const service = await startService({
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    ALLOWED_HOSTS: '',
    AUTH: '',
    AUTH_TOKENS_FILE: '',
    AUTH_TOKENS: `import:read+write:${own}`,
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error',
  })
  return { target: { base: `http://127.0.0.1:${port}/dicomweb`, token: own }, service }
}

function baseOf(url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Error('--url must be a DICOMweb root, as http://HOST:PORT/dicomweb.')
  }
  return url.replace(/\/+$/, '')
}

async function isLive(url: string): Promise<boolean> {
  return fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2000) }).then(
    (answer) => answer.ok,
    () => false,
  )
}

async function sendAll(
  target: Target,
  journal: Journal,
  files: readonly string[],
  outcomes: Map<string, Outcome>,
  progress: Progress,
): Promise<void> {
  let batch: ImportFile[] = []
  let bytes = 0
  const flush = async () => {
    const sent = await sendFiles(target, batch)
    const entries = batch.flatMap(({ path }, index) => {
      const outcome = sent[index]
      return outcome === undefined ? [] : [[path, outcome] as const]
    })
    await journal.add(entries)
    for (const [path, outcome] of entries) outcomes.set(path, outcome)
    progress.tick(batch.length)
    batch = []
    bytes = 0
  }
  for (const path of files) {
    if (outcomes.has(path)) {
      progress.tick(1)
      continue
    }
    const { size } = await stat(path)
    if (batch.length > 0 && (bytes + size > BATCH_BYTES || batch.length === BATCH_FILES)) await flush()
    batch.push({ path, size })
    bytes += size
  }
  await flush()
}

/** A bar on a terminal, a line now and then elsewhere. */
function startProgress(total: number): Progress {
  if (process.stderr.isTTY) {
    const bar = new SingleBar({
      format: '{bar} {percentage} %  {value}/{total} files  {duration_formatted}, {eta_formatted} to go',
    })
    bar.start(total, 0)
    return { tick: (files) => bar.increment(files), stop: () => bar.stop() }
  }
  let done = 0
  let said = Date.now()
  return {
    tick: (files) => {
      done += files
      if (Date.now() - said < 10_000) return
      said = Date.now()
      process.stderr.write(`import: ${done} of ${total} files\n`)
    },
    stop: () => undefined,
  }
}

function reportOf(files: readonly string[], outcomes: ReadonlyMap<string, Outcome>): string {
  const lines = files.map((path) => {
    const { kind, reason, comment } = outcomes.get(path) ?? { kind: '', reason: '', comment: '' }
    return [path, kind, reason, comment.replace(/\s+/g, ' ')].join('\t')
  })
  return `path\toutcome\treason\tcomment\n${lines.join('\n')}\n`
}

/** Prints how many files met which outcome, and why; exit status. */
function summarise(files: readonly string[], outcomes: ReadonlyMap<string, Outcome>): number {
  const counts = new Map<string, number>()
  const kinds = new Set<OutcomeKind>()
  for (const path of files) {
    const outcome = outcomes.get(path)
    if (outcome === undefined) continue
    kinds.add(outcome.kind)
    const why =
      outcome.kind === 'refused' || outcome.reason !== '' ? `  ${outcome.reason}  ${outcome.comment}` : ''
    const line = `${outcome.kind.padEnd(16)}${why}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  process.stdout.write(`${files.length} files\n`)
  for (const [line, count] of [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))) {
    process.stdout.write(`${String(count).padStart(7)}  ${line.trimEnd()}\n`)
  }
  return kinds.has('refused') || kinds.has('quarantined') ? 1 : 0
}

function inWords(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && path !== undefined) return `There is no ${path}.`
  if (code === 'EACCES' && path !== undefined) return `${path} may not be used by this user.`
  return error instanceof Error ? error.message : String(error)
}

const program = new Command('import')
  .description(
    'Stores files and folders, in path order, into the running service or into the archive of the settings.',
  )
  .argument('<path...>', 'files and folders')
  .option('--url <url>', 'DICOMweb root of another service')
  .option('--token <token>', 'bearer token for it; else CONCORD_TOKEN from the environment')
  .option('--report <file>', 'write path, outcome, reason and comment of each file there (tab separated)')
  .option('--restart', 'begin anew although an earlier run was interrupted')
  // Not understood is not done.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.args, program.opts())
} catch (error) {
  process.stderr.write(`import: ${inWords(error)}\n`)
  process.exitCode = 2
}
