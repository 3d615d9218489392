// A real HAPI FHIR JPA server (R4 on H2, loopback only) for tests and for trying things out:
//
//   node test/servers/hapi.mjs [--port N] [--data DIR]     in the foreground, until Ctrl-C
//   const { url, stop } = await startHapi({ port, dataDir })   from a test; any free port and memory unless told
//
// Needs a JDK from 17 up and Maven (Debian: apt-get install default-jdk-headless maven). The libraries come from
// Maven Central into ~/.m2 once, about 300 MB; after that neither building nor starting uses the network.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { after, classpath, end, reason } from './hapi-build.mjs'

const READY_MS = 3 * 60_000
const STOP_MS = 10_000

/**
 * Builds the server if need be, starts it and waits until it answers.
 * @param {{ port?: number, dataDir?: string }} [options] without `port` any free one; without `dataDir` in memory
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 * @throws {Error} one line that says what is missing or what went wrong
 */
export async function startHapi({ port = 0, dataDir } = {}) {
  const built = await classpath()
  const java = spawn('java', [
    '-Xmx1g',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1', // halves the start; a test server lives too short for the optimising compiler
    `-Dport=${port}`,
    ...(dataDir ? [`-DdataDir=${dataDir}`] : []),
    '-cp',
    built,
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
