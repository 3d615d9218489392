/**
 * Bad questions, one row each of the table in reliability.md §7, and the exact answer. Where design §10 voids a row, as
 * design has it. Elsewhere are shown: 86 needs tenants, of which there are none; 87 and 88 by wado-failures.test.ts; 89 to 93
 * by auth.test.ts and app.test.ts; 95 by app.test.ts; 96 by delete.test.ts; 97 by fhir/kit.test.ts; 98 to 100, of a
 * notification that changes nothing by itself, by watch.test.ts and corrections.test.ts.
 */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { everyKind } from '../../src/archive/correct-policy.ts'
import { correctionRoutes } from '../../src/http/admin-corrections.ts'
import { createHttpServer } from '../../src/http/server.ts'
import { ct, us } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const one = us({ PatientName: 'Percent^%_' })
const other = ct({ PatientName: 'Percent^AB' })
let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.store(one, other)
})
afterAll(() => world[Symbol.asyncDispose]())

const { study, series, instance } = one.uids
const frames = `/studies/${study}/series/${series}/instances/${instance}/frames`
const many = (count: number): string => Array.from({ length: count }, (_, n) => `1.2.${n}`).join(',')

type Row = readonly [row: number, path: string, status: number, headers?: Record<string, string>]

const ROWS: readonly Row[] = [
  [68, '/studies?limit=-1', 400],
  [68, '/studies?limit=abc', 400],
  [68, '/studies?limit=1000000000', 200],
  [69, '/studies?offset=99999999999999999999', 400],
  [70, '/studies?00100010=A*B*C*D*E*F*G*H*I*J*', 400],
  [72, '/studies?NotATag=1', 400],
  [73, `/studies?00100010';--=x`, 400],
  [74, '/studies?StudyDate=2023-01-01', 400],
  [74, '/studies?StudyDate=20231301', 400],
  [74, '/studies?StudyDate=-', 400],
  [75, `/studies?StudyInstanceUID=${many(5000)}`, 400],
  [76, '/studies?includefield=7FE00010', 400],
  [77, '/studies?PatientName=%FF', 400],
  [77, '/studies?PatientName=%', 400],
  [77, '/studies?PatientName=%00', 400],
  [78, '/studies?limit=1&limit=2', 400],
  [79, '/studies?fuzzymatching=maybe', 400],
  [80, '/studies', 200, { Accept: 'multipart/related; type="application/dicom+xml"' }],
  [80, '/studies', 406, { Accept: 'text/html' }],
  [81, '/studies', 406, { Accept: 'x/'.repeat(5000) }],
  [82, '/studies/..%2f..%2fetc', 400],
  [83, `${frames}/0`, 400],
  [83, `${frames}/abc`, 400],
  [83, `${frames}/999`, 404],
  [84, `${frames}/${Array.from({ length: 10_000 }, () => '1').join(',')}`, 400],
] // prettier-ignore

it('row 66: a head that does not come is 408, within 15 seconds and what lies between two looks', async () => {
  const server = createHttpServer((_request, response) => void response.end())
  expect(server.headersTimeout).toBe(15_000)
  server.headersTimeout = 100
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET /dicomweb/studies HTTP/1.1\r\nHo')
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /)
  server.close()
})

const nobody = { wake: () => undefined, stop: () => Promise.resolve() }

it('a path with a NUL in it is 400, and never reaches a database that has no such text', async () => {
  await using postgres = await startWorld({
    engine: 'postgres',
    more: (archive) => [
      { at: '/admin', router: correctionRoutes(archive, everyKind('off'), nobody), access: 'admin' },
    ],
  })
  const answer = await postgres.get('/admin/corrections/a%00')
  expect([answer.status, answer.json()]).toEqual([
    400,
    expect.objectContaining({ detail: 'The path of the URL has a NUL in it.' }),
  ])
}, 60_000)

it('a target in absolute form is taken for what it names (RFC 9112 §3.2.2)', async () => {
  const { port } = new URL(world.url)
  const ask = async (target: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
    return text(socket)
  }
  expect(await ask(`${world.url}/health/live`)).toMatch(/^HTTP\/1\.1 200 /)
  const found = await ask(`${world.url}/dicomweb/studies?StudyInstanceUID=${study}`)
  expect(found).toMatch(/^HTTP\/1\.1 200 /)
  expect(found).toContain(study)
  expect(found).not.toContain(other.uids.study)
})

const TABLE = ROWS.map(
  ([row, path, status, headers = {}]) => [row, path.slice(0, 80), status, { path, headers }] as const,
)

it.each(TABLE)('row %i: %s is %i', async (_row, _shown, status, { path, headers }) => {
  const answer = await world.get(`/dicomweb${path}`, headers)
  expect(answer.status).toBe(status)
  if (status < 400) return
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.json()).toMatchObject({ status, title: expect.any(String) as string })
  expect(answer.text.length).toBeLessThan(2000)
})

it('row 68: a limit beyond the largest is clipped, and nothing is said while nothing is left out', async () => {
  const answer = await world.get('/dicomweb/studies?limit=1000000000')
  expect([answer.dataSets().length, answer.headers.warning]).toEqual([2, undefined])
})

it('row 71: the wildcards of SQL are letters', async () => {
  for (const [name, found] of [
    ['Percent^%25_', [study]],
    ['%25_', []],
    ['Percent^__', []],
    ['Percent^%25', []],
  ] as const) {
    const rows = (await world.get(`/dicomweb/studies?PatientName=${name}`)).dataSets()
    expect([name, rows.map((row) => row['0020000D']?.Value?.[0])]).toEqual([name, found])
  }
})

it('row 72: an unknown keyword is refused with the nearest, an unknown tag matches nothing', async () => {
  expect((await world.get('/dicomweb/studies?PatientNam=x')).text).toContain('PatientName')
  expect(await world.qido('/studies?00091234=x')).toEqual([])
})

// QIDO-26 has 400 where row 74 has an empty answer. Bad values are 400 (design §6), and an empty answer would tell who has
// the ends of a range the wrong way round that there is no such study.
it('row 74: a range that ends before it begins is refused, and never taken for one without hits', async () => {
  expect((await world.get('/dicomweb/studies?StudyDate=20240101-20230101')).status).toBe(400)
})

it('row 79: fuzzy matching is what it says', async () => {
  expect((await world.get('/dicomweb/studies?fuzzymatching=true&PatientName=perc')).dataSets()).toHaveLength(
    2,
  )
})

it('row 85: one of several ranges is the whole', async () => {
  const path = `/dicomweb/studies/${study}/series/${series}/instances/${instance}/original`
  const answer = await world.get(path, { Range: 'bytes=0-,0-,0-,0-' })
  expect([answer.status, answer.body.length]).toEqual([200, one.bytes.length])
})

it('row 94: methods that are none', async () => {
  for (const method of ['TRACE', 'PUT', 'PATCH']) {
    const answer = await world.ask('/dicomweb/studies', { method })
    expect([method, answer.status, answer.headers.allow !== undefined]).toEqual([method, 405, true])
  }
})
