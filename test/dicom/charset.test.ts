import fc from 'fast-check'
import { charsetOf, type TextForm } from '../../src/dicom/charset.ts'
import type { DataElement, DataSet, ParsedInstance } from '../../src/dicom/data-set.ts'
import { readPart10 } from '../../src/dicom/reader.ts'
import { textEncoder } from '../../src/dicom/writer-text.ts'
import { corpusFile, corpusPaths, describeCorpus } from './corpus.ts'
import { element, identity, instance, item, part10, sequence } from './part10-bytes.ts'

/** Bytes written as text with `\xNN` and `\e` for the rest. */
function bytes(text: string): Buffer {
  const plain = text.replaceAll('\\e', '\u001b')
  return Buffer.from(
    plain.replaceAll(/\\x([\da-f]{2})/giu, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  )
}

const read = (charset: string | null, vr: string, value: Buffer): ParsedInstance =>
  readPart10(
    instance([
      ...(charset === null ? [] : [element('00080005', 'CS', charset)]),
      element(vr === 'PN' ? '00100010' : '00104000', vr, value),
    ]),
  )
const valueOf = ({ dataSet }: ParsedInstance): DataElement | undefined =>
  dataSet['00100010'] ?? dataSet['00104000']
const causes = ({ oddities }: ParsedInstance): string[] => oddities.map(({ text }) => text)

describe('the examples of PS3.5', () => {
  it.each([
    // Annex H.3: Japanese.
    ['ISO_IR 13', '\\xd4\\xcf\\xc0\\xde^\\xc0\\xdb\\xb3', { Alphabetic: 'ﾔﾏﾀﾞ^ﾀﾛｳ' }],
    [
      '\\ISO 2022 IR 87',
      'Yamada^Tarou=\\e$B;3ED\\e(B^\\e$BB@O:\\e(B=\\e$B$d$^$@\\e(B^\\e$B$?$m$&\\e(B',
      { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
    ],
    [
      'ISO 2022 IR 13\\ISO 2022 IR 87',
      '\\xd4\\xcf\\xc0\\xde^\\xc0\\xdb\\xb3=\\e$B;3ED\\e(J^\\e$BB@O:\\e(J=\\e$B$d$^$@\\e(J^\\e$B$?$m$&\\e(J',
      { Alphabetic: 'ﾔﾏﾀﾞ^ﾀﾛｳ', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
    ],
    // Annex I.2: Korean.
    [
      '\\ISO 2022 IR 149',
      'Hong^Gildong=\\e$)C\\xfb\\xf3^\\e$)C\\xd1\\xce\\xd4\\xd7=\\e$)C\\xc8\\xab^\\e$)C\\xb1\\xe6\\xb5\\xbf',
      { Alphabetic: 'Hong^Gildong', Ideographic: '洪^吉洞', Phonetic: '홍^길동' },
    ],
    // Annex J: Chinese.
    [
      'ISO_IR 192',
      'Wang^XiaoDong=\\xe7\\x8e\\x8b^\\xe5\\xb0\\x8f\\xe6\\x9d\\xb1',
      { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' },
    ],
    [
      'GB18030',
      'Wang^XiaoDong=\\xcd\\xf5^\\xd0\\xa1\\xb6\\xab',
      { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小东' },
    ],
    // Annex K.2: GB 2312 by code extension.
    [
      '\\ISO 2022 IR 58',
      'Zhang^XiaoDong=\\e$)A\\xd5\\xc5^\\e$)A\\xd0\\xa1\\xb6\\xab=',
      { Alphabetic: 'Zhang^XiaoDong', Ideographic: '张^小东' },
    ],
  ])('%s', (charset, text, name) => {
    const parsed = read(charset, 'PN', bytes(text))
    expect(valueOf(parsed)).toEqual({ vr: 'PN', Value: [name] })
    expect(parsed.oddities).toEqual([])
    expect(parsed.dataSet['00080005']?.Value).toEqual(
      charset.split('\\').map((term) => (term === '' ? null : term)),
    )
  })
})

describe('single-byte sets', () => {
  it.each([
    ['ISO_IR 100', '\\xc4neas\\x80', 'Äneas\u0080'],
    ['ISO_IR 101', '\\xb1\\xea', 'ąę'],
    ['ISO_IR 109', '\\xa1\\xb1', 'Ħħ'],
    ['ISO_IR 110', '\\xa1\\xb1', 'Ąą'],
    ['ISO_IR 144', '\\xbb\\xee\\xda\\x62', 'Люкb'],
    ['ISO_IR 127', '\\xe2\\xc8\\xc7\\xe6\\xea', 'قباني'],
    ['ISO_IR 126', '\\xc4\\xe9\\xef', 'Διο'],
    ['ISO_IR 138', '\\xf9\\xf8\\xe5\\xef', 'שרון'],
    ['ISO_IR 148', '\\xd0\\xfd\\xfe', 'Ğış'],
    ['ISO_IR 166', '\\xb9\\xd2\\xc2', 'นาย'],
    ['ISO_IR 203', '\\xa4\\xa6', '€Š'],
    ['ISO 2022 IR 100', '\\xc4neas', 'Äneas'],
    ['ISO 2022 IR 100\\ISO 2022 IR 144', '\\xc4 \\e-L\\xbb\\xee', 'Ä Лю'],
  ])('%s', (charset, text, expected) => {
    expect(valueOf(read(charset, 'LT', bytes(text)))).toEqual({ vr: 'LT', Value: [expected] })
  })

  it('come back from what the writer makes of them', () => {
    const labels = [
      'ISO_IR 100',
      'ISO_IR 101',
      'ISO_IR 109',
      'ISO_IR 110',
      'ISO_IR 144',
      'ISO_IR 126',
      'ISO_IR 148',
      'ISO_IR 203',
      'ISO_IR 13',
      'ISO_IR 192',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...labels),
        fc.uint8Array({ minLength: 1, maxLength: 30 }),
        (label, raw) => {
          const { charset } = charsetOf([label])
          const text = charset.decode(Buffer.from(raw), 0, raw.length, 'one')
          fc.pre(!text.includes('\ufffd') && !/[\u0080-\u009f]/u.test(text))
          expect(textEncoder(label)(text, '00104000')).toEqual(Buffer.from(raw))
        },
      ),
    )
  })
})

describe('code extensions', () => {
  const decode = (terms: string, text: string, form: TextForm): string => {
    const raw = bytes(text)
    return charsetOf(terms.split('\\')).charset.decode(raw, 0, raw.length, form)
  }

  it('end at the end of a line and of a value, in names also of a component', () => {
    const kanji = '\\e$B;3ED'
    expect(decode('\\ISO 2022 IR 87', `${kanji}\r\nABCD`, 'one')).toBe('山田\r\nABCD')
    expect(decode('ISO 2022 IR 6\\ISO 2022 IR 87', `${kanji}\\e(B\\ABCD`, 'many')).toBe('山田\\ABCD')
    expect(decode('ISO 2022 IR 100\\ISO 2022 IR 144', '\\e-L\\xbb\\\\xc4', 'many')).toBe('Л\\Ä')
    expect(decode('ISO 2022 IR 100\\ISO 2022 IR 144', '\\e-L\\xbb^\\xc4=\\e-L\\xbb', 'names')).toBe('Л^Ä=Л')
    expect(decode('ISO 2022 IR 100\\ISO 2022 IR 144', '\\e-L\\xbb^\\xbb', 'many')).toBe('Л^Л')
  })

  it('see no delimiter in the second half of a character', () => {
    // 25H 5CH, 3BH 3DH and 25H 5EH are characters of JIS X 0208, not backslash, equals sign and caret.
    expect(decode('\\ISO 2022 IR 87', '\\e$B%\\x5c;=%^\\e(B', 'names')).toBe('ボ蚕マ')
  })

  it('read Korean that forgot its escapes', () => {
    expect(decode('\\ISO 2022 IR 149', '\\xb1\\xe8\\xc8\\xf1\\xc1\\xdf', 'names')).toBe('김희중')
  })

  it('leave yen and backslash apart', () => {
    expect(decode('ISO_IR 13', 'A\\x5cB~', 'one')).toBe('A¥B‾')
    expect(decode('ISO_IR 13', 'A\\x5cB', 'many')).toBe('A\\B')
    expect(decode('ISO 2022 IR 13\\ISO 2022 IR 87', 'A\\x5cB', 'many')).toBe('A\\B')
  })

  it('never throw, whatever the bytes', () => {
    const terms = fc.constantFrom(
      ['', 'ISO 2022 IR 87', 'ISO 2022 IR 159'],
      ['', 'ISO 2022 IR 149'],
      ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
      ['', 'ISO 2022 IR 58'],
      ['GB18030'],
      ['GBK'],
      ['ISO_IR 192'],
    )
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc.constantFrom('\u001b$B', '\u001b(J', '\u001b$)C', '\u001b-L', '\u001b', '\\', '^', '=', '\r\n'),
      ),
    )
    fc.assert(
      fc.property(terms, pieces, fc.constantFrom<TextForm>('one', 'many', 'names'), (names, parts, form) => {
        const raw = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)))
        const text = charsetOf(names).charset.decode(raw, 0, raw.length, form)
        expect(text.isWellFormed()).toBe(true)
      }),
    )
  })
})

