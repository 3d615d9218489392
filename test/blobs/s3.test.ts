import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { startS3StandIn, type S3StandIn } from '../../scripts/stand-ins/s3-server.ts'
import { openS3Blobs, type S3Options } from '../../src/blobs/s3.ts'
import type { BlobVault } from '../../src/blobs/ports.ts'
import { isProblem } from '../../src/problem.ts'
import { blobOf, keyOf, listAll, putOne, readAll, stagedBlob } from './blobs.ts'
import { describeVault } from './contract.ts'

const MIB = 1024 * 1024
let standIn: S3StandIn
const vaults: BlobVault[] = []

function optionsFor(server: S3StandIn, bucket: string): S3Options {
  const { endpoint, accessKey, secretKey, region } = server
  return { endpoint, bucket, accessKey, secretKey, region, idleMs: 5000, pauseMs: 2 }
}

async function openVault(bucket: string, more: Partial<S3Options> = {}): Promise<BlobVault> {
  const vault = await openS3Blobs({ ...optionsFor(standIn, bucket), ...more })
  vaults.push(vault)
  return vault
}

beforeAll(async () => {
  standIn = await startS3StandIn()
})

afterEach(async () => {
  standIn.heal()
  await Promise.all(vaults.splice(0).map((vault) => vault.close()))
})

afterAll(() => standIn.stop())

describeVault('a bucket of the stand-in', async () => {
  const open = () => openS3Blobs(optionsFor(standIn, 'contract'))
  return { vault: await open(), reopen: open, listsSha256: () => false }
})

// A real server, where there is one: `node test/servers/s3.mjs` prints these.
const real = process.env['TEST_S3_ENDPOINT']
if (real === undefined) {
  process.stdout.write('skipped: no S3 server (TEST_S3_ENDPOINT)\n')
} else {
  const bucket = `concord-test-${randomBytes(6).toString('hex')}`
  describeVault('a bucket of a real server', async () => {
    const open = () =>
      openS3Blobs({
        endpoint: real,
        bucket,
        accessKey: process.env['TEST_S3_ACCESS_KEY'] ?? '',
        secretKey: process.env['TEST_S3_SECRET_KEY'] ?? '',
        region: process.env['TEST_S3_REGION'] ?? 'us-east-1',
      })
    return { vault: await open(), reopen: open, listsSha256: () => false }
  })
}

