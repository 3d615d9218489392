/** The client that OHIF and Slim are built on, as it comes from npm, does its whole round with the service. */
import * as dicomweb from 'dicomweb-client'
import { ct, jpeg, pdf, series, sr, us, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'
import { installXhr, type Recorded } from './xhr.ts'

type Row = Record<string, { vr: string; Value?: unknown[]; BulkDataURI?: string } | undefined>
type Bytes = ArrayBuffer & { transferSyntaxUID?: string }
interface Client {
  storeInstances(options: { datasets: ArrayBuffer[]; studyInstanceUID?: string }): Promise<unknown>
  searchForStudies(options?: { queryParams: Record<string, unknown> }): Promise<Row[]>
  searchForSeries(options?: {
    studyInstanceUID?: string
    queryParams?: Record<string, unknown>
  }): Promise<Row[]>
  searchForInstances(options?: {
    studyInstanceUID?: string
    seriesInstanceUID?: string
    queryParams?: Record<string, unknown>
  }): Promise<Row[]>
  retrieveStudyMetadata(options: Uids): Promise<Row[]>
  retrieveSeriesMetadata(options: Uids): Promise<Row[]>
  retrieveInstanceMetadata(options: Uids): Promise<Row>
  retrieveInstance(options: Uids): Promise<ArrayBuffer>
  retrieveSeries(options: Uids): Promise<ArrayBuffer[]>
  retrieveStudy(options: Uids): Promise<ArrayBuffer[]>
  retrieveInstanceFrames(options: Uids & { frameNumbers: number[]; mediaTypes?: unknown[] }): Promise<Bytes[]>
  retrieveBulkData(options: { BulkDataURI: string; byteRange?: [number, number] }): Promise<ArrayBuffer[]>
}
interface Uids {
  studyInstanceUID: string
  seriesInstanceUID?: string
  sopInstanceUID?: string
}

const recorded: Recorded[] = []
installXhr(recorded)

const { api } = (dicomweb as unknown as { default?: typeof dicomweb }).default ?? dicomweb
function clientOf(world: World): Client {
  return new api.DICOMwebClient({
    url: `${world.url}/dicomweb`,
    singlepart: '',
    verbose: false,
  }) as unknown as Client
}

function arrayBuffer({ bytes }: Sample): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

function uidsOf({ uids }: Sample): Required<Uids> {
  return { studyInstanceUID: uids.study, seriesInstanceUID: uids.series, sopInstanceUID: uids.instance }
}

const text = (row: Row | undefined, tag: string) => row?.[tag]?.Value?.[0]

describe('npm dicomweb-client', () => {
  it('stores, and finds at every level what it stored', async () => {
    await using world = await startWorld()
    const client = clientOf(world)
    const slices = series(ct, 3, { PatientID: 'A', PatientName: 'Doe^Jane', Manufacturer: 'Philips' })
    const other = us({ PatientID: 'B', PatientName: 'Roe^Richard' })

    await client.storeInstances({ datasets: [...slices, other].map(arrayBuffer) })

    const [first] = slices
    const studies = await client.searchForStudies({
      queryParams: { PatientName: 'doe*', includefield: ['00081030'] },
    })
    expect(studies.map((row) => text(row, '0020000D'))).toEqual([first!.uids.study])
    expect(text(studies[0], '00201208')).toBe(3)
    const found = await client.searchForSeries({ queryParams: { Manufacturer: 'Philips' } })
    expect(found.map((row) => text(row, '0020000E'))).toEqual([first!.uids.series])
    const inStudy = await client.searchForSeries({ studyInstanceUID: other.uids.study })
    expect(inStudy.map((row) => text(row, '00080060'))).toEqual(['US'])
    const instances = await client.searchForInstances({
      studyInstanceUID: first!.uids.study,
      seriesInstanceUID: first!.uids.series,
    })
    expect(instances.map((row) => text(row, '00080018'))).toEqual(slices.map(({ uids }) => uids.instance))
    expect(await client.searchForInstances({ queryParams: { limit: 2 } })).toHaveLength(2)
    expect(await client.searchForStudies({ queryParams: { PatientID: 'nobody' } })).toEqual([])
  })

  it('retrieves metadata whose bulk data URIs it can follow', async () => {
    await using world = await startWorld()
    const client = clientOf(world)
    const document = pdf({ SpecificCharacterSet: 'ISO_IR 192', PatientName: 'Müller^Änne' })
    const report = sr({ StudyInstanceUID: document.uids.study })
    await world.store(document, report)

    const study = await client.retrieveStudyMetadata(uidsOf(document))
    expect(study.map((row) => text(row, '00080018')).sort()).toEqual(
      [document.uids.instance, report.uids.instance].sort(),
    )
    const row = await client.retrieveInstanceMetadata(uidsOf(document))
    const [metadata] = (Array.isArray(row) ? row : [row]) as Row[]
    expect(text(metadata, '00100010')).toEqual({ Alphabetic: 'Müller^Änne' })
    const address = metadata?.['00420011']?.BulkDataURI ?? ''
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/dicomweb\/studies\//)

    const written = Buffer.from(document.dataSet['00420011']?.InlineBinary ?? '', 'base64')
    const [bytes] = await client.retrieveBulkData({ BulkDataURI: address })
    expect(Buffer.from(bytes!)).toEqual(written)
    const [head] = await client.retrieveBulkData({ BulkDataURI: address, byteRange: [0, 7] })
    expect(Buffer.from(head!).toString()).toBe('%PDF-1.4')
  })

  it('retrieves instances, series and studies whole', async () => {
    await using world = await startWorld()
    const client = clientOf(world)
    const slices = series(ct, 4)
    await world.store(...slices)

    const one = await client.retrieveInstance(uidsOf(slices[2]!))
    expect(Buffer.from(one)).toEqual(slices[2]!.bytes)
    const all = await client.retrieveSeries(uidsOf(slices[0]!))
    expect(all.map((bytes) => Buffer.from(bytes))).toEqual(slices.map(({ bytes }) => bytes))
    expect(await client.retrieveStudy(uidsOf(slices[0]!))).toHaveLength(4)
  })

  it('retrieves frames, native ones as they are and compressed ones with their transfer syntax', async () => {
    await using world = await startWorld()
    const client = clientOf(world)
    const loop = us({ NumberOfFrames: 3 })
    const compressed = jpeg({ NumberOfFrames: 2 })
    await world.store(loop, compressed)

    const frames = await client.retrieveInstanceFrames({ ...uidsOf(loop), frameNumbers: [3, 1] })
    const pixels = loop.pixels && 'bytes' in loop.pixels ? loop.pixels.bytes : Buffer.alloc(0)
    expect(frames.map((frame) => Buffer.from(frame))).toEqual([
      pixels.subarray(384, 576),
      pixels.subarray(0, 192),
    ])

    const mediaTypes = [{ mediaType: 'application/octet-stream', transferSyntaxUID: '*' }]
    const [second] = await client.retrieveInstanceFrames({
      ...uidsOf(compressed),
      frameNumbers: [2],
      mediaTypes,
    })
    const fragments = compressed.pixels && 'fragments' in compressed.pixels ? compressed.pixels.fragments : []
    expect(Buffer.from(second!)).toEqual(fragments[1])
    expect(second!.transferSyntaxUID).toBe('1.2.840.10008.1.2.4.50')
  })

  it('is told about a frame that is not there', async () => {
    await using world = await startWorld()
    const client = clientOf(world)
    const slice = ct()
    await world.store(slice)

    await expect(
      client.retrieveInstanceFrames({ ...uidsOf(slice), frameNumbers: [2] }),
    ).rejects.toMatchObject({ status: 404 })
  })
})
