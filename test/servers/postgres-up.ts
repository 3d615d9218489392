/**
 * A PostgreSQL server in the foreground, for programs that want a DATABASE_URL:
 *   node test/servers/postgres-up.ts       prints TEST_POSTGRES_URL=…, and ends with SIGTERM
 */
import { startPostgres } from './postgres.ts'

const server = await startPostgres()
process.stdout.write(`TEST_POSTGRES_URL=${server.url}\n`)
const alive = setInterval(() => undefined, 60_000)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(alive)
    // The embedded server is ended at a signal by its own package too, and may be gone already.
    const end = (): void => process.exit(0)
    server.stop().then(end, end)
  })
}
