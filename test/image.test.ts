/**
 * The image without Docker: what the Dockerfile copies and installs is laid out in a folder, and its command is started
 * there as a user without rights, who cannot write to any of it. With TEST_IMAGE=1, for it installs the packages anew.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, copyFile, cp, glob, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../scripts/running-service.ts'
import { ct } from './samples.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '..')
/** Debian's nobody. */
const NOBODY = 65534
const TOKEN = '0123456789abcdef0123456789abcdef'
const isAsked = process.env['TEST_IMAGE'] === '1' && process.getuid?.() === 0
if (!isAsked) console.log('skipped: TEST_IMAGE is not 1, or this is not root')
const whenAsked = isAsked ? it : it.skip

type Instruction = readonly [name: string, argument: string]

/** The instructions of each stage of the Dockerfile. */
async function stages(): Promise<Instruction[][]> {
  const file = await readFile(join(ROOT, 'Dockerfile'), 'utf8')
  const lines = file.replaceAll('\\\n', ' ').matchAll(/^(?<name>[A-Z]+)\s+(?<argument>.*)$/gm)
  const found: Instruction[][] = []
  for (const { groups: { name = '', argument = '' } = {} } of lines) {
    if (name === 'FROM') found.push([])
    found.at(-1)?.push([name, argument])
  }
  return found
}

function argumentsOf(stage: readonly Instruction[], wanted: string): string[] {
  return stage.filter(([name]) => name === wanted).map(([, argument]) => argument)
}

/** Copies files of this project as COPY does; `--from` takes the packages. */
async function copy(argument: string, target: string, packages: string): Promise<void> {
  const words = argument.split(/\s+/)
  const to = words.pop() ?? ''
  const [from] = words
  if (from?.startsWith('--from=') === true) {
    await cp(join(packages, basename(to)), join(target, to), { recursive: true, verbatimSymlinks: true })
    return
  }
  const isInto = to.endsWith('/')
  for await (const name of glob(words, { cwd: ROOT })) {
    const place = join(target, isInto ? join(to, basename(name)) : to)
    await mkdir(dirname(place), { recursive: true })
    await cp(join(ROOT, name), place, { recursive: true })
  }
}

/** Lays the image out below `folder`; what runs in it: its environment, its command and its health check. */
async function build(folder: string) {
  const [packages = [], final = []] = await stages()
  const [install, app] = [join(folder, 'packages'), join(folder, 'concord')]
  for (const made of [install, app]) await mkdir(made)
  for (const argument of argumentsOf(packages, 'COPY')) await copy(argument, install, '')
  for (const argument of argumentsOf(packages, 'RUN'))
    await promisify(execFile)('sh', ['-ec', argument], { cwd: install })
  for (const argument of argumentsOf(final, 'COPY')) await copy(argument, app, install)
  const [settings = ''] = argumentsOf(final, 'ENV')
  const [command, health] = [argumentsOf(final, 'CMD'), argumentsOf(final, 'HEALTHCHECK')].map(
    ([argument = '']) => JSON.parse(argument.replace(/^[^[]*/, '')) as string[],
  )
  const env: Record<string, string> = {}
  for (const [, name = '', value = ''] of settings.matchAll(/(\w+)=(\S+)/g)) env[name] = value
  return { app, env, command: command ?? [], health: health ?? [] }
}

describe('the image', () => {
  let folder: string
  let service: ChildProcess | undefined
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-image-'))
    await chmod(folder, 0o755)
  })
  afterEach(async () => {
    if (service?.exitCode === null && service.signalCode === null) {
      const ended = once(service, 'exit')
      service.kill('SIGKILL')
      await ended
    }
    service = undefined
    await rm(folder, { recursive: true })
  })

  whenAsked(
    'starts as a user without rights, is healthy, stores, draws, and ends when it is told to',
    async () => {
      const image = await build(folder)
      const [data, node] = [join(folder, 'data'), join(folder, 'node')]
      await mkdir(data)
      await chown(data, NOBODY, NOBODY)
      await copyFile(process.execPath, node)
      const port = String(await freePort())
      const own = { PORT: port, HOST: '127.0.0.1', DATA_DIR: data, AUTH_TOKENS: `me:admin:${TOKEN}` }
      const user = { cwd: image.app, env: { ...image.env, ...own }, uid: NOBODY, gid: NOBODY }
      expect([image.command[0], image.health[0]]).toEqual(['node', 'node'])
      service = spawn(node, image.command.slice(1), { ...user, stdio: ['ignore', 'ignore', 'inherit'] })
      const checked = () => promisify(execFile)(node, image.health.slice(1), user)
      await until(() => checked().then(Boolean, () => false), 30_000)

      const { bytes, uids } = ct()
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/dicom' }
      const origin = `http://127.0.0.1:${port}/dicomweb`
      const stored = await fetch(`${origin}/studies`, {
        method: 'POST',
        headers,
        body: new Uint8Array(bytes),
      })
      expect(stored.status).toBe(200)
      const path = `studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`
      const drawn = await fetch(`${origin}/${path}/rendered`, { headers })
      expect([drawn.status, drawn.headers.get('content-type')]).toEqual([200, 'image/jpeg'])

      const ended = once(service, 'exit')
      service.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    },
    300_000,
  )
})
