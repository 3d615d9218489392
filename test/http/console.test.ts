import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { usePrivateElements } from '../../src/dicom/private-dictionary.ts'
import { ct } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const FOLDER = new URL('../../src/console/', import.meta.url)

describe('the console as it is served', () => {
  let world: World
  beforeAll(async () => {
    world = await startWorld({
      settings: {
        publicUrl: 'https://pacs.example.org/imaging',
        allowedHosts: ['127.0.0.1'],
        viewerUrl: 'https://viewer.example.org/viewer?a="b"&StudyInstanceUIDs={study}',
      },
    })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it('is a page that runs nothing but its own scripts, and makes no markup of text', async () => {
    const page = await world.get('/')
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    const [, importMap = ''] = /<script type="importmap">(.*?)<\/script>/.exec(page.text) ?? []
    const hash = createHash('sha256').update(importMap).digest('base64')
    const policy = String(page.headers['content-security-policy']).split(';')
    expect(policy).toEqual([
      "default-src 'none'",
      `script-src 'self' 'sha256-${hash}'`,
      "style-src 'self'",
      "img-src 'self' blob:",
      "connect-src 'self'",
      "base-uri 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ])
    expect(page.text.match(/<script/g)).toHaveLength(2)
    expect(page.text).not.toMatch(/<style| style=| on\w+=/)
  })

  it('stands under the path of the public address, and every address in it is there', async () => {
    const { text } = await world.get('/imaging/')
    expect(text).toContain('<base href="/imaging/">')
    const { imports } = JSON.parse(/<script type="importmap">(.*?)<\/script>/.exec(text)?.[1] ?? '') as {
      imports: Record<string, string>
    }
    const addresses = [...text.matchAll(/(?:href|src)="(console\/[^"]+)"/g)].map(([, address]) => address!)
    for (const address of [...addresses, ...Object.values(imports), 'console/dictionary.json']) {
      const answer = await world.get(new URL(address, 'http://x/imaging/').pathname)
      expect([address, answer.status]).toEqual([address, 200])
    }
  })

  it('tells the page of tokens and of a viewer, as text', async () => {
    const { text } = await world.get('/')
    expect(text).toContain('<meta name="concord-tokens" content="none">')
    expect(text).toContain(
      'content="https://viewer.example.org/viewer?a=&#34;b&#34;&#38;StudyInstanceUIDs={study}"',
    )
  })

  it('serves every module as it is on disk, packed for those who take it', async () => {
    for (const name of readdirSync(FOLDER).filter((one) => /\.(?:js|css|svg)$/.test(one))) {
      const written = readFileSync(new URL(name, FOLDER))
      const plain = await world.get(`/console/${name}`, { 'Accept-Encoding': 'identity' })
      expect([name, plain.body.equals(written), plain.headers['content-encoding']]).toEqual([
        name,
        true,
        undefined,
      ])
      const packed = await world.get(`/console/${name}`, { 'Accept-Encoding': 'gzip' })
      const isPacked = packed.headers['content-encoding'] === 'gzip'
      expect([name, (isPacked ? gunzipSync(packed.body) : packed.body).equals(written)]).toEqual([name, true])
      expect(isPacked).toBe(written.length >= 1024)
    }
  })

  it.each(['/', '/console/main.js', '/console/style.css', '/console/dictionary.json'])(
    'answers 304 at %s to those who have it',
    async (path) => {
      const first = await world.get(path, { 'Accept-Encoding': 'gzip' })
      const tag = String(first.headers.etag)
      const again = await world.get(path, { 'Accept-Encoding': 'gzip', 'If-None-Match': tag })
      expect([again.status, again.body.length]).toEqual([304, 0])
      // A packed body is another representation (RFC 9110 §8.8.1).
      const plain = await world.get(path, { 'Accept-Encoding': 'identity', 'If-None-Match': tag })
      expect(plain.status).toBe(200)
      expect(plain.headers.vary).toContain('Accept-Encoding')
    },
  )

  it.each([
    '/console/tsconfig.json',
    '/console/..%2fmain.ts',
    '/console/constructor',
    '/console/',
    '/console/x/y',
  ])('has nothing at %s', async (path) => {
    expect((await world.get(path)).status).toBe(404)
  })

  it('gives the dictionary whole', async () => {
    const rows = (await world.get('/console/dictionary.json')).json() as unknown[][]
    expect(rows).toContainEqual(['00100010', 'PatientName', 'PN', 0])
    expect(rows).toContainEqual(['00280106', 'SmallestImagePixelValue', 'US', 0])
    expect(rows.length).toBeGreaterThan(4000)
  })

  it('gives the names that the site has for private elements', async () => {
    expect((await world.get('/console/private-names.json')).json()).toEqual({})
    usePrivateElements([
      { creator: 'ACME', group: 0xe1, element: 0x0a, vr: 'DS', name: 'Dose' },
      { creator: 'ACME', group: 0xe1, element: 0x0b, vr: 'LO' },
    ])
    try {
      await using other = await startWorld()
      expect((await other.get('/console/private-names.json')).json()).toEqual({ '00E1xx0A;ACME': 'Dose' })
    } finally {
      usePrivateElements([])
    }
  })

  it('has no place where text could become markup', () => {
    for (const name of readdirSync(FOLDER).filter((one) => one.endsWith('.js'))) {
      const source = readFileSync(new URL(name, FOLDER), 'utf8')
      expect([
        name,
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerously|eval\(/i.test(source),
      ]).toEqual([name, false])
    }
  })
})

describe('what was refused of late', () => {
  it('is told newest first, with reason and sender, for administrators', async () => {
    const sha256 = (token: string) => createHash('sha256').update(token).digest()
    const [writer, admin] = ['writer-writer-writer-writer', 'admin-admin-admin-admin-admin']
    await using world = await startWorld({
      settings: {
        tokens: [
          { name: 'ct-3', roles: new Set(['write']), sha256: sha256(writer) },
          { name: 'it', roles: new Set(['admin']), sha256: sha256(admin) },
        ],
      },
    })
    const asWriter = { Authorization: `Bearer ${writer}` }
    const asAdmin = { Authorization: `Bearer ${admin}` }
    const good = ct({ PatientName: 'Doe^Jane' })
    await world.stow([good, Buffer.from('no DICOM at all')], { headers: asWriter })
    await world.stow([good], { headers: asWriter, path: '/studies/1.2.3' })

    const answer = await world.get('/admin/refusals', asAdmin)
    expect(answer.json()).toMatchObject({
      since: expect.any(String) as unknown,
      rows: [
        {
          sender: 'ct-3',
          reason: 'A901',
          SOPInstanceUID: good.uids.instance,
          meaning: expect.any(String) as unknown,
        },
        { sender: 'ct-3', reason: 'C000', SOPInstanceUID: null, comment: expect.any(String) as unknown },
      ],
    })
    expect(answer.text).not.toContain('Doe')
    expect((await world.get('/admin/refusals', asWriter)).status).toBe(403)
  })
})
