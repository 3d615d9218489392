import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ask } from '../../scripts/bench/http-client.ts'

/** A server that answers once on each connection and hangs up when it hears more there, as one does whose time is over. */
async function hangingUp() {
  const server = createServer((question, answer) => {
    const { socket } = question
    if (socket.listenerCount('used') > 0) return socket.destroy()
    socket.once('used', () => undefined)
    return question.resume().on('end', () => answer.end('heard'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

test('a kept connection that the server has given up is replaced by another', async () => {
  const { server, url } = await hangingUp()
  try {
    for (let asked = 0; asked < 3; asked++) {
      const { status, body } = await ask(url, { method: 'POST', body: Buffer.from('x') })
      expect([status, String(body)]).toEqual([200, 'heard'])
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a server that hangs up on a new connection is told as it is', async () => {
  const server = createServer((question) => question.socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await expect(ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).rejects.toThrow(
      'socket hang up',
    )
  } finally {
    server.close()
  }
})
