import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Archive } from '../../src/archive/archive.ts'
import { storeInstances } from '../../src/archive/store.ts'
import type { StoreOutcome } from '../../src/archive/store-outcome.ts'
import type { BlobPlace, Handed, NewBlob, SmallBlob, SmallBlobs } from '../../src/blobs/ports.ts'
import type { IndexedInstance } from '../../src/database/ports/instance.ts'
import type { InstanceIndex } from '../../src/database/ports/instance-index.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
} from '../../src/dicom/transfer-syntax.ts'
import { writeInstance } from '../../src/dicom/writer.ts'
import type { DurableWrite } from '../../src/durable-write.ts'
import { Problem } from '../../src/problem.ts'
import { ct, jpeg, mr, type Sample, sr } from '../samples.ts'
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import { startWorld, type World } from '../world.ts'

// One server for all databases of this file.
let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres({ schema: true })
})
afterAll(() => server.stop())

const ANYONE = { sender: null }
const store = (world: World, ...samples: readonly (Sample | Buffer)[]) =>
  storeInstances(
    world.intake,
    samples.map((one) => (Buffer.isBuffer(one) ? one : one.bytes)),
    ANYONE,
  )
const kinds = (outcomes: readonly StoreOutcome[]) =>
  outcomes.map((outcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.isNew ? 'new' : 'known'))

async function instances(archive: Archive): Promise<IndexedInstance[]> {
  const found: IndexedInstance[] = []
  for await (const page of archive.database.index.instances({})) found.push(...page)
  return found
}

async function blobBytes({ blobs }: Archive, { extents }: IndexedInstance): Promise<Buffer> {
  return buffer(await blobs.get(extents[0]!.key, { offset: extents[0]!.offset, length: extents[0]!.length }))
}

/** Counts what is written, by itself or along with the index, and can have what goes by itself fail. */
function watched(fail: (blob: NewBlob) => Problem | undefined = () => undefined) {
  const puts: number[] = []
  const through = (archive: Archive): Archive => ({
    ...archive,
    blobs: {
      ...archive.blobs,
      small: lent(archive, async (batch, hand, ...given) => {
        const handed = await hand(...given)
        if (handed.bytes === 'written') puts.push(batch.length)
        return handed
      }),
      async put(batch) {
        puts.push(batch.length)
        const places = await archive.blobs.put(batch)
        return places.map((place, index) => fail(batch[index]!) ?? place)
      },
    },
  })
  return { puts, through }
}

/** The archive with methods of its index replaced. */
const withIndex =
  (replaced: (index: InstanceIndex) => Partial<InstanceIndex>) =>
  (archive: Archive): Archive => {
    const { database } = archive
    const index = { ...database.index, ...replaced(database.index) }
    return { ...archive, database: { ...database, index } }
  }

type Lend = SmallBlobs['lend']
type Hand = (todo: DurableWrite, places: readonly BlobPlace[]) => Promise<Handed<unknown>>

/** The archive's small blobs, where `hand` is between. */
function lent(
  { blobs: { small } }: Archive,
  between: (batch: readonly SmallBlob[], hand: Hand, ...given: Parameters<Hand>) => Promise<Handed<unknown>>,
): SmallBlobs {
  if (small === undefined) throw new Error('This store has no small blobs.')
  const lend = (batch: readonly SmallBlob[], hand: Hand) =>
    small.lend(batch, (...given) => between(batch, hand, ...given))
  return { ...small, lend: lend as Lend }
}

