/**
 * Puts right what verify finds and what follows from the instances: derives rows anew, indexes or removes bytes that
 * nothing names, owes studies to the FHIR server once more.
 *
 *   npm run repair                      says what would be done
 *   npm run repair -- --apply           does it; every action is printed, and stands in the audit trail
 *   npm run repair -- --apply --no-adopt  also removes unnamed bytes that are an instance which the index does not know
 *
 * With blobs in a folder the service must not run while something is changed; with PostgreSQL and S3 it may. Bytes that
 * are lost or changed, and a broken audit trail, cannot be put right. Exit status: 0 nothing is left to do, 1 something
 * is, 2 it could not be done, 70 a fault of Concord itself.
 */
import { Command } from 'commander'
import { repair, type Action } from '../src/archive/repair.ts'
import { withCause } from '../src/problem.ts'
import { graceOption } from './hours.ts'
import { openArchive, readerLimits, settings } from './open-archive.ts'

interface Options {
  readonly apply: boolean
  readonly adopt: boolean
  readonly grace: number
}

async function main({ apply, adopt, grace }: Options): Promise<number> {
  const config = settings()
  const archive = await openArchive(config, apply ? 'mend' : 'look')
  const counts = new Map<Action['kind'], number>()
  try {
    const options = { apply, adopt, graceMs: grace, limits: readerLimits(config) }
    for await (const { kind, what } of repair(archive, options)) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
      process.stdout.write(`${apply || kind === 'left' ? '' : 'would '}${kind}  ${what}\n`)
    }
  } finally {
    await archive.close()
  }
  const left = counts.get('left') ?? 0
  const done = [...counts.values()].reduce((sum, count) => sum + count, 0) - left
  process.stdout.write(
    `${done} actions${apply ? '' : ' would be taken; --apply takes them'}, ${left} left for a person.\n`,
  )
  return left > 0 || (!apply && done > 0) ? 1 : 0
}

const program = new Command('repair')
  .description(
    'Puts right what verify finds and what follows from the instances. Without --apply it only says how.',
  )
  .option('--apply', 'do it', false)
  .option('--no-adopt', 'remove unnamed bytes that are an unknown instance, instead of indexing them')
  .addOption(graceOption('leave bytes without a row alone while they are younger'))
  // An option that is not understood is no finding.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  process.exitCode = await main(program.opts())
} catch (error) {
  process.stderr.write(`repair: ${error instanceof Error ? withCause(error) : String(error)}\n`)
  process.exitCode = 2
}
