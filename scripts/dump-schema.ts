/**
 * Writes db/schema.sqlite.sql and db/schema.postgres.sql from the catalogues of freshly migrated databases; with
 * `--check` compares instead and exits with 1 when one of them is stale. PostgreSQL is skipped, and said so, when none
 * is named by `--postgres URL` (an empty database).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { dumpPostgres, dumpSqlite } from '../src/database/dump.ts'
import { openPostgres } from '../src/database/postgres.ts'
import { openSqlite } from '../src/database/sqlite.ts'

const folder = join(import.meta.dirname, '../db')

async function sqliteSchema(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'schema-'))
  try {
    const path = join(directory, 'index.db')
    const database = await openSqlite({ path })
    await database.close()
    return dumpSqlite(path)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function postgresSchema(url: string): Promise<string> {
  const database = await openPostgres({ url })
  await database.close()
  return dumpPostgres(url)
}

/** Whether the file says what the catalogue says; without `check` it does afterwards. */
function settle(name: string, schema: string, check: boolean): boolean {
  const path = join(folder, name)
  if (!check) {
    writeFileSync(path, schema)
    console.log(`written: db/${name}`)
    return true
  }
  const same = readFileSync(path, 'utf8') === schema
  console.log(`${same ? 'up to date' : 'STALE (npm run schema)'}: db/${name}`)
  return same
}

const options = new Command()
  .name('dump-schema')
  .description('Dumps the schema of both databases into db/.')
  .option('--check', 'compare only; exit with 1 when a dump is stale')
  .option('--postgres <url>', 'an empty PostgreSQL database to migrate and dump')
  .parse()
  .opts<{ check?: boolean; postgres?: string }>()

const check = options.check === true
const results = [settle('schema.sqlite.sql', await sqliteSchema(), check)]
if (options.postgres === undefined) console.log('skipped: db/schema.postgres.sql (no --postgres URL)')
else results.push(settle('schema.postgres.sql', await postgresSchema(options.postgres), check))
process.exitCode = results.every(Boolean) ? 0 : 1
