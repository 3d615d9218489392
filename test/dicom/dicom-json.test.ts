import { isAscii } from 'node:buffer'
import fc from 'fast-check'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { composeDataSet } from '../../src/dicom/compose.ts'
import type { DataSet } from '../../src/dicom/data-set.ts'
import {
  dicomJsonText,
  findBulk,
  arePlainLines,
  isPlainText,
  headOf,
  metadataParts,
  toDicomJson,
  type AttributesText,
  type BulkPath,
  type JsonDataSet,
} from '../../src/dicom/dicom-json.ts'
import { readPart10 } from '../../src/dicom/reader.ts'

const CORPUS = join(import.meta.dirname, '../../../shared/corpus')
const corpus = existsSync(CORPUS) ? it : it.skip
if (!existsSync(CORPUS)) console.info('skipped: no corpus')

const uri = (path: BulkPath) => `http://concord/bulkdata/${path.join('/')}`
const PIXELS = { tag: '7FE00010', vr: 'OW' } as const

/** Attributes as the index keeps them, laid out by it: some shared as bytes, some not, alone or several together. */
function metadata(dataSet: DataSet, options = {}): string {
  const lines = Object.entries(dataSet).map(([tag, element]) => `"${tag}":${JSON.stringify(element)}`)
  const arePlain = arePlainLines(`{${lines.join('\n,')}}`)
  const hasBulk = /"offset":\d/.test(JSON.stringify(dataSet))
  const [alone, ...others] = [1, 2, 3].map((size) => {
    const attributes = inParts(lines, size)
    const isPlain = isPlainText(headOf(attributes), hasBulk, arePlain)
    const parts = metadataParts(attributes, isPlain, uri, options)
    return Buffer.concat(parts.map((part) => Buffer.from(part))).toString('utf8')
  })
  for (const other of others) expect(other).toBe(alone)
  return alone ?? ''
}

function inParts(lines: readonly string[], size: number): AttributesText[] {
  return Array.from({ length: Math.ceil(lines.length / size) }, (_, at) => {
    const text = lines.slice(at * size, (at + 1) * size).join(',')
    const bytes = Buffer.from(text)
    return at % 2 === 0 ? text : { text, bytes, isAscii: isAscii(bytes) }
  })
}

/** True when the tags of every data set in the text ascend. */
function tagsInOrder(text: string): boolean {
  const last: string[] = []
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (token === '{') last.push('')
    else if (token === '}') last.pop()
    else if (/^"[0-9A-F]{8}":$/.test(token)) {
      if (token <= (last.at(-1) ?? '')) return false
      last.splice(-1, 1, token)
    }
  }
  return true
}

