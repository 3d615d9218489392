import { type FhirStandIn, startFhirStandIn } from '../../scripts/stand-ins/fhir-server.ts'

let server: FhirStandIn

beforeEach(async () => {
  server = await startFhirStandIn()
})
afterEach(() => server.stop())

function idOf(resource: object | undefined): string {
  return resource && 'id' in resource && typeof resource.id === 'string' ? resource.id : ''
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown> & {
    entry?: { resource?: Record<string, unknown>; response?: { status: string } }[]
  }
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Answer['body']),
  }
}

const patient = (value: string, more: object = {}): object => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:x', value }],
  ...more,
})
const study = (subject: string, more: object = {}): object => ({
  resourceType: 'ImagingStudy',
  status: 'available',
  subject: { reference: subject },
  ...more,
})
const transaction = (...entry: object[]): object => ({ resourceType: 'Bundle', type: 'transaction', entry })

describe('the stand-in FHIR server', () => {
  it('keeps versions, and refuses to write over one that is not named', async () => {
    const made = await ask('POST', '/Patient', patient('1'))
    expect(made).toMatchObject({ status: 201, body: { meta: { versionId: '1' } } })
    const path = `/Patient/${idOf(made.body)}`
    expect(made.headers.get('location')).toBe(`${server.url}${path}/_history/1`)
    const next = { ...made.body, gender: 'other' }
    expect(await ask('PUT', path, next, { 'if-match': 'W/"1"' })).toMatchObject({
      status: 200,
      body: { meta: { versionId: '2' } },
    })
    expect((await ask('PUT', path, made.body, { 'if-match': 'W/"1"' })).status).toBe(412)
    // What changes nothing makes no version.
    expect((await ask('PUT', path, next)).headers.get('etag')).toBe('W/"2"')
    expect((await ask('DELETE', path)).status).toBe(204)
    expect((await ask('GET', path)).status).toBe(410)
    expect((await ask('GET', `${path}/_history/1`)).body).not.toHaveProperty('gender')
    expect((await ask('GET', `${path}/_history`)).body['total']).toBe(3)
    expect((await ask('GET', '/Patient/none')).status).toBe(404)
  })

  it('finds by identifier, tag, patient, time, and includes what is referred to', async () => {
    const tag = [{ system: 'urn:t', code: 'a' }]
    const { body } = await ask('PUT', '/Patient/p', patient('1', { id: 'p', meta: { tag } }))
    await ask('PUT', '/ImagingStudy/s', study('Patient/p', { id: 's' }))
    const count = async (query: string): Promise<unknown> => (await ask('GET', `/${query}`)).body['total']
    for (const query of [
      'identifier=urn:x|1',
      'identifier=1',
      'identifier=urn:x|',
      'identifier=urn:y|1,urn:x|1',
      '_tag=urn:t|a',
      '_id=p',
    ]) {
      expect([query, await count(`Patient?${query}`)]).toEqual([query, 1])
    }
    expect(await count('Patient?identifier=|1')).toBe(0)
    expect(await count('ImagingStudy?patient=p')).toBe(1)
    expect(await count('ImagingStudy?patient=Patient/other')).toBe(0)
    const { lastUpdated } = body['meta'] as { lastUpdated: string }
    expect(await count(`Patient?_lastUpdated=gt${lastUpdated}`)).toBe(0)
    expect(await count(`Patient?_lastUpdated=ge${lastUpdated}`)).toBe(1)
    const found = await ask('GET', '/ImagingStudy?patient=p&_include=ImagingStudy:subject')
    expect(found.body.entry?.map(({ resource }) => resource?.['resourceType'])).toEqual([
      'ImagingStudy',
      'Patient',
    ])
    expect((await ask('GET', '/Patient?unheard=of')).status).toBe(400)
  })

  it('does a transaction as a whole, with links between its entries', async () => {
    const fullUrl = 'urn:uuid:3c0e8f0a-1111-4222-8333-444455556666'
    const entries = [
      { resource: study(fullUrl), request: { method: 'POST', url: 'ImagingStudy' } },
      {
        fullUrl,
        resource: patient('1'),
        request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:x|1' },
      },
    ] as const
    // Entries of one method go in the order given: the study, which comes first, names a Patient that is not there yet.
    const done = await ask('POST', '', transaction(...[...entries].reverse()))
    expect(done.body.entry?.map(({ response }) => response?.status)).toEqual(['201', '201'])
    expect(server.store.all('ImagingStudy')).toMatchObject([
      { subject: { reference: `Patient/${idOf(server.store.all('Patient')[0])}` } },
    ])
    const failing = { resource: study('Patient/none'), request: { method: 'PUT', url: 'ImagingStudy/x' } }
    const other = { resource: patient('2'), request: { method: 'POST', url: 'Patient' } }
    expect((await ask('POST', '', transaction(other, failing))).status).toBe(400)
    expect(server.store.all('Patient')).toHaveLength(1)
  })

  it('refuses references to what is not there, bodies that are too large, and ids where it takes none', async () => {
    expect((await ask('POST', '/ImagingStudy', study('Patient/none'))).status).toBe(400)
    Object.assign(server.behaviour, { maxBytes: 50, updateCreate: false })
    expect((await ask('POST', '/Patient', patient('1'))).status).toBe(413)
    server.behaviour.maxBytes = 5000
    expect((await ask('PUT', '/Patient/mine', patient('1', { id: 'mine' }))).status).toBe(400)
  })

  it('is told over HTTP to fail, and says at its door what it is', async () => {
    const root = new URL('/', server.url).href
    const control = (path: string, method: string, body?: object): Promise<Response> =>
      fetch(`${root}_control/${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
    await control('faults', 'POST', { on: '^GET', do: 'answer', status: 503, skip: 1, times: 1 })
    expect((await ask('GET', '/Patient')).status).toBe(200)
    expect((await ask('GET', '/Patient')).status).toBe(503)
    expect((await ask('GET', '/Patient')).status).toBe(200)
    await control('behaviour', 'POST', { release: 'R5' })
    expect((await ask('GET', '/metadata')).body['fhirVersion']).toBe('5.0.0')
    await ask('POST', '/Patient', patient('1'))
    await control('store', 'DELETE')
    expect(server.store.all('Patient')).toEqual([])
    expect((await control('nothing', 'POST', {})).status).toBe(404)
    expect(await (await fetch(root)).text()).toContain('This is no FHIR server for patients.')
  })
})
