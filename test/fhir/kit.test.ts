import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FhirStandIn, startFhirStandIn } from '../../scripts/stand-ins/fhir-server.ts'
import { retryAfter } from '../../src/fhir/faults.ts'
import { openFhirServer } from '../../src/fhir/kit.ts'
import type { FhirError, FhirServer, Resource } from '../../src/fhir/ports.ts'
import { within } from '../../src/fhir/transport.ts'

let standIn: FhirStandIn
let server: FhirServer

const patient = (id?: string): Resource => ({
  resourceType: 'Patient',
  ...(id !== undefined && { id }),
  identifier: [{ system: 'urn:x', value: 'A|B&C' }],
  name: [{ family: 'Roe' }],
})

beforeEach(async () => {
  standIn = await startFhirStandIn({ token: 'secret' })
  server = openFhirServer({
    url: `${standIn.url}/`,
    token: () => Promise.resolve('secret'),
    timeoutMs: 1000,
    maxBytes: 1024 * 1024,
  })
})

afterEach(() => standIn.stop())

async function faultOf(work: Promise<unknown>): Promise<FhirError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'FhirError' })
  return error as FhirError
}

describe('the FHIR server through the kit', () => {
  it('is read, searched, created at and updated with versions', async () => {
    expect(await server.read('Patient', 'p1')).toBeNull()
    const made = await server.update({ ...patient('p1'), id: 'p1' })
    expect(made).toMatchObject({ id: 'p1', versionId: '1', created: true })
    const changed = await server.update({ ...made.resource, id: 'p1', gender: 'female' }, '1')
    expect(changed).toMatchObject({ versionId: '2', created: false })
    expect(await server.read('Patient', 'p1')).toMatchObject({
      versionId: '2',
      resource: { gender: 'female' },
    })
    expect((await faultOf(server.update({ ...patient('p1'), id: 'p1' }, '1'))).kind).toBe('conflict')
    const found = await server.search('Patient', { identifier: 'urn:x|A|B&C', _count: '5' })
    expect(found).toMatchObject([{ id: 'p1', versionId: '2' }])
    expect(await server.create(patient(), { identifier: 'urn:x|A|B&C' })).toMatchObject({
      id: 'p1',
      created: false,
    })
    const other = await server.create({ ...patient(), identifier: [{ value: '#1' }] }, { identifier: '#1' })
    expect(other.created).toBe(true)
    standIn.store.remove('Patient', 'p1')
    expect(await server.read('Patient', 'p1')).toBeNull()
  })

  it('gives matches page by page, and follows no page of another server', async () => {
    for (let n = 0; n < 7; n += 1) await server.update({ ...patient(`p${n}`), id: `p${n}` })
    const pages: number[] = []
    for await (const page of server.pages('Patient', { identifier: 'urn:x|A|B&C', _count: '3' }))
      pages.push(page.length)
    expect(pages).toEqual([3, 3, 1])
    expect(standIn.requests.filter(({ authorization }) => authorization === undefined)).toEqual([])
    const elsewhere = [{ relation: 'next', url: 'http://127.0.0.1:9/fhir/Patient?page=2' }]
    const body = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', link: elsewhere })
    standIn.faults.add({ on: '^GET /Patient', do: 'answer', status: 200, body })
    const walk = async (): Promise<void> => {
      for await (const page of server.pages('Patient', {})) expect(page).toEqual([])
    }
    expect((await faultOf(walk())).kind).toBe('misconfigured')
    const circle = [{ relation: 'next', url: `${standIn.url}/Patient?page=2` }]
    const again = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', link: circle })
    standIn.faults.add({ on: '^GET /Patient', do: 'answer', status: 200, body: again, times: 3 })
    await walk()
  })

  it('asks for another token once when one is refused', async () => {
    const refused: (string | undefined)[] = []
    const renewing = openFhirServer({
      url: standIn.url,
      token: (before) => {
        refused.push(before)
        return Promise.resolve(before === undefined ? 'revoked' : 'secret')
      },
    })
    expect(await renewing.update({ ...patient('p1'), id: 'p1' })).toMatchObject({ versionId: '1' })
    expect(refused).toEqual([undefined, 'revoked'])
    const stubborn = openFhirServer({ url: standIn.url, token: () => Promise.resolve('revoked') })
    standIn.requests.length = 0
    expect((await faultOf(stubborn.read('Patient', 'p1'))).kind).toBe('auth')
    expect(standIn.requests).toHaveLength(1)
  })

  it('tells what it is', async () => {
    standIn.behaviour.statedUpdateCreate = false
    const capabilities = await server.capabilities()
    expect(capabilities).toMatchObject({ fhirVersion: '4.0.1', software: 'Concord stand-in FHIR server' })
    expect(capabilities.updateCreate.get('ImagingStudy')).toBe(false)
    standIn.behaviour.statedUpdateCreate = null
    expect((await server.capabilities()).updateCreate.size).toBe(0)
  })

  it('is told apart from an address below which there is no FHIR server', async () => {
    const elsewhere = openFhirServer({
      url: `${standIn.url}/nothing`,
      token: () => Promise.resolve('secret'),
    })
    expect(await faultOf(elsewhere.capabilities())).toMatchObject({
      kind: 'misconfigured',
      message: 'the FHIR server has no CapabilityStatement at /metadata below FHIR_URL (404)',
      status: 404,
    })
  })

  it('may answer a write with nothing but headers', async () => {
    const location = `${standIn.url}/Patient/new/_history/4`
    standIn.faults.add({ on: '^POST', do: 'answer', status: 201, headers: { location, etag: 'W/"4"' } })
    const made = await server.create(patient())
    expect(made).toMatchObject({ id: 'new', versionId: '4', created: true, resource: { id: 'new' } })
  })

  it.each([
    [400, 'refused'],
    [401, 'auth'],
    [403, 'auth'],
    [404, 'gone'],
    [405, 'refused'],
    [408, 'transient'],
    [409, 'conflict'],
    [410, 'gone'],
    [412, 'conflict'],
    [413, 'too-large'],
    [422, 'refused'],
    [423, 'transient'],
    [425, 'transient'],
    [429, 'transient'],
    [500, 'transient'],
    [502, 'transient'],
    [503, 'transient'],
    [504, 'transient'],
    [301, 'misconfigured'],
    [308, 'misconfigured'],
  ])('%i is %s', async (status, kind) => {
    standIn.faults.add({ on: '^POST', do: 'answer', status, headers: { location: '/fhir/Patient/x' } })
    expect(await faultOf(server.create(patient()))).toMatchObject({ kind, status })
  })

  it.each([
    ['a page', { status: 200, body: '<html>log in</html>' }],
    ['JSON that is not FHIR', { status: 200, body: '{"ok":true}' }],
    ['half of an answer', { status: 200, body: '{"resourceType":"Pat' }],
  ])('that answers %s is not believed', async (_what, answer) => {
    standIn.faults.add({ on: '^GET', do: 'answer', ...answer })
    expect(await faultOf(server.read('Patient', 'p1'))).toMatchObject({ kind: 'transient', status: 200 })
  })

  it('may not answer for ever, nor without end', async () => {
    standIn.faults.add({ on: '^GET', do: 'hang' })
    expect(await faultOf(server.read('Patient', 'p1'))).toMatchObject({ kind: 'transient', status: null })
    standIn.faults.add({ on: '^GET', do: 'flood' })
    const before = process.memoryUsage().rss
    expect(await faultOf(server.read('Patient', 'p1'))).toMatchObject({ kind: 'transient' })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
    standIn.faults.add({ on: '^GET', do: 'drop' })
    expect(await faultOf(server.read('Patient', 'p1'))).toMatchObject({ kind: 'transient', status: null })
  })

  it('asks for patience in seconds or by a date', async () => {
    standIn.faults.add({ on: '^GET', do: 'answer', status: 503, headers: { 'retry-after': '7' } })
    expect((await faultOf(server.read('Patient', 'p1'))).retryAfterMs).toBe(7000)
    const now = Date.parse('2026-03-01T00:00:00Z')
    expect(retryAfter('Sun, 01 Mar 2026 00:00:30 GMT', now)).toBe(30_000)
    expect(retryAfter('Sun, 01 Mar 2020 00:00:30 GMT', now)).toBe(0)
    expect(retryAfter('soon', now)).toBeNull()
    expect(retryAfter(null, now)).toBeNull()
  })

  it('is quoted in codes only: its words may hold what it was sent', async () => {
    const issue = [
      { severity: 'error', code: 'value', diagnostics: 'Roe, Jane', expression: ['Patient.name[0].family'] },
      { severity: 'error', code: 'Roe Jane', expression: ['born 1970'] },
    ]
    const body = JSON.stringify({ resourceType: 'OperationOutcome', issue })
    standIn.faults.add({ on: '^POST', do: 'answer', status: 422, body })
    const { message } = await faultOf(server.create(patient()))
    expect(message).toBe('the FHIR server answered 422 (value at Patient.name[0].family)')
  })
})

