/** Brings the schema of a database up to date and says so; the service does the same when it starts. */
import { Command } from 'commander'
import { openPostgres } from '../src/database/postgres.ts'
import { openSqlite } from '../src/database/sqlite.ts'
import { isProblem } from '../src/problem.ts'

const [url = ''] = new Command()
  .name('migrate')
  .description('Brings the schema of the index up to date.')
  .argument('<url>', 'sqlite:PATH or postgres://…, as in DATABASE_URL')
  .parse().args

try {
  if (!/^(sqlite:|postgres(ql)?:)/.test(url))
    throw new Error('The URL begins with neither sqlite: nor postgres:')
  const database = url.startsWith('sqlite:')
    ? await openSqlite({ path: url.slice('sqlite:'.length) })
    : await openPostgres({ url })
  console.log(`The schema is up to date. Archive ${database.archiveId}, ${database.engine}.`)
  await database.close()
} catch (error) {
  console.error(isProblem(error) || error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
