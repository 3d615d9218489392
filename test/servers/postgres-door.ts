/**
 * One PostgreSQL server for a whole run of jest, started when the first test asks for it: initdb takes longer than most of
 * the tests. The process that starts the workers has the server, and they ask it for databases.
 */
import { connect, createServer, type Server as Door, type Socket } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Server } from './postgres-server.ts'

type Wish = { readonly make: 'empty' | 'migrated' } | { readonly drop: string }

const DOOR = 'TEST_POSTGRES_DOOR'

/** Opens the door, and names it to the processes that are started from now on; `close` ends the server. */
export async function openDoor(): Promise<{ close(): Promise<void> }> {
  let server: Promise<Server> | undefined
  const door: Door = createServer({ allowHalfOpen: true }, (socket) => {
    // A worker that was ended asks no more.
    socket.on('error', () => undefined)
    server ??= start()
    answer(socket, server).then(
      (url) => socket.end(JSON.stringify({ url })),
      (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
    )
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  const address = door.address()
  process.env[DOOR] = String(typeof address === 'object' ? address?.port : '')
  return {
    close: async () => {
      door.close()
      await (await server)?.stop()
    },
  }
}

/** The server of this run; null outside of one. Its wishes reject with what it said if they could not be met. */
export function serverBehindDoor(): Omit<Server, 'stop'> | null {
  const port = Number(process.env[DOOR] ?? 0)
  return port === 0
    ? null
    : {
        make: (schema) => ask(port, { make: schema ? 'migrated' : 'empty' }),
        drop: async (drop) => void (await ask(port, { drop })),
      }
}

/** Loaded only where it is wanted: most runs have no test that asks. */
async function start(): Promise<Server> {
  const { quickFolder, startServer } = await import('./postgres-server.ts')
  return startServer(quickFolder())
}

async function answer(socket: Socket, starting: Promise<Server>): Promise<string> {
  const [wish, server] = await Promise.all([text(socket), starting])
  const wanted = JSON.parse(wish) as Wish
  if ('make' in wanted) return server.make(wanted.make === 'migrated')
  await server.drop(wanted.drop)
  return wanted.drop
}

async function ask(port: number, wish: Wish): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(JSON.stringify(wish))
  const { url, error } = JSON.parse(await text(socket)) as { url?: string; error?: string }
  if (url === undefined) throw new Error(error)
  return url
}