describe('multi-byte sets whose second bytes look like delimiters', () => {
  it.each([
    ['GBK', '\\x81\\x5c\\x5cA', ['乗', 'A']],
    ['GB18030', '\\x81\\x5c\\x5cA', ['乗', 'A']],
    // Four bytes, of which two are digits.
    ['GB18030', '\\x81\\x30\\x86\\x30\\x5cA', ['¸', 'A']],
  ])('%s %s', (charset, text, Value) => {
    const { dataSet } = readPart10(
      instance([element('00080005', 'CS', charset), element('00102180', 'LO', bytes(text))]),
    )
    expect(dataSet['00102180']?.Value).toEqual(Value)
  })
})

describe('odd character sets', () => {
  it.each([
    ['ISO-IR 100', '\\xc4', 'Ä'],
    ['ISO IR 144', '\\xbb', 'Л'],
    ['UTF-8', '\\xc3\\x84', 'Ä'],
    ['ISO_IR 999', '\\xc4', 'Ä'],
    ['LATIN1', '\\xc4', 'Ä'],
    ['ISO_IR 192\\ISO 2022 IR 87', '\\xc3\\x84', 'Ä'],
    ['ISO_IR 100\\ISO 2022 IR 144', '\\xc4\\e-L\\xbb', 'ÄЛ'],
  ])('%s is read, and noted', (charset, text, expected) => {
    const parsed = read(charset, 'LT', bytes(text))
    expect(valueOf(parsed)).toEqual({ vr: 'LT', Value: [expected] })
    expect(parsed.dataSet['00080005']?.Value).toEqual(charset.split('\\'))
    expect(causes(parsed)).toHaveLength(1)
    expect(causes(parsed)[0]).toMatch(/^\(0008,0005\)/u)
  })

  it('takes text outside of no character set for Latin-1, and notes it', () => {
    const parsed = read(null, 'LT', bytes('\\xc4'))
    expect(valueOf(parsed)).toEqual({ vr: 'LT', Value: ['Ä'] })
    expect(causes(parsed)).toEqual([
      '(0010,4000) has characters outside its character set, read as ISO 8859-1',
    ])
  })

  it.each([
    ['ISO_IR 192', 'A\\xff', 'A\ufffd'],
    ['ISO_IR 192', 'A\\x00B', 'A\ufffdB'],
    ['ISO_IR 100', 'A\\e$B;3', 'A\ufffd$B;3'],
    ['\\ISO 2022 IR 87', 'A\\e$', 'A\ufffd$'],
    ['\\ISO 2022 IR 87', '\\e$B;', '\ufffd'],
    ['ISO_IR 127', 'A\\xa1', 'A\ufffd'],
    ['ISO_IR 13', 'A\\xf0', 'A\ufffd'],
  ])('keeps the bytes of what %s does not hold: %s', (charset, text, shown) => {
    const parsed = read(charset, 'LT', bytes(text))
    expect(valueOf(parsed)).toEqual({ vr: 'LT', Value: [shown], undecoded: bytes(text).toString('base64') })
    expect(causes(parsed)).toEqual(['(0010,4000) has bytes that are no text in its character set'])
  })

  it('takes U+FFFD that was written for what it is', () => {
    expect(valueOf(read('ISO_IR 192', 'LT', Buffer.from('A\ufffd')))).toEqual({
      vr: 'LT',
      Value: ['A\ufffd'],
    })
  })
})

