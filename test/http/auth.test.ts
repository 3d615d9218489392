import { createHash } from 'node:crypto'
import { fhirAdminRoutes } from '../../src/http/fhir-admin.ts'
import type { RouteFact } from '../../src/http/routes.ts'
import type { AccessToken, Role } from '../../src/http/settings.ts'
import { ct } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const secretOf = (name: string) => `${name}-0123456789abcdef0123456789abcdef`
const token = (name: string, ...roles: Role[]): AccessToken => ({
  name,
  roles: new Set(roles),
  sha256: createHash('sha256').update(secretOf(name)).digest(),
})
const TOKENS = [
  token('viewer', 'read'),
  token('gateway', 'write'),
  token('console', 'read', 'write'),
  token('boss', 'admin'),
  token('nobody'),
]
const bearer = (name: string) => ({ Authorization: `Bearer ${secretOf(name)}` })

/** A request that reaches a route: its names filled in. What comes of it does not matter, only whether it may. */
const pathTo = ({ path }: RouteFact) => path.replace(/[:*]\w+/g, '1')

describe('access without tokens', () => {
  it('is not for pages of other origins, when something would change', async () => {
    const viewer = 'https://viewer.example.org'
    const publicUrl = 'https://pacs.example.org/concord'
    await using world = await startWorld({ settings: { corsOrigins: [viewer], publicUrl } })
    await world.archive.database.attention.raise({ reason: 'mixed-patients', study: '1.2' })
    const [row] = await world.archive.database.attention.list({ open: true, limit: 1 })
    // A form, or a `fetch` of mode `no-cors`, is sent by a browser without asking first.
    const resolve = async (headers: Record<string, string>) =>
      (await world.ask(`/admin/attention/${row?.id}/resolve`, { method: 'POST', headers })).status
    for (const Origin of ['https://evil.example.org', 'null', 'http://localhost:1'])
      expect([Origin, await resolve({ Origin })]).toEqual([Origin, 403])
    expect(await world.archive.database.attention.list({ open: true, limit: 1 })).toHaveLength(1)
    expect((await world.get('/dicomweb/studies', { Origin: 'https://evil.example.org' })).status).toBe(200)

    expect(await resolve({ Origin: viewer })).toBe(204)
    for (const Origin of [world.url, new URL(publicUrl).origin]) expect(await resolve({ Origin })).toBe(404)
    expect(await resolve({})).toBe(404)
  })
})

describe('access by token', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      settings: { tokens: TOKENS },
      more: (archive) => [{ at: '', router: fhirAdminRoutes(archive, null), access: 'admin' }],
    })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it('is asked for on every route but the page itself, without data, and the health checks', () => {
    expect(world.facts.filter(({ role }) => role === undefined).map(({ path }) => path)).toEqual([
      '/',
      '/console/:file',
      '/health/live',
      '/health/ready',
    ])
    const roles = new Map(world.facts.map(({ method, path, role }) => [`${method} ${path}`, role]))
    expect([
      roles.get('GET /dicomweb/studies'),
      roles.get('POST /dicomweb/studies'),
      roles.get('GET /admin/attention'),
    ]).toEqual(['read', 'write', 'admin'])
  })

  it('is 401 without token, 403 without role, and neither with it: every route, every token', async () => {
    for (const fact of world.facts) {
      const at = `${fact.method} ${fact.path}`
      const status = async (headers: Record<string, string>) =>
        (await world.ask(pathTo(fact), { method: fact.method, headers })).status
      expect([at, await status({})]).toEqual([at, fact.role === undefined ? expect.any(Number) : 401])
      for (const { name, roles } of TOKENS) {
        const may = fact.role === undefined || roles.has(fact.role) || roles.has('admin')
        const got = await status(bearer(name))
        expect([at, name, got === 403 ? 'forbidden' : got === 401 ? 'unknown' : 'passed']).toEqual([
          at,
          name,
          may ? 'passed' : 'forbidden',
        ])
      }
    }
  })

  it.each([
    ['another token', 'Bearer nobody-has-this-token-0123456789'],
    ['a token cut short', `Bearer ${secretOf('viewer').slice(0, -1)}`],
    ['another scheme', `Basic ${Buffer.from('viewer:x').toString('base64')}`],
    ['no token in it', 'Bearer '],
    ['two tokens', `Bearer ${secretOf('viewer')} ${secretOf('boss')}`],
  ])('is refused to %s, also where none is needed', async (_, Authorization) => {
    for (const path of ['/dicomweb/studies', '/']) {
      const answer = await world.get(path, { Authorization })
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([
        401,
        'Bearer realm="concord", error="invalid_token"',
      ])
    }
  })

  it('says which role is missing', async () => {
    const answer = await world.stow([ct()], { headers: bearer('viewer') })
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([
      403,
      'Bearer realm="concord", error="insufficient_scope", scope="write"',
    ])
    expect((await world.get('/dicomweb/studies')).headers['www-authenticate']).toBe('Bearer realm="concord"')
  })

  it('notes whose token stored an instance', async () => {
    const sample = ct()
    expect((await world.stow([sample], { headers: bearer('gateway') })).status).toBe(200)
    const [kept = []] = await Array.fromAsync(world.archive.database.index.instances(sample.uids))
    expect(kept.map(({ sender }) => sender)).toEqual(['gateway'])
  })
})
