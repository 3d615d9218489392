import fc from 'fast-check'
import { completions, dictionaryOf, nameOf } from '../../src/console/keywords.js'
import {
  dateText,
  nameText,
  searchName,
  sizeText,
  text,
  timeText,
  valuesAt,
  words,
} from '../../src/console/dicom.js'
import { isRetrieve, isSearch, readMetrics, total, within } from '../../src/console/metrics-text.js'
import { entries, tagOf } from '../../src/dicom/dictionary.ts'
import { keyVr } from '../../src/dicom/key-vr.ts'
import { requireField } from '../../src/http/query-params-fields.ts'
import { outcomeOf } from '../../src/console/store-answer.js'
import { ct } from '../samples.ts'
import { startWorld } from '../world.ts'

const known = dictionaryOf(
  Array.from(entries(), ({ tag, keyword, retired }) => [tag, keyword, keyVr(tag), retired ? 1 : 0] as const),
)
const keywordOf = (tag: string) => known.byTag.get(tag)?.keyword

describe('values as people read them', () => {
  it.each([
    [{ Alphabetic: 'Doe^Jane^A^Dr.^PhD' }, 'Doe, Dr. Jane A, PhD'],
    [{ Alphabetic: 'Yamada^Hanako', Ideographic: '山田^花子' }, 'Yamada, Hanako 山田 花子'],
    [{ Ideographic: '山田^花子' }, '山田 花子'],
    [{}, ''],
  ])('names %j', (name, shown) => expect(nameText(name)).toBe(shown))

  it('dates, times and sizes; what is none stays as it is', () => {
    expect([
      dateText('20260131'),
      dateText('2026'),
      timeText('083000.5'),
      timeText('0830'),
      timeText('x'),
    ]).toEqual(['2026-01-31', '2026', '08:30:00', '08:30', 'x'])
    expect([0, 1023, 1536, 5 * 2 ** 30].map(sizeText)).toEqual(['0 B', '1023 B', '1.5 KiB', '5.0 GiB'])
  })

  it('keywords in words', () => {
    expect(['PatientName', 'SOPInstanceUID', 'KVP', 'XRay3DFrameTypeSequence'].map(words)).toEqual([
      'Patient Name',
      'SOP Instance UID',
      'KVP',
      'X Ray3 D Frame Type Sequence',
    ])
  })
})

describe('the name under which a tag is found', () => {
  const dataSet = {
    '00190010': { vr: 'LO', Value: ['ACME 1.1'] },
    '00191001': { vr: 'LO', Value: ['private'] },
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Doe^Jane' }] },
    '0040A730': { vr: 'SQ', Value: [{ '0040A160': { vr: 'UT', Value: ['inside'] } }] },
  }
  it.each([
    [['00100010'], dataSet, 'PatientName', 'Doe, Jane'],
    [['00191001'], dataSet, '0019xx01;ACME 1.1', 'private'],
    [['0040A730', '0040A160'], dataSet['0040A730'].Value[0]!, 'ContentSequence.TextValue', 'inside'],
  ] as const)('%j', (path, holder, name, value) => {
    expect(searchName(path, holder, keywordOf)).toBe(name)
    expect(valuesAt(dataSet, name, tagOf)).toEqual([value])
    // The service reads it as the same attribute.
    expect(requireField(name).path).toHaveLength(path.length)
  })

  it.each([
    ['0019xx05;ACME 1.1.00080100', ['a', 'b']],
    ['0019xx05;ACME 1.1.0021xx01;IN', ['c']],
    ['0019xx05;ACME.00080100', []],
    ['00191005.CodeValue', ['a', 'b']],
  ])('has the values of %s in private sequences', (name, found) => {
    const inside = { '00210010': { vr: 'LO', Value: ['IN'] }, '00211001': { vr: 'LO', Value: ['c'] } }
    const nested = {
      '00190010': { vr: 'LO', Value: ['ACME 1.1'] },
      '00191005': {
        vr: 'SQ',
        Value: [
          { '00080100': { vr: 'SH', Value: ['a'] }, ...inside },
          { '00080100': { vr: 'SH', Value: ['b'] } },
        ],
      },
    }
    expect(valuesAt(nested, name, tagOf)).toEqual(found)
  })

  it('is one that the service knows, for every tag of the dictionary', () => {
    // Pixel data and group lengths are not searched.
    const searched = known.entries.filter(({ tag }) => !tag.startsWith('7FE0') && !tag.endsWith('0000'))
    const misread = searched.filter(({ tag }) => {
      const { path } = requireField(searchName([tag], {}, keywordOf))
      return path.length !== 1 || path[0] !== tag
    })
    expect([searched.length > 5000, misread]).toEqual([true, []])
    // Its keyword means PatientName to the service, for a viewer calls that so.
    expect(searchName(['0040A123'], {}, keywordOf)).toBe('0040A123')
    expect(searchName(['0040A730', '0040A123'], {}, keywordOf)).toBe('ContentSequence.PersonName')
  })
})

