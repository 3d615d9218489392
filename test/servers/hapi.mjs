// A real HAPI FHIR JPA server (R4 on H2, loopback only) for tests and for trying things out:
//
//   node test/servers/hapi.mjs [--port N] [--data DIR]     in the foreground, until Ctrl-C
//   const { url, stop } = await startHapi({ port, dataDir })   from a test; any free port and memory unless told
//
// Needs a JDK from 17 up and Maven (Debian: apt-get install default-jdk-headless maven). The libraries come from
// Maven Central into ~/.m2 once, about 300 MB; after that neither building nor starting uses the network.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const project = fileURLToPath(new URL('hapi/', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'concord')
const BUILD_MS = 15 * 60_000 // a slow network must not fail the first build
const READY_MS = 3 * 60_000
const STOP_MS = 10_000

/**
 * Builds the server if need be, starts it and waits until it answers.
 * @param {{ port?: number, dataDir?: string }} [options] without `port` any free one; without `dataDir` in memory
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 * @throws {Error} one line that says what is missing or what went wrong
 */
export async function startHapi({ port = 0, dataDir } = {}) {
  const classpath = await build()
  const java = spawn('java', [
    '-Xmx1g',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1', // halves the start; a test server lives too short for the optimising compiler
    `-Dport=${port}`,
    ...(dataDir ? [`-DdataDir=${dataDir}`] : []),
    '-cp',
    classpath,
    'HapiServer',
  ])
  const ended = end(java)
  const stop = async () => {
    java.stdin.end() // the server ends when its standard input does, so it also ends if this process is killed
    const timer = setTimeout(() => java.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }
  const ready = new Promise((resolve) => {
    let text = ''
    java.stdout.on('data', (chunk) => {
      text += chunk
      const url = /^READY (\S+)$/m.exec(text)?.[1]
      if (url) resolve(url)
    })
  })
  const url = await Promise.race([ready, ended.then(() => undefined), after(READY_MS)])
  if (url) return { url, stop }
  await stop()
  throw new Error(`HAPI did not start: ${reason((await ended).errors)}`)
}

/** The class path of the built server. Builds are kept by the hash of what they are made from. */
async function build() {
  const hash = createHash('sha256')
  for (const file of ['pom.xml', 'src/main/java/HapiServer.java'])
    hash.update(readFileSync(join(project, file)))
  const folder = join(cache, `hapi-${hash.digest('hex').slice(0, 16)}`)

  if (!isWhole(folder)) {
    mkdirSync(cache, { recursive: true })
    const made = mkdtempSync(join(cache, 'hapi-build-'))
    try {
      const args = [
        '-B',
        '-ntp',
        '-q',
        '-Dstyle.color=never',
        '-f',
        join(project, 'pom.xml'),
        `-Dout=${made}`,
        'package',
      ]
      const mvn = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'] })
      const ended = end(mvn)
      const result = await Promise.race([ended, after(BUILD_MS)])
      if (result === undefined) mvn.kill()
      if (result?.code !== 0) throw new Error(`HAPI was not built: ${reason((await ended).errors)}`)
      rmSync(folder, { recursive: true, force: true })
      renameSync(made, folder) // whole or not at all, should two processes build at once
    } catch (error) {
      if (!isWhole(folder)) throw error
    } finally {
      rmSync(made, { recursive: true, force: true })
    }
  }
  return classpathOf(folder).join(delimiter)
}

function isWhole(folder) {
  return existsSync(join(folder, 'classpath')) && classpathOf(folder).every((jar) => existsSync(jar))
}

function classpathOf(folder) {
  return [
    join(folder, 'hapi.jar'),
    ...readFileSync(join(folder, 'classpath'), 'utf8').trim().split(delimiter),
  ]
}

/** How a process ended, and the end of what it complained about (Maven complains on standard output). */
function end(child) {
  let errors = ''
  const keep = (chunk) => (errors = (errors + chunk).slice(-20_000))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin?.on('error', () => {}) // it is gone already
  return new Promise((resolve) => {
    child.on('error', (error) => {
      const missing = `${child.spawnfile} is not installed (Debian: apt-get install default-jdk-headless maven)`
      resolve({ code: -1, errors: error.code === 'ENOENT' ? missing : error.message })
    })
    child.on('close', (code) => resolve({ code, errors }))
  })
}

/** The one line of a log that says most: the first of Maven's, the innermost cause of Java's. */
function reason(log) {
  const lines = log.split('\n').filter((line) => line.trim())
  const line =
    lines.find((line) => line.includes('[ERROR] ')) ?? lines.findLast((line) => line.startsWith('Caused by:'))
  return (line ?? lines[0] ?? 'it said nothing').replace(/^.*?\[ERROR\] |^Caused by: /, '').slice(0, 500)
}

function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } })
  try {
    const { url, stop } = await startHapi({ port: Number(values.port ?? 0), dataDir: values.data })
    console.log(`READY ${url}`)
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop())
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
