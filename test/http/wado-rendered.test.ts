/** Pictures, thumbnails, documents and reports over HTTP, WADO-URI and ZIP. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { zipOf } from '../../src/http/zip.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { rle, format } from '../pixels/encoders.ts'
import { ct, jpeg, pdf, secondaryCapture, series, sr, us, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { Readable } from 'node:stream'
import { bytesOf, partsOf, shapeOf } from './parts.ts'

const RLE = '1.2.840.10008.1.2.5'
const VIDEO = '1.2.840.10008.1.2.4.102'

let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.store(grey, loop, report, letter, film, broken, ...stack)
})
afterAll(() => world[Symbol.asyncDispose]())

const study = ({ uids }: Sample) => `/dicomweb/studies/${uids.study}`
const seriesAt = (one: Sample) => `${study(one)}/series/${one.uids.series}`
const at = (one: Sample) => `${seriesAt(one)}/instances/${one.uids.instance}`

/** 4 × 2, from -200 to 150 Hounsfield units. */
const VALUES = [-200, -150, -100, -50, 0, 50, 100, 150]
const grey = ct(
  { Rows: 2, Columns: 4, WindowCenter: 0, WindowWidth: 201 },
  { pixels: { vr: 'OW', bytes: Buffer.from(Int16Array.from(VALUES, (hu) => hu + 1024).buffer) } },
)
const loop = us({ NumberOfFrames: 3 })
const report = sr({ PatientName: 'Doe^<script>alert(1)</script>' })
const letter = pdf({
  EncapsulatedDocument: Buffer.from(`%PDF-1.4 ${'x'.repeat(2000)}`),
  EncapsulatedDocumentLength: 2009,
})
const stream = Buffer.from([...Array(1000).keys()].map((value) => value & 0xff))
const film = us(
  { NumberOfFrames: 30 },
  { TransferSyntaxUID: VIDEO, pixels: { fragments: [stream.subarray(0, 600), stream.subarray(600)] } },
)
const broken = jpeg()
const stack = series(ct, 5)

async function pixelsOf(path: string, headers: Record<string, string> = {}) {
  const answer = await world.get(path, { Accept: 'image/png', ...headers })
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/png'])
  const { data, info } = await sharp(answer.body)
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data: [...data], width: info.width, height: info.height }
}

