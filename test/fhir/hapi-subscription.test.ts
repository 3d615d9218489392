import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startSubscriptions, type Subscriptions } from '../../src/archive/watch-subscription.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { FhirServer } from '../../src/fhir/ports.ts'
import { memoryArchive } from './memory-database.ts'
import { until } from '../until.ts'

// A real server, which CI starts: see test/servers/hapi.mjs.
const url = process.env['TEST_FHIR_URL']
const describeHapi = url === undefined || url === '' ? describe.skip : describe
const name = describeHapi === describe ? 'HAPI FHIR' : 'HAPI FHIR (skipped: no HAPI FHIR server)'
const SECRET = 'a secret of some length'

describeHapi(name, () => {
  let server: FhirServer
  let listener: Server
  let calls: IncomingMessage[]
  let bodies: number
  let running: Subscriptions[]

  beforeEach(async () => {
    server = openFhirServer({ url: url ?? '' })
    ;[calls, bodies, running] = [[], 0, []]
    listener = createServer((request, response) => {
      calls.push(request)
      request.on('data', (chunk: Buffer) => (bodies += chunk.length))
      request.on('end', () => response.end())
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  })

  afterEach(async () => {
    for (const one of running) await one.stop()
    listener.closeAllConnections()
    await new Promise((resolve) => listener.close(resolve))
  })

  it('calls when a Patient changes, without a word of it, until nobody wants it', async () => {
    const { archive } = memoryArchive({ archiveId: randomUUID() })
    const { port } = listener.address() as AddressInfo
    const keep = (isWanted: boolean): Subscriptions => {
      const one = startSubscriptions(archive, server, {
        mapping: {
          ...{ archiveId: archive.database.archiveId, release: 'R4' },
          ...{
            dicomwebUrl: 'http://pacs.example.org/dicomweb',
            lineageUrl: 'http://pacs.example.org/lineage',
          },
        },
        hook: isWanted ? { url: `http://127.0.0.1:${port}/fhir/notify`, secret: SECRET } : null,
        upkeepMs: 500,
        report: () => undefined,
      })
      running.push(one)
      return one
    }
    const kept = keep(true)
    await until(() => kept.state().length === 2 && kept.state().every(({ status }) => status === 'active'))
    const made = await server.create({ resourceType: 'Patient', name: [{ family: `F${randomUUID()}` }] })
    await until(() => calls.length > 0)
    expect(calls[0]).toMatchObject({ method: 'POST', url: '/fhir/notify' })
    expect(calls[0]?.headers['x-notify-secret']).toBe(SECRET)
    expect(bodies).toBe(0)
    // Somebody deletes one: it comes back.
    const [first] = kept.state()
    await server.remove('Subscription', first?.id ?? '')
    await until(() => {
      const [now] = kept.state()
      return now?.status === 'active' && now.id !== first?.id
    })
    const ids = kept.state().map(({ id }) => id ?? '')
    await kept.stop()
    keep(false)
    await until(async () => (await server.read('Subscription', ids[1] ?? '')) === null)
    expect(await server.read('Subscription', ids[0] ?? '')).toBeNull()
    await server.remove('Patient', made.id)
  }, 120_000)
})