describe('credentials', () => {
  let elsewhere: Server
  let seen: (string | undefined)[]
  let elsewhereUrl: string

  beforeEach(async () => {
    seen = []
    elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.setHeader('content-type', 'application/fhir+json')
      response.end('{"resourceType":"Patient","id":"p1"}')
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    elsewhereUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`
  })

  afterEach(async () => {
    elsewhere.closeAllConnections()
    await new Promise((resolve) => elsewhere.close(resolve))
  })

  it.each([301, 302, 303, 307, 308])(
    'follow no redirect (%i), and neither does the request',
    async (status) => {
      standIn.faults.add({
        on: '^GET',
        do: 'answer',
        status,
        headers: { location: `${elsewhereUrl}/fhir/Patient/p1` },
      })
      expect(await faultOf(server.read('Patient', 'p1'))).toMatchObject({ kind: 'misconfigured' })
      expect(seen).toEqual([])
      expect(standIn.requests.at(-1)?.authorization).toBe('Bearer secret')
    },
  )

  it('go to the base and below it, whatever an address says', () => {
    const base = 'https://fhir.example.org/base'
    for (const address of [
      'https://fhir.example.org.evil.example/base/Patient/1',
      'http://fhir.example.org/base/Patient/1',
      'https://fhir.example.org:8443/base/Patient/1',
      'https://fhir.example.org/other/Patient/1',
      'https://fhir.example.org/baseline/Patient/1',
      'https://fhir.example.org/base/../admin',
      '../admin',
      '//evil.example/base/Patient/1',
    ]) {
      expect(() => within(base, address)).toThrow('an address outside')
    }
    expect(within(base, 'Patient/1').href).toBe(`${base}/Patient/1`)
    expect(within(base, `${base}/Patient?_offset=50`).href).toBe(`${base}/Patient?_offset=50`)
  })
})
