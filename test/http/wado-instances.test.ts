/** Studies, series and instances as Part 10 files, and what becomes of encodings that Web Services may not use. */
import type { DataSet } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { ct, jpeg, mr, series, sr, us, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { bytesOf, partsOf, sha256, shapeOf } from './parts.ts'

const LE = '1.2.840.10008.1.2.1'
const IMPLICIT = '1.2.840.10008.1.2'
const BIG = '1.2.840.10008.1.2.2'
const DEFLATED = '1.2.840.10008.1.2.1.99'
const JPEG = '1.2.840.10008.1.2.4.50'
const DICOM = 'multipart/related; type="application/dicom"'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const seriesAt = ({ uids }: Sample) => `/dicomweb/studies/${uids.study}/series/${uids.series}`
const at = (one: Sample) => `${seriesAt(one)}/instances/${one.uids.instance}`
const native = ({ pixels }: Sample) => (pixels && 'bytes' in pixels ? pixels.bytes : Buffer.alloc(0))

/** What a reader makes of a file, bytes of bulk data included; pixel data apart. */
function contentOf(bytes: Buffer): { syntax: string; dataSet: DataSet } {
  const { TransferSyntaxUID, dataSet } = readPart10(bytes)
  return { syntax: TransferSyntaxUID, dataSet: { ...dataSet } }
}

describe('encodings that Web Services may not use', () => {
  it.each([
    ['Implicit VR', IMPLICIT],
    ['Big Endian', BIG],
  ])('%s leaves as Explicit VR Little Endian, whatever is asked for', async (_name, TransferSyntaxUID) => {
    for (const make of [ct, us, sr]) {
      const one = make({ PatientName: 'Müller^Änne' }, { TransferSyntaxUID })
      await world.store(one)
      for (const Accept of [
        DICOM,
        `${DICOM}; transfer-syntax=*`,
        `${DICOM}; transfer-syntax=${LE}`,
        'application/dicom',
      ]) {
        const answer = await world.get(at(one), { Accept })
        const isSingle = Accept === 'application/dicom'
        expect(shapeOf(answer)).toBe(`${isSingle ? 'single' : 'parts'} application/dicom ${LE}`)
        const bytes = isSingle ? answer.body : (bytesOf(answer)[0] ?? Buffer.alloc(0))
        expect(contentOf(bytes)).toEqual({ syntax: LE, dataSet: contentOf(one.bytes).dataSet })
        if (one.pixels !== null) expect(bytes.subarray(-native(one).length)).toEqual(native(one))
      }
      expect(
        (await world.get(at(one), { Accept: `${DICOM}; transfer-syntax=${TransferSyntaxUID}` })).status,
      ).toBe(406)
    }
  })
})

describe('a deflated instance', () => {
  const one = ct({}, { TransferSyntaxUID: DEFLATED })
  beforeAll(() => world.store(one))

  it('leaves as it is for who takes the stored syntax, or names it', async () => {
    for (const wanted of ['*', DEFLATED]) {
      const answer = await world.get(at(one), { Accept: `${DICOM}; transfer-syntax=${wanted}` })
      expect(shapeOf(answer)).toBe(`parts application/dicom ${DEFLATED}`)
      expect(bytesOf(answer)).toEqual([one.bytes])
    }
  })

  it('is inflated for everybody else', async () => {
    for (const Accept of [DICOM, `${DICOM}; transfer-syntax=${LE}`]) {
      const answer = await world.get(at(one), { Accept })
      expect(shapeOf(answer)).toBe(`parts application/dicom ${LE}`)
      const [bytes = Buffer.alloc(0)] = bytesOf(answer)
      expect(contentOf(bytes)).toEqual({ syntax: LE, dataSet: contentOf(one.bytes).dataSet })
      expect(bytes.subarray(-native(one).length)).toEqual(native(one))
    }
  })
})

describe('a compressed instance', () => {
  const one = jpeg({ NumberOfFrames: 3 })
  beforeAll(() => world.store(one))

  it('leaves as it is, and is labelled so', async () => {
    for (const Accept of [DICOM, `${DICOM}; transfer-syntax=*`, `${DICOM}; transfer-syntax=${JPEG}`]) {
      const answer = await world.get(at(one), { Accept })
      expect(shapeOf(answer)).toBe(`parts application/dicom ${JPEG}`)
      expect(partsOf(answer).transferSyntax).toBe(JPEG)
      expect(bytesOf(answer)).toEqual([one.bytes])
    }
  })

  it('is not to be had uncompressed', async () => {
    const answer = await world.get(at(one), { Accept: `${DICOM}; transfer-syntax=${LE}` })
    expect(answer.status).toBe(406)
    expect(answer.text).toContain('transfer-syntax=*')
  })
})

describe('a study of several syntaxes', () => {
  const slices = series(ct, 3)
  const [first] = slices as [Sample, Sample, Sample]
  const study = { StudyInstanceUID: first.uids.study }
  const compressed = jpeg({ ...study, SeriesNumber: 2 })
  const implicit = mr({ ...study, SeriesNumber: 3 }, { TransferSyntaxUID: IMPLICIT })
  beforeAll(() => world.store(implicit, compressed, ...slices))
  const path = `/dicomweb/studies/${first.uids.study}`

  it('comes in the order of series and instances, each in its syntax and under its address', async () => {
    const answer = await world.get(path, { Accept: `${DICOM}; transfer-syntax=*` })
    const { parts, transferSyntax } = partsOf(answer)

    const order = [...slices, compressed, implicit]
    expect(parts.map(({ headers }) => headers['Content-Location'])).toEqual(
      order.map((one) => world.url + at(one)),
    )
    expect(parts.map((part) => part.transferSyntax)).toEqual([LE, LE, LE, JPEG, LE])
    expect(transferSyntax).toBeUndefined()
    expect(parts.slice(0, 4).map(({ bytes }) => sha256(bytes))).toEqual(
      order.slice(0, 4).map(({ bytes }) => sha256(bytes)),
    )
  })

  it('comes without what cannot be had as asked, and says so (PS3.18 Table 10.4.3-1)', async () => {
    const answer = await world.get(path, { Accept: `${DICOM}; transfer-syntax=${LE}` })

    expect(answer.status).toBe(206)
    expect(answer.headers.warning).toMatch(/^299 http\S+ "1 instances cannot be sent/u)
    expect(partsOf(answer).parts.map((part) => part.transferSyntax)).toEqual([LE, LE, LE, LE])
  })

  it('comes whole in the second of the syntaxes asked for rather than not at all', async () => {
    const answer = await world.get(path, {
      Accept: `${DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90, ${DICOM}; transfer-syntax=*`,
    })
    expect([answer.status, partsOf(answer).parts.length]).toEqual([200, 5])
  })

  it('is not acceptable where nothing of it can be had as asked', async () => {
    const answer = await world.get(`${path}/series/${compressed.uids.series}`, {
      Accept: `${DICOM}; transfer-syntax=${LE}`,
    })
    expect(answer.status).toBe(406)
  })

  it('has headers that clients read to their end, also with the longest UIDs', async () => {
    const longest = (digit: string) => `1.2.${digit.repeat(60)}`
    const one = ct({
      StudyInstanceUID: longest('1'),
      SeriesInstanceUID: longest('2'),
      SOPInstanceUID: longest('3'),
    })
    await world.store(one)

    // `partsOf` counts the bytes.
    const { parts } = partsOf(await world.get(at(one)))
    expect(parts[0]?.headers['Content-Location']).toContain(longest('3'))
  })

  it('has series of its own', async () => {
    expect(partsOf(await world.get(seriesAt(first))).parts).toHaveLength(3)
    expect(partsOf(await world.get(seriesAt(compressed))).parts).toHaveLength(1)
  })
})

describe('the original', () => {
  const withoutPreamble = ct().bytes.subarray(132)
  const preamble = Buffer.alloc(128)
  preamble.write('MZ a program', 'latin1')
  const dualUse = Buffer.alloc(128, 7)
  dualUse.write('II*\0', 'latin1')
  const FILES: readonly (readonly [string, Sample])[] = [
    ['of an implicit file', ct({}, { TransferSyntaxUID: IMPLICIT })],
    ['of a big endian file', ct({}, { TransferSyntaxUID: BIG })],
    ['of a deflated file', ct({}, { TransferSyntaxUID: DEFLATED })],
    ['of a compressed file', jpeg()],
    ['of a file whose preamble is a program', ct({}, { preamble })],
    ['of a file whose preamble is a TIFF', ct({}, { preamble: dualUse })],
    ['of a file with sequences of undefined length', sr({}, { undefinedLengths: true })],
  ]
  it.each(FILES)('%s is what was received, bit for bit', async (_what, one) => {
    expect([200, 202]).toContain((await world.stow([one])).status)
    const answer = await world.get(`${at(one)}/original`)

    expect(answer.body.equals(one.bytes)).toBe(true)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${one.uids.instance}.dcm"`,
      etag: `"${sha256(one.bytes)}"`,
    })
  })

  it('of a file without preamble has none, and the instance has one', async () => {
    const { uids } = readPart10(withoutPreamble)
    expect((await world.stow([withoutPreamble])).status).toBe(202)
    const path = `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

    expect((await world.get(`${path}/original`)).body.equals(withoutPreamble)).toBe(true)
    for (const Accept of [DICOM, `${DICOM}; transfer-syntax=*`, 'application/dicom']) {
      const answer = await world.get(path, { Accept })
      const bytes = Accept.startsWith('multipart') ? (bytesOf(answer)[0] ?? Buffer.alloc(0)) : answer.body
      expect(bytes.toString('latin1', 128, 132)).toBe('DICM')
      expect(contentOf(bytes)).toEqual(contentOf(withoutPreamble))
    }
  })

  it('of a program keeps its preamble, and the instance loses it', async () => {
    const one = ct({}, { preamble })
    expect((await world.stow([one])).status).toBe(202)

    const [bytes = Buffer.alloc(0)] = bytesOf(await world.get(at(one)))
    expect(bytes.subarray(0, 128)).toEqual(Buffer.alloc(128))
    expect(contentOf(bytes)).toEqual(contentOf(one.bytes))
    const single = await world.get(at(one), { Accept: 'application/dicom' })
    expect(single.body).toEqual(bytes)
    // Made anew as it passes: its length is not known beforehand.
    expect(single.headers).not.toHaveProperty('accept-ranges')
  })
})

describe('addresses', () => {
  const one = ct()
  const other = mr()
  beforeAll(() => world.store(one, other))
  const FORMS = ['', '/metadata', '/original', '/frames/1', '/pixeldata', '/bulkdata/7FE00010']

  it.each(FORMS)('of what is not there are 404, of what cannot be are 400: %s', async (form) => {
    const { study, series: serie, instance } = one.uids
    const wrong: readonly (readonly [string, number])[] = [
      [`/dicomweb/studies/${study}/series/${serie}/instances/1.2.3`, 404],
      [`/dicomweb/studies/${other.uids.study}/series/${serie}/instances/${instance}`, 404],
      [`/dicomweb/studies/${study}/series/${other.uids.series}/instances/${instance}`, 404],
      [`/dicomweb/studies/${study}/series/${serie}/instances/abc`, 400],
      [`/dicomweb/studies/${study}/series/..%2f..%2fetc/instances/${instance}`, 400],
      [`/dicomweb/studies/${'1'.repeat(65)}/series/${serie}/instances/${instance}`, 400],
      [`/dicomweb/studies/%00/series/${serie}/instances/${instance}`, 400],
    ]
    for (const [path, status] of wrong) {
      const answer = await world.get(path + form)
      expect([path, answer.status, answer.headers['content-type']]).toEqual([
        path,
        status,
        'application/problem+json',
      ])
    }
  })

  it('of studies and series, too', async () => {
    for (const [path, status] of [
      ['/dicomweb/studies/1.2.3', 404],
      [`/dicomweb/studies/${one.uids.study}/series/${other.uids.series}`, 404],
      ['/dicomweb/studies/..%2f..%2fetc', 400],
      ['/dicomweb/studies/1.2.3/metadata', 404],
      ['/dicomweb/studies/x/metadata', 400],
    ] as const)
      expect([path, (await world.get(path)).status]).toEqual([path, status])
  })

  it('may end in a slash or have two of them, and may be asked with an odd query', async () => {
    for (const path of [
      `${at(one)}/`,
      at(one).replace('/series/', '//series/'),
      `/${at(one)}`,
      `${at(one)}?accept=&_=1`,
    ])
      expect([path, (await world.get(path)).status]).toEqual([path, 200])
  })

  it('take GET and HEAD alone', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      const answer = await world.ask(`${at(one)}/original`, { method })
      expect([method, answer.status, answer.headers.allow]).toEqual([method, 405, 'GET, HEAD, OPTIONS'])
    }
  })
})
