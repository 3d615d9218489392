import { generateKeyPairSync, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { clientCredentials } from '../../src/fhir/client-credentials.ts'

/** A token endpoint on a free port that answers as it is told, and remembers what it was asked. */
async function startEndpoint(answer: (response: ServerResponse, count: number) => void) {
  const asked: { authorization: string | undefined; body: string }[] = []
  const server = createServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      asked.push({ authorization: request.headers.authorization, body })
      answer(response, asked.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const CLIENT = { clientId: 'con cord', proof: { secret: 's:e/c' }, scope: 'system/*.cruds' }
const json = (value: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(value))

describe('client credentials', () => {
  it('get a token as RFC 6749 says, and use it until shortly before it runs out', async () => {
    await using endpoint = await startEndpoint((response, count) =>
      json({ access_token: `t${count}`, expires_in: 60 })(response),
    )
    let now = 0
    const token = clientCredentials({ ...CLIENT, tokenUrl: endpoint.tokenUrl }, () => now)
    expect(await Promise.all([token(), token(), token()])).toEqual(['t1', 't1', 't1'])
    now = 29_999
    expect(await token()).toBe('t1')
    now = 30_000
    expect(await token()).toBe('t2')
    expect(endpoint.asked).toHaveLength(2)
    expect(endpoint.asked[0]).toEqual({
      authorization: `Basic ${Buffer.from('con%20cord:s%3Ae%2Fc').toString('base64')}`,
      body: 'grant_type=client_credentials&scope=system%2F*.cruds',
    })
  })

  it('give another token than one that was refused, and the same while it is good', async () => {
    await using endpoint = await startEndpoint((response, count) =>
      json({ access_token: `t${count}`, expires_in: 600 })(response),
    )
    const token = clientCredentials({ ...CLIENT, tokenUrl: endpoint.tokenUrl })
    expect([await token(), await token('other'), await token('t1'), await token('t1')]).toEqual([
      't1',
      't1',
      't2',
      't2',
    ])
  })

  it.each([
    ['RS384', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ] as const)('prove who they are with a key, as SMART backend services do (%s)', async (alg, pair) => {
    await using endpoint = await startEndpoint(json({ access_token: 't', expires_in: 60 }))
    const { tokenUrl } = endpoint
    const jwk = JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'key-1' })
    const now = Date.parse('2026-03-14T10:00:00Z')
    const proof = { key: jwk }
    await clientCredentials({ clientId: 'concord', proof, scope: 'system/*.cruds', tokenUrl }, () => now)()
    const [asked] = endpoint.asked
    expect(asked?.authorization).toBeUndefined()
    const form = new URLSearchParams(asked?.body)
    expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    const [header = '', claims = '', signature = ''] = (form.get('client_assertion') ?? '').split('.')
    const decoded = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
    expect(decoded(header)).toEqual({ alg, typ: 'JWT', kid: 'key-1' })
    expect(decoded(claims)).toEqual({
      iss: 'concord',
      sub: 'concord',
      aud: tokenUrl,
      iat: now / 1000,
      exp: now / 1000 + 240,
      jti: expect.stringMatching(/^[\w-]{36}$/u) as string,
    })
    const signed = Buffer.from(`${header}.${claims}`)
    const by = { key: pair.publicKey, dsaEncoding: 'ieee-p1363' } as const
    expect(verify('sha384', signed, by, Buffer.from(signature, 'base64url'))).toBe(true)
  })

  it.each([
    ['an RSA key of 2048 bits or more', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['an RSA key of 2048 bits or more', generateKeyPairSync('rsa', { modulusLength: 1024 })],
  ] as const)('take no key that SMART does not know: the client key must be %s', (words, { privateKey }) => {
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(() => clientCredentials({ clientId: 'c', proof: { key }, tokenUrl: 'http://x' })).toThrow(words)
    expect(() =>
      clientCredentials({ clientId: 'c', proof: { key: '{"kty":' }, tokenUrl: 'http://x' }),
    ).toThrow('must be JSON')
    const broken = key.slice(0, 90)
    const refused = (): unknown => clientCredentials({ clientId: 'c', proof: { key: broken }, tokenUrl: 'x' })
    expect(refused).toThrow('must be a private key')
    expect(refused).not.toThrow(broken)
  })

  it.each([
    [401, 'auth'],
    [400, 'auth'],
    [302, 'transient'],
    [429, 'transient'],
    [503, 'transient'],
  ])('tell a refusal from an outage: %d is %s', async (status, kind) => {
    await using endpoint = await startEndpoint(
      (response) => void response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end('s:e/c'),
    )
    const token = clientCredentials({ ...CLIENT, tokenUrl: endpoint.tokenUrl })
    await expect(token()).rejects.toMatchObject({
      kind,
      status,
      message: `the token endpoint answered ${status}`,
    })
  })

  it.each(['no JSON', '[]', '{}', '{"access_token":""}', 'null'])(
    'take nothing for a token that is none: %s',
    async (body) => {
      await using endpoint = await startEndpoint((response) => void response.end(body))
      await expect(clientCredentials({ ...CLIENT, tokenUrl: endpoint.tokenUrl })()).rejects.toMatchObject({
        kind: 'transient',
      })
    },
  )

  it('are asked again after an outage', async () => {
    await using endpoint = await startEndpoint((response, count) => {
      if (count === 1) response.writeHead(500).end()
      else json({ access_token: 'late' })(response)
    })
    const token = clientCredentials({ ...CLIENT, tokenUrl: endpoint.tokenUrl })
    await expect(token()).rejects.toMatchObject({ kind: 'transient' })
    expect(await token()).toBe('late')
  })
})
