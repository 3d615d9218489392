import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import {
  DeflatedExplicitVRLittleEndian,
  ExplicitVRBigEndian,
  ExplicitVRLittleEndian,
  ImplicitVRLittleEndian,
} from '../../src/dicom/transfer-syntax.ts'
import { ct, jpeg, mr, type Sample, series, sr } from '../samples.ts'
import { type Answer, startWorld, stowBody } from '../world.ts'
import { until } from '../until.ts'

/** Items of a sequence of a Store response: SOP Instance UID, reason and comment as far as they are there. */
function items(answer: Answer, tag: string) {
  const value = answer.dataSet()[tag]?.Value ?? []
  return (value as JsonDataSet[]).map((item) => ({
    instance: item['00081155']?.Value?.[0],
    reason: item['00081197']?.Value?.[0] ?? item['00081196']?.Value?.[0],
    comment: item['00000902']?.Value?.[0],
  }))
}
const stored = (answer: Answer) => items(answer, '00081199')
const failed = (answer: Answer) => items(answer, '00081198')
const nameless = (answer: Answer) => items(answer, '0008119A')

const NO_PREAMBLE = 132

describe('STOW-RS', () => {
  it('stores instances and says where they are', async () => {
    await using world = await startWorld()
    const [one, two] = series(ct, 2) as [Sample, Sample]

    const answer = await world.stow([one, two])

    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/dicom+json')
    const { study, series: seriesUid, instance } = one.uids
    const base = `${world.url}/dicomweb/studies/${study}`
    expect(answer.json()).toEqual({
      '00081190': { vr: 'UR', Value: [base] },
      '00081199': {
        vr: 'SQ',
        Value: [
          {
            '00081150': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.2'] },
            '00081155': { vr: 'UI', Value: [instance] },
            '00081190': { vr: 'UR', Value: [`${base}/series/${seriesUid}/instances/${instance}`] },
          },
          expect.objectContaining({ '00081155': { vr: 'UI', Value: [two.uids.instance] } }),
        ],
      },
    })
    expect(await world.qido('/instances')).toHaveLength(2)
  })

  it('answers as the Native DICOM Model for Weasis and dcm4che', async () => {
    await using world = await startWorld()
    const sample = ct()
    const answer = await world.stow([sample], { headers: { Accept: 'application/dicom+xml' } })
    expect(answer.headers['content-type']).toBe('application/dicom+xml')
    expect(answer.text).toContain(
      `<DicomAttribute tag="00081155" vr="UI" keyword="ReferencedSOPInstanceUID"><Value number="1">${sample.uids.instance}</Value>`,
    )
  })

  it('takes a body that is one instance', async () => {
    await using world = await startWorld()
    const sample = ct()
    const answer = await world.ask('/dicomweb/studies', {
      method: 'POST',
      headers: { 'Content-Type': 'application/dicom' },
      body: sample.bytes,
    })
    expect(answer.status).toBe(200)
    expect(stored(answer)).toHaveLength(1)
  })

  it.each([
    ['an empty line first and no line end last, as the JavaScript client', '\r\n', '--B', '\r\n', '--B--'],
    ['lines that end with LF', '', '--B', '\n', '--B--\n'],
    [
      'a preamble, blanks behind delimiters, and an epilogue',
      'ignored\r\n',
      '--B  ',
      '\r\n',
      '--B-- \r\nignored',
    ],
  ])('takes %s', async (_, begin, delimiter, eol, end) => {
    await using world = await startWorld()
    const samples = [ct(), mr()]
    const body = Buffer.concat([
      Buffer.from(begin),
      ...samples.flatMap(({ bytes }) => [
        Buffer.from(`${delimiter}${eol}Content-Type: application/dicom${eol}${eol}`),
        bytes,
        Buffer.from(eol),
      ]),
      Buffer.from(end),
    ])
    const headers = {
      'Content-Type': 'multipart/related; type=application/dicom; boundary="B"; transfer-syntax=*',
    }
    expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body })).status).toBe(200)
    expect(await world.qido('/instances')).toHaveLength(2)
  })

  it('takes parts without headers, and a Content-Type without type', async () => {
    await using world = await startWorld()
    const body = Buffer.concat([Buffer.from('--B\r\n\r\n'), ct().bytes, Buffer.from('\r\n--B--')])
    const headers = { 'Content-Type': 'Multipart/Related; Boundary=B' }
    expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body })).status).toBe(200)
  })

  it('takes a body in chunks of one byte', async () => {
    await using world = await startWorld()
    const { body, headers } = stowBody([ct(), sr()])
    const bytes = [...body].map((byte) => Buffer.of(byte))
    expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body: bytes })).status).toBe(200)
  })

  it('takes a boundary longer than RFC 2046 allows, as Orthanc sends it: two UUIDs, 73 characters', async () => {
    await using world = await startWorld()
    const boundary = `${randomUUID()}-${randomUUID()}`
    const { body, headers } = stowBody([ct(), mr()], boundary)

    expect((await world.ask('/dicomweb/studies', { method: 'POST', body, headers })).status).toBe(200)
    expect(await world.qido('/instances')).toHaveLength(2)
  })

  it('keeps what looks like a boundary inside of pixel data', async () => {
    await using world = await startWorld()
    const pixels = {
      vr: 'OB' as const,
      bytes: Buffer.from('xx--concord-test-boundary--\r\n--concord-test-boundaryX\r\n.'),
    }
    const sample = ct({}, { pixels })
    await world.store(sample)
    const { study, series: seriesUid, instance } = sample.uids
    const original = await world.get(
      `/dicomweb/studies/${study}/series/${seriesUid}/instances/${instance}/original`,
    )
    expect(original.body.equals(sample.bytes)).toBe(true)
  })

  it('takes instances without preamble, and every transfer syntax', async () => {
    await using world = await startWorld()
    const bare = ct().bytes.subarray(NO_PREAMBLE)
    const syntaxes = [
      ImplicitVRLittleEndian,
      ExplicitVRLittleEndian,
      ExplicitVRBigEndian,
      DeflatedExplicitVRLittleEndian,
    ]
    const samples = syntaxes.map((TransferSyntaxUID) => ct({}, { TransferSyntaxUID }))
    const answer = await world.stow([bare, ...samples, jpeg()])
    expect(stored(answer)).toHaveLength(6)
    expect(await world.qido('/instances')).toHaveLength(6)
  })

  it('stores what is good in a request and names what is not, in order', async () => {
    await using world = await startWorld()
    const [good, better] = [ct(), mr()]
    const answer = await world.stow([good, Buffer.from('no DICOM at all'), Buffer.alloc(0), better])
    expect(answer.status).toBe(202)
    expect(stored(answer).map(({ instance }) => instance)).toEqual([good.uids.instance, better.uids.instance])
    expect(nameless(answer).map(({ reason }) => reason)).toEqual([0xc000, 0xc000])
    expect(failed(answer)).toEqual([])
    for (const { comment } of nameless(answer)) expect(comment).toMatch(/^.{8,64}$/)
  })

  it('answers 409 when nothing could be stored, with the reasons', async () => {
    await using world = await startWorld()
    const answer = await world.stow([Buffer.from('no DICOM at all')])
    expect(answer.status).toBe(409)
    expect(answer.dataSet()['00081199']).toBeUndefined()
    expect(nameless(answer)).toHaveLength(1)
  })

  it('warns of what is odd and stores it all the same', async () => {
    await using world = await startWorld()
    const sample = ct()
    const cut = sample.bytes.subarray(0, sample.bytes.length - 10)
    const answer = await world.stow([cut])
    expect(answer.status).toBe(202)
    expect(stored(answer)).toMatchObject([{ instance: sample.uids.instance, reason: 0xb007 }])
  })

  it('refuses instances of another study than the one in the path', async () => {
    await using world = await startWorld()
    const [right, wrong] = [ct(), ct()]
    const answer = await world.stow([right, wrong], { path: `/studies/${right.uids.study}` })
    expect(answer.status).toBe(202)
    expect(failed(answer)).toMatchObject([{ instance: wrong.uids.instance, reason: 0xa901 }])
    expect((await world.stow([wrong], { path: `/studies/${right.uids.study}` })).status).toBe(409)
    expect((await world.stow([wrong], { path: '/studies/1.2.x' })).status).toBe(400)
    expect(await world.qido('/instances')).toHaveLength(1)
  })

  it('refuses a part of another media type, that one alone', async () => {
    await using world = await startWorld()
    const body = Buffer.concat([
      Buffer.from(
        '--B\r\nContent-Type: text/html\r\n\r\n<p>\r\n--B\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n',
      ),
      ct().bytes,
      Buffer.from('\r\n--B--'),
    ])
    const answer = await world.ask('/dicomweb/studies', {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/related; boundary=B' },
      body,
    })
    expect([answer.status, stored(answer).length]).toEqual([202, 1])
    expect(nameless(answer)).toEqual([
      { instance: undefined, reason: 0x0110, comment: 'The part is of an unsupported media type' },
    ])
  })

  it.each([
    ['no Content-Type', {}, 415],
    ['form data', { 'Content-Type': 'multipart/form-data; boundary=B' }, 415],
    [
      'JSON metadata',
      { 'Content-Type': 'multipart/related; type="application/dicom+json"; boundary=B' },
      415,
    ],
    ['XML metadata', { 'Content-Type': 'multipart/related; type="application/dicom+xml"; boundary=B' }, 415],
    ['a compressed body', { 'Content-Type': 'application/dicom', 'Content-Encoding': 'gzip' }, 415],
    ['no boundary', { 'Content-Type': 'multipart/related; type="application/dicom"' }, 400],
    [
      'a boundary of 257 characters',
      { 'Content-Type': `multipart/related; boundary=${'b'.repeat(257)}` },
      400,
    ],
    ['a boundary that cannot be', { 'Content-Type': 'multipart/related; boundary="a;b"' }, 400],
    [
      'an answer that we do not have',
      { 'Content-Type': 'multipart/related; boundary=B', Accept: 'text/html' },
      406,
    ],
    ['no part', { 'Content-Type': 'multipart/related; boundary=B' }, 400],
  ])('refuses %s', async (_, headers, status) => {
    await using world = await startWorld()
    const answer = await world.ask('/dicomweb/studies', { method: 'POST', headers, body: '--B--' })
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.json()).toMatchObject({ status, requestId: answer.headers['x-request-id'] })
    expect(answer.headers['accept-post']).toBe(
      status === 415 ? 'multipart/related; type="application/dicom", application/dicom' : undefined,
    )
  })

  it('refuses an empty body', async () => {
    await using world = await startWorld()
    for (const type of ['multipart/related; boundary=B', 'application/dicom']) {
      expect(
        (
          await world.ask('/dicomweb/studies', {
            method: 'POST',
            headers: { 'Content-Type': type },
            body: '',
          })
        ).status,
      ).toBe(400)
    }
  })

  it('says of a boundary that is nowhere in the body that it is, in place of refusing a part that there is none', async () => {
    await using world = await startWorld()
    const { body } = stowBody([ct()])
    const answer = await world.ask('/dicomweb/studies', {
      method: 'POST',
      headers: { 'Content-Type': 'multipart/related; type="application/dicom"; boundary=another' },
      body,
    })
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json'])
    expect(answer.json()).toMatchObject({
      detail: 'The boundary that Content-Type names is nowhere in the body.',
    })
  })

  it('stores the whole parts of a body that ends too early, and refuses the last one', async () => {
    await using world = await startWorld()
    const { body, headers } = stowBody([ct(), mr()])
    const ask = (end: number) =>
      world.ask('/dicomweb/studies', { method: 'POST', headers, body: body.subarray(0, end) })

    const cut = await ask(body.length - 200)
    expect([cut.status, stored(cut).length]).toEqual([202, 1])
    expect(nameless(cut)).toMatchObject([{ reason: 0xc000 }])
    expect((await ask(300)).status).toBe(400)
    expect(await world.qido('/instances')).toHaveLength(1)
  })

  it('gives up on part headers that are none, or have no end', async () => {
    await using world = await startWorld()
    const headers = { 'Content-Type': 'multipart/related; boundary=B' }
    for (const body of [
      '--B\r\nno header\r\n\r\nx\r\n--B--',
      `--B\r\nX: ${'x'.repeat(100_000)}\r\n\r\nx\r\n--B--`,
    ]) {
      expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body })).status).toBe(400)
    }
  })
})

