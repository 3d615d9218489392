/**
 * Brings the schema of an index up to date and says so; the service does the same when it starts.
 *
 *   npm run migrate                        the one of DATABASE_URL
 *   npm run migrate -- sqlite:PATH         or another
 *
 * Exit status: 0 it is up to date, 2 it could not be done.
 */
import { Command } from 'commander'
import { openPostgres } from '../src/database/postgres.ts'
import { openSqlite } from '../src/database/sqlite.ts'
import type { Database } from '../src/database/ports/database.ts'
import { withCause } from '../src/problem.ts'
import { openIndex, settings } from './open-archive.ts'

function open(url: string | undefined): Promise<Database> {
  if (url === undefined) return openIndex(settings())
  if (url.startsWith('sqlite:')) return openSqlite({ path: url.slice('sqlite:'.length) })
  if (/^postgres(ql)?:/.test(url)) return openPostgres({ url })
  throw new Error('The URL begins with neither sqlite: nor postgres:.')
}

const program = new Command('migrate')
  .description('Brings the schema of the index up to date.')
  .argument('[url]', 'sqlite:PATH or postgres://…, as in DATABASE_URL; default: that one')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
try {
  const database = await open(program.args[0])
  process.stdout.write(`The schema is up to date. Archive ${database.archiveId}, ${database.engine}.\n`)
  await database.close()
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? withCause(error) : String(error)}\n`)
  process.exitCode = 2
}
