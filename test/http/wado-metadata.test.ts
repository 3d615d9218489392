/** Metadata as clients get it: text, order, addresses, compression, and how it behaves in length. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gunzipSync } from 'node:zlib'
import type { Archive } from '../../src/archive/archive.ts'
import type { IndexedInstance } from '../../src/database/ports/instance.ts'
import { bare, ct, jpeg, pdf, series, sr, type Sample } from '../samples.ts'
import { until } from '../until.ts'
import { startWorld, type World } from '../world.ts'
import { partsOf } from './parts.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const at = ({ uids }: Sample) =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

/** Tags in the order of the text, of every data set in it, outermost first. */
function tagOrders(text: string): string[][] {
  const open: string[][] = []
  const closed: string[][] = []
  for (const [token, tag] of text.matchAll(/"([\dA-F]{8})":\{|"(?:[^"\\]|\\.)*"|[{}]/gu)) {
    if (tag !== undefined) {
      open.at(-1)?.push(tag)
      open.push([])
    } else if (token === '{') open.push([])
    else if (token === '}') closed.push(open.pop() ?? [])
  }
  return closed.filter((tags) => tags.length > 0)
}

describe('the text', () => {
  const privates = {
    '20010010': { vr: 'LO', Value: ['Philips Imaging DD 001'] },
    '20011003': { vr: 'FL', Value: [1.5] },
    '30060010': { vr: 'SQ', Value: [{ '30060024': { vr: 'UI', Value: ['1.2'] } }] },
    '99990010': { vr: 'LO', Value: ['BEHIND THE PIXELS'] },
    FFFCFFFC: { vr: 'OB', InlineBinary: Buffer.alloc(2000).toString('base64') },
  } as const
  const nested = {
    '00081140': { vr: 'SQ', Value: [{ ...privates, '00081150': { vr: 'UI', Value: ['1.2'] } }] },
  }
  it.each([
    ['spliced', ct({ PatientName: 'Müller^Änne' })],
    ['with tags that an object would put first', ct({ '20010010': privates['20010010'] })],
    ['with bulk data and such tags', ct(privates)],
    ['with such tags in items', ct(nested)],
    ['with pixel data before others', jpeg(privates)],
    ['of a report', sr()],
  ] as const)('has its tags in ascending order at every depth: %s', async (_what, one) => {
    await world.store(one)
    const { text } = await world.get(`${at(one)}/metadata`)

    const orders = tagOrders(text)
    expect(orders.length).toBeGreaterThan(0)
    for (const tags of orders) expect(tags).toEqual(tags.toSorted())
    expect(text).not.toMatch(/"0002[\dA-F]{4}":/u)
  })

  it('is an array also of one, without a character set in its type, and in UTF-8', async () => {
    const one = ct(
      { PatientName: { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] } },
      { SpecificCharacterSet: 'ISO_IR 192' },
    )
    await world.store(one)
    const answer = await world.get(`${at(one)}/metadata`)

    expect(answer.headers['content-type']).toBe('application/dicom+json')
    const [metadata, ...others] = answer.dataSets()
    expect(others).toEqual([])
    expect(metadata).toMatchObject({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }] },
    })
  })

  it('names bulk data by absolute addresses without a query, under the public address', async () => {
    const publicUrl = 'https://pacs.example.org/concord'
    await using own = await startWorld({ settings: { publicUrl, allowedHosts: ['127.0.0.1'] } })
    const [one, document] = [ct(), pdf()]
    await own.store(one, document)

    for (const [sample, tag] of [
      [one, '7FE00010'],
      [document, '00420011'],
    ] as const) {
      const [metadata] = (await own.get(`${at(sample)}/metadata`)).dataSets()
      const address = metadata?.[tag]?.BulkDataURI ?? ''
      expect(address).toBe(`${publicUrl}${at(sample)}/bulkdata/${tag}`)
      // As a proxy hands it on, with the prefix or without.
      for (const path of [new URL(address).pathname, new URL(address).pathname.slice('/concord'.length)])
        expect((await own.get(path)).status).toBe(200)
    }
  })

  it('is XML, too, a part for each instance', async () => {
    const slices = series(ct, 3)
    await world.store(...slices)
    const { uids } = slices[0]!
    const answer = await world.get(`/dicomweb/studies/${uids.study}/metadata`, {
      Accept: 'multipart/related; type="application/dicom+xml"',
    })

    const { type, parts } = partsOf(answer)
    expect(type).toBe('application/dicom+xml')
    expect(parts.map(({ bytes }) => bytes.toString().includes('<NativeDicomModel'))).toEqual([
      true,
      true,
      true,
    ])
    slices.forEach((slice, index) => {
      expect(parts[index]?.bytes.toString()).toContain(`<Value number="1">${slice.uids.instance}</Value>`)
    })
  })
})

