import { postgresBench } from './benches.ts'
import { contract } from './contract.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'

describe('index in PostgreSQL', () => {
  let server: TestPostgres
  // Keeps the server while each suite has its own database on it.
  beforeAll(async () => {
    server = await startPostgres()
  }, 60_000)
  afterAll(() => server.stop())
  contract(postgresBench)
})
