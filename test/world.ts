/**
 * A whole service for one test: real HTTP on a free port, a real index, real files, all in a folder that goes away.
 *
 *   await using world = await startWorld()
 *   await world.store(ct({ PatientID: 'A' }), mr())
 *   expect(await world.qido('/studies?PatientID=A')).toHaveLength(1)
 *
 * Leaving the scope ends it and fails the test if an upload, a staging file or an error that nobody expected was left.
 */
import { mkdtemp, mkdir, readdir, rm } from 'node:fs/promises'
import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Archive } from '../src/archive/archive.ts'
import { createIntake, type Intake, type IntakeOptions } from '../src/archive/store.ts'
import { createViewer } from '../src/archive/viewing.ts'
import { openFolderBlobs } from '../src/blobs/folder.ts'
import type { Database } from '../src/database/ports/database.ts'
import { openPostgres } from '../src/database/postgres.ts'
import { openSqlite } from '../src/database/sqlite.ts'
import type { JsonDataSet } from '../src/dicom/dicom-json.ts'
import { createApp } from '../src/http/app.ts'
import type { Mount, RouteFact } from '../src/http/routes.ts'
import { createHttpServer } from '../src/http/server.ts'
import type { HttpSettings, UploadSettings } from '../src/http/settings.ts'
import { type Log, silentLog } from '../src/log.ts'
import { openPixelEngine } from '../src/pixels/engine.ts'
import type { Sample } from './samples.ts'

export interface WorldOptions {
  readonly engine?: 'sqlite' | 'postgres'
  readonly settings?: Partial<Omit<HttpSettings, 'upload'>>
  readonly upload?: Partial<UploadSettings>
  readonly intake?: Partial<IntakeOptions>
  readonly log?: Log
  /** Puts something between the service and its ports, to have them fail. */
  readonly through?: (archive: Archive) => Archive
  /** Routers beyond those of every service. */
  readonly more?: (archive: Archive) => readonly Mount[]
  /** Errors that nobody should see are expected here. */
  readonly bugsExpected?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  json(): unknown
  /** The body as one data set in JSON, as STOW answers. */
  dataSet(): JsonDataSet
  /** The body as data sets in JSON, as QIDO and metadata answer. */
  dataSets(): readonly JsonDataSet[]
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Whole, or piece by piece with `Transfer-Encoding: chunked`. */
  readonly body?: Buffer | string | AsyncIterable<Buffer> | Iterable<Buffer>
}

export interface World extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly archive: Archive
  readonly intake: Intake
  readonly settings: HttpSettings
  readonly facts: readonly RouteFact[]
  readonly folder: string
  /** Any request, path from the root. */
  ask(path: string, ask?: Ask): Promise<Answer>
  get(path: string, headers?: Ask['headers']): Promise<Answer>
  /** Stores with one request to `/dicomweb/studies`, and fails unless all of them were. */
  store(...samples: readonly (Sample | Buffer)[]): Promise<Answer>
  /** As `store`, but whatever comes of it. */
  stow(samples: readonly (Sample | Buffer)[], ask?: StowAsk): Promise<Answer>
  /** The rows of a search; path under `/dicomweb`. */
  qido(path: string): Promise<readonly JsonDataSet[]>
}

export interface StowAsk extends Ask {
  /** Under `/dicomweb`; `/studies` if not said. */
  readonly path?: string
}

/** The multipart body that a careful client makes of instances, and its headers. */
export function stowBody(
  parts: readonly (Sample | Buffer)[],
  boundary = 'concord-test-boundary',
): { body: Buffer; headers: Record<string, string> } {
  const pieces = parts.flatMap((part) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    Buffer.isBuffer(part) ? part : part.bytes,
    Buffer.from('\r\n'),
  ])
  return {
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'Content-Type': `multipart/related; type="application/dicom"; boundary=${boundary}` },
  }
}

const MIB = 1024 * 1024
const UPLOAD: UploadSettings = {
  maxRequestBytes: 256 * MIB,
  maxPartBytes: 128 * MIB,
  maxParts: 10_000,
  maxUploads: 256,
  minBytesPerSecond: 1024,
  paceWindowMs: 30_000,
}

