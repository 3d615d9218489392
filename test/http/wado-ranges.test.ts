/** Validators, ranges, lengths and HEAD (RFC 9110 §8, §13, §14) of everything that has bytes of its own. */
import { ct, jpeg, jpegLike, pdf, us, type Sample } from '../samples.ts'
import { startWorld, type Answer, type World } from '../world.ts'
import { bytesOf, partsOf } from './parts.ts'

let world: World
const loop = us({ NumberOfFrames: 3 }, { seed: 'ranges loop' })
const slice = ct({}, { seed: 'ranges slice' })
const video = jpeg(
  { NumberOfFrames: 25 },
  {
    seed: 'ranges video',
    TransferSyntaxUID: '1.2.840.10008.1.2.4.102',
    pixels: {
      fragments: [
        Buffer.from('One stream, '),
        Buffer.from('in three '.padEnd(10)),
        Buffer.from('fragments.'),
      ],
    },
  },
)
const compressed = jpeg(
  { NumberOfFrames: 2 },
  {
    seed: 'ranges compressed',
    pixels: { fragments: [jpegLike('first'), jpegLike(`second ${'.'.repeat(3000)}`)] },
  },
)
const bigEndian = ct({}, { seed: 'ranges big', TransferSyntaxUID: '1.2.840.10008.1.2.2' })
const deflated = ct({}, { seed: 'ranges deflated', TransferSyntaxUID: '1.2.840.10008.1.2.1.99' })
const document = pdf({}, { seed: 'ranges document' })
const at = ({ uids }: Sample) =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`
const native = ({ pixels }: Sample) => (pixels && 'bytes' in pixels ? pixels.bytes : Buffer.alloc(0))
const documentBytes = Buffer.from(document.dataSet['00420011']?.InlineBinary ?? '', 'base64')

beforeAll(async () => {
  world = await startWorld()
  await world.store(loop, slice, video, compressed, bigEndian, deflated, document)
})
afterAll(() => world[Symbol.asyncDispose]())

const OCTETS = { Accept: 'application/octet-stream' }
const STORED = { Accept: 'application/octet-stream; transfer-syntax=*' }
/** Everything that comes as one body of known length, and what it should be. */
const SINGLE: readonly (readonly [string, string, Record<string, string>, Buffer])[] = [
  ['an original', `${at(compressed)}/original`, {}, compressed.bytes],
  ['an instance alone', at(slice), { Accept: 'application/dicom' }, slice.bytes],
  [
    'a deflated instance alone',
    at(deflated),
    { Accept: 'application/dicom; transfer-syntax=*' },
    deflated.bytes,
  ],
  ['a document', `${at(document)}/bulkdata/00420011`, {}, documentBytes],
  ['native pixel data', `${at(loop)}/bulkdata/7FE00010`, {}, native(loop)],
  ['pixel data of a big endian file', `${at(bigEndian)}/pixeldata`, {}, native(bigEndian)],
  ['pixel data of a deflated file', `${at(deflated)}/pixeldata`, {}, native(deflated)],
  ['a native frame', `${at(loop)}/frames/2`, OCTETS, native(loop).subarray(192, 384)],
  ['a big endian frame', `${at(bigEndian)}/frames/1`, OCTETS, native(bigEndian)],
  ['a deflated frame', `${at(deflated)}/frames/1`, OCTETS, native(deflated)],
  ['a compressed frame', `${at(compressed)}/frames/2`, STORED, jpegLike(`second ${'.'.repeat(3000)}`)],
  ['a video in fragments', `${at(video)}/frames/1`, STORED, Buffer.from('One stream, in three  fragments.')],
]

const numbered = (text: string) => Number(/\d+/u.exec(text)?.[0])

describe.each(SINGLE)('%s', (_name, path, headers, whole) => {
  const get = (more: Record<string, string>) => world.get(path, { ...headers, ...more })

  it('comes whole, with its length, and says that ranges can be had', async () => {
    const answer = await get({})

    expect(answer.status).toBe(200)
    expect(answer.body).toEqual(whole)
    expect(answer.headers).toMatchObject({
      'content-length': String(whole.length),
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[\w-]{20,}"$/u) as unknown,
      'cache-control': 'private, max-age=3600',
      vary: expect.stringContaining('Accept') as unknown,
    })
  })

  it('comes in ranges', async () => {
    const { length } = whole
    const ranges: readonly (readonly [string, number, number])[] = [
      ['bytes=0-0', 0, 0],
      ['bytes=3-8', 3, 8],
      ['bytes=1-1', 1, 1],
      [`bytes=${length - 5}-`, length - 5, length - 1],
      ['bytes=-7', length - 7, length - 1],
      [`bytes=-${length + 9}`, 0, length - 1],
      [`BYTES=5-${length + 100}`, 5, length - 1],
      ['bytes=5-99999999999999999999999', 5, length - 1],
    ]
    for (const [range, first, last] of ranges) {
      const answer = await get({ Range: range })
      expect([range, answer.status, answer.headers['content-range']]).toEqual([
        range,
        206,
        `bytes ${first}-${last}/${length}`,
      ])
      expect(answer.headers['content-length']).toBe(String(last - first + 1))
      expect(answer.body).toEqual(whole.subarray(first, last + 1))
    }
  })

  it('has nothing beyond its end', async () => {
    for (const range of [
      `bytes=${whole.length}-`,
      `bytes=${whole.length + 5}-${whole.length + 9}`,
      'bytes=-0',
    ]) {
      const answer = await get({ Range: range })
      expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${whole.length}`])
      expect(answer.headers['content-type']).toBe('application/problem+json')
    }
  })

  it('comes whole where a range is none, or is one of several', async () => {
    for (const range of [
      'bytes=0-1,4-5',
      'bytes=8-3',
      'bytes=a-b',
      'lines=1-2',
      'bytes=-',
      'bytes=0-0,0-0,0-0',
    ]) {
      const answer = await get({ Range: range })
      expect([range, answer.status, answer.body.length]).toEqual([range, 200, whole.length])
    }
  })

  it('is not sent again to who has it', async () => {
    const { etag = '' } = (await get({})).headers
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await get({ 'If-None-Match': known })
      expect([known, answer.status, answer.body.length, answer.headers.etag]).toEqual([known, 304, 0, etag])
      expect(answer.headers['cache-control']).toBe('private, max-age=3600')
      expect(answer.headers.vary).toContain('Accept')
    }
    expect((await get({ 'If-None-Match': '"other"' })).status).toBe(200)
  })

  it('comes in a range only of the representation that is meant', async () => {
    const { etag = '' } = (await get({})).headers
    expect((await get({ Range: 'bytes=1-2', 'If-Range': etag })).status).toBe(206)
    expect((await get({ Range: 'bytes=1-2', 'If-Range': '"other"' })).status).toBe(200)
    expect((await get({ Range: 'bytes=1-2', 'If-Range': `W/${etag}` })).status).toBe(200)
    expect((await get({ Range: 'bytes=1-2', 'If-Range': 'Wed, 21 Oct 2026 07:28:00 GMT' })).status).toBe(200)
  })

  it('has the same head without a body', async () => {
    const answer = await get({})
    const head = await world.ask(path, { method: 'HEAD', headers })
    // RFC 9110 §14.2: a range means something with GET alone.
    const ranged = await world.ask(path, { method: 'HEAD', headers: { ...headers, Range: 'bytes=1-2' } })

    for (const one of [head, ranged]) {
      expect([one.status, one.body.length]).toEqual([200, 0])
      for (const name of [
        'content-type',
        'content-length',
        'etag',
        'accept-ranges',
        'cache-control',
        'repr-digest',
      ])
        expect([name, one.headers[name]]).toEqual([name, answer.headers[name]])
    }
  })
})

