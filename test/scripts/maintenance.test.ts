/** verify, repair and reindex as a person runs them, beside the service and without it. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { stow } from '../../scripts/bench/http-client.ts'
import { freePort, runToEnd, startService, type Service } from '../../scripts/running-service.ts'
import { startFhirStandIn, type FhirStandIn } from '../fhir/stand-in.ts'
import { ct, mr, pdf, series } from '../samples.ts'
import { until } from '../until.ts'

describe('verify, repair and reindex', () => {
  let folder: string
  let env: Record<string, string>
  let fhir: FhirStandIn
  let service: Service | undefined

  const run = (program: string, ...args: string[]) => runToEnd(`scripts/${program}.ts`, args, env)
  const sql = (...statements: string[]): void => {
    const database = new Sqlite(join(folder, 'index.db'))
    database.pragma('foreign_keys = OFF')
    for (const statement of statements) database.exec(statement)
    database.close()
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-maintenance-'))
    fhir = await startFhirStandIn()
    const port = String(await freePort())
    env = { DATA_DIR: folder, PORT: port, FHIR_URL: fhir.url, FHIR_QUIET_MS: '50', LOG_LEVEL: 'error' }
    service = await startService(env)
    const files = [...series(ct, 5), ...series(mr, 2), pdf()].map(({ bytes }) => bytes)
    expect((await stow(`http://127.0.0.1:${port}/dicomweb`, files)).status).toBe(200)
    // A resource is there before its push is noted as done.
    const owed = async () =>
      (await (await fetch(`http://127.0.0.1:${port}/admin/fhir`)).json()) as { studies: number }
    await until(async () => fhir.store.all('ImagingStudy').length === 3 && (await owed()).studies === 0)
  }, 60_000)
  afterAll(async () => {
    await service?.stop()
    await fhir.stop()
    await rm(folder, { recursive: true })
  })

  it('find nothing while the service runs, on the FHIR server neither', async () => {
    const { status, output } = await run('verify', '--deep', '--fhir')
    expect(output).toMatch(
      /^Nothing was found\. 8 instances .* read again.* 0 studies owed.*, 3 compared with it\.$/m,
    )
    expect(status).toBe(0)
  })

  it('change nothing in a folder that the service has, and say what to do', async () => {
    expect(await run('repair')).toEqual({
      status: 0,
      output: '0 actions would be taken; --apply takes them, 0 left for a person.\n',
    })
    expect(await run('repair', '--apply')).toEqual({
      status: 2,
      output: 'repair: Another process of Concord is using this blob folder. Stop it first.\n',
    })
  })

  it('rebuild the database beside the service, and keep the id of the archive', async () => {
    const into = ['--into', `sqlite:${join(folder, 'new.db')}`]
    const { status, output } = await run('reindex', ...into)
    expect(output).toMatch(
      /^ +8 +added\nArchive [0-9a-f-]{36}: 1 patients, 3 studies, 3 series, 8 instances\.$/m,
    )
    expect(status).toBe(0)
    const idIn = (name: string): unknown => {
      const database = new Sqlite(join(folder, name), { readonly: true })
      const row = database.prepare<[], { id: string }>('SELECT id FROM archive').get()
      database.close()
      return row?.id
    }
    expect(idIn('new.db')).toBe(idIn('index.db'))
    expect(await run('reindex', ...into)).toEqual({
      status: 2,
      output: 'reindex: The database is not empty. Name an empty one, or go on with --resume.\n',
    })
    expect((await run('reindex', '--resume', ...into)).status).toBe(0)
  })

  it('find what is wrong on the FHIR server', async () => {
    const [study] = fhir.store.all('ImagingStudy')
    const response = await fetch(`${fhir.url}/ImagingStudy/${study!['id'] as string}`, { method: 'DELETE' })
    expect(response.ok).toBe(true)
    const { status, output } = await run('verify', '--fhir')
    expect(output).toMatch(/^fhir +study [\d.]+: ImagingStudy\/\S+ is not on the FHIR server$/m)
    expect(status).toBe(1)
  })

  it('find and mend what is wrong with the rows', async () => {
    await service?.stop()
    service = undefined
    sql(`UPDATE study SET n_instances = 99`)
    const { status, output } = await run('verify', '--json')
    const lines = output.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>) // prettier-ignore
    expect(lines.slice(0, -1)).toEqual(
      [1, 2, 3].map((id) => ({
        check: 'levels',
        what: `study ${id}: n_instances is not what its instances say`,
      })),
    )
    expect(lines.at(-1)).toMatchObject({ summary: { findings: 3, instances: 8 } })
    expect(status).toBe(1)
    const planned = await run('repair')
    expect(planned.output).toContain('would rebuild  study 1\n')
    expect(planned.status).toBe(1)
    expect(await run('repair', '--apply')).toMatchObject({ status: 0 })
    expect(await run('verify', '--deep')).toMatchObject({ status: 0 })
  })

  it('find rows that the database itself cannot explain', async () => {
    sql(`DELETE FROM series WHERE id = 1`)
    const { status, output } = await run('verify')
    expect(output).toMatch(/^integrity +a row of instance points to no row of series$/m)
    expect(status).toBe(1)
  })

  it.each(['verify', 'repair', 'reindex'])('%s says with 2 that it could not be done', async (program) => {
    const empty = { ...env, DATA_DIR: join(folder, 'nothing') }
    const { status, output } = await runToEnd(`scripts/${program}.ts`, [], empty)
    expect(output).toBe(`${program}: There is no blob folder where the settings say.\n`)
    expect(status).toBe(2)
    expect(await readdir(folder)).not.toContain('nothing')
    expect(await run(program, '--no-such-option')).toMatchObject({ status: 2 })
    expect(await run(program, '--help')).toMatchObject({ status: 0 })
  })
})
