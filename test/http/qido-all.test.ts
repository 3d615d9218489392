/** Answers with every attribute are text cut and joined: byte for byte what parsing and writing them would give. */
import { toDicomJson, dicomJsonText, type JsonDataSet } from '../../src/dicom/dicom-json.ts'
import type { DataSet, InstanceUids } from '../../src/dicom/data-set.ts'
import { nativeXml } from '../../src/dicom/native-xml.ts'
import { corpusFile, corpusPaths, describeCorpus } from '../dicom/corpus.ts'
import { ct, sr, us, type Sample } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const bulk = { vr: 'OB' as const, InlineBinary: Buffer.alloc(2000, 7).toString('base64') }
const study = { StudyInstanceUID: '1.2.3', PatientID: 'A', PatientName: 'Müller^Jörg', StudyDate: '20260314' }
const same = { ...study, SeriesInstanceUID: '1.2.3.1' }

/** Everything that text alone cannot tell, next to what it can. */
const samples: readonly Sample[] = [
  ...[1, 2, 3].map((n) => ct({ ...same, InstanceNumber: n, SOPInstanceUID: `1.2.3.1.${n}` })),
  // Without some of what its neighbours have, and with more.
  ct({ ...same, InstanceNumber: 4, SOPInstanceUID: '1.2.3.1.4', KVP: undefined, ImageComments: 'ü' }),
  // Long values of its own and in items, and a character set.
  ct(
    {
      ...same,
      InstanceNumber: 5,
      SOPInstanceUID: '1.2.3.1.5',
      ICCProfile: bulk,
      '00091001': bulk,
      '00081140': {
        vr: 'SQ',
        Value: [{ '00091002': bulk, '00081155': { vr: 'UI', Value: ['1.2'] } }, {}],
      },
    },
    { SpecificCharacterSet: 'ISO_IR 100' },
  ),
  // Tags that an object would put first, at the top and in items; what is not there; text that cannot be read.
  ct({
    ...same,
    InstanceNumber: 6,
    SOPInstanceUID: '1.2.3.1.6',
    PatientComments: { vr: 'LT', undecoded: 'Qf/+Qg==' },
    PatientAge: null,
    '30060010': {
      vr: 'SQ',
      Value: [
        { '30060024': { vr: 'UI', Value: ['1.2.3'] }, '00200052': { vr: 'UI', Value: ['1.9'] } },
        { '00200052': { vr: 'UI', Value: ['1.8'] } },
      ],
    },
    '0009100A': { vr: 'LO', Value: ['\\n,"00100010":{"vr":"LO"', 'x'] },
    '00090010': { vr: 'LO', Value: ['ACME'] },
  }),
  // What Concord makes itself, written into a file.
  ct({
    ...same,
    InstanceNumber: 7,
    SOPInstanceUID: '1.2.3.1.7',
    InstanceAvailability: 'OFFLINE',
    RetrieveURL: 'http://elsewhere',
    RetrieveAETitle: 'PACS',
    NumberOfStudyRelatedInstances: 99,
    ModalitiesInStudy: ['XX'],
  }),
  sr({ ...study, SeriesInstanceUID: '1.2.3.2', SOPInstanceUID: '1.2.3.2.1' }),
  us({ StudyInstanceUID: '1.2.4', SeriesInstanceUID: '1.2.4.1', SOPInstanceUID: '1.2.4.1.1' }),
]

interface Kept {
  readonly uids: InstanceUids
  /** As the index has it. */
  readonly dataSet: DataSet
}

async function keptIn(world: World): Promise<Kept[]> {
  const kept: Kept[] = []
  for await (const page of world.archive.database.index.instances({}, { tags: true }))
    for (const { uids, tags } of page)
      kept.push({ uids, dataSet: JSON.parse(tags?.toString() ?? '') as DataSet })
  return kept
}

/** What a row must have, and what is counted: asserted elsewhere, here as it came. */
const REQUIRED = new Set(['00080016', '00080018', '00080020', '00080030', '00080050', '00080060', '00080061', '00080090', '00100010', '00100020', '00100030', '00100040', '0020000D', '0020000E', '00200010', '00200011', '00200013', '00201206', '00201208', '00201209']) // prettier-ignore