describe('an S3 vault when the store fails', () => {
  it('tries again when the store is busy, and waits as long as it asks', async () => {
    const vault = await openVault('busy')
    standIn.fail({ kind: 'status', status: 503, method: 'PUT', times: 3 })
    standIn.fail({ kind: 'status', status: 429, method: 'PUT', retryAfter: 1 })
    const bytes = randomBytes(5000)
    const started = Date.now()
    const key = await putOne(vault, blobOf(bytes))
    expect(Date.now() - started).toBeGreaterThanOrEqual(950)
    expect(await readAll(vault, key)).toEqual(bytes)
  })

  it('gives up on a store that stays busy, with a Problem that says when to come back', async () => {
    const vault = await openVault('very-busy')
    standIn.fail({ kind: 'status', status: 503, times: 100, retryAfter: 0 })
    const [answer] = await vault.put([blobOf(randomBytes(100))])
    expect(answer).toMatchObject({ kind: 'unavailable', retryAfter: 0 })
    await expect(vault.get('v1/2b/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b')).rejects.toMatchObject({
      kind: 'unavailable',
    })
    await expect(vault.check()).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(listAll(vault)).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('lets one object of a batch fail alone', async () => {
    const vault = await openVault('alone')
    standIn.fail({ kind: 'status', status: 400, method: 'PUT' })
    const answers = await vault.put(Array.from({ length: 20 }, (_, i) => blobOf(randomBytes(i))))
    expect(answers.filter((answer) => isProblem(answer, 'unavailable'))).toHaveLength(1)
    expect(answers.filter((answer) => !isProblem(answer))).toHaveLength(19)
  })

  it.each([5000, 300_000, 20 * MIB])('stores %i bytes once though the answer is lost', async (size) => {
    const vault = await openVault('lost')
    standIn.fail({ kind: 'ack-lost', method: 'PUT' })
    standIn.fail({ kind: 'ack-lost', method: 'POST', url: /uploadId/ })
    const bytes = randomBytes(size)
    const key = await putOne(vault, blobOf(bytes))
    expect((await readAll(vault, key)).equals(bytes)).toBe(true)
    expect((await listAll(vault)).filter((blob) => blob.key === key)).toHaveLength(1)
  })

  it.each([3000, 3 * MIB, 20 * MIB])(
    'never takes %i bytes for stored that the store cut short',
    async (size) => {
      const vault = await openVault('short')
      standIn.fail({
        kind: 'truncate',
        keep: 1000,
        method: 'PUT',
        url: size > 8 * MIB ? /partNumber=3/ : /./,
      })
      const [answer] = await vault.put([blobOf(randomBytes(size))])
      expect(isProblem(answer, 'unavailable')).toBe(true)
    },
  )

  it('refuses bytes that are not those of the digest', async () => {
    const vault = await openVault('digest')
    const [answer] = await vault.put([{ ...blobOf(randomBytes(100)), sha256: '0'.repeat(64) }])
    expect(isProblem(answer, 'unavailable')).toBe(true)
  })

  it('does not wait for ever for a store that says nothing', async () => {
    const vault = await openVault('silent', { idleMs: 200 })
    standIn.fail({ kind: 'hang', method: 'PUT' })
    const key = await putOne(vault, blobOf(randomBytes(100)))
    expect(await vault.stat(key)).toEqual({ size: 100 })
    standIn.fail({ kind: 'hang', method: 'PUT', times: 5 })
    const [answer] = await vault.put([blobOf(randomBytes(100))])
    expect(isProblem(answer, 'unavailable')).toBe(true)
  })

  it.each(['drop', 'stall'] as const)('reads on where a transfer was broken off (%s)', async (kind) => {
    const vault = await openVault('broken', { idleMs: 300 })
    for (const size of [4000, 3 * MIB]) {
      const bytes = randomBytes(size)
      const key = await putOne(vault, blobOf(bytes))
      standIn.fail({ kind, method: 'GET', afterBytes: 1000 })
      standIn.fail({ kind, method: 'GET', afterBytes: Math.floor(size / 3) })
      expect((await readAll(vault, key)).equals(bytes)).toBe(true)
      standIn.fail({ kind, method: 'GET', afterBytes: 100 })
      expect((await readAll(vault, key, 50, size - 100)).equals(bytes.subarray(50, size - 50))).toBe(true)
    }
  })

  it('ends a transfer that cannot be read on with an error, not early', async () => {
    const vault = await openVault('cut')
    const key = await putOne(vault, blobOf(randomBytes(MIB)))
    standIn.fail({ kind: 'drop', method: 'GET', afterBytes: 400_000 })
    standIn.fail({ kind: 'status', status: 503, method: 'GET', times: 5 })
    await expect(buffer(await vault.get(key))).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('lets a reader take its time without asking the store again', async () => {
    const vault = await openVault('slow')
    const bytes = randomBytes(6 * MIB)
    const key = await putOne(vault, blobOf(bytes))
    const read: Buffer[] = []
    for await (const chunk of (await vault.get(key)) as AsyncIterable<Buffer>) {
      read.push(chunk)
      if (read.length === 2) await new Promise((resolve) => setTimeout(resolve, 500))
    }
    expect(Buffer.concat(read).equals(bytes)).toBe(true)
    expect(standIn.requests.filter((request) => request === `GET /slow/${key}`)).toHaveLength(1)
  })

  it('gives the connection back of a reader that goes away before it has read', async () => {
    const vault = await openS3Blobs({ ...optionsFor(standIn, 'gone'), idleMs: 60_000 })
    vaults.push(vault)
    const bytes = randomBytes(6 * MIB)
    const key = await putOne(vault, blobOf(bytes))
    for (let i = 0; i < 100; i++) (await vault.get(key)).destroy()
    expect((await readAll(vault, key)).equals(bytes)).toBe(true)
  })

  it('aborts an upload in parts that fails, and keeps the staging file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'concord-s3-'))
    const vault = await openVault('parts')
    const blob = await stagedBlob(directory, randomBytes(20 * MIB))
    standIn.fail({ kind: 'status', status: 500, method: 'PUT', url: /partNumber=2/, times: 5 })
    const [failed] = await vault.put([blob])
    expect(isProblem(failed, 'unavailable')).toBe(true)
    expect(standIn.buckets.uploads('parts')).toEqual([])
    expect(existsSync((blob.bytes as { path: string }).path)).toBe(true)
    const [again] = await vault.put([blob])
    expect(await vault.stat(keyOf(again))).toEqual({ size: 20 * MIB })
    await rm(directory, { recursive: true })
  })

  it('refuses to open where nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const options = { ...optionsFor(standIn, 'nowhere'), endpoint: `http://127.0.0.1:${port}` }
    await expect(openS3Blobs(options)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/ECONNREFUSED/) as string,
    })
  })

  it.each(['127.0.0.1:9000', 'ftp://store', 'http://store/path', 'http://store/?x=1', ''])(
    'refuses %j as an endpoint',
    async (endpoint) => {
      await expect(openS3Blobs({ ...optionsFor(standIn, 'any'), endpoint })).rejects.toMatchObject({
        message: expect.stringMatching(/S3 endpoint/) as string,
      })
    },
  )

  it('refuses to open a bucket that is not its own to make', async () => {
    standIn.fail({ kind: 'status', status: 403, method: 'HEAD' })
    await expect(openVault('forbidden')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/AccessDenied/) as string,
    })
  })
})

