/** What comes of every Accept header that clients send (dicomweb.md §11 T1), resource by resource. */
import { ct, jpeg, pdf, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { shapeOf } from './parts.ts'

const LE = '1.2.840.10008.1.2.1'
const JPEG = '1.2.840.10008.1.2.4.50'
const DICOM = 'multipart/related; type="application/dicom"'
const OCTETS = 'multipart/related; type="application/octet-stream"'

/** Undefined: no header at all. */
const CORPUS = {
  none: undefined,
  any: '*/*',
  star: '*',
  dicomJson: 'application/dicom+json',
  json: 'application/json',
  oldOhif: 'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*',
  dicom: DICOM,
  dicomStored: `${DICOM}; transfer-syntax=*`,
  dicomStoredQuoted: `${DICOM}; transfer-syntax="*"`,
  dicomTwice: `${DICOM}; transfer-syntax=1.2.840.10008.1.2.4.80; transfer-syntax=*`,
  dicomLittleEndian: `${DICOM}; transfer-syntax=${LE}`,
  dicomImplicit: `${DICOM}; transfer-syntax=1.2.840.10008.1.2`,
  dicomUnknown: `${DICOM}; transfer-syntax=1.2.3.4`,
  partsOfAny: 'multipart/related; type="*/*"',
  parts: 'multipart/related',
  single: 'application/dicom',
  xml: 'application/dicom+xml',
  xmlParts: 'multipart/related; type="application/dicom+xml"',
  jpeg: 'image/jpeg',
  html: 'text/html',
  notJson: 'application/dicom+json;q=0',
  notParts: `*/*, multipart/related;q=0`,
  octets: OCTETS,
  octetsStored: 'multipart/related; type=application/octet-stream; transfer-syntax=*',
  octetsLittleEndian: `${OCTETS}; transfer-syntax=${LE}`,
  jpegParts: 'multipart/related; type="image/jpeg"',
  jpegPartsNamed: `multipart/related; type="image/jpeg"; transfer-syntax=${JPEG}`,
  imageParts: 'multipart/related; type="image/*"; transfer-syntax=*',
  oldNameOfJpeg: 'multipart/related; image/dicom+jpeg; transfer-syntax=*',
  singleOctets: 'application/octet-stream',
  singleOctetsStored: 'application/octet-stream; transfer-syntax=*',
  pdf: 'application/pdf',
  pdfParts: 'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"',
  garbage: ';;,"',
} as const

type Name = keyof typeof CORPUS
/** What is not named is 406. */
type Expected = Partial<Record<Name, string>>

const file = (media: string, syntax: string): Expected => ({
  none: `parts ${media} ${syntax}`,
  any: `parts ${media} ${syntax}`,
  star: `parts ${media} ${syntax}`,
  partsOfAny: `parts ${media} ${syntax}`,
  parts: `parts ${media} ${syntax}`,
})

const WHOLE_NATIVE: Expected = {
  ...file('application/dicom', LE),
  dicom: `parts application/dicom ${LE}`,
  dicomStored: `parts application/dicom ${LE}`,
  dicomStoredQuoted: `parts application/dicom ${LE}`,
  dicomTwice: `parts application/dicom ${LE}`,
  dicomLittleEndian: `parts application/dicom ${LE}`,
}
// Compressed with a loss: no syntax gives the stored one, labelled (PS3.18 §8.7.3).
const WHOLE_COMPRESSED: Expected = {
  ...file('application/dicom', JPEG),
  dicom: `parts application/dicom ${JPEG}`,
  dicomStored: `parts application/dicom ${JPEG}`,
  dicomStoredQuoted: `parts application/dicom ${JPEG}`,
  dicomTwice: `parts application/dicom ${JPEG}`,
}
const FRAME_NATIVE: Expected = {
  ...file('application/octet-stream', LE),
  oldOhif: `parts application/octet-stream ${LE}`,
  octets: `parts application/octet-stream ${LE}`,
  octetsStored: `parts application/octet-stream ${LE}`,
  octetsLittleEndian: `parts application/octet-stream ${LE}`,
  pdfParts: `parts application/octet-stream ${LE}`,
  singleOctets: `single application/octet-stream ${LE}`,
  singleOctetsStored: `single application/octet-stream ${LE}`,
}
const FRAME_COMPRESSED: Expected = {
  ...file('image/jpeg', JPEG),
  oldOhif: `parts image/jpeg ${JPEG}`,
  octetsStored: `parts image/jpeg ${JPEG}`,
  jpegParts: `parts image/jpeg ${JPEG}`,
  jpegPartsNamed: `parts image/jpeg ${JPEG}`,
  imageParts: `parts image/jpeg ${JPEG}`,
  oldNameOfJpeg: `parts image/jpeg ${JPEG}`,
  jpeg: `single image/jpeg ${JPEG}`,
  singleOctetsStored: `single image/jpeg ${JPEG}`,
}
const METADATA: Expected = {
  none: 'single application/dicom+json -',
  any: 'single application/dicom+json -',
  star: 'single application/dicom+json -',
  dicomJson: 'single application/dicom+json -',
  json: 'single application/json -',
  oldOhif: 'single application/dicom+json -',
  notParts: 'single application/dicom+json -',
  xml: 'parts application/dicom+xml -',
  xmlParts: 'parts application/dicom+xml -',
  partsOfAny: 'parts application/dicom+xml -',
  parts: 'parts application/dicom+xml -',
}
/** Bulk data comes alone where nothing is asked for: links and `<img>` want no envelope. */
const bulk = (own: string): Expected => ({
  none: `single ${own} -`,
  any: `single ${own} -`,
  star: `single ${own} -`,
  notParts: `single ${own} -`,
  oldOhif: 'parts application/octet-stream -',
  partsOfAny: 'parts application/octet-stream -',
  parts: 'parts application/octet-stream -',
  octets: 'parts application/octet-stream -',
  octetsStored: 'parts application/octet-stream -',
  octetsLittleEndian: 'parts application/octet-stream -',
  pdfParts: 'parts application/octet-stream -',
  singleOctets: 'single application/octet-stream -',
  singleOctetsStored: 'single application/octet-stream -',
})

let world: World
const native = ct({ PatientID: 'N' }, { seed: 'accept native' })
const compressed = jpeg({ PatientID: 'C' }, { seed: 'accept compressed' })
const document = pdf({}, { seed: 'accept document' })
const at = ({ uids }: Sample) =>
  `/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`

beforeAll(async () => {
  world = await startWorld()
  await world.store(native, compressed, document)
})
afterAll(() => world[Symbol.asyncDispose]())

const study = ({ uids }: Sample) => `/dicomweb/studies/${uids.study}`
const RESOURCES: readonly (readonly [string, string, Expected])[] = [
  ['metadata of an instance', `${at(native)}/metadata`, METADATA],
  ['metadata of a study', `${study(native)}/metadata`, METADATA],
  [
    'a native instance',
    at(native),
    {
      ...WHOLE_NATIVE,
      single: `single application/dicom ${LE}`,
      notParts: `single application/dicom ${LE}`,
    },
  ],
  [
    'a compressed instance',
    at(compressed),
    {
      ...WHOLE_COMPRESSED,
      single: `single application/dicom ${JPEG}`,
      notParts: `single application/dicom ${JPEG}`,
    },
  ],
  ['a native study', study(native), WHOLE_NATIVE],
  ['a compressed series', `${study(compressed)}/series/${compressed.uids.series}`, WHOLE_COMPRESSED],
  [
    'a native frame',
    `${at(native)}/frames/1`,
    { ...FRAME_NATIVE, notParts: `single application/octet-stream ${LE}` },
  ],
  [
    'a compressed frame',
    `${at(compressed)}/frames/1`,
    { ...FRAME_COMPRESSED, notParts: `single image/jpeg ${JPEG}` },
  ],
  ['native pixel data as bulk data', `${at(native)}/bulkdata/7FE00010`, bulk('application/octet-stream')],
  ['native pixel data', `${at(native)}/pixeldata`, bulk('application/octet-stream')],
  [
    'compressed pixel data as bulk data',
    `${at(compressed)}/bulkdata/7FE00010`,
    { ...FRAME_COMPRESSED, notParts: `single image/jpeg ${JPEG}` },
  ],
  [
    'a document',
    `${at(document)}/bulkdata/00420011`,
    {
      ...bulk('application/pdf'),
      pdf: 'single application/pdf -',
      pdfParts: 'parts application/pdf -',
    },
  ],
]
describe.each(RESOURCES)('%s', (_name, path, expected) => {
  it.each(Object.keys(CORPUS) as Name[])('%s', async (accept) => {
    const header = CORPUS[accept]
    const answer = await world.get(path, header === undefined ? {} : { Accept: header })

    expect(shapeOf(answer)).toBe(expected[accept] ?? '406')
    if (answer.status === 406) {
      expect(answer.headers['content-type']).toBe('application/problem+json')
      expect(answer.json()).toMatchObject({ status: 406, detail: expect.stringMatching(/.{20}/u) as unknown })
    }
  })

  it('looks into the query first', async () => {
    const answer = await world.get(`${path}?accept=text/html`, { Accept: CORPUS.any })
    const named = await world.get(`${path}?accept=${encodeURIComponent(CORPUS.partsOfAny)}`, {
      Accept: CORPUS.html,
    })

    expect(shapeOf(answer)).toBe(expected.any)
    expect(shapeOf(named)).toBe(expected.partsOfAny)
  })
})

it('tells clients how to ask for a frame that cannot be decoded', async () => {
  const answer = await world.get(`${at(compressed)}/frames/1`, { Accept: CORPUS.octets })

  expect(answer.status).toBe(406)
  expect(answer.text).toContain('transfer-syntax=*')
})
