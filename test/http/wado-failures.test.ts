/** What clients see when bytes are missing, rotten or cut short, and what is left behind when they go away. */
import { once } from 'node:events'
import { readdir, readFile, writeFile, chmod } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import type { Archive } from '../../src/archive/archive.ts'
import { isProblem, Problem } from '../../src/problem.ts'
import { silentLog } from '../../src/log.ts'
import { ct, jpeg, jpegLike, pdf, series, us, type Sample } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'
import { partsOf } from './parts.ts'

/** A store whose reads can be made to fail, and that knows what was opened. */
interface Fault {
  /** Instead of the stream that the store gives. */
  change: (stream: Readable, read: number) => Readable | Promise<Readable>
  readonly opened: Readable[]
}

async function faultyWorld(): Promise<{ world: World; fault: Fault } & AsyncDisposable> {
  const fault: Fault = { change: (stream) => stream, opened: [] }
  const errors: unknown[] = []
  const log = Object.assign(silentLog(), { error: ({ err }: { err: unknown }) => void errors.push(err) })
  const through = (archive: Archive): Archive => ({
    ...archive,
    blobs: {
      ...archive.blobs,
      get: async (key, extent) => {
        const changed = await fault.change(await archive.blobs.get(key, extent), fault.opened.length)
        fault.opened.push(changed)
        return changed
      },
    },
  })
  const world = await startWorld({ through, log })
  return {
    world,
    fault,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      // Only what was made here on purpose may stand in the log.
      expect(errors.filter((error) => !isProblem(error, 'corrupt'))).toEqual([])
    },
  }
}

/** An answer however far it came. */
function received(
  world: World,
  path: string,
  headers: Record<string, string> = {},
  onData: () => void = () => undefined,
) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer; isWhole: boolean }>(
    (resolve, reject) => {
      const outgoing = request(world.url + path, { headers }, (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('data', onData)
        incoming.on('error', () => undefined)
        incoming.on('close', () => {
          const { statusCode = 0, complete } = incoming
          resolve({
            status: statusCode,
            headers: incoming.headers,
            body: Buffer.concat(chunks),
            isWhole: complete,
          })
        })
      })
      outgoing.on('error', reject).end()
    },
  )
}