const total = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0)
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe('storing an instance', () => {
  it('keeps its bytes bit for bit, and both digests', async () => {
    await using world = await startWorld()
    const sample = ct()
    expect(kinds(await store(world, sample))).toEqual(['new'])
    const [instance] = await instances(world.archive)
    expect(await blobBytes(world.archive, instance!)).toEqual(sample.bytes)
    expect(instance).toMatchObject({
      uids: sample.uids,
      size: sample.bytes.length,
      fileSha256: sha256(sample.bytes),
    })
    const dataSetOffset = sample.bytes.indexOf(Buffer.from([0x08, 0x00, 0x05, 0x00, 0x43, 0x53]))
    expect(instance?.datasetSha256).toBe(sha256(sample.bytes.subarray(dataSetOffset)))
  })

  it.each([
    ['in memory', 5_000, 64 * 1024 * 1024],
    ['in a staging file because it is large', 3_000_000, 64 * 1024 * 1024],
    ['in a staging file because memory is short', 200_000, 10_000],
  ])('gives the same digests when it is spooled %s', async (_, pixelBytes, memoryBytes) => {
    await using world = await startWorld({ intake: { memoryBytes } })
    const sample = ct({}, { pixels: { vr: 'OW', bytes: randomBytes(pixelBytes) } })
    function* pieces() {
      for (let at = 0; at < sample.bytes.length; at += 50_001) yield sample.bytes.subarray(at, at + 50_001)
    }
    expect(kinds(await storeInstances(world.intake, [Readable.from(pieces())], ANYONE))).toEqual(['new'])
    const [instance] = await instances(world.archive)
    expect((await blobBytes(world.archive, instance!)).equals(sample.bytes)).toBe(true)
    expect(instance?.fileSha256).toBe(sha256(sample.bytes))
    expect(kinds(await store(world, sample))).toEqual(['known'])
  })

  it('tells who sent it: the token, else the Source AE Title', async () => {
    await using world = await startWorld()
    const [named, titled, silent] = [
      ct(),
      ct({}, { meta: { '00020016': { vr: 'AE', Value: ['CT_ROOM_2'] } } }),
      ct(),
    ]
    await storeInstances(world.intake, [named.bytes], { sender: 'gateway' })
    await store(world, titled, silent)
    const senders = new Map((await instances(world.archive)).map((one) => [one.uids.instance, one.sender]))
    expect([named, titled, silent].map(({ uids }) => senders.get(uids.instance))).toEqual([
      'gateway',
      'CT_ROOM_2',
      null,
    ])
  })
})

