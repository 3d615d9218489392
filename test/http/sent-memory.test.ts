/** Memory of bytes that were sent goes at once, and not before they are sent. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Response } from 'express'
import { freedWhenSent } from '../../src/http/sent-memory.ts'

const LENGTH = 300_000

it('frees what nobody else has, and leaves what is shared, small or beyond what is held', async () => {
  const own = Array.from({ length: 20 }, (_, index) => Buffer.from(new ArrayBuffer(LENGTH)).fill(index))
  const shared = Buffer.from(new ArrayBuffer(2 * LENGTH), 0, LENGTH).fill(33)
  const small = Buffer.from(new ArrayBuffer(100)).fill(34)
  const pieces = [shared, small, ...own]
  const finished = Promise.withResolvers<number>()
  const server = createServer((_request, response: ServerResponse) => {
    const spent = freedWhenSent(response as Response)
    for (const piece of pieces) {
      spent(piece)
      response.write(piece)
    }
    const before = own.filter((piece) => piece.length === LENGTH).length
    response.once('finish', () => finished.resolve(before)).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const body = Buffer.from(await answer.arrayBuffer())
  expect(
    body.equals(
      Buffer.concat([
        Buffer.alloc(LENGTH, 33),
        Buffer.alloc(100, 34),
        ...own.map((_, n) => Buffer.alloc(LENGTH, n)),
      ]),
    ),
  ).toBe(true)
  expect(await finished.promise).toBe(20)
  expect([shared.length, small.length]).toEqual([LENGTH, 100])
  // 4 MiB have room for 13 of them.
  expect(own.map(({ length }) => length)).toEqual(own.map((_, n) => (n < 13 ? 0 : LENGTH)))
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
