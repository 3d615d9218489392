/**
 * Fills an empty database from the blobs of the settings alone, in the order in which they arrived.
 *
 *   npm run reindex                              into DATABASE_URL
 *   npm run reindex -- --into sqlite:new.db      into another database, while the old one is in use
 *   npm run reindex -- --resume                  goes on where an earlier run was interrupted
 *
 * The blobs are only read. The archive keeps its id (identifiers on the FHIR server are made of it) if the database of
 * the settings can still be read, or with --archive-id. Exit status: 0 every blob is indexed, or a second copy of an
 * instance that is, or was made for a correction that was never carried out; 1 some are not, one a line; 2 it could not be
 * done.
 */
import { Command, InvalidArgumentError } from 'commander'
import { reindex, type Reindexed } from '../src/archive/reindex.ts'
import { type Config, readConfig } from '../src/config.ts'
import { withCause } from '../src/problem.ts'
import { openIndex, openVault, readerLimits, scratchFolder, settings } from './open-archive.ts'
import { showProgress } from './progress.ts'

interface Options {
  readonly into?: string
  readonly resume: boolean
  readonly archiveId?: string
}

async function main({ into, resume, archiveId }: Options): Promise<number> {
  const config = settings()
  const target = into === undefined ? config : withDatabase(into)
  const blobs = await openVault(config, 'look')
  const id = archiveId ?? (await idOf(config))
  const database = await openIndex(target, id === undefined ? {} : { archiveId: id })
  const progress = showProgress('reindex')
  const counts = new Map<Reindexed['kind'], number>()
  try {
    progress.begin('blobs')
    const options = { resume, limits: readerLimits(config), spoolDir: scratchFolder(config, 'reindex') }
    const archive = { blobs, database, now: () => new Date() }
    for await (const { kind, what } of reindex(archive, {
      ...options,
      onProgress: (n) => progress.tick(n),
    })) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      if (kind === 'refused' || kind === 'quarantined') process.stdout.write(`${kind}  ${what}\n`)
    }
    progress.stop()
    const { patients, studies, series, instances } = await database.inspection.counts()
    for (const [kind, count] of counts) process.stdout.write(`${String(count).padStart(9)}  ${kind}\n`)
    process.stdout.write(
      `Archive ${database.archiveId}: ${patients} patients, ${studies} studies, ${series} series, ${instances} instances.\n`,
    )
  } finally {
    progress.stop()
    await database.close()
    await blobs.close()
  }
  return counts.has('refused') ? 1 : 0
}

/** The settings with another database. */
function withDatabase(url: string): Config {
  const config = readConfig({ ...process.env, DATABASE_URL: url, DATABASE_URL_FILE: '' })
  if ('faults' in config) throw new Error(config.faults.join('\n'))
  return config
}

/** The id of the archive in the database of the settings; undefined where that cannot be read any more. */
async function idOf(config: Config): Promise<string | undefined> {
  try {
    const database = await openIndex(config, { readOnly: true })
    await database.close()
    return database.archiveId
  } catch {
    process.stderr.write(
      'reindex: the database of the settings cannot be read; without --archive-id the archive gets a new id, and ' +
        'identifiers on the FHIR server with it.\n',
    )
    return undefined
  }
}

function uuid(text: string): string {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text)) return text
  throw new InvalidArgumentError('It must be a UUID, in lower case.')
}

const program = new Command('reindex')
  .description('Fills an empty database from the blobs of the settings alone.')
  .option('--into <url>', 'the database to fill, as DATABASE_URL names one; else that of the settings')
  .option('--resume', 'go on with a database that an earlier run has begun to fill', false)
  .option(
    '--archive-id <uuid>',
    'id of the archive, from an earlier run or its resources on the FHIR server',
    uuid,
  )
  // An option that is not understood is no finding.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.opts())
} catch (error) {
  process.stderr.write(`reindex: ${error instanceof Error ? withCause(error) : String(error)}\n`)
  process.exitCode = 2
}