describe.each(['sqlite', 'postgres'] as const)('an instance that is known (%s)', (engine) => {
  it('costs no second blob, however often it comes', async () => {
    const { puts, through } = watched()
    await using world = await startWorld({ engine, through })
    const sample = ct()
    await store(world, sample)
    expect(kinds(await store(world, sample, sample, sample))).toEqual(['known', 'known', 'known'])
    expect(total(puts)).toBe(1)
    expect(await instances(world.archive)).toHaveLength(1)
  })

  it('may come twice in one upload', async () => {
    const { puts, through } = watched()
    await using world = await startWorld({ engine, through })
    const sample = ct()
    expect(kinds(await store(world, sample, mr(), sample)).toSorted()).toEqual(['known', 'new', 'new'])
    expect(total(puts)).toBe(2)
  })

  it('is the same when a gateway has rewritten group 0002 or the preamble', async () => {
    await using world = await startWorld({ engine })
    const sample = ct()
    await store(world, sample)
    const { dataSet, pixels } = sample
    const rewritten = writeInstance(dataSet, {
      ...(pixels && { pixels }),
      meta: { '00020013': { vr: 'SH', Value: ['GATEWAY'] } },
    })
    const preamble = Buffer.from(sample.bytes).fill('x', 0, 128)
    expect(kinds(await store(world, rewritten, preamble))).toEqual(['known', 'known'])
  })

  it.each([
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian],
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
    [ExplicitVRLittleEndian, ExplicitVRBigEndian],
    [DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian],
  ])(
    'may come in another transfer syntax (%s, then %s): the first copy stays, and a warning says so',
    async (first, second) => {
      await using world = await startWorld({ engine })
      const attributes = {
        '00091001': { vr: 'LO' as const, Value: ['private'] },
        '00090010': { vr: 'LO' as const, Value: ['US'] },
      }
      const one = sr(attributes, { TransferSyntaxUID: first, seed: 'one' })
      const other = sr(attributes, { TransferSyntaxUID: second, seed: 'one' })
      await store(world, one)
      const [outcome] = await store(world, other)
      expect(outcome).toMatchObject({ kind: 'stored', isNew: false, warning: { reason: 0xb006 } })
      expect(outcome?.kind === 'stored' && outcome.warning?.comment).toMatch(/^Kept as first received: \w/)
      expect((await instances(world.archive)).map(({ fileSha256 }) => fileSha256)).toEqual([
        sha256(one.bytes),
      ])
    },
  )

  it('is known where only the transfer syntax is said to be another, and a warning says so', async () => {
    await using world = await startWorld({ engine })
    const made = (TransferSyntaxUID: string) => jpeg({}, { seed: 'said', TransferSyntaxUID })
    await store(world, made('1.2.840.10008.1.2.4.50'))
    expect(await store(world, made('1.2.840.10008.1.2.4.51'))).toMatchObject([
      { kind: 'stored', isNew: false, warning: { reason: 0xb006 } },
    ])
  })

  it.each([
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian],
    [DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian],
    [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian],
    [ExplicitVRBigEndian, ExplicitVRLittleEndian],
    [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian],
  ])('is compared by its long values too (%s, then %s)', async (first, second) => {
    const table = (byte: number) =>
      Buffer.from(Array.from({ length: 2048 }, (_, at) => (at * 7 + byte) & 0xff))
    const tables = (byte: number) => ({
      '00281201': { vr: 'OW' as const, InlineBinary: table(byte).toString('base64') },
      '00660016': { vr: 'OF' as const, InlineBinary: table(byte + 1).toString('base64') },
      '00420011': { vr: 'OB' as const, InlineBinary: table(byte + 2).toString('base64') },
    })
    const made = (byte: number, TransferSyntaxUID: string) =>
      sr(tables(byte), { seed: 'table', TransferSyntaxUID })
    await using world = await startWorld({ engine })
    await store(world, made(1, first))
    expect(kinds(await store(world, made(1, second)))).toEqual(['known'])
    expect(kinds(await store(world, made(2, second)))).toEqual([0x0111])
  })

  it('is kept aside when it is whole and the first is damaged, though both say the same', async () => {
    await using world = await startWorld({ engine })
    const made = (TransferSyntaxUID: string) => ct({}, { seed: 'cut', TransferSyntaxUID })
    const [first, other] = [made(ExplicitVRLittleEndian), made(ImplicitVRLittleEndian)]
    const cut = { ...first, bytes: first.bytes.subarray(0, -20) }
    expect(await store(world, cut)).toMatchObject([{ kind: 'stored', warning: { reason: 0xb007 } }])
    expect(kinds(await store(world, other))).toEqual([0x0111])

    await using reverse = await startWorld({ engine })
    await store(reverse, other)
    expect(kinds(await store(reverse, cut))).toEqual(['known'])
  })

  it.each([
    ['other attributes', () => ct({ PatientName: 'Roe^Richard' }, { seed: 'same' }), 'other-content'],
    [
      'other pixels',
      () => ct({}, { seed: 'same', pixels: { vr: 'OW', bytes: Buffer.alloc(128, 9) } }),
      'other-content',
    ],
    ['another SOP class', () => mr({}, { seed: 'same' }), 'other-content'],
    ['another transfer syntax and other attributes', () => jpeg({}, { seed: 'same' }), 'other-content'],
    ['another study', () => ct({ StudyInstanceUID: '1.2.3' }, { seed: 'same' }), 'other-study'],
    ['another series', () => ct({ SeriesInstanceUID: '1.2.3' }, { seed: 'same' }), 'other-study'],
  ])('is refused and kept aside when it comes with %s', async (_, make, reason) => {
    await using world = await startWorld({ engine })
    const first = ct({}, { seed: 'same' })
    await store(world, first)
    const other = make()
    const [outcome] = await store(world, other)
    expect(outcome).toMatchObject({ kind: 'refused', reason: 0x0111, SOPInstanceUID: other.uids.instance })
    const [kept, ...more] = await instances(world.archive)
    expect([kept?.fileSha256, more.length]).toEqual([sha256(first.bytes), 0])
    const rows = await world.archive.database.attention.list({ open: true, limit: 10 })
    expect(rows).toMatchObject([{ reason: 'quarantined', instance: first.uids.instance }])
    expect(JSON.stringify(rows)).toContain(reason)
    expect(JSON.stringify(rows)).not.toContain('Roe')
  })

  it('is kept aside once, however often its sender tries', async () => {
    const { puts, through } = watched()
    await using world = await startWorld({ engine, through })
    const [first, other] = [ct({}, { seed: 'same' }), ct({ PatientID: 'X' }, { seed: 'same' })]
    await store(world, first)
    for (let times = 0; times < 5; times++) expect(kinds(await store(world, other))).toEqual([0x0111])
    expect(total(puts)).toBe(2)
  })

  it('is decided once when 64 senders bring it at the same time', async () => {
    await using world = await startWorld({ engine })
    const copies = Array.from({ length: 64 }, (_, index) =>
      ct({ InstanceNumber: (index % 4) + 1 }, { seed: 'race' }),
    )
    const answers = await Promise.all(copies.map((copy) => world.stow([copy])))
    const [kept, ...more] = await instances(world.archive)
    expect(more).toEqual([])
    const same = copies.filter(({ bytes }) => sha256(bytes) === kept?.fileSha256).length
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(same)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(64 - same)
  })
})