describe('pictures', () => {
  it('have the window of the image, or the one that is asked for', async () => {
    expect((await pixelsOf(`${at(grey)}/rendered`)).data).toEqual([0, 0, 1, 64, 128, 192, 255, 255])
    expect((await pixelsOf(`${at(grey)}/rendered?window=0,2,linear`)).data).toEqual([
      0, 0, 0, 0, 255, 255, 255, 255,
    ])
    expect((await pixelsOf(`${at(grey)}/rendered?window=0%2C400%2Clinear-exact`)).data).toEqual([
      0, 32, 64, 96, 128, 159, 191, 223,
    ])
    expect((await pixelsOf(`${at(grey)}/rendered?window=0,100,SIGMOID`)).data[4]).toBe(128)
  })

  it('have the region and the size that are asked for, turned round by negative sizes', async () => {
    const W = 'window=0,400,linear-exact'
    expect(await pixelsOf(`${at(grey)}/rendered?${W}&viewport=2,2,1,0,2,2`)).toMatchObject({
      width: 2,
      height: 2,
      data: [32, 64, 159, 191],
    })
    expect((await pixelsOf(`${at(grey)}/rendered?${W}&viewport=2,2,1,0,-2,-2`)).data).toEqual([
      191, 159, 64, 32,
    ])
    expect(await pixelsOf(`${at(grey)}/rendered?${W}&viewport=40,40`)).toMatchObject({
      width: 40,
      height: 20,
    })
    expect(await pixelsOf(`${at(grey)}/rendered?viewport=9,1,,,,`)).toMatchObject({ width: 2, height: 1 })
  })

  it.each([
    ['window=1,2', 'window'],
    ['window=1,x,linear', 'window'],
    ['window=1,0.5,linear', 'window'],
    ['window=1,2,cubic', 'window'],
    // Infinite ones have no place in a key or an entity tag: all black and all white would be one picture.
    ['window=1e999,1,linear', 'window'],
    ['window=-1e999,1,linear', 'window'],
    ['viewport=0,10', 'viewport'],
    ['viewport=10', 'viewport'],
    ['viewport=10,10,9,0,1,1', 'region'],
    ['viewport=10,10,-1,0,1,1', 'region'],
    ['viewport=99999,10', 'viewport'],
    ['quality=0', 'quality'],
    ['quality=101', 'quality'],
    ['quality=50&quality=60', 'quality'],
  ])('refuse %s', async (query, word) => {
    const answer = await world.get(`${at(grey)}/rendered?${query}`)
    expect([answer.status, answer.text.includes(word)]).toEqual([400, true])
  })

  it('are JPEG unless another type is asked for; unknown parameters are passed over', async () => {
    for (const [Accept, media] of [
      [undefined, 'image/jpeg'],
      ['*/*', 'image/jpeg'],
      ['image/*', 'image/jpeg'],
      ['image/gif', 'image/gif'],
      ['image/webp, image/png;q=0.5', 'image/png'],
      ['image/*, image/jpeg;q=0', 'image/png'],
      ['multipart/related; type="application/octet-stream"', 'image/jpeg'],
    ] as const) {
      const answer = await world.get(
        `${at(grey)}/rendered?annotation=patient&iccprofile=no&_=1`,
        Accept === undefined ? {} : { Accept },
      )
      expect([Accept, answer.status, answer.headers['content-type']]).toEqual([Accept, 200, media])
      expect((await sharp(answer.body).metadata()).format).toBe(media.slice(6))
    }
    expect((await world.get(`${at(grey)}/rendered`, { Accept: 'image/webp' })).status).toBe(406)
    expect(
      (await world.get(`${at(grey)}/rendered?accept=image/png`, { Accept: 'text/html' })).headers[
        'content-type'
      ],
    ).toBe('image/png')
  })

  it('are one of a frame, several in parts, and 404 for a frame that is not there', async () => {
    const whole = await world.get(`${at(loop)}/rendered`, { Accept: 'image/png' })
    const [first, third] = await Promise.all(
      [1, 3].map((n) => world.get(`${at(loop)}/frames/${n}/rendered`, { Accept: 'image/png' })),
    )
    const both = await world.get(`${at(loop)}/frames/1,3/rendered`, { Accept: 'image/png' })

    expect(first!.body).toEqual(whole.body)
    expect(third!.body).not.toEqual(whole.body)
    expect(bytesOf(both)).toEqual([first!.body, third!.body])
    expect((await world.get(`${at(loop)}/frames/4/rendered`)).status).toBe(404)
    expect((await world.get(`${at(loop)}/frames/0/rendered`)).status).toBe(400)
  })

  it('have a strong tag of their own, ranges and HEAD', async () => {
    const path = `${at(grey)}/rendered?quality=40`
    const answer = await world.get(path)
    const { etag = '' } = answer.headers
    expect((await world.get(path, { 'If-None-Match': etag })).status).toBe(304)
    expect((await world.get(`${at(grey)}/rendered?quality=41`)).headers.etag).not.toBe(etag)
    expect((await world.get(path, { Range: 'bytes=2-5' })).body).toEqual(answer.body.subarray(2, 6))
    const head = await world.ask(path, { method: 'HEAD' })
    expect([head.status, head.headers['content-length']]).toEqual([200, String(answer.body.length)])
  })

  it('stand for a series and a study, or come in parts for every instance', async () => {
    const middle = await world.get(`${at(stack[2]!)}/rendered`)
    expect((await world.get(`${seriesAt(stack[0]!)}/rendered`)).body).toEqual(middle.body)
    expect((await world.get(`${study(stack[0]!)}/rendered`)).body).toEqual(middle.body)
    const every = await world.get(`${study(stack[0]!)}/rendered`, {
      Accept: 'multipart/related; type="image/jpeg"',
    })
    expect(partsOf(every).parts.map(({ headers }) => headers['Content-Location'])).toEqual(
      stack.map((one) => `${world.url}${at(one)}/rendered`),
    )
    expect(bytesOf(every)[2]).toEqual(middle.body)
  })
})