describe('compression', () => {
  const slices = series(ct, 20)
  const path = `/dicomweb/studies/${slices[0]!.uids.study}/metadata`
  beforeAll(() => world.store(...slices))

  it.each(['gzip', 'deflate, gzip;q=0.5, br', '*', 'x-gzip', 'GZIP', 'br;q=1, *;q=0.1'])(
    'comes for who takes it (%s)',
    async (coding) => {
      const plain = await world.get(path)
      const answer = await world.get(path, { 'Accept-Encoding': coding })

      expect(answer.headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-type': 'application/dicom+json',
        vary: 'Accept-Encoding, Accept',
      })
      expect(answer.body.length).toBeLessThan(plain.body.length / 5)
      expect(gunzipSync(answer.body).equals(plain.body)).toBe(true)
      // Other bytes, so another strong tag (RFC 9110 §8.8.3.3).
      expect(answer.headers.etag).not.toBe(plain.headers.etag)
      expect(plain.headers.vary).toBe('Accept-Encoding, Accept')
    },
  )

  it.each(['', 'identity', 'br', 'gzip;q=0', 'gzip;q=0, *', '*;q=0', 'gzip;q=x', 'notgzip'])(
    'comes for nobody else (%p)',
    async (coding) => {
      const answer = await world.get(path, { 'Accept-Encoding': coding })
      expect(answer.headers['content-encoding']).toBeUndefined()
      expect(answer.dataSets()).toHaveLength(20)
    },
  )

  it('has the same head without a body, and is not sent again', async () => {
    const headers = { 'Accept-Encoding': 'gzip' }
    const answer = await world.get(path, headers)
    const head = await world.ask(path, { method: 'HEAD', headers })
    expect(head.body.length).toBe(0)
    for (const name of ['content-encoding', 'etag', 'content-type', 'vary'])
      expect([name, head.headers[name]]).toEqual([name, answer.headers[name]])
    expect((await world.get(path, { ...headers, 'If-None-Match': answer.headers.etag ?? '' })).status).toBe(
      304,
    )
    expect((await world.get(path, { 'If-None-Match': answer.headers.etag ?? '' })).status).toBe(200)
  })

  it('is for searches, too', async () => {
    const search = `/dicomweb/studies/${slices[0]!.uids.study}/instances`
    const plain = await world.get(search)
    const answer = await world.get(search, { 'Accept-Encoding': 'gzip' })
    const xml = await world.get(search, { 'Accept-Encoding': 'gzip', Accept: 'application/dicom+xml' })

    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept, Accept-Encoding' })
    expect(gunzipSync(answer.body).equals(plain.body)).toBe(true)
    expect(xml.headers['content-encoding']).toBeUndefined()
  })

  it('is not for parts, which clients measure', async () => {
    const headers = { 'Accept-Encoding': 'gzip' }
    for (const [where, Accept] of [
      [path, 'multipart/related; type="application/dicom+xml"'],
      [path.replace('/metadata', ''), '*/*'],
      [`${at(slices[0]!)}/frames/1`, '*/*'],
      [`${at(slices[0]!)}/original`, '*/*'],
    ] as const) {
      const answer = await world.get(where, { ...headers, Accept })
      expect([where, answer.status, answer.headers['content-encoding']]).toEqual([where, 200, undefined])
    }
  })
})

it('comes whole and in order for a series of 3,000 instances', async () => {
  const slices = series(bare, 3000)
  await world.store(...slices)
  const { uids } = slices[0]!

  const rows = (await world.get(`/dicomweb/studies/${uids.study}/series/${uids.series}/metadata`)).dataSets()

  expect(rows).toHaveLength(3000)
  expect(rows.every((row, index) => row['00080018']?.Value?.[0] === slices[index]?.uids.instance)).toBe(true)
})