describe('a value in a part', () => {
  const path = `${at(document)}/bulkdata/00420011`
  const headers = { Accept: 'multipart/related; type="application/octet-stream"' }

  it('tells where it is, and its length before it comes', async () => {
    const answer = await world.get(path, headers)
    const { parts } = partsOf(answer)

    expect(parts.map(({ bytes }) => bytes)).toEqual([documentBytes])
    expect(parts[0]?.headers['Content-Location']).toBe(world.url + path)
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
  })

  it('comes in ranges of the value (PS3.18 §8.7.8)', async () => {
    const answer = await world.get(path, { ...headers, Range: 'bytes=10-19' })
    const { parts } = partsOf(answer)

    expect(answer.status).toBe(206)
    expect(parts.map(({ bytes }) => bytes)).toEqual([documentBytes.subarray(10, 20)])
    expect(parts[0]?.headers['Content-Range']).toBe(`bytes 10-19/${documentBytes.length}`)
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    expect((await world.get(path, { ...headers, Range: 'bytes=999999-' })).status).toBe(416)
  })

  it('comes in ranges of native pixel data too', async () => {
    const answer = await world.get(`${at(loop)}/bulkdata/7FE00010`, { ...headers, Range: 'bytes=100-199' })

    expect(bytesOf(answer)).toEqual([native(loop).subarray(100, 200)])
  })

  it('comes in ranges of the one compressed frame too, and whole where the frames are several', async () => {
    const stored = { Accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' }
    const range = { ...stored, Range: 'bytes=2-9' }
    const one = jpeg({}, { seed: 'ranges one frame', pixels: { fragments: [jpegLike('alone')] } })
    await world.store(one)
    const answer = await world.get(`${at(one)}/bulkdata/7FE00010`, range)
    const several = await world.get(`${at(compressed)}/bulkdata/7FE00010`, range)

    expect(answer.status).toBe(206)
    expect(bytesOf(answer)).toEqual([jpegLike('alone').subarray(2, 10)])
    expect(several.status).toBe(200)
    expect(bytesOf(several)).toHaveLength(2)
  })
})

describe('frames in parts', () => {
  const path = `${at(compressed)}/frames/2`
  const headers = { Accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*' }

  it('tell their length before they come, with HEAD and GET', async () => {
    const several = `${at(loop)}/frames/3,1,3`
    const answer = await world.get(several, headers)
    const head = await world.ask(several, { method: 'HEAD', headers })

    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    expect(head.headers).toMatchObject({
      'content-length': answer.headers['content-length'],
      'content-type': answer.headers['content-type'],
      etag: answer.headers.etag,
    })
    expect(bytesOf(answer)).toEqual([
      native(loop).subarray(384),
      native(loop).subarray(0, 192),
      native(loop).subarray(384),
    ])
  })

  it('are the same bytes every time, as a strong tag says', async () => {
    const [one, two] = [await world.get(path, headers), await world.get(path, headers)]

    expect(two.headers.etag).toBe(one.headers.etag)
    expect(two.headers['content-type']).toBe(one.headers['content-type'])
    expect(two.body.equals(one.body)).toBe(true)
  })

  it('can be had in ranges of the whole body and put together, as Cornerstone does', async () => {
    const answer = await world.get(path, headers)
    const size = answer.body.length
    const pieces: Answer[] = []
    for (let from = 0; from < size; from += 1000)
      pieces.push(await world.get(path, { ...headers, Range: `bytes=${from}-${from + 999}` }))

    expect(pieces.map(({ status }) => status)).toEqual(pieces.map(() => 206))
    expect(
      pieces.map(({ headers: { 'content-range': range } }) => numbered(range?.split('/')[1] ?? '')),
    ).toEqual(pieces.map(() => size))
    expect(Buffer.concat(pieces.map(({ body }) => body)).equals(answer.body)).toBe(true)
    expect((await world.get(path, { ...headers, Range: `bytes=${size}-` })).status).toBe(416)
  })

  it('are not sent again to who has them', async () => {
    const { etag = '' } = (await world.get(path, headers)).headers
    expect((await world.get(path, { ...headers, 'If-None-Match': etag })).status).toBe(304)
    // Another form of the same frame is another representation.
    expect((await world.get(path, { ...STORED, 'If-None-Match': etag })).status).toBe(200)
  })
})

describe('a study', () => {
  it('is not sent again until it changes', async () => {
    await using own = await startWorld()
    const first = ct({}, { seed: 'etag first' })
    await own.store(first)
    const path = `/dicomweb/studies/${first.uids.study}`
    const before = await own.get(path)
    const metadata = await own.get(`${path}/metadata`)
    expect(before.headers['cache-control']).toBe('private, no-cache')
    for (const [where, { headers }] of [
      [path, before],
      [`${path}/metadata`, metadata],
    ] as const) {
      expect((await own.get(where, { 'If-None-Match': headers.etag ?? '' })).status).toBe(304)
    }

    await own.store(ct({ StudyInstanceUID: first.uids.study }))

    const after = await own.get(path, { 'If-None-Match': before.headers.etag ?? '' })
    expect(after.status).toBe(200)
    expect(partsOf(after).parts).toHaveLength(2)
    expect((await own.get(`${path}/metadata`, { 'If-None-Match': metadata.headers.etag ?? '' })).status).toBe(
      200,
    )
  })

  it('has the same head without a body', async () => {
    const path = `/dicomweb/studies/${loop.uids.study}`
    for (const where of [path, `${path}/metadata`]) {
      const answer = await world.get(where)
      const head = await world.ask(where, { method: 'HEAD' })
      expect([head.status, head.body.length]).toEqual([200, 0])
      for (const name of ['content-type', 'etag', 'cache-control', 'vary'])
        expect([name, head.headers[name]]).toEqual([name, answer.headers[name]])
    }
  })
})

it('gives the digest of an original, also with a range of it', async () => {
  const path = `${at(compressed)}/original`
  const { createHash } = await import('node:crypto')
  const digest = `sha-256=:${createHash('sha256').update(compressed.bytes).digest('base64')}:`
  for (const headers of [{}, { Range: 'bytes=0-9' }]) {
    expect((await world.get(path, headers)).headers['repr-digest']).toBe(digest)
  }
})

it('has tags of its own for every form of an instance', async () => {
  const forms = [
    'application/dicom',
    'application/dicom; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
    'multipart/related; type="application/dicom"; transfer-syntax=*',
  ]
  const answers = await Promise.all(forms.map((Accept) => world.get(at(deflated), { Accept })))
  const tags = answers.map(({ headers }) => headers.etag)

  expect(new Set(tags).size).toBe(4)
  for (const [index, one] of tags.entries())
    for (const Accept of forms.filter((_, other) => other !== index))
      expect((await world.get(at(deflated), { Accept, 'If-None-Match': one ?? '' })).status).toBe(200)
})