describe('the objects of an S3 vault', () => {
  it('carry their SHA-256', async () => {
    const vault = await openVault('metadata')
    for (const size of [10, 9 * MIB]) {
      const blob = blobOf(randomBytes(size))
      const key = await putOne(vault, blob)
      expect(standIn.buckets.get('metadata', key).metadata['x-amz-meta-sha256']).toBe(blob.sha256)
    }
  })

  it('are listed over many pages, and what others put into the bucket is not', async () => {
    const vault = await openVault('shared')
    const keys: string[] = []
    for (let i = 0; i < 25; i++) {
      const answers = await vault.put(Array.from({ length: 100 }, () => blobOf(randomBytes(3))))
      keys.push(...answers.map(keyOf))
    }
    for (const key of ['other.txt', 'v1/readme', 'v1/00/x', 'v2/aa/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1aaa']) {
      standIn.buckets.put('shared', key, { bytes: Buffer.from('x'), metadata: {} })
    }
    standIn.fail({ kind: 'status', status: 503, method: 'GET', url: /start-after=v1/ })
    expect((await listAll(vault)).map(({ key }) => key)).toEqual(keys.sort())
  })

  it('leave no stale upload in parts behind a crash, and no upload of others is touched', async () => {
    await openVault('stale')
    const { buckets } = standIn
    const day = 24 * 60 * 60 * 1000
    const ours = 'v1/2b/0192f0c1-2d3e-7f50-8a6b-7c8d9e0f1a2b'
    buckets.startUpload('stale', ours, {}, new Date(Date.now() - 2 * day))
    const young = buckets.startUpload('stale', ours, {}, new Date(Date.now() - day / 2))
    const foreign = buckets.startUpload('stale', 'v1/backup.tar', {}, new Date(Date.now() - 9 * day))
    await openVault('stale')
    expect(buckets.uploads('stale').map(({ id }) => id)).toEqual([young, foreign])
  })
})
