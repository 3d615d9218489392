import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import express from 'express'
import { isDescribed } from '../../src/http/openapi-descriptions.ts'
import { STATUS } from '../../src/http/problems.ts'
import { Problem, type ProblemKind } from '../../src/problem.ts'
import { ct } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

/** A router that throws a Problem of the kind in the path, or a bug. */
function throwing() {
  const router = express.Router()
  router.get('/throw/:kind', (request) => {
    if (request.params.kind === 'bug') throw new TypeError('Doe^Jane is not a function')
    throw new Problem(request.params.kind as ProblemKind, 'In plain words.', { retryAfter: 7 })
  })
  router.get('/throw-late', (_request, response) => {
    response.write('half an answ')
    throw new Problem('unavailable', 'Too late to say.')
  })
  return [{ at: '', router, access: 'open' as const }]
}

describe('the service over HTTP', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      settings: {
        publicUrl: 'https://pacs.example.org/concord',
        allowedHosts: ['127.0.0.1', 'pacs.example.org:444'],
        corsOrigins: ['https://viewer.example.org'],
      },
      more: throwing,
      bugsExpected: true,
    })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it.each(Object.entries(STATUS))(
    'answers a problem of kind %s with %d and problem details',
    async (kind, status) => {
      const answer = await world.get(`/throw/${kind}`, { 'X-Request-Id': 'r-1' })
      expect(answer.status).toBe(status)
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json',
        'x-request-id': 'r-1',
        'cache-control': 'no-store',
      })
      expect(answer.json()).toEqual({
        title: expect.any(String) as unknown,
        status,
        detail: 'In plain words.',
        requestId: 'r-1',
      })
      expect(answer.headers['retry-after']).toBe(kind === 'unavailable' ? '7' : undefined)
    },
  )

  it('says nothing of a bug but the id under which the log has it', async () => {
    const answer = await world.get('/throw/bug')
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('Doe')
    expect(answer.json()).toMatchObject({ status: 500, requestId: answer.headers['x-request-id'] })
  })

  it('breaks an answer off that goes wrong half-way, so that nobody takes it for whole', async () => {
    await expect(world.get('/throw-late')).rejects.toThrow()
  })

  it.each(['/nowhere', '/dicomweb/nowhere', '/dicomweb/Studies', '/admin'])(
    'answers 404 at %s',
    async (path) => {
      expect((await world.get(path)).status).toBe(404)
    },
  )

  it('answers 405 with Allow to methods that a path does not take', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE']) {
      const answer = await world.ask('/dicomweb/studies', { method })
      expect([method, answer.status, answer.headers.allow]).toEqual([method, 405, 'POST, GET, HEAD, OPTIONS'])
    }
    const options = await world.ask('/dicomweb/studies', { method: 'OPTIONS' })
    expect([options.status, options.headers.allow]).toEqual([204, 'POST, GET, HEAD, OPTIONS'])
  })

  it('answers HEAD as GET, without the body', async () => {
    const answer = await world.ask('/health/live', { method: 'HEAD' })
    expect([answer.status, answer.body.length, answer.headers['content-length']]).toEqual([200, 0, '17'])
  })

  it('tolerates slashes too many, and the prefix of the public address', async () => {
    for (const path of [
      '/dicomweb/studies/',
      '//dicomweb//studies',
      '/concord/dicomweb/studies',
      '/concord//dicomweb/studies/?limit=1',
    ]) {
      expect([path, (await world.get(path)).status]).toEqual([path, 200])
    }
    expect((await world.get('/concordance/dicomweb/studies')).status).toBe(404)
  })

  it('answers only to its own names', async () => {
    const status = async (Host: string, path = '/dicomweb/studies') =>
      (await world.get(path, { Host })).status
    expect(await status('127.0.0.1:1234')).toBe(200)
    expect(await status('PACS.example.org:444')).toBe(200)
    expect(await status('pacs.example.org')).toBe(421)
    expect(await status('evil.example')).toBe(421)
    expect(await status('evil.example:127.0.0.1')).toBe(421)
    expect(await status('10.0.0.7', '/health/live')).toBe(200)
  })

  it('lets pages of listed origins call, errors included, and no others', async () => {
    const viewer = 'https://viewer.example.org'
    const preflight = {
      Origin: viewer,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'accept,authorization',
    }
    const allowed = await world.ask('/dicomweb/studies', { method: 'OPTIONS', headers: preflight })
    expect(allowed.status).toBe(204)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': viewer,
      'access-control-allow-headers': 'accept,authorization',
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'Origin',
    })
    expect(
      (await world.get('/dicomweb/nowhere', { Origin: viewer })).headers['access-control-allow-origin'],
    ).toBe(viewer)
    const other = await world.ask('/dicomweb/studies', {
      method: 'OPTIONS',
      headers: { ...preflight, Origin: 'https://evil.example' },
    })
    expect([other.status, other.headers['access-control-allow-origin']]).toEqual([204, undefined])
  })

  it('sends headers that keep answers from being run, framed or guessed at', async () => {
    const { headers } = await world.get('/dicomweb/studies')
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': expect.stringContaining('max-age') as unknown,
    })
    expect(headers).not.toHaveProperty('x-powered-by')
  })

  it('takes URLs of 60 KiB, and refuses longer ones', async () => {
    const ask = async (length: number) =>
      (await world.get(`/health/live?x=${'1.2,'.repeat(length / 4)}`)).status
    expect(await ask(60_000)).toBe(200)
    expect(await ask(66_000)).toBe(414)
    expect(await ask(100_000)).toBe(431)
  })

  it.each([
    ['both Content-Length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk whose size is no number', 'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  ])('closes the connection on %s, which another server might read otherwise', async (_, rest) => {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
    socket.write(
      `POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/dicom\r\n${rest}`,
    )
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
  })

  it('tells its capabilities as WADL and as JSON', async () => {
    const wadl = await world.ask('/dicomweb/', { method: 'OPTIONS' })
    expect(wadl.headers['content-type']).toBe('application/vnd.sun.wadl+xml')
    expect(wadl.text).toContain('<resources base="https://pacs.example.org/concord/dicomweb">')
    expect(wadl.text).toContain(
      '<resource path="studies"><method name="POST"/><method name="GET"/></resource>',
    )
    const json = await world.ask('/dicomweb', { method: 'OPTIONS', headers: { Accept: 'application/json' } })
    expect(json.json()).toMatchObject({
      resources: expect.arrayContaining([{ path: 'studies/{study}/series', methods: ['GET'] }]) as unknown,
    })
    expect(
      (await world.ask('/dicomweb', { method: 'OPTIONS', headers: { Accept: 'text/html' } })).status,
    ).toBe(406)
  })

  it('describes every route that it has, and none that it has not, in /openapi.json', async () => {
    const { paths } = (await world.get('/openapi.json')).json() as {
      paths: Record<string, Record<string, { summary?: string }>>
    }
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const facts = world.facts.map(({ method, path }) => `${method} ${path.replace(/[:*](\w+)/g, '{$1}')}`)
    expect(described.toSorted()).toEqual([...new Set(facts)].toSorted())
    const own = world.facts.filter(({ path }) => !path.startsWith('/throw'))
    expect(own.filter((fact) => !isDescribed(fact)).map(({ method, path }) => `${method} ${path}`)).toEqual(
      [],
    )
  })

  it('names every parameter of a search in /openapi.json', async () => {
    const { paths } = (await world.get('/openapi.json')).json() as {
      paths: Record<string, { get: { parameters: { name: string; in: string }[] } }>
    }
    const namesOf = (path: string) =>
      (paths[path]?.get.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name)
    const matching = ['emptyvaluematching', 'fuzzymatching', 'includeSuperseded', 'multiplevaluematching']
    const shape = ['accept', 'after', 'includefield', 'limit', 'offset', 'orderby', 'total']
    expect(namesOf('/dicomweb/series').toSorted()).toEqual([...matching, ...shape].toSorted())
    expect(namesOf('/dicomweb/series/count').toSorted()).toEqual(matching)
    for (const name of [...matching, ...shape])
      expect([name, (await world.get(`/dicomweb/series?${name}=`)).headers.warning]).toEqual([
        name,
        undefined,
      ])
  })

  it('counts requests by template of the route', async () => {
    await world.get('/dicomweb/studies/1.2.3/series')
    const { text: metrics } = await world.get('/metrics')
    expect(metrics).toContain(
      'concord_http_request_seconds_count{method="GET",route="/dicomweb/studies/:study/series",status="200"} 1',
    )
    expect(metrics).not.toContain('1.2.3')
    expect(metrics).toContain('concord_fhir_owed_studies{state="owed"} 0')
  })
})

