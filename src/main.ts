import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import closeWithGrace from 'close-with-grace'
import type { Archive } from './archive/archive.ts'
import { startCorrector, type Corrector } from './archive/correct.ts'
import { startSequencer } from './archive/sequence.ts'
import { createIntake, type Intake } from './archive/store.ts'
import { clearSpool } from './archive/store-spool.ts'
import type { Sync } from './archive/sync.ts'
import { createViewer } from './archive/viewing.ts'
import { openFolderBlobs } from './blobs/folder.ts'
import type { BlobStore } from './blobs/ports.ts'
import { openS3Blobs } from './blobs/s3.ts'
import { bracketed, type Config, EXIT_CONFIG, readConfig } from './config.ts'
import { openPostgres } from './database/postgres.ts'
import type { Database } from './database/ports/database.ts'
import { openSqlite } from './database/sqlite.ts'
import { usePrivateElements } from './dicom/private-dictionary.ts'
import { makeFolder } from './folders.ts'
import { correctionRoutes } from './http/admin-corrections.ts'
import { createApp } from './http/app.ts'
import { fhirAdminRoutes } from './http/fhir-admin.ts'
import type { Mount } from './http/routes.ts'
import { createHttpServer } from './http/server.ts'
import { DICOMWEB, type HttpSettings } from './http/settings.ts'
import { createLog, type Log } from './log.ts'
import { fhirSideOf, subscriptionsOf, syncOf, watchMounts, watchOf } from './main-fhir.ts'
import { openPixelEngine } from './pixels/engine.ts'
import { isProblem, Problem, withCause } from './problem.ts'

/** How long requests under way may take to end when the service is told to, in milliseconds. */
const DRAIN_MS = 25_000
/** A staging file this old belongs to no upload that still goes on. */
const STALE_UPLOAD_MS = 24 * 60 * 60 * 1000
/** Over which the pace of an upload is measured. */
const PACE_WINDOW_MS = 30_000

/** Threads for pixels leave one processor to everything else; what a picture may take; what is kept of frames and pictures. */
const PIXELS = {
  threads: Math.min(4, availableParallelism()),
  queue: 1000,
  timeLimitMs: 30_000,
  cacheBytes: 64 * 1024 * 1024,
}

const config = readConfig(process.env)
if ('faults' in config) {
  for (const fault of config.faults) console.error(`concord: ${fault}`)
  process.exitCode = EXIT_CONFIG
} else {
  try {
    await serve(config)
  } catch (error) {
    // What an operator can mend is one line; anything else is ours to mend.
    if (!isProblem(error) && (error as NodeJS.ErrnoException).syscall === undefined) throw error
    console.error(`concord: ${withCause(error as Error)}`)
    process.exitCode = 1
  }
}