/** The slow way: all of it parsed, shown and written. */
function slowly(world: World, { uids, dataSet }: Kept, text: string): string {
  const url = `${world.url}/dicomweb/studies/${uids.study}/series/${uids.series}/instances/${uids.instance}`
  const whole = Object.entries(dataSet).filter(([, { offset }]) => offset === undefined)
  const made: DataSet = {
    ...Object.fromEntries(whole),
    '00080056': { vr: 'CS', Value: ['ONLINE'] },
    '00081190': { vr: 'UR', Value: [url] },
  }
  const json = toDicomJson(made, (path) => `${url}/bulkdata/${path.join('/')}`)
  const [row = {}] = JSON.parse(text) as JsonDataSet[]
  const required = Object.fromEntries(Object.entries(row).filter(([tag]) => REQUIRED.has(tag)))
  const shown = Object.entries({ ...json, ...required }).filter(([tag]) => tag !== '00080005')
  return `[${dicomJsonText(Object.fromEntries(shown))}]`
}

describeCorpus('includefield=all of real files', () => {
  it('is what the slow way gives, byte for byte', async () => {
    await using world = await startWorld()
    const files = corpusPaths().map(corpusFile)
    for (let at = 0; at < files.length; at += 40) await world.stow(files.slice(at, at + 40))
    const kept = await keptIn(world)
    expect(kept.length).toBeGreaterThan(250)
    for (const one of kept) {
      const { study, series, instance } = one.uids
      const path = `/dicomweb/studies/${study}/series/${series}/instances`
      // Inside of its series a row says nothing of its study.
      const { text } = await world.get(`${path}?includefield=all&SOPInstanceUID=${instance}`)
      expect(text).toBe(slowly(world, one, text))
    }
  }, 120_000)
})

describe('includefield=all', () => {
  let world: World
  let kept: readonly Kept[]
  beforeAll(async () => {
    world = await startWorld()
    expect((await world.stow(samples)).status).toBe(202)
    kept = await keptIn(world)
    expect(kept).toHaveLength(samples.length)
  })
  afterAll(() => world[Symbol.asyncDispose]())

  it('is of instances every attribute, in order, in JSON', async () => {
    for (const one of kept) {
      const { text } = await world.get(
        `/dicomweb/instances?SOPInstanceUID=${one.uids.instance}&includefield=all`,
      )
      expect(text).toBe(slowly(world, one, text))
    }
  })

  it('is the same in pages of many, and in XML', async () => {
    const path = '/dicomweb/studies/1.2.3/series/1.2.3.1/instances?includefield=all'
    const many = await world.get(path)
    const single: string[] = []
    for (const { uids } of samples.slice(0, 7)) {
      const one = await world.get(`${path}&SOPInstanceUID=${uids.instance}`)
      single.push(one.text.slice(1, -1))
    }
    expect(many.text).toBe(`[${single.join(',')}]`)
    const rows = many.json() as JsonDataSet[]
    const xml = await world.get(path, { Accept: 'multipart/related; type="application/dicom+xml"' })
    const parts = xml.text.split(/\r\n\r\n|\r\n--/u).filter((part) => part.startsWith('<?xml'))
    expect(parts).toEqual(rows.map((row) => nativeXml(row)))
  })

  it('takes what is named besides as it is named', async () => {
    const row = async (uid: string, more: string): Promise<JsonDataSet> =>
      (await world.qido(`/instances?SOPInstanceUID=${uid}&includefield=all&${more}`))[0] ?? {}
    const plain = await row('1.2.3.1.1', '')
    expect(plain).not.toHaveProperty('00020010')
    expect(await row('1.2.3.1.1', 'KVP=120')).toEqual(plain)
    expect(await row('1.2.3.1.1', 'TransferSyntaxUID=')).toMatchObject({ '00020010': { vr: 'UI' } })
    expect(await row('1.2.3.1.4', 'KVP=')).toMatchObject({ '00180060': { vr: 'DS' } })
    const bulky = await row('1.2.3.1.5', 'ICCProfile=&0009xx01;NOBODY=')
    expect(bulky['00282000']?.BulkDataURI).toMatch(/\/instances\/1\.2\.3\.1\.5\/bulkdata\/00282000$/u)
    expect(await row('1.2.3.1.6', '0009xx0A;ACME=x')).toEqual(await row('1.2.3.1.6', ''))
    expect(await row('1.2.3.1.5', '00081140.00081155=1.2')).toEqual(await row('1.2.3.1.5', ''))
  })

  it('is of studies and series what belongs to them, with their own counts', async () => {
    const [row] = await world.qido('/studies?StudyInstanceUID=1.2.3&includefield=all')
    expect(row).toMatchObject({
      '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
      '00201208': { vr: 'IS', Value: [8] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Jörg' }] },
    })
    expect(row).not.toHaveProperty('00180060')
    const [series] = await world.qido('/series?SeriesInstanceUID=1.2.3.1&includefield=all&KVP=120')
    expect(series).toMatchObject({ '00180060': { vr: 'DS', Value: [120] }, '00201209': { Value: [7] } })
  })
})