describe('the log', () => {
  it('has one line a request, without URL, query, UID or name of a patient', async () => {
    const lines: string[] = []
    const stream = new Writable({
      write(line: Buffer, _, done) {
        lines.push(line.toString())
        done()
      },
    })
    await using world = await startWorld({ log: pino({ base: null }, stream) })
    const sample = ct({ PatientName: 'Doe^Jane', PatientID: 'P-77' })
    const { uids } = sample
    await world.store(sample)
    await world.get(`/dicomweb/studies/${uids.study}/series?PatientName=Doe*&PatientID=P-77`)
    await world.get('/dicomweb/studies?PatientName=Doe^Jane&limit=x')
    const written = lines.join('')
    expect(lines.map((line) => (JSON.parse(line) as { route: string; status: number }).status)).toEqual([
      200, 200, 400,
    ])
    expect(written).toContain('"route":"/dicomweb/studies/:study/series"')
    for (const secret of ['Doe', 'P-77', uids.study, 'limit']) expect(written).not.toContain(secret)
  })
})

describe('health', () => {
  it('is live always, and ready only while index and blobs are', async () => {
    let isDown = false
    await using world = await startWorld({
      through: (archive) => ({
        ...archive,
        blobs: {
          ...archive.blobs,
          check: () =>
            isDown ? Promise.reject(new Problem('unavailable', 'The disk is full.')) : archive.blobs.check(),
        },
      }),
    })
    expect((await world.get('/health/ready')).json()).toEqual({
      status: 'ready',
      database: 'ok',
      blobs: 'ok',
    })
    isDown = true
    const answer = await world.get('/health/ready')
    expect([answer.status, answer.json()]).toEqual([
      503,
      { status: 'unavailable', database: 'ok', blobs: 'The disk is full.' },
    ])
    expect((await world.get('/health/live')).status).toBe(200)
  })

  it('has metrics also when the index is down', async () => {
    const down = () => Promise.reject(new Problem('unavailable', 'The index is closed.'))
    await using world = await startWorld({
      through: (archive) => ({
        ...archive,
        database: { ...archive.database, check: down, outbox: { ...archive.database.outbox, owed: down } },
      }),
    })
    expect((await world.get('/health/ready')).json()).toMatchObject({ database: 'The index is closed.' })
    const metrics = await world.get('/metrics')
    expect([metrics.status, metrics.text.includes('concord_fhir_owed_studies{state="owed"} Nan')]).toEqual([
      200,
      true,
    ])
  })
})