describe('thumbnails', () => {
  it('are small pictures at every level, whatever parts a client names', async () => {
    const Accept = 'multipart/related; type="application/octet-stream"'
    for (const path of [study(grey), seriesAt(grey), at(grey), `${at(grey)}/frames/1`]) {
      const answer = await world.get(`${path}/thumbnail`, { Accept })
      expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 200, 'image/jpeg'])
      expect(await sharp(answer.body).metadata()).toMatchObject({ width: 256, height: 128 })
    }
    const sized = await world.get(`${at(grey)}/thumbnail?viewport=64%2C64`, { Accept: 'image/png' })
    expect(await sharp(sized.body).metadata()).toMatchObject({ width: 64, height: 32 })
  })

  it('show the middle frame of many', async () => {
    const middle = await world.get(`${at(loop)}/frames/2/thumbnail`)
    expect((await world.get(`${at(loop)}/thumbnail`)).body).toEqual(middle.body)
  })

  it('are 406 and never 404 for what is there and cannot be shown', async () => {
    for (const one of [report, letter, film, broken]) {
      for (const path of [study(one), seriesAt(one), at(one)]) {
        expect([path, (await world.get(`${path}/thumbnail`)).status]).toEqual([path, 406])
      }
    }
    expect((await world.get('/dicomweb/studies/1.2.3/thumbnail')).status).toBe(404)
    expect((await world.get('/dicomweb/studies/1.2.3/series/4.5/thumbnail')).status).toBe(404)
    expect((await world.get(`${seriesAt(grey)}/instances/9.9/thumbnail`)).status).toBe(404)
  })
})

describe('what is no picture', () => {
  it('is a page or text for a report, with nothing in it that could run', async () => {
    const page = await world.get(`${at(report)}/rendered`)
    const text = await world.get(`${at(report)}/rendered`, { Accept: 'text/plain' })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.text).toContain('<b>Finding</b>: Two lesions, the larger one 12\\14 mm.<br>No ascites.')
    expect(page.text).toContain('&lt;script&gt;')
    expect(page.text).not.toContain('<script')
    expect(text.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(text.text).toContain(
      'Findings\n  Finding: Two lesions, the larger one 12\\14 mm.\n    No ascites.',
    )
    expect((await world.get(`${at(report)}/rendered`, { Accept: 'image/jpeg' })).status).toBe(406)
  })

  it('is the document without its pad byte, with ranges', async () => {
    const answer = await world.get(`${at(letter)}/rendered`, {
      Accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
    })
    expect([answer.status, answer.headers['content-type'], answer.body.length]).toEqual([
      200,
      'application/pdf',
      2009,
    ])
    const range = await world.get(`${at(letter)}/rendered`, { Range: 'bytes=0-7' })
    expect([range.status, range.text, range.headers['content-range']]).toEqual([
      206,
      '%PDF-1.4',
      'bytes 0-7/2009',
    ])
  })

  it('is the stream of a video, with ranges', async () => {
    const answer = await world.get(`${at(film)}/rendered`, { Accept: 'video/*' })
    expect([answer.headers['content-type'], answer.headers['accept-ranges']]).toEqual(['video/mp4', 'bytes'])
    expect(answer.body).toEqual(stream)
    const range = await world.get(`${at(film)}/rendered`, { Range: 'bytes=590-609' })
    expect([range.status, range.body]).toEqual([206, stream.subarray(590, 610)])
    expect((await world.get(`${at(film)}/rendered`, { Accept: 'image/jpeg' })).status).toBe(406)
  })
})

