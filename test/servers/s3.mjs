// A real S3 server, MinIO, on a bare Linux machine that has Go and a Go module proxy (GOPROXY). The community
// repository of MinIO was archived in February 2026 and releases no binaries, but `go install` still builds its last commit: about
// four minutes on two cores and once only, for the program is kept in ~/.cache/concord; after that it starts in a second.
//   node test/servers/s3.mjs [--port 9000] [--data DIR]     in the foreground, prints the environment for the tests
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { freePort } from '../../scripts/running-service.ts'

const MODULE = 'github.com/minio/minio'
const VERSION = 'v0.0.0-20260212201848-7aac2a2c5b7c'
const REGION = 'eu-central-1'

/** Builds MinIO unless that was done before; returns the path of the program. Rejects with one line of reason. */
export async function installS3({ log = () => undefined } = {}) {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'concord')
  const program = join(cache, `minio-${VERSION}`)
  if (existsSync(program)) return program
  // Built beside and renamed, so that a build that was cut short is never taken for the program.
  const build = join(cache, `build-${process.pid}`)
  await mkdir(build, { recursive: true })
  log(`building ${MODULE}@${VERSION}, some minutes, once only`)
  try {
    await finished('go', ['install', '-trimpath', '-ldflags=-s -w', `${MODULE}@${VERSION}`], {
      ...process.env,
      GOBIN: build,
      CGO_ENABLED: '0',
    })
    await rename(join(build, 'minio'), program)
  } finally {
    await rm(build, { recursive: true, force: true })
  }
  return program
}

/**
 * Starts MinIO on 127.0.0.1 with random keys; without `dataDir` in a directory that `stop` deletes. Resolves when it
 * answers. Rejects with one line of reason where it cannot be had.
 */
export async function startS3({ dataDir, port, log } = {}) {
  const program = await installS3({ log })
  const data = dataDir ?? (await mkdtemp(join(tmpdir(), 'concord-s3-')))
  const address = `127.0.0.1:${port ?? (await freePort())}`
  const accessKey = randomBytes(10).toString('hex')
  const secretKey = randomBytes(20).toString('hex')
  const child = spawn(
    program,
    ['server', data, '--address', address, '--console-address', '127.0.0.1:0', '--quiet'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: data,
        GOMAXPROCS: process.env['GOMAXPROCS'],
        MINIO_ROOT_USER: accessKey,
        MINIO_ROOT_PASSWORD: secretKey,
        MINIO_REGION: REGION,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      },
    },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (said = (said + text).slice(-2000)))
  const gone = new Promise((resolve) => {
    child.once('exit', resolve)
    child.once('error', resolve)
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await gone
    if (dataDir === undefined) await rm(data, { recursive: true, force: true })
  }
  const endpoint = `http://${address}`
  try {
    await ready(`${endpoint}/minio/health/ready`, gone)
  } catch (error) {
    await stop()
    throw new Error(`MinIO did not start: ${error.message}; it said: ${said.trim().split('\n').at(-1)}`)
  }
  return { endpoint, accessKey, secretKey, region: REGION, stop }
}

async function ready(url, gone) {
  let isGone = false
  gone.then(() => (isGone = true))
  for (let waited = 0; waited < 30_000; waited += 100) {
    if (isGone) throw new Error('the process ended')
    try {
      if ((await fetch(url)).ok) return
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('no answer within 30 seconds')
}

function finished(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    let said = ''
    child.stderr.on('data', (text) => (said = (said + text).slice(-2000)))
    child.once('error', (error) =>
      reject(new Error(`No S3 server: "${program}" cannot be run (${error.code})`)),
    )
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else
        reject(new Error(`No S3 server: "${program} ${args[0]}" failed: ${said.trim().split('\n').at(-1)}`))
    })
  })
}

function option(name) {
  const at = process.argv.indexOf(name)
  return at === -1 ? undefined : process.argv[at + 1]
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const log = (line) => process.stderr.write(`s3: ${line}\n`)
  try {
    const server = await startS3({ dataDir: option('--data'), port: option('--port'), log })
    process.stdout.write(
      `TEST_S3_ENDPOINT=${server.endpoint}\nTEST_S3_ACCESS_KEY=${server.accessKey}\n` +
        `TEST_S3_SECRET_KEY=${server.secretKey}\nTEST_S3_REGION=${server.region}\n`,
    )
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.once(signal, () => server.stop().then(() => process.exit(0)))
  } catch (error) {
    log(error.message)
    process.exit(1)
  }
}
