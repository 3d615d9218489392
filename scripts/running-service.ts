import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '..')

/** A service in a process of its own. */
export interface Service {
  readonly pid: number
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves when it has drained and gone. */
  stop(): Promise<void>
}

type Environment = Readonly<Record<string, string>>

/** Settings that keep everything in one folder, wherever the environment of the caller would have it. */
export function allIn(folder: string): Environment {
  return { DATA_DIR: folder, SPOOL_DIR: '', DATABASE_URL: '', BLOB_URL: '' }
}

/** Starts the service as `npm start` does and waits until it is ready. Rejects with what it printed when it ends before. */
export async function startService(env: Environment): Promise<Service> {
  const child = start('src/main.ts', [], env)
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const deadline = Date.now() + 60_000
  while (!(await isReady(env['PORT'] ?? '8080'))) {
    if (hasEnded(child) || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the service did not become ready:\n${output}`)
    }
    await sleep(25)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (hasEnded(child)) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return { pid: child.pid ?? 0, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') }
}

/** Runs a script of ours to its end. */
export async function runToEnd(
  script: string,
  args: readonly string[],
  env: Environment,
): Promise<{ status: number; output: string }> {
  const child = start(script, args, env)
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  // `exit` may come before the last of what it printed.
  const [status] = (await once(child, 'close')) as [number | null]
  return { status: status ?? -1, output }
}

/** Whether the port of the loopback interface can be listened on. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/**
 * A port of the loopback interface that nobody uses now, nor will before the caller listens on it: Linux gives none of
 * these to whoever names no port (`ip_local_port_range`), and each process begins somewhere else.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS.count; tries++) {
    const port = PORTS.first + ((process.pid * PORTS.stride + given++) % PORTS.count)
    if (await isFree(port)) return port
  }
  throw new Error('no port of the loopback interface can be listened on')
}

const PORTS = { first: 20_000, count: 12_000, stride: 61 }
let given = 0

function start(script: string, args: readonly string[], env: Environment): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'scripts', 'run.cjs'), script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function isReady(port: string): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(1000) }).then(
    (response) => response.status === 200,
    () => false,
  )
}