describe('WADO-URI', () => {
  const uri = ({ uids }: Sample, more = '') =>
    `/dicomweb/wado?requestType=WADO&studyUID=${uids.study}&seriesUID=${uids.series}&objectUID=${uids.instance}${more}`

  it('shows a picture, as RS does', async () => {
    const rendered = await world.get(`${at(grey)}/rendered`)
    expect((await world.get(uri(grey))).body).toEqual(rendered.body)
    const wide = { Accept: 'image/png' }
    expect(await pixelsOf(uri(grey, '&windowCenter=0&windowWidth=2&contentType=image/png'))).toMatchObject({
      data: [0, 0, 0, 0, 255, 255, 255, 255],
    })
    expect(await pixelsOf(uri(grey, '&rows=20'), wide)).toMatchObject({ width: 40, height: 20 })
    expect(await pixelsOf(uri(grey, '&region=0.25,0,0.75,1&rows=2&columns=2'), wide)).toMatchObject({
      width: 2,
      height: 2,
    })
    expect((await world.get(uri(loop, '&frameNumber=2'))).body).toEqual(
      (await world.get(`${at(loop)}/frames/2/rendered`)).body,
    )
    expect((await world.get(uri(letter))).headers['content-type']).toBe('application/pdf')
  })

  it('makes no larger picture of one side than of two', async () => {
    const wide = { Accept: 'image/png' }
    // 64 Mi pixels: 4096 columns of 16,384 rows, in which a picture of 2 : 1 is as large as can be.
    const { body } = await world.get(uri(grey, '&rows=16384'), wide)
    expect(await sharp(body).metadata()).toMatchObject({ width: 4096, height: 2048 })
    expect((await world.get(uri(grey, '&rows=16384&columns=16384'), wide)).status).toBe(400)
  })

  it('sends the file in the transfer syntax that is asked for', async () => {
    const answer = await world.get(uri(broken, '&contentType=application%2Fdicom&transferSyntax=*'))
    expect([answer.status, answer.body]).toEqual([200, broken.bytes])
    expect((await world.get(uri(grey, '&contentType=application/dicom'))).body).toEqual(grey.bytes)
    expect(
      (await world.get(uri(grey, '&contentType=application/dicom&transferSyntax=1.2.840.10008.1.2.4.80')))
        .status,
    ).toBe(406)
  })

  it.each([
    ['&frameNumber=0', 400],
    ['&frameNumber=9', 400],
    ['&windowCenter=1', 400],
    ['&region=0,0,2,1', 400],
    ['&imageQuality=0', 400],
    ['&contentType=application/dicom&transferSyntax=x', 400],
    ['&anonymize=yes', 406],
    ['&contentType=video/mp4', 406],
  ])('answers %s with %d', async (more, status) => {
    expect((await world.get(uri(grey, more))).status).toBe(status)
  })

  it('wants its four parameters', async () => {
    expect((await world.get('/dicomweb/wado?requestType=WADO&studyUID=1.2&seriesUID=1.2')).status).toBe(400)
    expect((await world.get(uri(grey).replace('=WADO', '=wado'))).status).toBe(400)
    expect((await world.get(uri(grey).replace(/objectUID=[\d.]+/, 'objectUID=1.2.3'))).status).toBe(404)
  })
})

