// What is under hapi/, built by Maven, and what its processes have in common.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('hapi/', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'concord')
const SOURCES = ['HapiServer', 'HapiValidator']
const BUILD_MS = 15 * 60_000 // a slow network must not fail the first build

/**
 * The class path, for Java, of what is under hapi/; built if need be. Builds are kept by the hash of what they are made from.
 * @returns {Promise<string>}
 * @throws {Error} one line that says what is missing or what went wrong
 */
export async function classpath() {
  const hash = createHash('sha256')
  for (const file of ['pom.xml', ...SOURCES.map((name) => `src/main/java/${name}.java`)])
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
export function end(child) {
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
export function reason(log) {
  const lines = log.split('\n').filter((line) => line.trim())
  const line =
    lines.find((line) => line.includes('[ERROR] ')) ?? lines.findLast((line) => line.startsWith('Caused by:'))
  return (line ?? lines[0] ?? 'it said nothing').replace(/^.*?\[ERROR\] |^Caused by: /, '').slice(0, 500)
}

export function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
