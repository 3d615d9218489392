/**
 * Asks the service and the oracle (test/oracle/) the same questions of archives made by chance, and tells where they differ.
 *
 *   npm run test:oracle -- --queries 5000 --engine both
 *   npm run test:oracle -- --queries 100000 --engine sqlite --seed 7      longer, and from another seed
 *
 * What differs is made as small as it gets and printed as a case for test/oracle/kept.test.ts.
 * Exit status: 0 no difference, 1 differences, 2 it could not be tried.
 */
import { Command, InvalidArgumentError } from 'commander'
import { campaign, openOn, printed, type EngineName } from '../test/oracle/campaign.ts'
import { startPostgres } from '../test/servers/postgres.ts'
import { showProgress } from './progress.ts'

interface Options {
  readonly queries: number
  readonly engine: EngineName | 'both'
  readonly seed: number
  readonly perArchive: number
  readonly most: number
}

async function main({ queries, engine, seed, perArchive, most }: Options): Promise<number> {
  let differences = 0
  for (const one of engine === 'both' ? (['sqlite', 'postgres'] as const) : [engine]) {
    differences += await ask(one, { queries, seed, perArchive, most })
  }
  return differences === 0 ? 0 : 1
}

async function ask(engine: EngineName, options: Omit<Options, 'engine'>): Promise<number> {
  // One server for all archives: each has a database of its own on it.
  const server = engine === 'postgres' ? await startPostgres() : undefined
  const began = performance.now()
  const progress = showProgress('oracle')
  progress.begin(engine, options.queries)
  try {
    const { asked, differences } = await campaign({
      ...options,
      open: openOn(engine),
      onAsked: () => progress.tick(1),
    })
    progress.stop()
    for (const difference of differences) say(`${printed(difference)}\n`)
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    say(
      `${engine}: seed ${options.seed}, ${asked} queries in ${seconds} s, ${differences.length} differences`,
    )
    return differences.length
  } finally {
    progress.stop()
    await server?.stop()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const wholeNumber = (text: string): number => {
  if (!/^\d{1,9}$/u.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

const program = new Command('oracle')
  .description('compares answers to searches with those of the oracle, by chance')
  .option('--queries <count>', 'searches on each engine', wholeNumber, 5000)
  .option('--engine <name>', 'sqlite, postgres or both', 'both')
  .option('--seed <number>', 'the same seed asks the same', wholeNumber, 1)
  .option('--per-archive <count>', 'searches of one archive', wholeNumber, 250)
  .option('--most <count>', 'stop at so many differences', wholeNumber, 5)
  // Not understood is not done.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()

// Said aloud: the embedded server hooks into the end of the process, and a mere exitCode would be lost.
try {
  process.exit(await main(program.opts()))
} catch (error) {
  say(`oracle: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exit(2)
}
