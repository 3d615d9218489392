import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import type { Attributes } from '../../src/dicom/compose.ts'
import type { InstanceIndex } from '../../src/database/ports/instance-index.ts'
import { postgresBench } from '../database/benches.ts'
import type { Bench } from '../database/bench.ts'
import { ct, mr, sr, type Sample, type SampleMaker } from '../samples.ts'
import { startWorld, type World } from '../world.ts'

const JSON_TYPE = 'application/dicom+json'
const code = (CodeValue: string, CodingSchemeDesignator: string): Attributes => ({
  CodeValue,
  CodingSchemeDesignator,
})

/** UIDs that say where they are: study 1.2.826.1, its series .1, its instance .1. */
function at(make: SampleMaker, place: string, attributes: Attributes): Sample {
  const [study = '', series = '', instance = ''] = place.split('.')
  const StudyInstanceUID = `1.2.826.${study.charCodeAt(0)}`
  return make({
    StudyID: study,
    StudyInstanceUID,
    SeriesInstanceUID: `${StudyInstanceUID}.${series}`,
    SOPInstanceUID: `${StudyInstanceUID}.${series}.${instance}`,
    SeriesNumber: Number(series),
    InstanceNumber: Number(instance),
    ...attributes,
  })
}

const a = {
  PatientID: 'A1',
  PatientName: 'Doe^John^^',
  StudyDate: '20200131',
  StudyTime: '1030',
  AccessionNumber: 'A-1',
  StudyDescription: 'CT CHEST W',
  ProcedureCodeSequence: [code('CTCHEST', '99X'), code('CTHEAD', 'L')],
}
const b = {
  PatientID: 'a1',
  PatientName: 'Wäng^XiaoDong=王^小東=おう^しょうとう',
  StudyDate: '20200201',
  StudyTime: '090000',
  AccessionNumber: 'A_1',
  StudyDescription: 'Doe, John',
  PatientSex: 'M',
}
const c = {
  PatientID: undefined,
  PatientName: 'Мария^Иванова',
  StudyDate: undefined,
  StudyTime: '',
  AccessionNumber: '100%',
  StudyDescription: null,
  Modality: undefined,
}
const peer = (owner: string, value: string) =>
  ({
    '00190010': { vr: 'LO', Value: [owner] },
    '00191001': { vr: 'LO', Value: [value] },
  }) satisfies Attributes

const SAMPLES: readonly Sample[] = [
  at(ct, 'A.1.7', {
    ...a,
    KVP: 120,
    Manufacturer: 'Philips',
    SliceThickness: '1.50',
    ...peer('PEERLAB 01', 'v'),
  }),
  at(ct, 'A.1.8', { ...a, KVP: 100, Manufacturer: 'Philips', FrameIncrementPointer: '00181063' }),
  at(sr, 'A.2.1', {
    ...a,
    Manufacturer: 'Other',
    RequestAttributesSequence: [{ ScheduledProcedureStepID: 'SPS3', RequestedProcedureID: 'RP1' }],
  }),
  at(mr, 'B.1.1', {
    ...b,
    Rows: 16,
    Columns: 16,
    AcquisitionDateTime: '20200201003000+0100',
    TimezoneOffsetFromUTC: '+0100',
    ...peer('OTHER', 'v'),
  }),
  at(mr, 'B.1.2', { ...b, Rows: 16, Columns: 16, ImageComments: 'a\\b' }),
  at(sr, 'C.1.1', c),
  // Two patients in one study: the second instance disagrees with the first about everything.
  at(ct, 'D.1.1', {
    PatientID: 'D1',
    PatientName: 'First^Name',
    StudyDate: '20190101',
    AccessionNumber: 'ONE',
  }),
  at(mr, 'D.2.1', {
    PatientID: 'D2',
    PatientName: 'Second^Name',
    StudyDate: '20180101',
    AccessionNumber: 'TWO',
  }),
]

const [A, B, D] = ['A', 'B', 'D'].map((study) => `1.2.826.${study.charCodeAt(0)}`) as [string, string, string]
const value = (row: JsonDataSet | undefined, tag: string): unknown => row?.[tag]?.Value?.[0]
const rowsIn = (answer: { json(): unknown }) => answer.json() as JsonDataSet[]
const tagsOf = (row: JsonDataSet | undefined): string[] => Object.keys(row ?? {}).sort()

