/**
 * One PostgreSQL server for a whole run of jest, started when the first test asks for it: initdb takes longer than most of
 * the tests. Workers ask at a port that PostgreSQL's own is told at.
 */
import { connect, createServer, type Server as Door, type Socket } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Server } from './postgres-server.ts'

type Told = Pick<Server, 'url' | 'template'>

const DOOR = 'TEST_POSTGRES_DOOR'

/** Opens the door, and names it to the processes that are started from now on; `close` ends the server. */
export async function openDoor(): Promise<{ close(): Promise<void> }> {
  let server: Promise<Server> | undefined
  const door: Door = createServer((socket) => {
    // A worker that was ended asks no more.
    socket.on('error', () => undefined)
    server ??= start()
    server.then(
      (started) => tell(socket, started),
      (error: unknown) => socket.end(String(error)),
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

/** Where the server of this run is; null outside of one. Rejects with what it said if it could not be started. */
export async function askDoor(): Promise<Told | null> {
  const port = process.env[DOOR] ?? ''
  if (port === '') return null
  const answer = await text(connect(Number(port), '127.0.0.1'))
  if (!answer.startsWith('{')) throw new Error(answer)
  return JSON.parse(answer) as Told
}

/** Loaded only where it is wanted: most runs have no test that asks. */
async function start(): Promise<Server> {
  const { startServer } = await import('./postgres-server.ts')
  return startServer()
}

function tell(socket: Socket, { url, template }: Server): void {
  socket.end(JSON.stringify({ url, template }))
}
