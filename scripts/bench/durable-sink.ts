/**
 * A thread of the bench: an HTTP server that does with every body what no archive can leave undone, and nothing else. It
 * appends it to a file, synced, commits one row to SQLite, synced, and answers. Nothing is read, hashed or indexed.
 */
import { once } from 'node:events'
import { constants, open, writev } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { createBatcher } from '../../src/archive/batch.ts'

const folder = workerData as string
const fd = await promisify(open)(
  join(folder, 'bodies'),
  constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC,
  0o600,
)
const database = new Sqlite(join(folder, 'rows.db'))
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT NOT NULL)')
const insert = database.prepare('INSERT INTO row (text) VALUES (?)')
/** About what an index keeps of an instance. */
const ROW = 'x'.repeat(1000)
const insertAll = database.transaction((rows: number) => {
  for (let row = 0; row < rows; row++) insert.run(ROW)
})

let size = 0
/** All bodies that have come meanwhile share one sync of each kind. */
const keep = createBatcher(async (bodies: readonly Buffer[]) => {
  const at = size
  size += bodies.reduce((sum, body) => sum + body.length, 0)
  await promisify(writev)(fd, [...bodies], at)
  insertAll(bodies.length)
  return bodies
}, 256)

const server = createServer((question, answer) => {
  void buffer(question)
    .then(keep)
    .then(() => answer.end('{}'))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
parentPort?.postMessage((server.address() as AddressInfo).port)
