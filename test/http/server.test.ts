import { once } from 'node:events'
import type { RequestListener, ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createHttpServer } from '../../src/http/server.ts'

const hello: RequestListener = (request, response) =>
  void request.resume().once('end', () => response.end('hello'))

/**
 * All that a server with this app says until it closes the connection: to `bytes`, and to `more` once it has begun to
 * answer these.
 */
async function say(bytes: string, more?: string, app = hello): Promise<string> {
  const server = createHttpServer(app)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  if (more !== undefined) socket.once('data', () => socket.write(more))
  socket.write(bytes)
  const answer = await text(socket)
  await new Promise((resolve) => server.close(resolve))
  return answer
}

const HOST = 'Host: localhost\r\n'
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`

const NO_HTTP: readonly (readonly [what: string, bytes: string, status: number, detail: string])[] = [
  ['letters beyond ASCII in the URL', `GET /?a=Müller HTTP/1.1\r\n${HOST}\r\n`, 400, 'percent-encoded'],
  ['a blank in the URL', `GET /?a=A B HTTP/1.1\r\n${HOST}\r\n`, 400, 'percent-encoded'],
  ['a head that is too long', `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(100_000)}\r\n\r\n`, 431, '81920 bytes'],
  ['a chunk whose size is no number', `${CHUNKED}xyz\r\n`, 400, 'RFC 9112'],
  ['a method that nobody knows', `FOO /dicomweb/studies HTTP/1.1\r\n${HOST}\r\n`, 501, 'method'],
  ['one that begins as another', `GETTING / HTTP/1.1\r\n${HOST}\r\n`, 501, 'method'],
  ['a method in small letters, which are others', `get / HTTP/1.1\r\n${HOST}\r\n`, 501, 'method'],
  ['a method of RTSP', `DESCRIBE / HTTP/1.1\r\n${HOST}\r\n`, 501, 'method'],
  ['a tunnel', `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`, 501, 'method'],
  ['words that are no request', `hello world\r\n\r\n`, 400, 'method'],
  ['TLS', '\x16\x03\x01\x02\0\x01\0', 400, 'method'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'Host'],
  ['another expectation', `GET / HTTP/1.1\r\n${HOST}Expect: rain\r\nConnection: close\r\n\r\n`, 417, '100-continue'],
] // prettier-ignore

describe('what is no HTTP', () => {
  it.each(NO_HTTP)('is told as problem details: %s', async (_what, bytes, status, detail) => {
    const [head = '', body = ''] = (await say(bytes)).split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head).toContain('Content-Type: application/problem+json')
    expect(head).toContain('Connection: close')
    expect(JSON.parse(body)).toEqual({
      title: expect.any(String) as unknown,
      status,
      detail: expect.stringContaining(detail) as unknown,
    })
  })

  it('ends an answer that has begun, and puts no other behind it', async () => {
    for (const app of [
      (_: unknown, response: ServerResponse) => void response.write('half'),
      (_: unknown, response: ServerResponse) => void response.end('early'),
    ]) {
      const answer = await say(CHUNKED, 'xyz\r\n', app)
      expect(answer).toMatch(/half|early/)
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    }
  })

  it('is told behind the answer to a request that was one', async () => {
    const answer = await say(`GET / HTTP/1.1\r\n${HOST}\r\n`, 'STORE / HTTP/1.1\r\n\r\n')
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 501'])
  })
})