describe('what a tag is called', () => {
  const dataSet = { '00190010': { vr: 'LO', Value: ['ACME 1.1'] }, '0019101A': { vr: 'DS', Value: [1] } }
  const own = dictionaryOf([['00100010', 'PatientName', 'PN', 0]], { '0019xx1A;ACME 1.1': 'ScanDose' })
  it.each([
    ['00100010', 'Patient Name'],
    ['00190010', 'Private creator'],
    ['0019101A', 'Scan Dose, of ACME 1.1'],
    ['0019101B', 'Private, of ACME 1.1'],
    ['0019111A', 'Not in the dictionary'],
  ])('%s: %s', (tag, name) => expect(nameOf(dataSet, tag, own)).toBe(name))
})

describe('completion', () => {
  it.each([
    ['patientn', 'PatientName'],
    ['modal', 'Modality'],
    ['0010,0020', 'PatientID'],
    ['ContentSequence.textv', 'TextValue'],
    ['ScanningSequence', 'ScanningSequence'],
  ])('of %s begins with %s', (typed, keyword) =>
    expect(completions(known, typed, 8)[0]?.keyword).toBe(keyword),
  )

  it('finds every keyword by its whole', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known.entries), ({ keyword }) => {
        expect(completions(known, keyword.toUpperCase(), 8).map((entry) => entry.keyword)).toContain(keyword)
      }),
      { numRuns: 200 },
    )
  })
})

describe('figures', () => {
  it('are read from what the service really says', async () => {
    await using world = await startWorld()
    await world.store(ct(), ct())
    await world.qido('/studies')
    await world.qido('/series?Modality=CT')
    const samples = readMetrics((await world.get('/metrics')).text)
    expect(total(samples, 'concord_instances_total', (labels) => labels['outcome'] === 'stored')).toBe(2)
    expect(total(samples, 'concord_archive_entities', (labels) => labels['level'] === 'instances')).toBe(2)
    expect(total(samples, 'concord_archive_bytes')).toBeGreaterThan(1000)
    expect(total(samples, 'concord_http_request_seconds_count', isSearch)).toBe(2)
    expect(total(samples, 'concord_http_request_seconds_count', isRetrieve)).toBe(0)
    expect(within(samples, 'concord_http_request_seconds', 0.99, isSearch)).toBeGreaterThan(0)
    expect(within(samples, 'concord_http_request_seconds', 0.99, isRetrieve)).toBeUndefined()
  })
})

describe('what became of a file', () => {
  it('is told of what the service really answers', async () => {
    await using world = await startWorld()
    const sample = ct()
    const send = async (body: Buffer) => {
      const answer = await world.ask('/dicomweb/studies', {
        method: 'POST',
        headers: { 'Content-Type': 'application/dicom', Accept: 'application/dicom+json' },
        body,
      })
      return outcomeOf(answer.status, answer.text)
    }
    expect(await send(sample.bytes)).toEqual({ state: 'stored', words: '', study: sample.uids.study })
    expect(await send(sample.bytes)).toMatchObject({ state: 'stored', words: 'Same as stored before' })
    expect(await send(ct({ SOPInstanceUID: sample.uids.instance }).bytes)).toMatchObject({ state: 'refused' })
    expect(await send(Buffer.from('no DICOM at all'))).toMatchObject({
      state: 'refused',
      words: expect.stringMatching(/./) as unknown,
    })
    expect(outcomeOf(503, '{"detail":"Try again."}')).toEqual({ state: 'failed', words: 'Try again.' })
    expect(outcomeOf(0, '')).toMatchObject({ state: 'failed' })
    expect(text(undefined, '00100010')).toBe('')
  })
})