const at = ({ uids }: Sample) =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`
const STORED = { Accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*' }
const big = jpeg(
  { NumberOfFrames: 2 },
  { pixels: { fragments: [jpegLike('a'.repeat(400_000)), jpegLike('b'.repeat(400_000))] } },
)
const document = pdf()
const RESOURCES: readonly (readonly [string, string, Record<string, string>])[] = [
  ['an original', `${at(big)}/original`, {}],
  ['an instance', at(big), {}],
  ['an instance alone', at(big), { Accept: 'application/dicom' }],
  ['a study', `/dicomweb/studies/${big.uids.study}`, {}],
  ['a frame', `${at(big)}/frames/2`, {}],
  ['frames', `${at(big)}/frames/1,2`, STORED],
  ['a frame alone', `${at(big)}/frames/2`, { Accept: 'image/jpeg' }],
  ['pixel data', `${at(big)}/pixeldata`, {}],
  ['a document', `${at(document)}/bulkdata/00420011`, {}],
  ['a document in a part', `${at(document)}/bulkdata/00420011`, { Accept: 'multipart/related; type="*/*"' }],
]

let own: Awaited<ReturnType<typeof faultyWorld>>
beforeAll(async () => {
  own = await faultyWorld()
  await own.world.store(big, document)
})
beforeEach(() => {
  own.fault.change = (stream) => stream
  own.fault.opened.length = 0
})
afterAll(() => own[Symbol.asyncDispose]())

describe.each(RESOURCES)('%s', (_name, path, headers) => {
  it('is unavailable for a while when its bytes are missing, and nothing else is said of it', async () => {
    own.fault.change = (stream) => {
      stream.destroy()
      throw new Problem('unavailable', 'A blob that should be there is not.', { retryAfter: 7 })
    }

    const answer = await own.world.get(path, headers)

    expect(answer.status).toBe(503)
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'content-type': 'application/problem+json' })
    for (const name of ['etag', 'repr-digest', 'content-disposition', 'content-encoding'])
      expect(answer.headers).not.toHaveProperty(name)
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  it('is not given when there are more bytes than there should be', async () => {
    own.fault.change = async (stream) =>
      Readable.from([Buffer.concat([await buffer(stream), Buffer.alloc(1)])])

    expect((await own.world.get(path, headers)).status).toBeGreaterThanOrEqual(500)
  })

  it('is unavailable, too, when the first bytes cannot be read', async () => {
    own.fault.change = (stream) => {
      stream.destroy()
      return new Readable({ read: () => undefined }).destroy(new Problem('unavailable', 'The disk has gone.'))
    }

    expect((await own.world.get(path, headers)).status).toBe(503)
  })
})

describe('bytes that end early', () => {
  const SENT = 100_000
  /**
   * In pieces, and the ending when the client has some of it: the last piece that came of a file is kept back until its
   * digest is known.
   */
  const cutShort = async (
    stream: Readable,
    ending: (out: Readable) => void,
    begun: Promise<unknown>,
  ): Promise<Readable> => {
    let all = Buffer.alloc(0)
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      all = Buffer.concat([all, chunk])
      if (all.length >= SENT) break
    }
    // The few bytes of a preamble that is looked at.
    if (all.length < SENT) return Readable.from([all])
    const pieces = Array.from({ length: 10 }, (_, n) => all.subarray((n * SENT) / 10, ((n + 1) * SENT) / 10))
    const out = new Readable({
      highWaterMark: 1,
      read() {
        const piece = pieces.shift()
        if (piece !== undefined) this.push(piece)
      },
    })
    void begun.then(() => ending(out))
    return out
  }
  const ENDINGS: readonly (readonly [string, (out: Readable) => void])[] = [
    ['fail', (out) => out.destroy(new Problem('unavailable', 'The store has gone.'))],
    ['are fewer than the index says', (out) => out.push(null)],
  ]
  describe.each(ENDINGS)('because they %s', (_why, ending) => {
    const PATHS = RESOURCES.filter(([, path]) => path.startsWith(at(big)) || path.endsWith(big.uids.study))
    it.each(PATHS)('break the connection of %s', async (_name, path, headers) => {
      const begun = Promise.withResolvers<null>()
      own.fault.change = (stream) => cutShort(stream, ending, begun.promise)

      const answer = await received(own.world, path, headers, () => begun.resolve(null))

      expect([answer.status, answer.isWhole]).toEqual([200, false])
      expect(answer.body.length).toBeLessThan(SENT + 1000)
      expect(answer.body.subarray(-60).includes('--\r\n')).toBe(false)
    })
  })
})

describe('a file that has rotted', () => {
  /** Turns a byte round in the pixel data of whatever file of the store holds it. */
  async function rot(world: World, bytes: Buffer): Promise<void> {
    const blobs = join(world.folder, 'blobs')
    const names = await readdir(blobs, { recursive: true, withFileTypes: true })
    for (const entry of names.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const stored = await readFile(path)
      const found = stored.indexOf(bytes.subarray(0, 4000))
      if (found < 0) continue
      stored.writeUInt8(stored.readUInt8(found + bytes.length - 100) ^ 0xff, found + bytes.length - 100)
      await chmod(path, 0o600)
      await writeFile(path, stored)
      return
    }
    throw new Error('the file is not in the store')
  }

  it('is not sent, and somebody is told, where it is small', async () => {
    await using world = await startWorld({ bugsExpected: true })
    const slice = ct()
    await world.store(slice)
    await rot(world, slice.bytes)

    for (const [path, headers] of [
      [`${at(slice)}/original`, {}],
      [at(slice), {}],
      [at(slice), { Accept: 'application/dicom' }],
    ] as const) {
      const answer = await world.get(path, headers)
      expect([path, answer.status]).toEqual([path, 500])
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.text).toContain('digest')
      expect(answer.headers).not.toHaveProperty('repr-digest')
    }
    const rows = await world.archive.database.attention.list({ open: true, limit: 10 })
    expect(rows.map(({ reason, study, instance }) => ({ reason, study, instance }))).toEqual([
      { reason: 'corrupt-file', study: slice.uids.study, instance: slice.uids.instance },
    ])
  })

  it('breaks the connection where much has been sent already', async () => {
    await using world = await startWorld({ bugsExpected: true })
    await world.store(big)
    await rot(world, big.bytes)

    for (const [path, headers] of [
      [`${at(big)}/original`, {}],
      [at(big), {}],
    ] as const) {
      const answer = await received(world, path, headers)
      expect([answer.status, answer.isWhole]).toEqual([200, false])
      expect(answer.body.length).toBeLessThan(big.bytes.length)
    }
  })
})

describe('a client that goes away', () => {
  async function leave(
    world: World,
    path: string,
    headers: Record<string, string>,
    when: 'at once' | 'later',
  ) {
    const outgoing = request(world.url + path, { headers })
    outgoing.on('error', () => undefined).end()
    if (when === 'at once') await wait(5)
    else {
      const [incoming] = (await once(outgoing, 'response')) as [Readable]
      incoming.on('error', () => undefined)
      await once(incoming, 'readable')
    }
    outgoing.destroy()
  }

  it.each(['at once', 'later'] as const)('%s leaves no file open and no error', async (when) => {
    const huge = us({ NumberOfFrames: 100, Rows: 256, Columns: 512 })
    await own.world.store(huge, ...series(ct, 50, { StudyInstanceUID: huge.uids.study }))

    for (const [path, headers] of [
      [`${at(huge)}/original`, {}],
      [at(huge), { Accept: 'application/dicom' }],
      [`/dicomweb/studies/${huge.uids.study}`, {}],
      [`${at(huge)}/pixeldata`, {}],
      [`${at(huge)}/frames/1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20`, {}],
      [`/dicomweb/studies/${huge.uids.study}/metadata`, { 'Accept-Encoding': 'gzip' }],
    ] as const) {
      await leave(own.world, path, headers, when)
    }

    await until(() => own.fault.opened.every((stream) => stream.closed))
    if (when === 'later') expect(own.fault.opened).not.toEqual([])
    // The service is as well as before.
    expect(partsOf(await own.world.get(`${at(huge)}/frames/2`)).parts).toHaveLength(1)
  })

  it('while the bytes are being opened leaves none open', async () => {
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let opening = 0
    own.fault.change = async (stream) => {
      opening++
      await held
      return stream
    }

    const resources = RESOURCES.filter(([, where]) => where.startsWith(at(big)))
    for (const [before, [, path, headers]] of resources.entries()) {
      const outgoing = request(own.world.url + path, { headers })
      outgoing.on('error', () => undefined).end()
      await until(() => opening > before)
      outgoing.destroy()
    }
    // For the service to see the last one go.
    await wait(30)
    release()

    await until(() => own.fault.opened.length === opening && own.fault.opened.every(({ closed }) => closed))
    expect(opening).toBeGreaterThanOrEqual(resources.length)
  })
})
