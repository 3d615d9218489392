/** Frames, pixel data and bulk data, of whatever encoding they are stored in. */
import { readPart10 } from '../../src/dicom/reader.ts'
import { readPixelMap, type PixelMode } from '../../src/dicom/pixel-map.ts'
import { transferSyntaxes } from '../../src/dicom/transfer-syntax.ts'
import { basicOffsetTable, type Pixels } from '../../src/dicom/writer.ts'
import { bare, ct, jpeg, jpegLike, pdf, secondaryCapture, segmentation, us, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { bytesOf, partsOf, shapeOf } from './parts.ts'

const LE = '1.2.840.10008.1.2.1'
const IMPLICIT = '1.2.840.10008.1.2'
const BIG = '1.2.840.10008.1.2.2'
const DEFLATED = '1.2.840.10008.1.2.1.99'
const RLE = '1.2.840.10008.1.2.5'
const STORED = { Accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' }

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const at = ({ uids }: Sample) =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`
const native = ({ pixels }: Sample) => (pixels && 'bytes' in pixels ? pixels.bytes : Buffer.alloc(0))
async function stored<One extends Sample>(one: One): Promise<One> {
  await world.store(one)
  return one
}
async function frames(one: Sample, numbers: string, headers = STORED): Promise<readonly Buffer[]> {
  return bytesOf(await world.get(`${at(one)}/frames/${numbers}`, headers))
}
function modeOf({ bytes }: Sample): PixelMode {
  return readPixelMap(readPart10(bytes).pixelMap ?? Buffer.alloc(0)).mode
}

/** One bit a pixel, frames one after the other without a gap, the first pixel in the lowest bit (PS3.5 §8.1.1). */
function bitFrame(bytes: Buffer, pixels: number, n: number): Buffer {
  const out = Buffer.alloc(Math.ceil(pixels / 8))
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = (n - 1) * pixels + pixel
    const bit = (bytes.readUInt8(at >> 3) >> (at & 7)) & 1
    out.writeUInt8(out.readUInt8(pixel >> 3) | (bit << (pixel & 7)), pixel >> 3)
  }
  return out
}

describe('native frames', () => {
  const MODES: readonly (readonly [PixelMode, string, Sample, number])[] = [
    ['range', 'implicit', us({ NumberOfFrames: 4 }, { TransferSyntaxUID: IMPLICIT }), 192],
    ['range', 'explicit', us({ NumberOfFrames: 4 }), 192],
    ['swap', 'big endian, 16 bits', ct({ NumberOfFrames: 4 }, { TransferSyntaxUID: BIG }), 128],
    [
      'swap',
      'big endian, words that frames share',
      secondaryCapture(
        { NumberOfFrames: 4, SamplesPerPixel: 1, Rows: 3, Columns: 3, PlanarConfiguration: undefined },
        { TransferSyntaxUID: BIG, pixels: { vr: 'OW', bytes: Buffer.from([...Array(36).keys()]) } },
      ),
      9,
    ],
    [
      'swap',
      'big endian, 32 bits',
      ct({ NumberOfFrames: 4, BitsAllocated: 32, BitsStored: 32, HighBit: 31 }, { TransferSyntaxUID: BIG }),
      256,
    ],
    ['inflate', 'deflated', us({ NumberOfFrames: 4 }, { TransferSyntaxUID: DEFLATED }), 192],
  ]
  it.each(MODES)('mode %s: %s', async (mode, _what, one, size) => {
    await stored(one)
    expect(modeOf(one)).toBe(mode)

    for (const n of [1, 2, 3, 4]) {
      const answer = await world.get(`${at(one)}/frames/${n}`, STORED)
      expect(shapeOf(answer)).toBe(`parts application/octet-stream ${LE}`)
      expect(bytesOf(answer)).toEqual([native(one).subarray((n - 1) * size, n * size)])
    }
    expect(await frames(one, '4,2,2')).toEqual(
      [4, 2, 2].map((n) => native(one).subarray((n - 1) * size, n * size)),
    )
    const whole = await world.get(`${at(one)}/bulkdata/7FE00010`)
    expect(whole.body).toEqual(native(one))
  })

  it.each([
    ['bits', LE],
    ['bits', BIG],
    ['inflate', DEFLATED],
  ] as const)('mode %s: one bit a pixel, frames within bytes (%s)', async (mode, TransferSyntaxUID) => {
    const one = await stored(segmentation({}, { TransferSyntaxUID }))
    expect(modeOf(one)).toBe(mode)

    const expected = [1, 2, 3].map((n) => bitFrame(native(one), 25, n))
    expect(await frames(one, '1,2,3')).toEqual(expected)
    for (const n of [1, 2, 3]) {
      const answer = await world.get(`${at(one)}/frames/${n}`, { Accept: 'application/octet-stream' })
      expect(answer.body).toEqual(expected[n - 1])
      expect(answer.headers['content-length']).toBe('4')
      const range = await world.get(`${at(one)}/frames/${n}`, {
        Accept: 'application/octet-stream',
        Range: 'bytes=1-2',
      })
      expect(range.body).toEqual(expected[n - 1]?.subarray(1, 3))
    }
  })

  it.each(['7FE00008', '7FE00009'])('floating-point pixel data (%s)', async (tag) => {
    const [vr, bits] = tag === '7FE00008' ? (['OF', 32] as const) : (['OD', 64] as const)
    const one = await stored(
      secondaryCapture(
        { SamplesPerPixel: 1, PlanarConfiguration: undefined, BitsAllocated: bits, BitsStored: undefined },
        {
          TransferSyntaxUID: BIG,
          pixels: { tag, vr, bytes: Buffer.from([...Array(8 * bits).keys()]) },
        },
      ),
    )

    expect(await frames(one, '1')).toEqual([native(one)])
    expect((await world.get(`${at(one)}/bulkdata/${tag}`)).body).toEqual(native(one))
    expect((await world.get(`${at(one)}/bulkdata/7FE00010`)).status).toBe(404)
    const [metadata] = (await world.get(`${at(one)}/metadata`)).dataSets()
    expect(metadata?.[tag]).toEqual({ vr, BulkDataURI: `${world.url}${at(one)}/bulkdata/${tag}` })
  })
})

describe('compressed frames', () => {
  const one = jpegLike('the first')
  const two = [jpegLike('x'.repeat(500)).subarray(0, 300), jpegLike('x'.repeat(500)).subarray(300)]
  const three = jpegLike('the third')
  const fragments = [one, ...two, three]
  const expected = [one, Buffer.concat(two), three]
  const TABLES: readonly (readonly [string, Pixels])[] = [
    ['a Basic Offset Table', { fragments, offsetTable: basicOffsetTable(fragments, [1, 2, 1]) }],
    ['no table, told apart by where images begin', { fragments }],
    ['a table that lies', { fragments, offsetTable: [0, 4, 8] }],
  ]
  it.each(TABLES)('of several fragments, with %s', async (_what, pixels) => {
    const sample = await stored(jpeg({ NumberOfFrames: 3 }, { pixels }))

    expect(await frames(sample, '1,2,3')).toEqual(expected)
    expect(await frames(sample, '2')).toEqual([expected[1]])
    expect(bytesOf(await world.get(`${at(sample)}/pixeldata`))).toEqual(expected)
    expect(bytesOf(await world.get(`${at(sample)}/bulkdata/7FE00010`))).toEqual(expected)
    const single = await world.get(`${at(sample)}/frames/2`, { Accept: 'image/jpeg', Range: 'bytes=299-301' })
    expect(single.body).toEqual(expected[1]?.subarray(299, 302))
  })

  it('come under the type and syntax of what is stored, for every syntax there is', async () => {
    const encapsulated = transferSyntaxes().filter((syntax) => syntax.encapsulated)
    expect(encapsulated.length).toBeGreaterThan(40)
    for (const { uid, mediaType, frameSyntax } of encapsulated) {
      const sample = await stored(jpeg({}, { TransferSyntaxUID: uid, pixels: { fragments: [one] } }))
      const answer = await world.get(`${at(sample)}/frames/1`, STORED)
      expect([uid, shapeOf(answer)]).toEqual([uid, `parts ${mediaType} ${frameSyntax}`])
      expect(bytesOf(answer)).toEqual([one])
      expect(partsOf(answer).transferSyntax).toBe(frameSyntax)
      // Never compressed bytes for who asks for plain ones.
      const plain = await world.get(`${at(sample)}/frames/1`, {
        Accept: 'multipart/related; type="application/octet-stream"',
      })
      expect([uid, plain.status]).toEqual([uid, frameSyntax === LE ? 200 : 406])
    }
  })

  it('of RLE answer to the old name of their type', async () => {
    const sample = await stored(
      jpeg({}, { TransferSyntaxUID: RLE, pixels: { fragments: [Buffer.alloc(66, 1)] } }),
    )
    const answer = await world.get(`${at(sample)}/frames/1`, {
      Accept: 'multipart/related; type="image/x-dicom-rle"',
    })

    expect(shapeOf(answer)).toBe(`parts image/dicom-rle ${RLE}`)
  })

  it('of more frames than a request may name come as pixel data, as they are read', async () => {
    const many = Array.from({ length: 1200 }, (_, index) => jpegLike(`frame ${index + 1}`))
    const sample = await stored(jpeg({ NumberOfFrames: 1200 }, { pixels: { fragments: many } }))

    const answer = await world.get(`${at(sample)}/pixeldata`)

    expect(bytesOf(answer)).toEqual(many)
    expect((await world.get(`${at(sample)}/frames/1200`, STORED)).status).toBe(200)
  })

  it('are not counted where a file claims four thousand million of them', async () => {
    const sample = await stored(
      secondaryCapture(
        { NumberOfFrames: 4294967295 },
        { TransferSyntaxUID: RLE, pixels: { fragments: [one, three] } },
      ),
    )

    expect((await world.get(`${at(sample)}/pixeldata`)).status).toBe(404)
    expect(await frames(sample, '2')).toEqual([three])
  })
})

describe('frame numbers', () => {
  let loop: Sample
  beforeAll(async () => {
    loop = await stored(us({ NumberOfFrames: 3 }))
  })

  it.each(['0', '-1', 'a', '1,', ',1', '1,,2', '1.5', '1,0', '+1', ' 1', '1e3', '%20', '1;2', '99999999999'])(
    '%p is none',
    async (numbers) => {
      const answer = await world.get(`${at(loop)}/frames/${encodeURI(numbers)}`)
      expect(answer.status).toBe(400)
      expect(answer.headers['content-type']).toBe('application/problem+json')
    },
  )

  it.each(['4', '999', '1,2,3,4', '4,1'])('%p is not there, and then nothing is', async (numbers) => {
    expect((await world.get(`${at(loop)}/frames/${numbers}`)).status).toBe(404)
  })

  it('may come with an escaped comma, and up to a thousand of them', async () => {
    expect(await frames(loop, '1%2C3')).toHaveLength(2)
    expect(await frames(loop, Array(1000).fill('1').join())).toHaveLength(1000)
    expect((await world.get(`${at(loop)}/frames/${Array(1001).fill('1').join()}`)).status).toBe(400)
    expect((await world.get(`${at(loop)}/frames/${Array(10_000).fill('1').join()}`)).status).toBe(400)
  })

  it('mean nothing where there is no pixel data', async () => {
    const document = await stored(pdf())
    for (const path of ['frames/1', 'pixeldata', 'bulkdata/7FE00010'])
      expect([path, (await world.get(`${at(document)}/${path}`)).status]).toEqual([path, 404])
  })
})

describe('a file whose end is missing', () => {
  it('has its native frames but for the last one', async () => {
    const whole = us({ NumberOfFrames: 3 })
    const torn = { ...whole, bytes: whole.bytes.subarray(0, -100) }
    expect((await world.stow([torn])).status).toBe(202)

    expect(await frames(torn, '1,2')).toEqual([
      native(whole).subarray(0, 192),
      native(whole).subarray(192, 384),
    ])
    expect((await world.get(`${at(torn)}/frames/3`)).status).toBe(404)
    expect((await world.get(`${at(torn)}/bulkdata/7FE00010`)).body).toEqual(native(whole).subarray(0, 476))
    expect((await world.get(`${at(torn)}/original`)).body).toEqual(torn.bytes)
    expect(bytesOf(await world.get(at(torn)))).toEqual([torn.bytes])
  })

  it('has its compressed frames but for the last one', async () => {
    const fragments = ['one', 'two', 'three'].map((text) => jpegLike(text.repeat(20)))
    const whole = jpeg(
      { NumberOfFrames: 3 },
      { pixels: { fragments, offsetTable: basicOffsetTable(fragments) } },
    )
    const torn = { ...whole, bytes: whole.bytes.subarray(0, -30) }
    expect((await world.stow([torn])).status).toBe(202)

    expect(await frames(torn, '1,2')).toEqual(fragments.slice(0, 2))
    expect((await world.get(`${at(torn)}/frames/3`, STORED)).status).toBe(404)
    expect((await world.get(`${at(torn)}/frames/1,3`, STORED)).status).toBe(404)
    expect((await world.get(`${at(torn)}/original`)).body).toEqual(torn.bytes)
  })
})

describe('bulk data', () => {
  const words = Buffer.from([...Array(3000).keys()])
  const icon = Buffer.from([...Array(4096).keys()]).reverse()
  const attributes = {
    '00091001': { vr: 'OB', InlineBinary: words.subarray(0, 1501).toString('base64') },
    '00281201': { vr: 'OW', InlineBinary: words.toString('base64') },
    '00660016': { vr: 'OF', InlineBinary: words.toString('base64') },
    '00720034': { vr: 'SQ', Value: [] },
    '00880200': {
      vr: 'SQ',
      Value: [
        { '00280010': { vr: 'US', Value: [64] } },
        {
          '00280010': { vr: 'US', Value: [64] },
          '54001010': { vr: 'OW', InlineBinary: icon.toString('base64') },
          '00091002': { vr: 'OB', InlineBinary: 'AQIDBA==' },
        },
      ],
    },
  } as const
  const DIFFERENT: readonly (readonly [string, string])[] = [
    ['implicit', IMPLICIT],
    ['explicit', LE],
    ['big endian', BIG],
    ['deflated', DEFLATED],
  ]

  describe.each(DIFFERENT)('of a file that is %s', (_name, TransferSyntaxUID) => {
    let one: Sample
    beforeAll(async () => {
      one = await stored(
        bare({ ...attributes, '00090010': { vr: 'LO', Value: ['MAKER'] } }, { TransferSyntaxUID }),
      )
    })

    it('comes in little endian from every address that metadata names', async () => {
      const [metadata = {}] = (await world.get(`${at(one)}/metadata`)).dataSets()
      const item = metadata['00880200']?.Value?.[1] as typeof metadata
      const addresses: readonly (readonly [string | undefined, string, Buffer])[] = [
        [metadata['00281201']?.BulkDataURI, '00281201', words],
        [metadata['00660016']?.BulkDataURI, '00660016', words],
        [item['54001010']?.BulkDataURI, '00880200/2/54001010', icon],
      ]
      for (const [address, path, bytes] of addresses) {
        expect(address).toBe(`${world.url}${at(one)}/bulkdata/${path}`)
        const answer = await world.get(`${at(one)}/bulkdata/${path}`)
        expect([path, shapeOf(answer)]).toEqual([path, 'single application/octet-stream -'])
        expect(answer.body).toEqual(bytes)
        const range = await world.get(`${at(one)}/bulkdata/${path}`, { Range: 'bytes=1001-2002' })
        expect(range.body).toEqual(bytes.subarray(1001, 2003))
      }
    })

    it('has a pad byte and no VR where that is private and not told', async () => {
      const [metadata = {}] = (await world.get(`${at(one)}/metadata`)).dataSets()
      expect(metadata['00091001']?.vr).toBe(TransferSyntaxUID === IMPLICIT ? 'UN' : 'OB')
      const answer = await world.get(`${at(one)}/bulkdata/00091001`)
      expect(answer.body).toEqual(Buffer.concat([words.subarray(0, 1501), Buffer.of(0)]))
    })

    it('comes, too, where metadata has it inline', async () => {
      expect((await world.get(`${at(one)}/bulkdata/00880200/2/00091002`)).body).toEqual(Buffer.of(1, 2, 3, 4))
    })
  })

  it('is not where no bytes are', async () => {
    const one = await stored(bare({ ...attributes, PatientName: 'Doe' }))
    for (const path of [
      '00100010',
      '00880200',
      '00880200/1',
      '00880200/1/54001010',
      '00880200/3/54001010',
      '00720034/1/00281201',
      '00100010/1/00281201',
      '00281202',
      '00281201/1/00281201',
    ]) {
      expect([path, (await world.get(`${at(one)}/bulkdata/${path}`)).status]).toEqual([path, 404])
    }
    for (const path of [
      '0028120',
      '00880200/0/54001010',
      '00880200/x/54001010',
      'constructor',
      '..%2f..%2fetc',
    ])
      expect([path, (await world.get(`${at(one)}/bulkdata/${path}`)).status]).toEqual([path, 400])
    expect((await world.get(`${at(one)}/bulkdata/00281201`)).body).toEqual(words)
    expect((await world.get(`${at(one)}/bulkdata/0066001a`)).status).toBe(404)
    expect((await world.get(`${at(one)}/bulkdata/5400100f`)).status).toBe(404)
  })

  it('that is a document comes as what it says it is, and never as a page of ours', async () => {
    const types: readonly (readonly [string | undefined, string, string | undefined])[] = [
      ['application/pdf', 'application/pdf', undefined],
      ['text/XML', 'text/xml', 'attachment'],
      ['text/html', 'text/html', 'attachment'],
      ['model/stl', 'model/stl', 'attachment'],
      ['text/html; charset=utf-8', 'application/octet-stream', undefined],
      ['no type', 'application/octet-stream', undefined],
      [undefined, 'application/octet-stream', undefined],
    ]
    for (const [MIMETypeOfEncapsulatedDocument, media, disposition] of types) {
      const one = await stored(pdf({ MIMETypeOfEncapsulatedDocument }))
      const { headers } = await world.get(`${at(one)}/bulkdata/00420011`)
      expect([headers['content-type'], headers['content-disposition']]).toEqual([media, disposition])
      expect(headers['x-content-type-options']).toBe('nosniff')
      expect(headers['content-security-policy']).toContain("default-src 'none'")
    }
  })
})