describe('limits of an upload', () => {
  it('refuses by Content-Length before it reads', async () => {
    await using world = await startWorld()
    const headers = { ...stowBody([]).headers, 'Content-Length': String(10 ** 12) }
    const answer = await world.ask('/dicomweb/studies', { method: 'POST', headers, body: [Buffer.from('x')] })
    expect([answer.status, answer.headers.connection]).toEqual([413, 'close'])
  })

  it.each([
    ['request', { maxRequestBytes: 60_000 }, {}],
    ['part', {}, { partBytes: 30_000 }],
    ['number of parts', { maxParts: 1 }, {}],
  ])('ends at the longest %s, and keeps and names what came before', async (_, upload, intake) => {
    await using world = await startWorld({ upload, intake })
    const [small, large] = [ct(), ct({}, { pixels: { vr: 'OW', bytes: Buffer.alloc(100_000) } })]
    const { body, headers } = stowBody([small, large])
    const answer = await world.ask('/dicomweb/studies', { method: 'POST', headers, body: [body] })
    expect(answer.status).toBe(413)
    expect(stored(answer).map(({ instance }) => instance)).toEqual([small.uids.instance])
    expect(nameless(answer)).toHaveLength(1)
    expect(await world.qido('/instances')).toHaveLength(1)
  })

  it('says 503 to one upload more than there may be', async () => {
    await using world = await startWorld({ upload: { maxUploads: 1 } })
    const { body, headers } = stowBody([ct()])
    const gate = Promise.withResolvers<undefined>()
    async function* slowly() {
      yield body.subarray(0, 100)
      await gate.promise
      yield body.subarray(100)
    }
    const first = world.ask('/dicomweb/studies', { method: 'POST', headers, body: slowly() })
    await until(async () => (await world.get('/metrics')).text.includes('concord_uploads 1'))
    const second = await world.stow([mr()])
    expect([second.status, second.headers['retry-after']]).toEqual([503, '2'])
    gate.resolve(undefined)
    expect((await first).status).toBe(200)
  })

  it('ends an upload that hardly moves with 408', async () => {
    await using world = await startWorld({ upload: { paceWindowMs: 300 } })
    const { body, headers } = stowBody([ct()])
    // It never ends by itself.
    async function* trickle() {
      for (let at = 0; ; at = (at + 1) % 100) {
        yield body.subarray(at, at + 1)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    expect((await world.ask('/dicomweb/studies', { method: 'POST', headers, body: trickle() })).status).toBe(
      408,
    )
  })

  it('leaves nothing of a part whose sender goes away, in memory or staged', async () => {
    await using world = await startWorld()
    const whole = ct()
    const large = ct({}, { pixels: { vr: 'OW', bytes: Buffer.alloc(3_000_000) } })
    const { body, headers } = stowBody([whole, large])
    const isStored = async () => (await world.qido('/instances')).length === 1
    const isStaged = async () => (await readdir(join(world.folder, 'spool'))).length > 0
    // Each goes away when the service has so much of it.
    for (const [length, hasCome] of [
      [6000, isStored],
      [2_500_000, isStaged],
    ] as const) {
      const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
      socket.write(
        `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${headers['Content-Type'] ?? ''}\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
      socket.write(body.subarray(0, length))
      await until(hasCome)
      socket.destroy()
      await once(socket, 'close')
    }
    await until(async () => (await world.get('/metrics')).text.includes('concord_uploads 0'))
    await until(async () => !(await isStaged()))
    expect((await world.qido('/instances')).map((row) => row['00080018']?.Value?.[0])).toEqual([
      whole.uids.instance,
    ])
  })

  it('asks for the body only when it will be read (Expect: 100-continue)', async () => {
    await using world = await startWorld()
    const { body, headers } = stowBody([ct()])
    const talk = async (type: string) => {
      const socket = connect(Number(new URL(world.url).port), '127.0.0.1')
      socket.write(
        `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
      const [first] = (await once(socket, 'data')) as [Buffer]
      if (first.toString().startsWith('HTTP/1.1 100')) {
        socket.write(body)
        const [second] = (await once(socket, 'data')) as [Buffer]
        socket.destroy()
        return [100, Number(second.toString().slice(9, 12))]
      }
      socket.destroy()
      return [Number(first.toString().slice(9, 12))]
    }
    expect(await talk(headers['Content-Type'] ?? '')).toEqual([100, 200])
    expect(await talk('text/plain')).toEqual([415])
  })
})
