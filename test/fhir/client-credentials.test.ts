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

const CLIENT = { clientId: 'con cord', clientSecret: 's:e/c', scope: 'system/*.cruds' }
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