describe('what a person should look at', () => {
  it('is listed, page by page, until it is resolved', async () => {
    await using world = await startWorld()
    const { attention } = world.archive.database
    for (const study of ['1.1', '1.2', '1.3'])
      await attention.raise({ reason: 'mixed-patients', study, detail: { patients: 2 } })
    const page = (await world.get('/admin/attention?limit=2')).json() as {
      rows: { id: number; study: string }[]
      next: number
    }
    expect(page.rows.map(({ study }) => study)).toEqual(['1.1', '1.2'])
    const rest = (await world.get(`/admin/attention?limit=2&after=${page.next}`)).json()
    expect(rest).toMatchObject({
      rows: [{ study: '1.3', reason: 'mixed-patients', detail: { patients: 2 } }],
    })
    expect(rest).not.toHaveProperty('next')

    const { id } = page.rows[0]!
    expect((await world.ask(`/admin/attention/${id}/resolve`, { method: 'POST' })).status).toBe(204)
    expect((await world.ask(`/admin/attention/${id}/resolve`, { method: 'POST' })).status).toBe(404)
    expect((await world.get('/admin/attention')).json()).toMatchObject({
      rows: [{ study: '1.2' }, { study: '1.3' }],
    })
    expect((await world.get('/admin/attention?resolved=true')).json()).toMatchObject({
      rows: [{ study: '1.1' }],
    })
    for (const query of ['limit=x', 'limit=1001', 'after=-1'])
      expect((await world.get(`/admin/attention?${query}`)).status).toBe(400)
    expect((await world.ask('/admin/attention/x/resolve', { method: 'POST' })).status).toBe(400)
  })
})