describe('ZIP', () => {
  const python = (() => {
    try {
      execFileSync('python3', ['--version'], { stdio: 'ignore' })
      return true
    } catch {
      console.log('skipped: no python3 to read archives with')
      return false
    }
  })()
  /** Names and SHA-256 of what an independent reader finds. */
  function listed(bytes: Buffer): Record<string, number> {
    const folder = mkdtempSync(join(tmpdir(), 'concord-zip-'))
    writeFileSync(join(folder, 'a.zip'), bytes)
    const script =
      'import json,sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(json.dumps({i.filename:len(z.read(i)) for i in z.infolist()}))'
    try {
      return JSON.parse(
        execFileSync('python3', ['-c', script, join(folder, 'a.zip')], { encoding: 'utf8' }),
      ) as Record<string, number>
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  it('has every file of a study, series or instance as it was received', async () => {
    const answer = await world.get(study(stack[0]!), { Accept: 'application/zip' })
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/zip'])
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="${stack[0]!.uids.study}.zip"`)
    // Stored, so that the files stand in it as they are.
    for (const one of stack) expect(answer.body.indexOf(one.bytes)).toBeGreaterThan(0)
    const names = stack.map(({ uids }) => `${uids.study}/${uids.series}/${uids.instance}.dcm`)
    expect(!python || Object.keys(listed(answer.body)).sort()).toEqual(!python || names.sort())
    expect((await world.get(`${at(grey)}?accept=application/zip`)).body.indexOf(grey.bytes)).toBeGreaterThan(
      0,
    )
    expect(
      (
        await world.get(study(stack[0]!), {
          Accept: 'application/zip',
          'If-None-Match': String(answer.headers.etag),
        })
      ).status,
    ).toBe(304)
    expect(shapeOf(await world.get(at(grey), { Accept: 'application/dicom, application/zip' }))).toMatch(
      /^single application\/dicom/,
    )
    expect((await world.get('/dicomweb/studies/1.2.3', { Accept: 'application/zip' })).status).toBe(404)
  })

  it('can be read where sizes need 64 bits, and with many entries', async () => {
    async function* entries() {
      for (let n = 0; n < 70_000; n++) {
        const open = () =>
          Promise.resolve(Readable.from(n === 5 ? [] : [Buffer.from(String(n))], { objectMode: false }))
        yield await Promise.resolve({
          name: `${n}`,
          size: n % 1000 === 0 ? 5e9 : 1,
          modified: new Date(0),
          open,
        })
      }
    }
    const bytes = Buffer.concat(await Array.fromAsync(zipOf(entries())))
    const found = python ? listed(bytes) : null
    expect(found === null || [Object.keys(found).length, found['69999'], found['5']]).toEqual(
      found === null || [70_000, 5, 0],
    )
  }, 60_000)
})

describe('transcoding', () => {
  const native = Buffer.from([...Array(3 * 5 * 3).keys()].map((value) => value * 5))
  const of = format({ Rows: 3, Columns: 5, BitsAllocated: 8, SamplesPerPixel: 3 })
  const colour = { Rows: 3, Columns: 5, NumberOfFrames: 1 }
  const packed = secondaryCapture(
    {
      ...colour,
      PlanarConfiguration: 1,
      '7FE00001': { vr: 'OV', InlineBinary: Buffer.alloc(8).toString('base64') },
    },
    { TransferSyntaxUID: RLE, pixels: { fragments: [rle(native, of)] } },
  )
  const plain = secondaryCapture({
    StudyInstanceUID: packed.uids.study,
    SeriesInstanceUID: packed.uids.series,
  })
  const unreadable = secondaryCapture(
    { ...colour, StudyInstanceUID: packed.uids.study, SeriesInstanceUID: packed.uids.series },
    { TransferSyntaxUID: RLE, pixels: { fragments: [Buffer.alloc(70)] } },
  )
  const LE = '1.2.840.10008.1.2.1'
  const DICOM = 'multipart/related; type="application/dicom"'
  beforeAll(() => world.store(packed, plain, unreadable))

  it('gives files without loss in Explicit VR Little Endian where no syntax is named', async () => {
    for (const Accept of [DICOM, `${DICOM}; transfer-syntax=${LE}`]) {
      const answer = await world.get(at(packed), { Accept })
      expect(shapeOf(answer)).toBe(`parts application/dicom ${LE}`)
      const [bytes = Buffer.alloc(0)] = bytesOf(answer)
      const read = readPart10(bytes)
      expect([read.damaged, read.oddities]).toEqual([false, []])
      expect(read.dataSet['00280006']).toEqual({ vr: 'US', Value: [0] })
      expect(read.dataSet['7FE00001']).toBeUndefined()
      // 45 bytes and the one that makes them even.
      expect(bytes.subarray(-46, -1)).toEqual(native)
      const before = readPart10(packed.bytes).dataSet
      const others = Object.fromEntries(Object.entries(read.dataSet).filter(([tag]) => tag !== '00280006'))
      expect(before).toMatchObject(others)
    }
    expect(shapeOf(await world.get(at(packed), { Accept: `${DICOM}; transfer-syntax=*` }))).toBe(
      `parts application/dicom ${RLE}`,
    )
  })

  it('sends what the codec refuses as it is stored, or leaves it out and says so', async () => {
    const open = await world.get(seriesAt(packed), { Accept: DICOM })
    expect(
      partsOf(open)
        .parts.map(({ transferSyntax }) => transferSyntax)
        .sort(),
    ).toEqual([LE, LE, RLE])
    const strict = await world.get(seriesAt(packed), { Accept: `${DICOM}; transfer-syntax=${LE}` })
    expect([strict.status, partsOf(strict).parts.length]).toEqual([206, 2])
    expect(strict.headers.warning).toContain('1 instances')
    expect((await world.get(at(unreadable), { Accept: `${DICOM}; transfer-syntax=${LE}` })).status).toBe(406)
  })

  it('makes a picture of each instance whose pixels are whole, and tells how many are not', async () => {
    const SeriesInstanceUID = `${packed.uids.series}.1`
    const own = { ...colour, StudyInstanceUID: packed.uids.study, SeriesInstanceUID }
    const spoilt = (InstanceNumber: number, fragments: Buffer[]) =>
      secondaryCapture({ ...own, InstanceNumber }, { TransferSyntaxUID: RLE, pixels: { fragments } })
    const whole = { StudyInstanceUID: packed.uids.study, SeriesInstanceUID, InstanceNumber: 2 }
    const rendered = `${study(packed)}/series/${SeriesInstanceUID}/rendered`
    const many = { headers: { Accept: 'multipart/related; type="image/png"' } }
    const asked = async () => {
      const request = get(`${world.url}${rendered}`, many)
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      const body = await buffer(answer)
      const { statusCode: status, headers, trailers } = answer
      return {
        status,
        parts: body.toString('latin1').split('Content-Location').length - 1,
        headers,
        trailers,
      }
    }
    await world.store(spoilt(1, [Buffer.alloc(70)]))
    expect((await world.get(rendered, many.headers)).status).toBe(406)
    await world.store(secondaryCapture(whole))
    await world.store(spoilt(3, [Buffer.alloc(80)]))
    const { status, parts, headers, trailers } = await asked()
    expect([status, parts]).toEqual([206, 1])
    expect(headers.warning).toContain('"1 instances cannot be shown as pictures."')
    expect(trailers['warning']).toContain('"2 instances cannot be shown as pictures."')
  })

  it('gives frames as octets, decoded, alone or in parts, with ranges', async () => {
    for (const path of [
      `${at(packed)}/frames/1`,
      `${at(packed)}/pixeldata`,
      `${at(packed)}/bulkdata/7FE00010`,
    ]) {
      const parts = await world.get(path, { Accept: 'multipart/related; type="application/octet-stream"' })
      expect(shapeOf(parts)).toBe(`parts application/octet-stream ${LE}`)
      expect(bytesOf(parts)).toEqual([native])
      const alone = await world.get(path, { Accept: 'application/octet-stream', Range: 'bytes=3-6' })
      expect([alone.status, alone.body]).toEqual([206, native.subarray(3, 7)])
    }
    const stored = await world.get(`${at(packed)}/frames/1`, {
      Accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    })
    expect(shapeOf(stored)).toBe(`parts image/dicom-rle ${RLE}`)
  })

  it('decodes every frame of a file, and says RGB of what was YCbCr', async () => {
    const frames = await Promise.all(
      [40, 200].map((level) =>
        sharp({ create: { width: 16, height: 8, channels: 3, background: { r: level, g: level, b: level } } })
          .jpeg()
          .toBuffer(),
      ),
    )
    const fragments = frames.map((one) => Buffer.concat([one, Buffer.alloc(one.length % 2)]))
    const lossy = jpeg(
      { Rows: 8, Columns: 16, NumberOfFrames: 2, PhotometricInterpretation: 'YBR_FULL_422' },
      { pixels: { fragments } },
    )
    await world.store(lossy)
    const answer = await world.get(at(lossy), { Accept: `application/dicom; transfer-syntax=${LE}` })
    expect(shapeOf(answer)).toBe(`single application/dicom ${LE}`)
    const { dataSet } = readPart10(answer.body)
    expect(dataSet['00280004']).toEqual({ vr: 'CS', Value: ['RGB'] })
    expect(dataSet['00282110']).toEqual({ vr: 'CS', Value: ['01'] })
    const samples = answer.body.subarray(-2 * 16 * 8 * 3)
    expect([samples[0], samples.at(-1)]).toEqual([40, 200])
    // Nobody asked for Little Endian: what was compressed with a loss leaves as it is.
    expect((await world.get(at(lossy), { Accept: 'application/dicom' })).body).toEqual(lossy.bytes)
  })
})
