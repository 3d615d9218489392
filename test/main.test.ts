import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ct, mr } from './samples.ts'
import { until } from './until.ts'
import { freePort } from '../scripts/running-service.ts'
import { stowBody } from './world.ts'

/** Those of a test that has failed may be running yet. */
const running = new Map<ChildProcess, Promise<unknown>>()
async function endAll(): Promise<void> {
  for (const [child, ended] of running) {
    child.kill('SIGKILL')
    await ended
  }
  running.clear()
}

/** The service as its own process, as `npm start` runs it. */
async function start(environment: Record<string, string>) {
  const child: ChildProcess = spawn(process.execPath, ['scripts/run.cjs', 'src/main.ts'], {
    env: { PATH: process.env['PATH'], PORT: '0', LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { promise: opened, resolve: open } = Promise.withResolvers<string>()
  let told = ''
  const listen = (text: Buffer) => {
    told += text.toString()
    const address = /open (http\S+?)\/ ;/.exec(told)?.[1]
    if (address !== undefined) open(address)
  }
  child.stderr!.on('data', listen)
  child.stdout!.on('data', listen)
  // `close` comes when both streams are read to their end, so that all that was told is there.
  const ended = once(child, 'close').then(([code]) => code as number)
  running.set(child, ended)
  const url = await Promise.race([opened, ended.then(() => '')])
  return { child, url, ended, told: () => told }
}

const post = (url: string, body: Buffer, headers: Record<string, string>) =>
  fetch(`${url}/dicomweb/studies`, { method: 'POST', headers, body: new Uint8Array(body) })

describe('the service as a process', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'concord-main-'))
  })
  afterEach(async () => {
    await endAll()
    await rm(folder, { recursive: true })
  })

  it('ends with 78 and one sentence for each fault of its settings, before anything is opened', async () => {
    const service = await start({
      DATA_DIR: join(folder, 'data'),
      HOST: '0.0.0.0',
      PORT: 'x',
      FHIR_VERSION: 'R3',
    })
    expect(await service.ended).toBe(78)
    expect(service.told().trim().split('\n')).toEqual([
      'concord: PORT must be a whole number from 0 to 65535.',
      'concord: FHIR_VERSION must be one of R4, R4B, R5.',
      expect.stringContaining('concord: HOST is 0.0.0.0'),
      expect.stringContaining('concord: PUBLIC_URL must be set'),
    ])
    expect(await readdir(folder)).toEqual([])
  })

  const itHere = process.platform === 'linux' ? it : it.skip
  itHere('ends with one line where its folder cannot be made', async () => {
    const service = await start({ DATA_DIR: '/proc/concord/data' })
    expect([await service.ended, service.told()]).toEqual([
      1,
      expect.stringMatching(/^concord: .*mkdir '\/proc\/concord'\n$/),
    ])
  })

  it('says in one line why its index cannot be opened', async () => {
    await writeFile(join(folder, 'letter.txt'), 'No database at all.'.repeat(100))
    for (const [url, why] of [
      [`sqlite:${join(folder, 'letter.txt')}`, 'file is not a database'],
      [`sqlite:${join(folder, 'nowhere', 'index.db')}`, 'the directory does not exist'],
      [
        `postgres://one:secret@127.0.0.1:${await freePort()}/concord`,
        'cannot be reached: connect ECONNREFUSED',
      ],
    ] as const) {
      const service = await start({ DATA_DIR: folder, DATABASE_URL: url })
      expect([await service.ended, service.told()]).toEqual([1, expect.stringMatching(/^concord: .*\n$/)])
      expect(service.told()).toContain(why)
      expect(service.told()).not.toContain('secret')
    }
  })

  it('says in one line what to open, keeps what it was given, and lets no second process in', async () => {
    const service = await start({ DATA_DIR: folder })
    expect(service.told()).toMatch(
      /^concord: open http:\/\/127\.0\.0\.1:\d+\/ ; DICOMweb is at .*local mode.*\n$/,
    )
    const { body, headers } = stowBody([ct()])
    expect((await post(service.url, body, headers)).status).toBe(200)

    const second = await start({ DATA_DIR: folder })
    expect([await second.ended, second.told()]).toEqual([
      1,
      expect.stringMatching(/^concord: Another process .*\n$/),
    ])

    const third = await start({ DATA_DIR: join(folder, 'third'), PORT: new URL(service.url).port })
    expect([await third.ended, third.told()]).toEqual([
      1,
      expect.stringMatching(/^concord: Another program listens on 127\.0\.0\.1:\d+\. Set PORT .*\n$/),
    ])

    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
    const again = await start({ DATA_DIR: folder })
    expect(await (await fetch(`${again.url}/dicomweb/instances`)).json()).toHaveLength(1)
    again.child.kill('SIGINT')
    expect(await again.ended).toBe(0)
  })

  it('says in its log why nothing is pushed to the FHIR server', async () => {
    const service = await start({ DATA_DIR: folder, FHIR_URL: `http://127.0.0.1:${await freePort()}/fhir` })
    await until(() => /"what":"paused".*"msg":"fhir"/.test(service.told()))
    expect(service.told()).toContain('"problem":"no answer from the FHIR server: ECONNREFUSED"')
    service.child.kill('SIGTERM')
    expect(await service.ended).toBe(0)
  })

  it('finishes the uploads under way when it is told to end', async () => {
    const service = await start({ DATA_DIR: folder })
    const { body, headers } = stowBody([ct(), mr()])
    const [half, gate] = [body.length / 2, Promise.withResolvers<undefined>()]
    async function* slowly() {
      yield new Uint8Array(body.subarray(0, half))
      await gate.promise
      yield new Uint8Array(body.subarray(half))
    }
    const upload = fetch(`${service.url}/dicomweb/studies`, {
      method: 'POST',
      headers,
      body: ReadableStream.from(slowly()),
      duplex: 'half',
    })
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text()
    await until(async () => (await metrics()).includes('concord_uploads 1'))
    service.child.kill('SIGTERM')
    const isDeaf = () =>
      fetch(`${service.url}/health/live`).then(
        () => false,
        () => true,
      )
    await until(isDeaf)
    gate.resolve(undefined)
    expect((await upload).status).toBe(200)
    expect(await service.ended).toBe(0)
  })

  it('loses nothing that it acknowledged when it is killed, and starts again', async () => {
    const service = await start({ DATA_DIR: folder })
    const acknowledged: string[] = []
    const statuses = new Set<number>()
    const senders = Array.from({ length: 4 }, async () => {
      for (;;) {
        const sample = ct()
        const { body, headers } = stowBody([sample])
        try {
          const { status } = await post(service.url, body, headers)
          statuses.add(status)
          if (status === 200) acknowledged.push(sample.uids.instance)
        } catch {
          // Killed, as is meant; at any other time the rows below are fewer.
          return
        }
      }
    })
    await until(() => acknowledged.length >= 40)
    service.child.kill('SIGKILL')
    await Promise.all(senders)
    expect([...statuses]).toEqual([200])
    await writeFile(join(folder, 'spool', '0190-crash.part'), 'what a crash left')

    const again = await start({ DATA_DIR: folder })
    const rows = (await (await fetch(`${again.url}/dicomweb/instances?limit=5000`)).json()) as Record<
      string,
      { Value: string[] }
    >[]
    const found = new Set(rows.map((row) => row['00080018']?.Value[0]))
    expect(acknowledged.filter((uid) => !found.has(uid))).toEqual([])
    expect(await readdir(join(folder, 'spool'))).toEqual([])
    again.child.kill('SIGTERM')
    expect(await again.ended).toBe(0)
  })
})
