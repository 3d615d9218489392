import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A way to a FHIR server that can be shut, so that any server can be away, or lose an answer. */
export interface Gate {
  /** The base of the server, by way of the gate. */
  readonly url: string
  /** Nothing gets through from now on, also not what is under way. */
  shut(): void
  open(): void
  /** Keeps back the next answer to such a request, `METHOD PATH`, for ever; resolves when the server has done what it was asked. */
  keepBack(on: RegExp): Promise<void>
  stop(): Promise<void>
}

/** A gate on a free port of 127.0.0.1 in front of a FHIR base, open. */
export async function openGate(base: string): Promise<Gate> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let isShut = false
  let kept: { readonly on: RegExp; readonly done: () => void } | null = null

  const pass = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = 'GET', url: path = '/', headers } = request
    if (isShut) return void request.socket.destroy()
    // A connection of its own each time: one that is kept may be closed there just when it is used again.
    const onward = httpRequest(new URL(path, base), { method, headers, agent: false }, (answer) => {
      if (
        answer.statusCode !== undefined &&
        answer.statusCode < 300 &&
        kept?.on.test(`${method} ${path}`) === true
      ) {
        kept.done()
        kept = null
        return void answer.resume()
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  }
  server.on('request', pass)
  return {
    url: `http://127.0.0.1:${port}${new URL(base).pathname}`,
    shut: () => {
      isShut = true
      server.closeAllConnections()
    },
    open: () => {
      isShut = false
    },
    keepBack: (on) =>
      new Promise((done) => {
        kept = { on, done }
      }),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