/** Opens everything, listens, and says so in one line; closes it all in the other order when it is told to end. */
async function serve(config: Config): Promise<void> {
  const log = createLog(config.logLevel)
  usePrivateElements(config.privateElements)
  for (const folder of [config.dataDir, config.spoolDir]) await makeFolder(folder)
  const opened = new AsyncDisposableStack()
  try {
    const blobs = await openBlobs(config)
    opened.defer(() => blobs.close())
    await clearSpool(config.spoolDir, new Date(Date.now() - STALE_UPLOAD_MS))
    const database = await openDatabase(config)
    opened.defer(() => database.close())
    const archive: Archive = { blobs, database, now: () => new Date() }
    const owing: { sync: Sync | null } = { sync: null }
    const intake = openIntake(archive, config, log, () => owing.sync?.wake())
    const pixels = openPixelEngine(PIXELS)
    opened.defer(() => pixels.close())
    const viewer = createViewer(archive, pixels)
    const listener: { app: RequestListener } = {
      app: (_request, response) => void response.writeHead(503).end(),
    }
    const server = createHttpServer((request, response) => listener.app(request, response))
    const settings = httpSettings(config, await listen(server, config))
    opened.defer(() => drain(server))
    const sequencer = startSequencer(archive, (err) => log.warn({ err }, 'feed rows not numbered'))
    opened.defer(() => sequencer.stop())
    const side = fhirSideOf(archive, config, settings)
    const sync = (owing.sync = syncOf(archive, side, config, log))
    opened.defer(() => sync?.stop())
    const corrector = correctorOf(archive, config, log)
    opened.defer(() => corrector.stop())
    const watch = watchOf(archive, side, config, log, corrector)
    opened.defer(() => watch?.stop())
    const subscriptions = subscriptionsOf(archive, side, config, settings, log)
    opened.defer(() => subscriptions?.stop())
    const more: Mount[] = [
      { at: '', router: fhirAdminRoutes(archive, sync, subscriptions), access: 'admin' },
      {
        at: '/admin',
        router: correctionRoutes(archive, config.corrections.policy, corrector),
        access: 'admin',
      },
      ...watchMounts(watch, config),
    ]
    listener.app = createApp({ archive, intake, viewer, settings, log, more }).app
    announce(config, settings)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
  closeWithGrace({ delay: DRAIN_MS + 10_000, logger: false }, async ({ err }) => {
    if (err !== undefined) log.fatal({ err }, 'a fault that nobody handled')
    await opened.disposeAsync()
    log.flush()
  })
}

function openBlobs({ blobs, spoolDir }: Config): Promise<BlobStore> {
  return blobs.kind === 's3'
    ? openS3Blobs(blobs)
    : openFolderBlobs({ path: blobs.path, stagingPath: spoolDir })
}

function openDatabase({ database, fhirQuietMs, fhirMaxWaitMs, defaultIssuer }: Config): Promise<Database> {
  const settings = { quietMs: fhirQuietMs, maxWaitMs: fhirMaxWaitMs, ...(defaultIssuer && { defaultIssuer }) }
  if (database.kind === 'postgres') return openPostgres({ url: database.url, ...settings })
  return openSqlite({ path: database.path, ...settings })
}

function openIntake(archive: Archive, { limits, spoolDir }: Config, log: Log, onStored: () => void): Intake {
  return createIntake(archive, {
    spoolDir,
    memoryBytes: limits.uploadMemory,
    partBytes: limits.partBytes,
    headerBytes: limits.headerBytes,
    onBug: (err) => log.error({ err }, 'an instance could not be processed'),
    onStored,
  })
}

function correctorOf(archive: Archive, { corrections, limits }: Config, log: Log): Corrector {
  const reading = { headerBytes: limits.headerBytes, inflatedBytes: limits.partBytes }
  return startCorrector(archive, { limits: reading, note: corrections.note }, ({ error, ...what }) =>
    log[error === undefined ? 'info' : 'error']({ ...what, err: error }, 'correction'),
  )
}

/** Listens, and gives the port that was got. */
async function listen(server: Server, { host, port }: Config): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Problem(
              'unavailable',
              `Another program listens on ${bracketed(host)}:${port}. Set PORT to another port.`,
            )
          : error,
      )
    server.once('error', fail).listen({ host, port }, resolve)
  })
  return (server.address() as AddressInfo).port
}

function httpSettings(config: Config, port: number): HttpSettings {
  const { limits, search } = config
  return {
    publicUrl: config.publicUrl ?? `http://${bracketed(config.host)}:${port}`,
    allowedHosts: config.allowedHosts,
    corsOrigins: config.corsOrigins,
    viewerUrl: config.viewerUrl,
    tokens: config.tokens,
    upload: {
      maxRequestBytes: limits.requestBytes,
      maxPartBytes: limits.partBytes,
      maxParts: limits.parts,
      maxUploads: limits.uploads,
      minBytesPerSecond: limits.uploadRate,
      paceWindowMs: PACE_WINDOW_MS,
    },
    emptySearchIs204: search.emptyIs204,
    searchLimit: search.limit,
    searchLimitMax: search.limitMax,
    searchBudgetMs: search.budgetMs,
    deletion: config.deletion,
  }
}

/** Takes no more connections, and waits for the requests under way, but not for ever. */
async function drain(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  // A connection that is kept alive is idle only when its request has ended, which may be after the call to close.
  const sweep = setInterval(() => server.closeIdleConnections(), 100)
  await new Promise((resolve) => server.close(resolve))
  clearTimeout(timer)
  clearInterval(sweep)
}

/** One line for whoever started it, apart from the log. */
function announce({ access, database, blobs, fhir }: Config, { publicUrl }: HttpSettings): void {
  const who = {
    tokens: 'tokens needed',
    local: 'local mode: everybody on this machine is administrator',
    open: 'AUTH=none: EVERYBODY WHO CAN REACH IT IS ADMINISTRATOR',
  }[access]
  const parts = [`index ${database.kind}`, `blobs ${blobs.kind}`, `FHIR ${fhir?.url ?? 'none yet'}`, who]
  console.error(`concord: open ${publicUrl}/ ; DICOMweb is at ${publicUrl}${DICOMWEB} (${parts.join('; ')})`)
}