describe.each(['sqlite', 'postgres'] as const)('QIDO-RS on %s', (engine) => {
  let world: World
  let bench: Bench | undefined

  beforeAll(async () => {
    bench = engine === 'postgres' ? await postgresBench() : undefined
    const database = await bench?.open()
    world = await startWorld({ ...(database && { through: (archive) => ({ ...archive, database }) }) })
    for (const sample of SAMPLES) await world.store(sample)
  }, 60_000)
  afterAll(async () => {
    await world[Symbol.asyncDispose]()
    await bench?.close()
  })

  const studies = async (query: string): Promise<string> => {
    const rows = await world.qido(`/studies?${query}`)
    return rows.map((row) => value(row, '00200010')).join('')
  }
  const status = async (path: string): Promise<number> => (await world.get(`/dicomweb${path}`)).status

  describe('matching (dicomweb.md §3.3)', () => {
    it.each([
      // QIDO-13, -22: single values, case, what is special in SQL
      ['PatientID=A1', 'A'],
      ['PatientID=a1', 'B'],
      ['AccessionNumber=A_1', 'B'],
      ['AccessionNumber=100%25', 'C'],
      ['AccessionNumber=A-1', 'A'],
      ['StudyDescription=Doe, John', 'B'],
      ['StudyDescription=CT%20CHEST+W', 'A'],
      // QIDO-14: names
      ['PatientName=doe^john', 'A'],
      ['PatientName=DOE%5EJOHN', 'A'],
      ['PatientName=doe', ''],
      ['PatientName=wang^xiaodong', 'B'],
      ['PatientName=王^小東', 'B'],
      ['PatientName=Wang^XiaoDong=王^小東', 'B'],
      ['PatientName=%D0%9C%D0%B0%D1%80%D0%B8%D1%8F*', 'C'],
      ['PersonName=*oe*', 'A'],
      // QIDO-15, -16, -17: numbers and tags
      ['InstanceNumber=007', 'A'],
      ['SliceThickness=1.5&StudyID=A', 'A'],
      ['Rows=16', 'B'],
      ['00280011=16.0', 'B'],
      ['FrameIncrementPointer=00181063', 'A'],
      // QIDO-18, -33: lists
      [`StudyInstanceUID=${A},${B}`, 'BA'],
      [`StudyInstanceUID=${A}%5C${B}`, 'BA'],
      [`StudyInstanceUID=${A}&StudyInstanceUID=${B}`, 'BA'],
      ['ModalitiesInStudy=MR%2CSR', 'BAD'],
      ['ModalitiesInStudy=MR&ModalitiesInStudy=SR', 'BAD'],
      ['PatientID=A1%5Ca1', 'BA'],
      // QIDO-19: universal
      ['PatientID=', 'BADC'],
      ['StudyDate=*', 'BADC'],
      // QIDO-20: wildcards
      ['StudyDescription=*CHEST*', 'A'],
      ['StudyDescription=*chest*', ''],
      ['PatientName=D?E*', 'A'],
      ['PatientName=*n', 'A'],
      ['AccessionNumber=A?1', 'BA'],
      ['AccessionNumber=?', ''],
      // QIDO-23 to -28: ranges
      ['StudyDate=20200101-', 'BA'],
      ['StudyDate=-20200131', 'AD'],
      ['StudyDate=20200131-20200201', 'BA'],
      ['StudyDate=2020.01.31', 'A'],
      ['StudyTime=0800-0930', 'B'],
      ['StudyTime=10&StudyDate=20200131', 'A'],
      ['StudyDate=20200131-20200201&StudyTime=1100-1800', 'B'],
      ['StudyDate=20200131-20200201&StudyTime=1000-0859', 'A'],
      ['StudyDate=20200131&StudyTime=1000-0859', '400'],
      ['AcquisitionDateTime=20200131', ''],
      ['AcquisitionDateTime=20200131230000%2B0000-20200201%2B0000', 'B'],
      // QIDO-29: the time zone of the request; study B says that it is in +0100
      ['StudyTime=0800&StudyDate=20200201&TimezoneOffsetFromUTC=%2B0000', 'B'],
      // QIDO-30: sequences
      ['00081032.00080100=CTCHEST&00081032.00080102=99X', 'A'],
      ['00081032.00080100=CTCHEST&00081032.00080102=L', ''],
      ['RequestAttributesSequence.ScheduledProcedureStepID=SPS3', 'A'],
      ['00400275.00400009=', 'BADC'],
      // QIDO-31: empty values
      ['StudyDate=%22%22&emptyvaluematching=true', 'C'],
      ['PatientID=%22%22', ''],
      ['Modality=%22%22&emptyvaluematching=true', 'C'],
      // QIDO-32: every value
      ['ModalitiesInStudy=CT%5CMR&multiplevaluematching=true', 'D'],
      ['ModalitiesInStudy=CT%5CXX&multiplevaluematching=true', ''],
      // QIDO-34: words
      ['PatientName=jo do&fuzzymatching=true', 'A'],
      ['PatientName=ohn&fuzzymatching=true', ''],
      // QIDO-35, -36
      ['StudyDate=19000101-', 'BAD'],
      ['SpecificCharacterSet=ISO_IR%20999', 'BADC'],
      // QIDO-4: keys of lower levels hold together on one instance
      ['Modality=SR', 'A'],
      ['Manufacturer=Philips&Modality=CT', 'A'],
      ['Manufacturer=Philips&Modality=SR', ''],
      ['KVP=120&Manufacturer=Philips', 'A'],
      ['KVP=120&InstanceNumber=8', ''],
      [`SeriesInstanceUID=${A}.2`, 'A'],
      [`SOPInstanceUID=${B}.1.2`, 'B'],
      ['SOPClassUID=1.2.840.10008.5.1.4.1.1.4', 'BD'],
      ['0002,0010=x', '400'],
      ['TransferSyntaxUID=1.2.840.10008.1.2.1&StudyID=B', 'B'],
      ['AvailableTransferSyntaxUID=1.2.840.10008.1.2.1&StudyID=B', 'B'],
      // private elements
      ['00191001=v', 'BA'],
      ['00190010=PEERLAB%2001&00191001=v', 'A'],
      ['0019xx01;OTHER=v', 'B'],
      ['0019xx01;PEERLAB%2002=v', ''],
      // A creator whose element may be anything, or nothing, is still asked for.
      ['00190010=PEERLAB%2001&00191001=', 'A'],
      ['00190010=PEERLAB%2001&00191001=*', 'A'],
      ['00190010=PEERLAB%2002&00191001=*', ''],
      ['00190010=PEERLAB%2002&00191001=%22%22&emptyvaluematching=true', ''],
      ['00190010=PEERLAB%2001&00191002=%22%22&emptyvaluematching=true', 'A'],
      ['0019xx01;PEERLAB%2002=*', 'BADC'],
      // one instance of study D has one patient, another the other
      ['PatientID=D1', 'D'],
      ['PatientID=D2', 'D'],
      ['PatientName=second*&AccessionNumber=TWO', 'D'],
      ['PatientName=second*&AccessionNumber=ONE', ''],
      ['PatientID=D2&Modality=CT', ''],
      ['StudyDate=20180101', 'D'],
      // aggregates are of the whole study
      ['NumberOfStudyRelatedInstances=3', 'A'],
      ['NumberOfStudyRelatedSeries=2&ModalitiesInStudy=MR', 'D'],
      ['ModalitiesInStudy=C*', 'AD'],
      // unknown ones never give everything
      ['00990099=x', ''],
      ['NotATag=1', '400'],
      ['StudyDate=garbage', '400'],
      ['StudyInstanceUID=1.2.*', '400'],
    ])('/studies?%s gives %s', async (query, expected) => {
      if (expected === '400') expect(await status(`/studies?${query}`)).toBe(400)
      else expect(await studies(query)).toBe(expected)
    })

    it('shows the instance that matched where a study disagrees with itself', async () => {
      const [first] = await world.qido('/studies?PatientID=D1')
      const [second] = await world.qido('/studies?PatientID=D2&includefield=SOPInstanceUID')
      expect([value(first, '00100010'), value(second, '00100010')]).toEqual([
        { Alphabetic: 'First^Name' },
        { Alphabetic: 'Second^Name' },
      ])
      expect(value(second, '00080020')).toBe('20180101')
      expect(value(second, '00080018')).toBe(`${D}.2.1`)
      // Aggregates are of the whole study whichever instance it was.
      expect(second?.['00080061']?.Value).toEqual(['CT', 'MR'])
      expect(value(second, '00201208')).toBe(2)
    })
  })

  describe('resources (QIDO-1 to -4)', () => {
    const keys = {
      none: '',
      study: 'PatientID=A1',
      series: 'Modality=SR',
      instance: 'InstanceNumber=8',
      nobody: `StudyInstanceUID=${B}`,
    }
    it.each([
      ['/studies', { none: 4, study: 1, series: 1, instance: 1, nobody: 1 }],
      ['/series', { none: 6, study: 2, series: 1, instance: 1, nobody: 1 }],
      ['/instances', { none: 8, study: 3, series: 1, instance: 1, nobody: 2 }],
      [`/studies/${A}/series`, { none: 2, study: 2, series: 1, instance: 1, nobody: 0 }],
      [`/studies/${A}/instances`, { none: 3, study: 3, series: 1, instance: 1, nobody: 0 }],
      [`/studies/${A}/series/${A}.1/instances`, { none: 2, study: 2, series: 0, instance: 1, nobody: 0 }],
      ['/studies/1.2.3/series', { none: 0, study: 0, series: 0, instance: 0, nobody: 0 }],
      ['/patients', { none: 5, study: 1, series: 1, instance: 1, nobody: 1 }],
    ])('%s', async (path, expected) => {
      for (const [name, query] of Object.entries(keys)) {
        const count = expected[name as keyof typeof expected]
        const answer = await world.get(`/dicomweb${path}?${query}&total=true`)
        expect([name, rowsIn(answer).length]).toEqual([name, count])
        expect(answer.headers['x-total-count']).toBe(String(count))
        expect((await world.get(`/dicomweb${path}/count?${query}`)).json()).toEqual({ count })
      }
    })

    it('goes by number inside a study, and refuses paths without UIDs', async () => {
      const rows = await world.qido(`/studies/${A}/instances`)
      expect(rows.map((row) => value(row, '00080018'))).toEqual([`${A}.1.7`, `${A}.1.8`, `${A}.2.1`])
      expect(await status('/studies/abc/series')).toBe(400)
    })
  })

  describe('what a row has (§3.5)', () => {
    it('has the attributes of its level, with the unique keys above it', async () => {
      const [study] = await world.qido('/studies?PatientID=a1')
      expect(tagsOf(study).join(' ')).toBe(
        '00080020 00080030 00080050 00080056 00080061 00080090 00080201 00081030 00081190 00100010 00100020 ' +
          '00100030 00100040 0020000D 00200010 00201206 00201208',
      )
      const [series] = await world.qido(`/studies/${A}/series?Modality=SR`)
      expect(tagsOf(series).join(' ')).toBe(
        '00080021 00080031 00080056 00080060 0008103E 00081190 0020000D 0020000E 00200011 00201209 00400275',
      )
      expect(series?.['00400275']).toEqual({
        vr: 'SQ',
        Value: [{ '00400009': { vr: 'SH', Value: ['SPS3'] }, '00401001': { vr: 'SH', Value: ['RP1'] } }],
      })
      const [instance] = await world.qido(`/studies/${A}/series/${A}.1/instances`)
      expect(tagsOf(instance).join(' ')).toBe(
        '00080016 00080018 00080056 00081190 0020000D 0020000E 00200013 00280010 00280011 00280100',
      )
      expect(value(instance, '00081190')).toBe(
        `${world.url}/dicomweb/studies/${A}/series/${A}.1/instances/${A}.1.7`,
      )
    })

    it('has those of the higher levels where the search is not inside of them (QIDO-45)', async () => {
      const [series] = await world.qido(`/series?0020000E=${A}.2`)
      expect(value(series, '00100010')).toEqual({ Alphabetic: 'Doe^John' })
      expect(value(series, '00201208')).toBe(3)
      const [instance] = await world.qido(`/instances?00080018=${A}.2.1`)
      expect(value(instance, '00080060')).toBe('SR')
      expect(value(instance, '00100020')).toBe('A1')
      const [inStudy] = await world.qido(`/studies/${A}/instances?Modality=SR`)
      expect(value(inStudy, '00200011')).toBe(2)
      expect(inStudy).not.toHaveProperty('00100020')
    })

    it('has empty attributes without Value, and no ModalitiesInStudy where there are none', async () => {
      const [row] = await world.qido('/studies?StudyID=C&includefield=PatientComments,00081032.00080100')
      expect(row?.['00100020']).toEqual({ vr: 'LO' })
      expect(row?.['00080020']).toEqual({ vr: 'DA' })
      expect(row?.['00104000']).toEqual({ vr: 'LT' })
      expect(row).not.toHaveProperty('00080061')
      expect(row).not.toHaveProperty('00080005')
    })

    it('names the character set of the answer where that is asked for, not that of a file', async () => {
      const utf8 = { vr: 'CS', Value: ['ISO_IR 192'] }
      for (const path of ['/patients', '/studies', '/series', '/instances', `/studies/${A}/instances`]) {
        const rows = await world.qido(`${path}?includefield=SpecificCharacterSet`)
        expect(rows.map((row) => row['00080005'])).toEqual(rows.map(() => utf8))
      }
    })

    it('has keys and included attributes, of sequences the items, of private blocks the creator', async () => {
      const [row] = await world.qido(
        '/series?00190010=PEERLAB%2001&includefield=00191001,Manufacturer&KVP=120',
      )
      expect(row?.['00191001']).toEqual({ vr: 'LO', Value: ['v'] })
      expect(row?.['00190010']).toEqual({ vr: 'LO', Value: ['PEERLAB 01'] })
      expect([value(row, '00080070'), value(row, '00180060')]).toEqual(['Philips', 120])
      const [study] = await world.qido('/studies?00081032.00080100=CTCHEST')
      expect(study?.['00081032']?.Value).toEqual([
        { '00080100': { vr: 'SH', Value: ['CTCHEST'] } },
        { '00080100': { vr: 'SH', Value: ['CTHEAD'] } },
      ])
    })

    it('has everything of the level with includefield=all, and the next request has not', async () => {
      const [study] = await world.qido('/studies?PatientID=A1&includefield=all')
      expect(study).toHaveProperty('00081032')
      expect(study).not.toHaveProperty('00180060')
      const [instance] = await world.qido(`/instances?SOPInstanceUID=${A}.1.7&includefield=all`)
      expect(instance).toHaveProperty('00180060')
      expect(instance).not.toHaveProperty('00020010')
      const [again] = await world.qido('/studies?PatientID=A1')
      expect(again).not.toHaveProperty('00081032')
    })
  })

  describe('paging (§3.4)', () => {
    it('gives two different studies page by page', async () => {
      const pages = [
        await studies('limit=1'),
        await studies('limit=1&offset=1'),
        await studies('limit=9&offset=2'),
      ]
      expect(pages).toEqual(['B', 'A', 'DC'])
      expect(await studies('offset=4')).toBe('')
      expect(await studies('limit=0')).toBe('')
    })

    it('links to the next page until there is none', async () => {
      const seen: string[] = []
      let path: string | undefined =
        '/dicomweb/studies?limit=3&includefield=StudyDescription&orderby=-PatientID'
      while (path !== undefined) {
        const answer = await world.get(path)
        seen.push(...rowsIn(answer).map((row) => String(value(row, '00200010'))))
        const link = /^<([^>]+)>; rel="next"$/u.exec(String(answer.headers['link'] ?? ''))?.[1]
        expect(answer.headers.warning).toBeUndefined()
        path = link?.slice(world.url.length)
      }
      expect(seen).toEqual(['B', 'D', 'A', 'C'])
    })

    it('orders by what is asked for', async () => {
      expect(await studies('orderby=StudyDescription,-StudyDate')).toBe('CDAB')
      expect(await status('/studies?orderby=ImageComments')).toBe(400)
      expect(await status('/studies?after=nonsense')).toBe(400)
    })
  })

  describe('representations (QIDO-56)', () => {
    const accept = (header: string) => world.get('/dicomweb/studies?PatientID=A1', { Accept: header })

    it.each([
      [JSON_TYPE, JSON_TYPE],
      ['*/*', JSON_TYPE],
      ['application/json', 'application/json'],
      [`${JSON_TYPE}, application/json`, JSON_TYPE],
      [`${JSON_TYPE}, multipart/related; type=application/octet-stream; transfer-syntax=*`, JSON_TYPE],
    ])('%s is answered as %s, without a charset', async (header, type) => {
      const answer = await accept(header)
      expect([answer.status, answer.headers['content-type']]).toEqual([200, type])
      expect(answer.headers['cache-control']).toBe('no-cache')
    })

    it.each(['text/html', 'image/jpeg', 'multipart/related; type="application/dicom"', `${JSON_TYPE};q=0`])(
      '%s is 406',
      async (header) => {
        expect((await accept(header)).status).toBe(406)
      },
    )

    it.each(['multipart/related; type="application/dicom+xml"', 'application/dicom+xml'])(
      '%s is one XML part per row',
      async (header) => {
        const { headers, text } = await world.get('/dicomweb/series', { Accept: header })
        const boundary = /^multipart\/related; type="application\/dicom\+xml"; boundary=(\S+)$/u.exec(
          String(headers['content-type']),
        )?.[1]
        const parts = text.split(`--${boundary}`)
        expect([parts[0], parts.at(-1)]).toEqual(['', '--\r\n'])
        expect(parts).toHaveLength(8)
        expect(parts[1]).toMatch(/^\r\nContent-Type: application\/dicom\+xml\r\n\r\n<\?xml/u)
        expect((await world.get('/dicomweb/series?PatientID=zz', { Accept: header })).status).toBe(204)
      },
    )

    it('takes the accept parameter', async () => {
      const answer = await world.get('/dicomweb/studies?accept=application/json', { Accept: 'text/html' })
      expect(answer.headers['content-type']).toBe('application/json')
    })

    it('answers HEAD like GET, without a body', async () => {
      const { status: code_, headers, body } = await world.ask('/dicomweb/studies', { method: 'HEAD' })
      expect([code_, headers['content-type'], body.length]).toEqual([200, JSON_TYPE, 0])
    })

    it('answers nothing found with an empty list', async () => {
      const answer = await world.get('/dicomweb/studies?PatientID=zz')
      expect([answer.status, answer.text]).toEqual([200, '[]'])
    })
  })

  describe('clients (§9)', () => {
    const rowsOf = async (path: string, headers: Record<string, string> = {}) => {
      const answer = await world.get(`/dicomweb${path}`, headers)
      expect([path, answer.status]).toEqual([path, 200])
      return rowsIn(answer)
    }

    it('OHIF: worklist, series of a study, several studies by link', async () => {
      const list = await rowsOf(
        '/studies?PatientName=*doe*&00100020=*A*&AccessionNumber=*A*&StudyDescription=*C*&ModalitiesInStudy=CT%2CMR' +
          '&limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030' +
          `&StudyDate=20200101-20201231&StudyInstanceUID=${A}%5C${B}`,
        { Accept: JSON_TYPE },
      )
      expect(list).toHaveLength(1)
      for (const tag of [
        '0020000D',
        '00080020',
        '00080030',
        '00080050',
        '00100020',
        '00100010',
        '00201208',
        '00081030',
      ]) {
        expect(list[0]).toHaveProperty(tag)
      }
      const series = await rowsOf(`/studies/${A}/series?includefield=0008103E%2C00080021`)
      for (const tag of [
        '0020000D',
        '0020000E',
        '00080060',
        '00200011',
        '00080021',
        '00201209',
        '0008103E',
      ]) {
        expect(series[0]).toHaveProperty(tag)
      }
      expect(await rowsOf(`/studies/${A}/series?SeriesInstanceUID=${A}.1,${A}.2`)).toHaveLength(2)
      expect(
        await rowsOf(`/studies/${A}/series/${A}.1/instances?limit=1&includefield=00080018`),
      ).toHaveLength(1)
    })

    it('Weasis: a stray ampersand, no Accept, unscoped by UID', async () => {
      const fields =
        '00080020,00080030,00080050,00080061,00080090,00081030,00100010,00100020,00100021,00100030'
      expect(await rowsOf(`/studies?&includefield=${fields}`)).toHaveLength(4)
      expect(await rowsOf(`/studies?00100020=A1&00100021=&includefield=${fields},0020000D`)).toHaveLength(1)
      const [series] = await rowsOf(`/series?0020000E=${A}.1&includefield=0008103E,00080060,00081190`)
      expect(value(series, '00100020')).toBe('A1')
      const [count] = await rowsOf(`/studies/${A}/series?0020000E=${A}.1&includefield=00201209`)
      expect(value(count, '00201209')).toBe(2)
      const [middle] = await rowsOf(
        `/studies/${A}/series/${A}.1/instances?includefield=00080018&limit=1&offset=1`,
      )
      expect(value(middle, '00080018')).toBe(`${A}.1.8`)
    })

    it('Slim: unscoped series of a study, instances by modality, a name that is none', async () => {
      const [series] = await rowsOf(`/series?Modality=SR&StudyInstanceUID=${A}`)
      expect(value(series, '0020000E')).toBe(`${A}.2`)
      expect(await rowsOf(`/studies/${A}/instances?Modality=SR`)).toHaveLength(1)
      expect(await rowsOf('/studies?ModalitiesInStudy=CT&PersonName=*doe*&fuzzymatching=true')).toHaveLength(
        1,
      )
    })

    it('dicomweb-client for Python, MONAI Label: repeated keys and fields, pages until an empty one', async () => {
      const accept = { Accept: `${JSON_TYPE}, application/json` }
      const query =
        'ModalitiesInStudy=CT&ModalitiesInStudy=MR&PatientName=%2A&StudyDate=20180101-20201231&fuzzymatching=true' +
        '&includefield=StudyDescription&includefield=00081030&limit=2'
      const pages = [0, 2, 4].map((offset) => rowsOf(`/studies?${query}&offset=${offset}`, accept))
      expect((await Promise.all(pages)).map((page) => page.length)).toEqual([2, 1, 0])
      for (const row of await rowsOf('/series?Modality=CT')) expect(row).toHaveProperty('0020000D')
    })

    it('counts with the same warnings', async () => {
      const answer = await world.get('/dicomweb/studies/count?_=1&patientNme=x')
      expect(answer.json()).toEqual({ count: 4 })
      const warnings = String(answer.headers.warning)
      for (const name of ['_', 'patientNme'])
        expect(warnings).toContain(`"The parameter \\"${name}\\" is not`)
    })

    it('says that counts of lower levels are not shown: a row has several of them', async () => {
      const ask = async (path: string) => {
        const { headers, text } = await world.get(`/dicomweb${path}`)
        return [headers.warning ?? '', text.includes('"00201209"')]
      }
      const named = 'NumberOfSeriesRelatedInstances'
      const warning = `299 ${world.url}/dicomweb "${named} is of series, and is not shown here."`
      expect(await ask(`/studies?includefield=00201209,${named}&${named}=1`)).toEqual([warning, false])
      expect(await ask(`/patients?${named}=1`)).toEqual([warning, false])
      expect(await ask(`/series?${named}=1`)).toEqual(['', true])
      expect(await ask(`/instances?includefield=${named}`)).toEqual(['', true])
      expect(await ask(`/studies/count?${named}=1`)).toEqual(['', false])
    })

    it('proxies: parameters that are none of ours are passed over, with a warning', async () => {
      const answer = await world.get('/dicomweb/studies?_=1700000000&access_token=x&PatientID=A1')
      expect(answer.json()).toHaveLength(1)
      expect(answer.headers.warning).toContain(
        `299 ${world.url}/dicomweb "The parameter \\"_\\" is not known`,
      )
    })
  })
})