/** Starts a service; `await using` ends it. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'concord-world-'))
  const spoolDir = join(folder, 'spool')
  await mkdir(spoolDir)
  const blobs = await openFolderBlobs({ path: join(folder, 'blobs'), stagingPath: spoolDir })
  const database = await openDatabase(options.engine ?? 'sqlite', folder)
  const plain: Archive = { database, blobs, now: () => new Date() }
  const archive = options.through?.(plain) ?? plain
  const bugs: unknown[] = []
  const intake = createIntake(archive, {
    spoolDir,
    memoryBytes: 64 * MIB,
    partBytes: UPLOAD.maxPartBytes,
    headerBytes: 64 * MIB,
    onBug: (error) => void bugs.push(error),
    ...options.intake,
  })

  // The address must be known before the app is made, so the server listens first.
  const server = createHttpServer((request, response) => void app(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const settings: HttpSettings = {
    publicUrl: url,
    allowedHosts: ['127.0.0.1', 'localhost'],
    corsOrigins: [],
    tokens: [],
    upload: { ...UPLOAD, ...options.upload },
    emptySearchIs204: false,
    searchLimit: 1000,
    searchLimitMax: 5000,
    ...options.settings,
  }
  const log =
    options.log ?? Object.assign(silentLog(), { error: ({ err }: { err: unknown }) => void bugs.push(err) })
  const pixels = openPixelEngine({ threads: 1, queue: 1000, timeLimitMs: 120_000, cacheBytes: 16 * MIB })
  const viewer = createViewer(archive, pixels)
  const { app, facts } = createApp({
    archive,
    intake,
    viewer,
    settings,
    log,
    more: options.more?.(archive) ?? [],
  })
  const agent = new Agent({ keepAlive: true })
  const ask: World['ask'] = (path, question = {}) => askHttp(agent, url + path, question)

  const stow: World['stow'] = (samples, { path = '/studies', headers, ...rest } = {}) => {
    const built = stowBody(samples)
    const all = { ...built.headers, ...headers }
    return ask(`/dicomweb${path}`, { method: 'POST', body: built.body, ...rest, headers: all })
  }

  return {
    url,
    archive,
    intake,
    settings,
    facts,
    folder,
    ask,
    get: (path, headers = {}) => ask(path, { headers }),
    async store(...samples) {
      const answer = await stow(samples)
      if (answer.status !== 200) throw new Error(`not stored: ${answer.status} ${answer.text}`)
      return answer
    },
    stow,
    async qido(path) {
      const answer = await ask(`/dicomweb${path}`, { headers: { Accept: 'application/dicom+json' } })
      if (answer.status !== 200) throw new Error(`not found: ${answer.status} ${answer.text}`)
      return answer.dataSets()
    },
    async [Symbol.asyncDispose]() {
      agent.destroy()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      await pixels.close()
      await database.close()
      await blobs.close()
      const staged = await readdir(spoolDir)
      await rm(folder, { recursive: true })
      if (staged.length > 0) throw new Error(`${staged.length} staging files were left`)
      if (bugs.length > 0 && options.bugsExpected !== true)
        throw new AggregateError(bugs, 'errors that nobody expected')
    },
  }
}

function askHttp(agent: Agent, url: string, { method = 'GET', headers = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const isWhole = typeof body === 'string' || Buffer.isBuffer(body)
    const length = isWhole ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}
    const own = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
    )
    const outgoing = httpRequest(url, { agent, method, headers: { ...length, ...own } }, (incoming) => {
      buffer(incoming).then((bytes) => {
        const text = bytes.toString('utf8')
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: bytes,
          text,
          json: () => JSON.parse(text) as unknown,
          dataSet: () => JSON.parse(text) as JsonDataSet,
          dataSets: () => JSON.parse(text) as JsonDataSet[],
        })
      }, reject)
    })
    outgoing.on('error', reject)
    if (isWhole || body === undefined) outgoing.end(body)
    else void writeChunks(outgoing, body).catch(() => outgoing.destroy())
  })
}

async function writeChunks(
  outgoing: ReturnType<typeof httpRequest>,
  body: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  for await (const chunk of body) {
    // A server that has answered already reads no more.
    if (outgoing.destroyed) return
    if (!outgoing.write(chunk))
      await new Promise((resolve) => outgoing.once('drain', resolve).once('close', resolve))
  }
  outgoing.end()
}

async function openDatabase(engine: 'sqlite' | 'postgres', folder: string): Promise<Database> {
  if (engine === 'sqlite') return openSqlite({ path: join(folder, 'index.db') })
  // Loaded only where it is wanted: it brings a whole server along.
  const { startPostgres } = await import('./servers/postgres.ts')
  const server = await startPostgres({ schema: true })
  const database = await openPostgres({ url: server.url })
  return {
    ...database,
    async close() {
      await database.close()
      await server.stop()
    },
  }
}