describe('a stored data set as clients see it', () => {
  it('has URIs for what is kept as a range, by tags and item numbers, at every depth', () => {
    const dataSet = composeDataSet({
      EncapsulatedDocument: { vr: 'OB', offset: 5000, length: 90_000 },
      IconImageSequence: [
        { Rows: 1 },
        { Rows: 64, PixelData: { vr: 'OW', offset: 700, length: 4096 }, IconImageSequence: [{ Rows: 2 }] },
      ],
    })

    expect(toDicomJson(dataSet, uri, { pixels: PIXELS })).toEqual({
      '00420011': { vr: 'OB', BulkDataURI: 'http://concord/bulkdata/00420011' },
      '00880200': {
        vr: 'SQ',
        Value: [
          { '00280010': { vr: 'US', Value: [1] } },
          {
            '00280010': { vr: 'US', Value: [64] },
            '00880200': { vr: 'SQ', Value: [{ '00280010': { vr: 'US', Value: [2] } }] },
            '7FE00010': { vr: 'OW', BulkDataURI: 'http://concord/bulkdata/00880200/2/7FE00010' },
          },
        ],
      },
      '7FE00010': { vr: 'OW', BulkDataURI: 'http://concord/bulkdata/7FE00010' },
    })
  })

  it('finds again what such a URI names, and nothing else', () => {
    const range = { vr: 'OW', offset: 700, length: 4096 } as const
    const inline = { vr: 'OB', InlineBinary: 'AAE=' } as const
    const dataSet = composeDataSet({
      IconImageSequence: [{ Rows: 1 }, { PixelData: range }],
      OverlayData: inline,
    })

    expect(findBulk(dataSet, ['00880200', '2', '7FE00010'])).toEqual(range)
    expect(findBulk(dataSet, ['60003000'])).toEqual(inline)
    for (const path of [
      [],
      ['00880200'],
      ['00880200', '2'],
      ['00880200', '0', '7FE00010'],
      ['00880200', '3', '7FE00010'],
      ['00880200', '1', '00280010'],
      ['00880200', 'x', '7FE00010'],
      ['60003000', '1', '7FE00010'],
      ['constructor'],
      ['__proto__', '1', '7FE00010'],
    ]) {
      expect(findBulk(dataSet, path)).toBeUndefined()
    }
  })

  it('leaves out group 0002, group lengths and the bytes of undecodable text', () => {
    const dataSet: DataSet = {
      '00020010': { vr: 'UI', Value: ['1.2'] },
      '00080000': { vr: 'UL', Value: [4] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: '\uFFFD' }], undecoded: 'gQ==' },
    }

    expect(JSON.parse(metadata(dataSet))).toEqual({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: '\uFFFD' }] },
    })
  })

  it('says ISO_IR 192 where the data set names a character set or needs one, at the top alone', () => {
    const utf8 = { vr: 'CS', Value: ['ISO_IR 192'] }
    const latin = composeDataSet({ SpecificCharacterSet: 'ISO_IR 100', PatientID: 'A' })
    const nested = composeDataSet({
      ReferencedImageSequence: [{ SpecificCharacterSet: 'ISO_IR 144' }],
      PatientID: 'é',
    })

    expect(JSON.parse(metadata(latin))).toEqual({ ...latin, '00080005': utf8 })
    expect(JSON.parse(metadata(composeDataSet({ PatientID: 'A' })))).toEqual({
      '00100020': { vr: 'LO', Value: ['A'] },
    })
    expect(JSON.parse(metadata(composeDataSet({ PatientID: 'é' })))).toHaveProperty('00080005', utf8)
    expect(JSON.parse(metadata(nested))).toEqual({
      '00080005': utf8,
      '00081140': { vr: 'SQ', Value: [{}] },
      '00100020': { vr: 'LO', Value: ['é'] },
    })
  })

  it('puts tags in ascending order that an object cannot keep there', () => {
    const dataSet: DataSet = {
      '00080060': { vr: 'CS', Value: ['CT'] },
      '20010010': { vr: 'LO', Value: ['Philips Imaging DD 001'] },
      '30060010': { vr: 'SQ', Value: [{ '00200052': { vr: 'UI' }, '30060012': { vr: 'SQ' } }] },
      '7FE10010': { vr: 'LO', Value: ['GEMS_Ultrasound_MovieGroup_001'] },
    }

    const text = metadata(dataSet, { pixels: PIXELS })

    expect(text.match(/[0-9A-F]{8}(?=":\{)/g)).toEqual([
      ...['00080060', '20010010', '30060010', '00200052', '30060012', '7FE00010', '7FE10010'],
    ])
  })

  it('is the same text whether it was parsed or only cut and joined', () => {
    const value = fc.oneof(
      fc.constantFrom(
        '"undecoded":',
        '"offset":1',
        '"00080005":{"vr":"CS"}',
        '}',
        '\\',
        '"',
        '7FE10010',
        'é',
        '王',
        'CT',
      ),
      fc.string(),
    )
    const element = fc.oneof(
      fc.array(value, { minLength: 1, maxLength: 3 }).map((Value) => ({ vr: 'LO' as const, Value })),
      fc.constant({ vr: 'SH' as const }),
      fc.constant({ vr: 'OB' as const, InlineBinary: 'AAE=' }),
      fc.constant({ vr: 'OB' as const, offset: 1, length: 2000 }),
    )
    const tag = fc.constantFrom(
      '00080001',
      '00080060',
      '00100010',
      '00180050',
      '20010010',
      '300A0002',
      '7FE10010',
      'FFFCFFFC',
    )
    const item = fc.dictionary(tag, element, { maxKeys: 3 }).map(ascending)
    const dataSets = fc
      .record({
        own: fc.dictionary(tag, element),
        charset: fc.option(
          fc.constantFrom<(string | null)[] | undefined>(['ISO_IR 100'], [null, 'ISO 2022 IR 87'], undefined),
        ),
        items: fc.option(fc.array(item, { minLength: 1, maxLength: 2 })),
      })
      .map(({ own, charset, items }): DataSet => {
        const elements: [string, DataSet[string]][] = Object.entries(own)
        if (charset !== null) elements.push(['00080005', { vr: 'CS', ...(charset && { Value: charset }) }])
        if (items) elements.push(['00081140', { vr: 'SQ', Value: items }])
        return ascending(Object.fromEntries(elements))
      })
    fc.assert(
      fc.property(dataSets, fc.boolean(), (dataSet, withPixels) => {
        const options = withPixels ? { pixels: PIXELS } : {}
        const text = metadata(dataSet, options)

        expect(text).toBe(dicomJsonText(toDicomJson(dataSet, uri, options)))
        expect(tagsInOrder(text)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  corpus('is one text by either way for every readable file of the corpus', () => {
    const [, ...lines] = readFileSync(join(CORPUS, 'manifest.tsv'), 'utf8').trim().split('\n')
    let compared = 0
    for (const line of lines) {
      const [path = ''] = line.split('\t')
      const bytes = readFileSync(join(CORPUS, path))
      const dataSet = read(bytes)
      if (dataSet === null) continue
      const options = { pixels: PIXELS }
      const text = metadata(dataSet, options)
      expect(text).toBe(dicomJsonText(toDicomJson(dataSet, uri, options)))
      expect(JSON.parse(text) as JsonDataSet).toHaveProperty('0020000D.vr', 'UI')
      compared++
    }
    expect(compared).toBeGreaterThan(300)
  })
})

/** As the reader has them: in ascending order, as far as an object allows. */
function ascending(dataSet: DataSet): DataSet {
  return Object.fromEntries(Object.entries(dataSet).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function read(bytes: Buffer): DataSet | null {
  try {
    return readPart10(bytes).dataSet
  } catch {
    return null
  }
}