describe('the character set of an item', () => {
  const cyrillic = element('00080104', 'LO', bytes('\\xbb'))
  const inItem = (dataSet: DataSet): unknown => JSON.parse(JSON.stringify(dataSet['00081032']?.Value))

  it('is its own or that of the data set around it, which comes back after it', () => {
    const own = item(Buffer.concat([element('00080005', 'CS', 'ISO_IR 144'), cyrillic]))
    const { dataSet } = readPart10(
      instance([
        element('00080005', 'CS', 'ISO_IR 100'),
        sequence('00081032', [own, item(cyrillic)]),
        element('00104000', 'LT', bytes('\\xbb')),
      ]),
    )
    expect(inItem(dataSet)).toMatchObject([
      { '00080104': { Value: ['Л'] } },
      { '00080104': { Value: ['»'] } },
    ])
    expect(dataSet['00104000']?.Value).toEqual(['»'])
  })

  it('holds for text before it, also in items, where (0008,0005) is out of order', () => {
    const late = [
      element('00080080', 'LO', bytes('\\xbb')),
      sequence('00081032', [item(cyrillic)]),
      element('00080005', 'CS', 'ISO_IR 144'),
    ]
    const { dataSet } = readPart10(part10(Buffer.concat([...late, ...identity()])))
    expect(dataSet['00080080']?.Value).toEqual(['Л'])
    expect(inItem(dataSet)).toMatchObject([{ '00080104': { Value: ['Л'] } }])
  })
})

describeCorpus('charset files of the corpus', () => {
  it('decode without a stray byte', () => {
    const files = corpusPaths().filter((path) => path.includes('charset') && !path.startsWith('bad'))
    expect(files.length).toBeGreaterThan(10)
    for (const path of files)
      expect(JSON.stringify(readPart10(corpusFile(path)).dataSet)).not.toMatch(/\ufffd|undecoded/u)
  })
})