const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that this thread holds on to, in JavaScript's heap and outside of it. */
function held(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

describe('a series that is larger than all buffers on the way', () => {
  const PAGES = 200
  /** Every page of data sets comes `PAGES` times, with half a megabyte in it; tells how many were read. */
  async function largeWorld() {
    const seen = { pages: 0, isOver: false, signal: undefined as AbortSignal | undefined }
    const comment = `,"00204000":{"vr":"LT","Value":["${'long '.repeat(100_000)}"]}}`
    const large = (instance: IndexedInstance): IndexedInstance => {
      const { tags = Buffer.from('{}') } = instance
      return { ...instance, tags: Buffer.concat([tags.subarray(0, -1), Buffer.from(comment)]) }
    }
    async function* copies<Page>(pages: AsyncIterable<Page>, made: (page: Page, copy: number) => Page) {
      for await (const page of pages) {
        try {
          for (let copy = 0; copy < PAGES; copy++) {
            seen.pages++
            yield made(page, copy)
          }
        } finally {
          seen.isOver = true
        }
      }
    }
    /** One array is made of all copies. */
    const largeJson = (page: Buffer, copy: number): Buffer => {
      const [before, after] = [copy === 0 ? '[' : ',', copy === PAGES - 1 ? ']' : '']
      return Buffer.concat([Buffer.from(before), page.subarray(1, -2), Buffer.from(comment + after)])
    }
    const through = (archive: Archive): Archive => {
      const { index } = archive.database
      return {
        ...archive,
        database: {
          ...archive.database,
          index: {
            ...index,
            async digested(scope, options = {}) {
              seen.signal = options.signal
              const found = await index.digested(scope, options)
              return { ...found, pages: copies(found.pages, (page) => page.map(large)) }
            },
            async metadata(scope, options) {
              seen.signal = options.signal
              const found = await index.metadata(scope, options)
              return { ...found, pages: copies(found.pages, largeJson) }
            },
          },
        },
      }
    }
    const own = await startWorld({ through })
    const one = ct({}, { pixels: null })
    await own.store(one)
    return { own, seen, path: `${at(one)}/metadata`, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() }
  }

  async function opened(own: World, path: string, headers: Record<string, string> = {}) {
    const outgoing = request(own.url + path, { headers })
    outgoing.on('error', () => undefined).end()
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
    incoming.on('error', () => undefined)
    return { outgoing, incoming }
  }

  /** Until no more is read, since nobody takes it. */
  async function atRest(seen: { readonly pages: number }): Promise<number> {
    let before = -1
    while (before !== seen.pages) {
      before = seen.pages
      await wait(150)
    }
    return seen.pages
  }

  it('is read no faster than the client takes it', async () => {
    await using large = await largeWorld()
    const { own, seen, path } = large
    const before = held()
    const { incoming } = await opened(own, path)

    let first = await atRest(seen)
    // Half a megabyte each: what is held are the buffers of two sockets, 36 MiB with Linux's settings, and a page or two.
    expect(first).toBeLessThan(PAGES / 2)
    // Those of sockets are the system's; of the process it is a few pages, whatever the client has taken already.
    await until(() => held() - before < 16 * MIB)
    let bytes = 0
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (seen.pages < first + PAGES / 4) continue
      first = await atRest(seen)
      await until(() => held() - before < 16 * MIB)
    }
    expect(seen).toMatchObject({ pages: PAGES, isOver: true })
    expect(bytes).toBeGreaterThan(PAGES * 500_000)
  })

  it.each([{}, { 'Accept-Encoding': 'gzip' }, { Accept: 'multipart/related; type="application/dicom+xml"' }])(
    'is read no further when the client has gone (%p)',
    async (headers) => {
      await using large = await largeWorld()
      const { own, seen, path } = large
      const { outgoing, incoming } = await opened(own, path, headers)
      await once(incoming, 'readable')
      outgoing.destroy()

      await until(() => seen.isOver)
      expect(seen.pages).toBeLessThan(PAGES)
      expect(seen.signal?.aborted).toBe(true)
    },
  )
})