describe('limits of a search', () => {
  it('clips searches of the whole archive, says so, and none inside a study', async () => {
    await using world = await startWorld({
      settings: { searchLimit: 2, searchLimitMax: 3, emptySearchIs204: true },
    })
    await world.store(...SAMPLES)
    const ask = async (path: string) => {
      const { status, headers, text } = await world.get(`/dicomweb${path}`)
      const rows = text === '' ? 0 : (JSON.parse(text) as unknown[]).length
      return [status, rows, headers.warning !== undefined, headers['link'] !== undefined]
    }
    expect(await ask('/instances')).toEqual([200, 2, true, true])
    expect(await ask('/instances?limit=1000000000')).toEqual([200, 3, true, true])
    expect(await ask('/instances?limit=2')).toEqual([200, 2, false, true])
    expect(await ask('/instances?Modality=SR')).toEqual([200, 1, false, false])
    expect(await ask(`/studies/${A}/instances`)).toEqual([200, 3, false, false])
    expect(await ask(`/studies/${A}/instances?limit=2`)).toEqual([200, 2, false, true])
    expect(await ask('/studies?PatientID=zz')).toEqual([204, 0, false, false])
  })

  it('cuts a search that has no time, goes on from there, and refuses to count what it cannot', async () => {
    await using world = await startWorld({ settings: { searchBudgetMs: 0 } })
    // Each series reaches the place that is asked for, few have it.
    const slices = Array.from({ length: 30 }, (_, n) =>
      ['0', n < 5 ? '5' : '6', '9'].map((SliceLocation, k) =>
        at(ct, `A.${n + 10}.${k + 1}`, { ...a, SliceLocation }),
      ),
    )
    await world.store(...slices.flat())
    let path: string | undefined = '/dicomweb/instances?SliceLocation=5.0&limit=100&total=true'
    const found: unknown[] = []
    let pages = 0
    while (path !== undefined) {
      const { status, headers, text } = await world.get(path)
      expect(status).toBe(200)
      found.push(...(JSON.parse(text) as JsonDataSet[]).map((row) => value(row, '00080018')))
      const link = headers['link']
      path = typeof link === 'string' ? /^<[^/]+\/\/[^/]+([^>]+)>; rel="next"$/u.exec(link)?.[1] : undefined
      expect((headers.warning ?? '').includes('its time was up')).toBe(path !== undefined)
      // Pages that look at nothing more still have no time to count.
      expect(String(headers.warning)).toContain('could not be counted')
      expect(headers).not.toHaveProperty('x-total-count')
      pages++
    }
    expect(pages).toBeGreaterThan(3)
    expect(found).toHaveLength(5)
    expect(new Set(found).size).toBe(5)
    const count = await world.get('/dicomweb/instances/count?SliceLocation=5')
    expect([count.status, count.headers['content-type']]).toEqual([413, 'application/problem+json'])
    const none = await world.get('/dicomweb/instances/count?SliceLocation=-250')
    expect(none.json()).toEqual({ count: 0 })
    // Inside a study a search takes the time that it needs.
    const inside = await world.get(`/dicomweb/studies/${A}/instances?SliceLocation=5`)
    expect([inside.dataSets().length, inside.headers['link']]).toEqual([5, undefined])
  })

  it('ends a search whose client has gone away', async () => {
    const ended = Promise.withResolvers<null>()
    const begun = Promise.withResolvers<null>()
    await using world = await startWorld({
      through: (archive) => {
        const search: InstanceIndex['search'] = (_query, signal) =>
          new Promise((_resolve, reject) => {
            begun.resolve(null)
            signal?.addEventListener('abort', () => {
              ended.resolve(null)
              reject(signal.reason as Error)
            })
          })
        return { ...archive, database: { ...archive.database, index: { ...archive.database.index, search } } }
      },
    })
    const leaving = new AbortController()
    const answer = fetch(`${world.url}/dicomweb/studies`, { signal: leaving.signal }).catch(
      (error: unknown) => error,
    )
    await begun.promise
    leaving.abort()
    // No timer comes in between: the search is told as soon as the connection is closed.
    await ended.promise
    expect(await answer).toMatchObject({ name: 'AbortError' })
  })

  it('streams a large series whole, and page by page, each instance once', async () => {
    await using world = await startWorld()
    const many = Array.from({ length: 1203 }, (_, n) => at(sr, `A.1.${n + 1}`, a))
    for (let from = 0; from < many.length; from += 401) await world.store(...many.slice(from, from + 401))
    const rows = await world.qido(`/studies/${A}/instances`)
    expect(rows.map((row) => value(row, '00200013'))).toEqual(many.map((_, n) => n + 1))
    expect(await world.qido('/instances?limit=1100')).toHaveLength(1100)
  })
})
