/**
 * Looks whether the archive of the settings is what it claims to be, and changes nothing: rows against the instances
 * that they are derived from, instances against their blobs, blobs against rows, what was pushed, the audit trail.
 *
 *   npm run verify                              every check, and that all bytes are there in full
 *   npm run verify -- --deep                    and read every byte again
 *   npm run verify -- --deep --sample 0.03      of the instances a thirtieth, by chance: daily, that is all of them a month
 *   npm run verify -- --since 2026-03-01T00:00Z only bytes that came since then, after a failover for example
 *   npm run verify -- --fhir                    and ask the FHIR server for each study
 *
 * The service may run meanwhile: database and blobs are only read. Exit status: 0 nothing was found, 1 there are
 * findings, one a line on standard output, 2 it could not be done, 70 a fault of Concord itself.
 */
import { Command, InvalidArgumentError } from 'commander'
import { emptyTally, type Tally, verify, type VerifyOptions } from '../src/archive/verify.ts'
import { ageInWords } from '../src/archive/verify-orphans.ts'
import type { Config } from '../src/config.ts'
import { clientCredentials } from '../src/fhir/client-credentials.ts'
import { openFhirServer } from '../src/fhir/kit.ts'
import { withCause } from '../src/problem.ts'
import { graceOption } from './hours.ts'
import { openArchive, readerLimits, settings } from './open-archive.ts'
import { showProgress } from './progress.ts'

interface Options {
  readonly deep: boolean
  readonly sample: number
  readonly since?: Date
  readonly grace: number
  readonly fhir: boolean
  readonly json: boolean
}

async function main(options: Options): Promise<number> {
  const config = settings()
  const archive = await openArchive(config, 'look')
  const progress = showProgress('verify')
  const tally = emptyTally()
  try {
    for await (const finding of verify(archive, verifyOptions(config, options, progress), tally)) {
      const { check, what } = finding
      process.stdout.write(
        options.json ? `${JSON.stringify({ check, what })}\n` : `${check.padEnd(10)}  ${what}\n`,
      )
    }
  } finally {
    progress.stop()
    await archive.close()
  }
  process.stdout.write(
    options.json ? `${JSON.stringify({ summary: tally })}\n` : `${summary(tally, options)}\n`,
  )
  return tally.findings > 0 ? 1 : 0
}

function verifyOptions(
  config: Config,
  { deep, sample, since, grace, fhir }: Options,
  progress: VerifyOptions['progress'],
): VerifyOptions {
  if (fhir && config.fhir === undefined)
    throw new Error('FHIR_URL is not set: there is no FHIR server to ask.')
  const server = fhir && config.fhir !== undefined ? fhirServer(config.fhir) : undefined
  return { deep, sample, since, graceMs: grace, limits: readerLimits(config), fhir: server, progress }
}

function fhirServer({ url, token, oauth }: NonNullable<Config['fhir']>): VerifyOptions['fhir'] {
  if (oauth !== undefined) return openFhirServer({ url, token: clientCredentials(oauth) })
  return openFhirServer({ url, ...(token !== undefined && { token: () => Promise.resolve(token) }) })
}

function summary(tally: Tally, { deep, fhir }: Options): string {
  const { findings, instances, bytes, blobs, young, doomed, quarantined, owed, owedSince } = tally
  const since = owedSince === null ? '' : ` (the oldest for ${ageInWords(Date.now() - owedSince.getTime())})`
  return [
    findings === 0 ? 'Nothing was found.' : `${findings} findings.`,
    `${instances} instances of ${(bytes / 2 ** 20).toFixed(1)} MiB ${deep ? 'read again' : 'looked for'},`,
    `${blobs} blobs listed (${young} young without a row, ${doomed} being removed, ${quarantined} in quarantine),`,
    `${owed} studies owed to the FHIR server${since}${fhir ? `, ${tally.fhir} compared with it` : ''}.`,
  ].join(' ')
}

function share(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 1) return value
  throw new InvalidArgumentError('It must be a number above 0 and up to 1.')
}

function time(text: string): Date {
  const value = new Date(text)
  if (!Number.isNaN(value.getTime())) return value
  throw new InvalidArgumentError('It must be a date, or date and time, e.g. 2026-03-01T08:00+01:00.')
}

const program = new Command('verify')
  .description('Looks whether the archive of the settings is what it claims to be. Changes nothing.')
  .option(
    '--deep',
    'read every byte again: digests, and what the file says against what the index says',
    false,
  )
  .option('--sample <p>', 'look at so many of the instances, by chance: above 0, up to 1', share, 1)
  .option('--since <time>', 'look only at bytes that came since then', time)
  .addOption(graceOption('a blob without a row is no finding while it is younger'))
  .option('--fhir', 'ask the FHIR server for each study that was pushed', false)
  .option('--json', 'one JSON object a line; the last one has the counts', false)
  // An option that is not understood is no finding.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.opts())
} catch (error) {
  process.stderr.write(`verify: ${error instanceof Error ? withCause(error) : String(error)}\n`)
  process.exitCode = 2
}