describe('faults while storing', () => {
  /** Too large to go along with the index. */
  const large = (make: typeof ct) => make({}, { pixels: { vr: 'OW', bytes: randomBytes(100_000) } })
  const full = () => new Problem('unavailable', 'No room (ENOSPC).', { retryAfter: 60 })

  it('fail the one instance whose bytes cannot be kept, and no other', async () => {
    const bad = large(mr)
    const { through } = watched((blob) => (blob.sha256 === sha256(bad.bytes) ? full() : undefined))
    await using world = await startWorld({ through })
    const answer = await world.stow([ct(), bad, ct()])
    expect(answer.status).toBe(202)
    expect(answer.dataSet()['00081198']?.Value).toMatchObject([
      { '00081155': { Value: [bad.uids.instance] }, '00081197': { Value: [0xa700] } },
    ])
    expect(await instances(world.archive)).toHaveLength(2)
  })

  it('answer 503 with Retry-After when nothing could be stored', async () => {
    const { through } = watched(full)
    await using world = await startWorld({ through })
    const answer = await world.stow([large(ct)])
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '60'])
  })

  it('of the disk refuse what goes along with the index, tell nobody of it, and the same upload works later', async () => {
    let isBroken = true
    const NO_FILE = 0x7fff_ffff
    await using world = await startWorld({
      through: (archive) => ({
        ...archive,
        blobs: {
          ...archive.blobs,
          small: lent(archive, (_, hand, todo, places) =>
            hand(isBroken ? { ...todo, fd: NO_FILE } : todo, places),
          ),
        },
      }),
    })
    const samples = [ct(), mr()]
    const answer = await world.stow(samples)
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '60'])
    expect(await instances(world.archive)).toEqual([])
    isBroken = false
    expect(kinds(await store(world, ...samples))).toEqual(['new', 'new'])
    for (const instance of await instances(world.archive))
      expect(sha256(await blobBytes(world.archive, instance))).toBe(instance.fileSha256)
  })

  it('of an index that cannot take bytes along are told, and no loss: they go by themselves', async () => {
    const told: unknown[] = []
    await using world = await startWorld({
      intake: { onBug: (error) => void told.push(error) },
      through: withIndex(() => ({ addWithBytes: () => Promise.reject(new TypeError('x of undefined')) })),
    })
    const samples = [ct(), mr(), ct()]
    expect(kinds(await store(world, ...samples))).toEqual(['new', 'new', 'new'])
    expect(told[0]).toEqual(expect.any(TypeError))
    const kept = await instances(world.archive)
    expect(kept.map(({ fileSha256 }) => fileSha256).sort()).toEqual(
      samples.map(({ bytes }) => sha256(bytes)).sort(),
    )
    for (const instance of kept)
      expect(sha256(await blobBytes(world.archive, instance))).toBe(instance.fileSha256)
  })

  it('of the index leave nothing indexed, and the same upload works later', async () => {
    let isDown = true
    await using world = await startWorld({
      through: withIndex((index) => ({
        addWithBytes: (...given) => (isDown ? Promise.reject(full()) : index.addWithBytes!(...given)),
      })),
    })
    const samples = [ct(), mr()]
    expect(kinds(await store(world, ...samples))).toEqual([0xa700, 0xa700])
    expect(await instances(world.archive)).toEqual([])
    isDown = false
    expect(kinds(await store(world, ...samples))).toEqual(['new', 'new'])
  })

  it('that are bugs refuse the instances of their batch, and are told', async () => {
    const told: unknown[] = []
    await using world = await startWorld({
      intake: { onBug: (error) => void told.push(error) },
      through: withIndex(() => ({ known: () => Promise.reject(new TypeError('x of undefined')) })),
    })
    expect(kinds(await store(world, large(ct)))).toEqual([0x0110])
    expect(told).toEqual([expect.any(TypeError)])
  })

  it('of the staging folder refuse what would be staged, and nothing else', async () => {
    await using world = await startWorld({ intake: { spoolDir: '/nonexistent' } })
    const large = ct({}, { pixels: { vr: 'OW', bytes: Buffer.alloc(2_000_000) } })
    expect(kinds(await store(world, ct(), large, mr()))).toEqual(['new', 0xa700, 'new'])
  })
})

describe('memory of uploads', () => {
  it('makes a large data set wait for another that is large already', async () => {
    const text = (letter: string) => sr({ '00420010': { vr: 'UT', Value: [letter.repeat(3_000_000)] } })
    await using world = await startWorld({ intake: { memoryBytes: 2_000_000 } })
    const answers = await Promise.all(['a', 'b', 'c'].map((letter) => world.stow([text(letter)])))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await instances(world.archive)).toHaveLength(3)
  })
})
