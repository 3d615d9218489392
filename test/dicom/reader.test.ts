import { deflateRawSync } from 'node:zlib'
import type { DataSet, ParsedInstance } from '../../src/dicom/data-set.ts'
import { createPart10Reader, readPart10 } from '../../src/dicom/reader.ts'
import {
  BIG,
  DEFLATED,
  element,
  header,
  identity,
  IMPLICIT,
  instance,
  item,
  JPEG,
  LITTLE,
  meta,
  part10,
  sequence,
  tagBytes,
  u16,
  u32,
  UNDEFINED,
} from './part10-bytes.ts'
import { cpuMs } from '../until.ts'

const plain = (dataSet: DataSet | undefined): unknown => JSON.parse(JSON.stringify(dataSet ?? null))
const causes = (parsed: ParsedInstance): string[] => parsed.oddities.map(({ text }) => text)
const refusal = (bytes: Buffer, limits = {}): unknown => {
  try {
    readPart10(bytes, limits)
  } catch (error) {
    return error
  }
  return undefined
}
const unreadable = (reason: number, message: RegExp): unknown =>
  expect.objectContaining({ name: 'Unreadable', reason, message: expect.stringMatching(message) as string })
const doubles = (...numbers: number[]): Buffer => Buffer.from(Float64Array.from(numbers).buffer)
const floats = (...numbers: number[]): Buffer => Buffer.from(Float32Array.from(numbers).buffer)
const longs = (...numbers: bigint[]): Buffer => Buffer.from(BigInt64Array.from(numbers).buffer)

describe('values', () => {
  const read = (vr: string, value: string | Buffer): unknown =>
    readPart10(instance([element('00091010', vr, value)])).dataSet['00091010']

  it.each([
    ['LO', ' A \\B ', ['A', 'B']],
    ['LO', 'A\\\\B', ['A', null, 'B']],
    ['SH', '\\', [null, null]],
    ['LT', ' A\\B  ', [' A\\B']],
    ['UT', 'A\\B\r\n', ['A\\B\r\n']],
    ['UC', ' A\\B ', [' A', 'B']],
    ['UR', 'http://a/b?c=\\d ', ['http://a/b?c=\\d']],
    ['UI', '1.2.3\\1.2.4\0', ['1.2.3', '1.2.4']],
    ['AS', '030Y', ['030Y']],
    ['DA', '20200229', ['20200229']],
    ['DA', '1997.04.24', ['1997.04.24']],
    ['DS', '1.5\\-2.50 \\+3', [1.5, -2.5, 3]],
    ['DS', '.5\\1.\\007\\1e3\\-0', [0.5, 1, 7, 1000, 0]],
    ['DS', '1234567890.12345', [1234567890.12345]],
    ['DS', '1234567890.123456', ['1234567890.123456']],
    ['DS', '1e400\\1e-400', ['1e400', '1e-400']],
    ['IS', '12\\-7\\ 3 ', [12, -7, 3]],
    ['IS', '1234567890123456', ['1234567890123456']],
    ['PN', 'A^B^^^', [{ Alphabetic: 'A^B' }]],
    ['PN', 'A^B=C=D', [{ Alphabetic: 'A^B', Ideographic: 'C', Phonetic: 'D' }]],
    ['PN', '=C=', [{ Ideographic: 'C' }]],
    ['PN', 'A\\^^\\B', [{ Alphabetic: 'A' }, null, { Alphabetic: 'B' }]],
    ['AT', Buffer.from([0x18, 0, 0x63, 0x10, 0xe0, 0x7f, 0x10, 0]), ['00181063', '7FE00010']],
    ['US', Buffer.from([1, 0, 255, 255]), [1, 65535]],
    ['SS', Buffer.from([255, 255]), [-1]],
    ['UL', u32(4294967295), [4294967295]],
    ['SL', u32(4294967295), [-1]],
    ['FL', floats(0.1, -2.5, 16777217, 1e-45, 3.4028235e38), [0.1, -2.5, 16777216, 1e-45, 3.4028235e38]],
    ['FD', doubles(0.1, NaN, Infinity, -Infinity), [0.1, null, Number.MAX_VALUE, -Number.MAX_VALUE]],
    ['SV', longs(-1n, 9007199254740993n), [-1, '9007199254740993']],
    ['UV', longs(-1n, 5n), ['18446744073709551615', 5]],
  ])('%s %j', (vr, value, Value) => {
    expect(read(vr, value)).toEqual({ vr, Value })
  })

  it.each(['LO', 'PN', 'DS', 'US', 'FD', 'OB', 'SQ', 'UT', 'AT', 'UN'])(
    '%s without value has its VR alone',
    (vr) => {
      expect(read(vr, Buffer.alloc(0))).toEqual({ vr })
    },
  )

  it.each([
    ['LO', '    '],
    ['PN', '^^^^'],
    ['UI', '\0\0'],
  ])('%s of padding alone is empty', (vr, value) => {
    expect(read(vr, value)).toEqual({ vr })
  })

  it.each([
    ['DA', '20230231', 'is no date'],
    ['TM', '2561', 'is no time'],
    ['DT', '2023-01-01', 'is no date and time'],
    ['IS', '12abc', 'is no number'],
    ['IS', '1.5', 'is no number'],
    ['DS', 'NaN', 'is no number'],
    ['DS', '1e', 'is no number'],
    ['DS', '-', 'is no number'],
    ['AS', '30', 'is no age'],
    ['UI', '1.02.3', 'is no UID to the letter of PS3.5 §9.1'],
  ])('%s %s is kept as it is, and said to be odd', (vr, value, cause) => {
    const parsed = readPart10(instance([element('00091010', vr, value)]))
    expect(parsed.dataSet['00091010']).toEqual({ vr, Value: [value] })
    expect(parsed.oddities).toEqual([{ reason: 0xb007, text: `(0009,1010) ${cause}` }])
  })

  it('gives binary values up to 1 KiB inline, longer ones by their place', () => {
    const short = Buffer.alloc(1024, 7)
    const long = Buffer.alloc(1026, 8)
    const bytes = instance([element('00091010', 'OB', short), element('00091011', 'OW', long)])
    const { dataSet } = readPart10(bytes)
    expect(dataSet['00091010']).toEqual({ vr: 'OB', InlineBinary: short.toString('base64') })
    const { offset, length } = dataSet['00091011']!
    expect(bytes.subarray(offset, offset! + length!)).toEqual(long)
  })

  it('keeps the bytes of numbers that are no whole number of values', () => {
    const parsed = readPart10(instance([element('00091010', 'US', Buffer.from([1, 2, 3]))]))
    expect(parsed.dataSet['00091010']).toEqual({ vr: 'UN', InlineBinary: 'AQID' })
    expect(causes(parsed)).toEqual(['(0009,1010) is no whole number of US values'])
  })

  it('says no value in an oddity, and each oddity once', () => {
    const odd = (tag: string): Buffer => element(tag, 'DA', 'SECRET01')
    const many = Array.from({ length: 500 }, (_, index) => odd(`0009${(0x1000 + index).toString(16)}`))
    const parsed = readPart10(instance([...many, odd('00091000')]))
    expect(parsed.oddities.length).toBe(64)
    expect(JSON.stringify(parsed.oddities)).not.toContain('SECRET')
  })
})

describe('encodings', () => {
  const nested = (coding: { implicit?: boolean; bigEndian?: boolean }, delimited: boolean): Buffer[] => {
    const { bigEndian = false } = coding
    const inner = element('00080100', 'SH', 'CODE', coding)
    return [
      element('00080005', 'CS', 'ISO_IR 100', coding),
      ...identity({}, coding).slice(0, 2),
      sequence('00081032', [item(inner, delimited, bigEndian), item(Buffer.alloc(0), delimited, bigEndian)], {
        ...coding,
        delimited,
      }),
      ...identity({}, coding).slice(2),
      element('00280010', 'US', u16(512, bigEndian), coding),
      element('00281201', 'OW', Buffer.from(bigEndian ? [1, 2] : [2, 1]), coding),
    ]
  }
  const expected = {
    '00080005': { vr: 'CS', Value: ['ISO_IR 100'] },
    '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.7'] },
    '00080018': { vr: 'UI', Value: ['1.2.3.4'] },
    '00081032': { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CODE'] } }, {}] },
    '0020000D': { vr: 'UI', Value: ['1.2.3'] },
    '0020000E': { vr: 'UI', Value: ['1.2.3.1'] },
    '00280010': { vr: 'US', Value: [512] },
    '00281201': { vr: 'OW', InlineBinary: 'AgE=' },
  }

  it.each([
    ['explicit little endian', LITTLE, {}, false],
    ['explicit little endian with delimiters', LITTLE, {}, true],
    ['implicit little endian', IMPLICIT, { implicit: true }, false],
    ['implicit little endian with delimiters', IMPLICIT, { implicit: true }, true],
    ['explicit big endian', BIG, { bigEndian: true }, false],
    ['explicit big endian with delimiters', BIG, { bigEndian: true }, true],
  ])('reads %s', (_, uid, coding, delimited) => {
    const bytes = part10(Buffer.concat(nested(coding, delimited)), uid)
    const parsed = readPart10(bytes)
    expect(plain(parsed.dataSet)).toEqual(expected)
    expect(parsed).toMatchObject({
      uids: { study: '1.2.3', series: '1.2.3.1', instance: '1.2.3.4' },
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.7',
      TransferSyntaxUID: uid,
      size: bytes.length,
      dataSetOffset: 132 + meta(uid).length,
      damaged: false,
      oddities: [],
      pixelMap: null,
    })
  })

  it.each([0, 1])('reads a deflated data set, with %d pad bytes', (pad) => {
    const long = Buffer.alloc(200_000, 5)
    const inner = Buffer.concat([...nested({}, false), element('60003000', 'OW', long)])
    const bytes = part10(Buffer.concat([deflateRawSync(inner), Buffer.alloc(pad)]), DEFLATED)
    const parsed = readPart10(bytes)
    const { '60003000': overlay, ...rest } = parsed.dataSet
    expect(plain(rest)).toEqual(expected)
    expect(inner.subarray(overlay!.offset, overlay!.offset! + overlay!.length!).equals(long)).toBe(true)
    expect(parsed.TransferSyntaxUID).toBe(DEFLATED)
  })

  it('refuses a deflated data set that grows beyond its limit, without making it', () => {
    const bomb = part10(deflateRawSync(Buffer.alloc(64 * 1024 * 1024)), DEFLATED)
    expect(refusal(bomb, { inflatedBytes: 1024 * 1024 })).toEqual(unreadable(0xc000, /inflates to more/u))
  })

  it('refuses a broken deflate stream', () => {
    expect(refusal(part10(Buffer.alloc(64, 0xff), DEFLATED))).toEqual(unreadable(0xc000, /broken deflate/u))
  })

  it.each([
    ['implicit under explicit', LITTLE, { implicit: true }, IMPLICIT],
    ['explicit under implicit', IMPLICIT, {}, LITTLE],
    ['big endian under little', LITTLE, { bigEndian: true }, BIG],
    ['little endian under big', BIG, {}, LITTLE],
    ['not deflated', DEFLATED, {}, LITTLE],
    ['implicit under JPEG, which stays', JPEG, { implicit: true }, JPEG],
  ])('trusts the bytes: %s', (_, declared, coding, uid) => {
    const parsed = readPart10(part10(Buffer.concat(nested(coding, false)), declared))
    expect(plain(parsed.dataSet)).toEqual(expected)
    expect(parsed.TransferSyntaxUID).toBe(uid)
    expect(causes(parsed)).toEqual(['(0002,0010) names another transfer syntax than the data set is in'])
  })

  it.each([
    ['explicit', {}, LITTLE],
    ['implicit', { implicit: true }, IMPLICIT],
    ['big endian', { bigEndian: true }, BIG],
  ])('reads a bare data set: %s', (_, coding, uid) => {
    const parsed = readPart10(Buffer.concat(nested(coding, false)))
    expect(plain(parsed.dataSet)).toEqual(expected)
    expect(parsed).toMatchObject({ TransferSyntaxUID: uid, dataSetOffset: 0 })
    expect(causes(parsed)).toContain('has neither preamble nor group 0002')
  })

  it('reads group 0002 without preamble, and without Transfer Syntax UID', () => {
    const bare = Buffer.concat([meta(LITTLE), ...nested({}, false)])
    expect(causes(readPart10(bare))).toEqual(['has no preamble'])
    const parsed = readPart10(part10(Buffer.concat(nested({}, false)), null))
    expect(parsed.TransferSyntaxUID).toBe(LITTLE)
    expect(causes(parsed)).toEqual([
      '(0002,0010) is not there: the transfer syntax is what the data set looks like',
    ])
  })

  it.each([
    ['no group length', meta(LITTLE).subarray(12), '(0002,0000) is missing'],
    [
      'a lying group length',
      Buffer.concat([element('00020000', 'UL', u32(9999)), meta(LITTLE).subarray(12)]),
      '(0002,0000) is not the length of its group',
    ],
  ])('reads group 0002 with %s', (_, group, cause) => {
    const prefix = [Buffer.alloc(128), Buffer.from('DICM'), group]
    expect(causes(readPart10(Buffer.concat([...prefix, ...nested({}, false)])))).toEqual([cause])
  })

  it('notes a preamble that is a program, and leaves one that is a TIFF alone', () => {
    const bytes = instance([])
    bytes.write('MZ')
    expect(causes(readPart10(bytes))).toEqual(['has a preamble that is a program for Windows'])
    bytes.write('II*\0')
    expect(causes(readPart10(bytes))).toEqual([])
  })

  it.each(['1.2.3', '1.2.840.113619.5.2'])('refuses the unknown transfer syntax %s', (uid) => {
    const bytes = part10(Buffer.concat(identity()), uid)
    expect(refusal(bytes)).toEqual(unreadable(0xc122, /^\(0002,0010\)/u))
  })

  it('takes a transfer syntax of the future for explicit VR little endian', () => {
    const uid = '1.2.840.10008.1.2.4.999'
    expect(readPart10(part10(Buffer.concat(identity()), uid)).TransferSyntaxUID).toBe(uid)
  })
})

describe('elements out of the ordinary', () => {
  it('leaves group lengths out', () => {
    const parsed = readPart10(
      instance([element('00080000', 'UL', u32(1)), element('00091000', 'UL', u32(1))]),
    )
    expect(Object.keys(parsed.dataSet)).toEqual(expect.arrayContaining(['00091000']))
    expect(Object.keys(parsed.dataSet)).not.toContain('00080000')
    expect(Object.keys(parsed.meta)).not.toContain('00020000')
  })

  it('puts tags in order, and of two the last one counts', () => {
    const late = [
      element('00080060', 'CS', 'CT'),
      element('00080060', 'CS', 'MR'),
      element('00100020', 'LO', 'ID'),
    ]
    const parsed = readPart10(instance(late, true))
    expect(parsed.dataSet['00080060']).toEqual({ vr: 'CS', Value: ['MR'] })
    const tags = Object.keys(parsed.dataSet)
    expect(tags).toEqual(tags.toSorted())
    expect(causes(parsed)).toEqual([
      '(0008,0060) is out of order',
      '(0008,0060) is there twice',
      '(0010,0020) is out of order',
    ])
  })

  it('reads odd lengths', () => {
    const parsed = readPart10(instance([element('00100020', 'LO', Buffer.from('ABC'))]))
    expect(parsed.dataSet['00100020']).toEqual({ vr: 'LO', Value: ['ABC'] })
  })

  it('reads UN of undefined length as a sequence in implicit VR, also in big endian', () => {
    const inner = element('00080100', 'SH', 'CODE', { implicit: true })
    const un = (bigEndian: boolean): Buffer =>
      Buffer.concat([
        header('00091010', 'UN', UNDEFINED, { bigEndian }),
        item(inner, true),
        tagBytes('FFFEE0DD'),
        u32(0),
      ])
    const nested = { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CODE'] } }] }
    expect(plain(readPart10(instance([un(false)])).dataSet)).toMatchObject({ '00091010': nested })
    const big = identity({ '0009': un(true) }, { bigEndian: true })
    expect(plain(readPart10(part10(Buffer.concat(big), BIG)).dataSet)).toMatchObject({ '00091010': nested })
  })

  it('reads UN of undefined length that has VRs all the same', () => {
    const inner = element('00080100', 'SH', 'CODE')
    const bytes = instance([sequence('00091010', [item(inner, true)], { vr: 'UN', delimited: true })])
    expect(plain(readPart10(bytes).dataSet)).toMatchObject({
      '00091010': { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CODE'] } }] },
    })
  })

  it('gives UN its VR back where a dictionary knows it', () => {
    const inner = item(element('00080100', 'SH', 'CODE', { implicit: true }))
    const { dataSet } = readPart10(
      instance([
        element('00100020', 'UN', 'ID'),
        element('00280010', 'UN', u16(512)),
        element('00081032', 'UN', inner),
        element('00190010', 'UN', 'GEMS_ACQU_01'),
        element('00191024', 'UN', '1.5 '),
        element('00191124', 'UN', '1.5 '),
      ]),
    )
    expect(plain(dataSet)).toMatchObject({
      '00100020': { vr: 'LO', Value: ['ID'] },
      '00280010': { vr: 'US', Value: [512] },
      '00081032': { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CODE'] } }] },
      '00190010': { vr: 'LO', Value: ['GEMS_ACQU_01'] },
      '00191024': { vr: 'DS', Value: [1.5] },
      // Block 11 has no creator.
      '00191124': { vr: 'UN', InlineBinary: 'MS41IA==' },
    })
  })

  it('leaves bytes alone that are not what the dictionary says', () => {
    const { dataSet } = readPart10(
      instance([
        element('00081032', 'UN', 'NO SEQUENCE!'),
        element('00280010', 'UN', Buffer.from([1, 2, 3])),
      ]),
    )
    expect(dataSet['00081032']?.vr).toBe('UN')
    expect(dataSet['00280010']).toEqual({ vr: 'UN', InlineBinary: 'AQID' })
  })

  it('finds a private creator in its own item only', () => {
    const coding = { implicit: true }
    const creator = element('00190010', 'LO', 'GEMS_ACQU_01', coding)
    const value = element('00191024', 'DS', '1.5 ', coding)
    const elements = identity(
      { '0008': sequence('00081032', [item(Buffer.concat([creator, value])), item(value)], coding) },
      coding,
    )
    const { dataSet } = readPart10(part10(Buffer.concat(elements), IMPLICIT))
    expect(plain(dataSet)).toMatchObject({
      '00081032': { Value: [{ '00191024': { vr: 'DS', Value: [1.5] } }, { '00191024': { vr: 'UN' } }] },
    })
  })

  it.each([
    ['capital letters, 16-bit length', Buffer.concat([tagBytes('00091010'), Buffer.from('ZZ'), u16(4)])],
    ['capital letters, 32-bit length', Buffer.concat([tagBytes('00091010'), Buffer.from('ZZ\0\0'), u32(4)])],
    ['question marks', Buffer.concat([tagBytes('00091010'), Buffer.from('??'), u16(4)])],
  ])('reads an unknown VR as UN: %s', (_, start) => {
    const parsed = readPart10(instance([Buffer.concat([start, Buffer.from([1, 2, 3, 4])])]))
    expect(parsed.dataSet['00091010']).toEqual({ vr: 'UN', InlineBinary: 'AQIDBA==' })
    expect(causes(parsed)).toEqual(['(0009,1010) has an unknown VR'])
  })

  it('reads an element in implicit VR among explicit ones', () => {
    const parsed = readPart10(instance([element('00100020', 'LO', 'ID', { implicit: true })]))
    expect(parsed.dataSet['00100020']).toEqual({ vr: 'LO', Value: ['ID'] })
    expect(causes(parsed)).toEqual(['(0010,0020) has no VR, though its data set is in explicit VR'])
  })

  it('takes a missing or needless delimiter with good humour', () => {
    const inner = element('00080100', 'SH', 'CODE')
    const open = Buffer.concat([tagBytes('FFFEE000'), u32(UNDEFINED), inner])
    const parsed = readPart10(
      instance([
        sequence('00081032', [open]),
        sequence('00081084', [item(inner), tagBytes('FFFEE00D'), u32(0)]),
      ]),
    )
    const nested = { vr: 'SQ', Value: [{ '00080100': { vr: 'SH', Value: ['CODE'] } }] }
    expect(plain(parsed.dataSet)).toMatchObject({ '00081032': nested, '00081084': nested })
    expect(causes(parsed)).toEqual([
      'has an item without its delimiter',
      'has a delimiter where none belongs',
    ])
  })

  it('keeps data sets free of the names that JavaScript gives its objects', () => {
    const { dataSet } = readPart10(instance([sequence('00081032', [item(Buffer.alloc(0))])]))
    expect(Object.getPrototypeOf(dataSet)).toBeNull()
    expect(Object.getPrototypeOf(dataSet['00081032']?.Value?.[0])).toBeNull()
  })
})

describe('US or SS in implicit VR', () => {
  const coding = { implicit: true }
  const padding = element('00280120', 'US', u16(0xfffe), coding)
  const representation = (value: number): Buffer => element('00280103', 'US', u16(value), coding)
  const read = (more: Record<string, Buffer>): DataSet =>
    readPart10(part10(Buffer.concat(identity(more, coding)), IMPLICIT)).dataSet

  it.each([
    [1, { vr: 'SS', Value: [-2] }],
    [0, { vr: 'US', Value: [65534] }],
  ])('goes by Pixel Representation %d, before or after', (value, expected) => {
    expect(read({ '1': representation(value), '2': padding })['00280120']).toEqual(expected)
    expect(read({ '1': padding, '2': representation(value) })['00280120']).toEqual(expected)
  })

  it('is US without Pixel Representation', () => {
    expect(read({ '1': padding })['00280120']).toEqual({ vr: 'US', Value: [65534] })
  })

  it('in an item goes by the data set around it, also by one that comes later', () => {
    const lut = sequence('00283000', [item(element('00283002', 'US', u16(0xfffe), coding))], coding)
    const signed = { Value: [{ '00283002': { vr: 'SS', Value: [-2] } }] }
    expect(plain(read({ '1': representation(1), '2': lut }))).toMatchObject({ '00283000': signed })
    expect(plain(read({ '1': lut, '2': representation(1) }))).toMatchObject({ '00283000': signed })
    const own = sequence(
      '00283000',
      [item(Buffer.concat([representation(0), element('00283002', 'US', u16(0xfffe), coding)]))],
      coding,
    )
    expect(plain(read({ '1': representation(1), '2': own }))).toMatchObject({
      '00283000': { Value: [{ '00283002': { vr: 'US', Value: [65534] } }] },
    })
  })
})

describe('identity', () => {
  it.each(['00080016', '00080018', '0020000D', '0020000E'])('refuses an instance without %s', (tag) => {
    const name = new RegExp(`^\\(${tag.slice(0, 4)},${tag.slice(4)}\\) is missing or empty$`, 'u')
    const without = part10(Buffer.concat(identity({ [tag]: null })))
    expect(refusal(without)).toEqual(unreadable(0xc000, name))
    expect(refusal(without)).toMatchObject({ tag })
    const empty = part10(Buffer.concat(identity({ [tag]: element(tag, 'UI', '\0\0') })))
    expect(refusal(empty)).toEqual(unreadable(0xc000, name))
  })

  it.each(['../../../etc/passwd', `1.${'2'.repeat(64)}`, '1.2.', '.', 'abc', '1..2'])(
    'refuses the UID %s',
    (uid) => {
      const bytes = part10(Buffer.concat(identity({ '00080018': element('00080018', 'UI', uid) })))
      expect(refusal(bytes)).toEqual(unreadable(0xc000, /^\(0008,0018\) is no UID$/u))
    },
  )

  it('trims padding, and notes leading zeros', () => {
    const padded = identity({ '00080018': element('00080018', 'UI', '1.2.4 \0\0') })
    expect(readPart10(part10(Buffer.concat(padded))).uids.instance).toBe('1.2.4')
    const zeros = readPart10(
      part10(Buffer.concat(identity({ '00080018': element('00080018', 'UI', '1.02.3') }))),
    )
    expect(zeros.uids.instance).toBe('1.02.3')
    expect(causes(zeros)).toHaveLength(1)
  })

  it('believes the data set when group 0002 says otherwise', () => {
    const group = meta(null, [element('00020003', 'UI', '9.9'), element('00020010', 'UI', LITTLE)])
    const parsed = readPart10(Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), group, ...identity()]))
    expect(parsed.uids.instance).toBe('1.2.3.4')
    expect(causes(parsed)).toEqual(['(0002,0003) differs from the data set, which counts'])
  })

  it('refuses a media directory', () => {
    const group = meta(null, [
      element('00020002', 'UI', '1.2.840.10008.1.3.10'),
      element('00020010', 'UI', LITTLE),
    ])
    const bytes = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), group, ...identity()])
    expect(refusal(bytes)).toEqual(unreadable(0x0122, /media directory/u))
  })
})

describe('limits', () => {
  const nest = (depth: number): Buffer =>
    Array.from({ length: depth }).reduce<Buffer>(
      (inner) => sequence('00081140', [item(inner)]),
      Buffer.alloc(0),
    )

  it('reads sequences 64 deep, and refuses 65', () => {
    expect(readPart10(instance([nest(64)])).dataSet['00081140']?.vr).toBe('SQ')
    expect(refusal(instance([nest(65)]))).toEqual(unreadable(0xc000, /deep/u))
  })

  it('refuses 20,000 sequences in each other at once', () => {
    const start = Buffer.concat([header('00081140', 'SQ', UNDEFINED), tagBytes('FFFEE000'), u32(UNDEFINED)])
    const bytes = instance([Buffer.concat(Array.from({ length: 20_000 }, () => start))])
    expect(refusal(bytes)).toEqual(unreadable(0xc000, /deep/u))
  })

  it('reads 500,000 empty items', () => {
    const items = Buffer.concat(Array.from({ length: 500_000 }, () => item(Buffer.alloc(0))))
    const { dataSet } = readPart10(instance([sequence('00081140', [items])]))
    expect(dataSet['00081140']?.Value).toHaveLength(500_000)
  })

  it('reads 30 MB of backslashes: one value of UT, too many of LO for a small limit', () => {
    const backslashes = Buffer.alloc(30_000_000, '\\')
    const { dataSet } = readPart10(instance([element('00091010', 'UT', backslashes)]))
    expect(dataSet['00091010']?.Value).toHaveLength(1)
    const values = Buffer.concat([header('00091010', 'UC', backslashes.length), backslashes])
    expect(refusal(instance([values]), { headerBytes: 64 * 1024 * 1024 })).toEqual(
      unreadable(0xc000, /larger than/u),
    )
  })

  it('spends no time on hostile text', () => {
    const vrs = [
      'AE',
      'AS',
      'CS',
      'DA',
      'DS',
      'DT',
      'IS',
      'LO',
      'PN',
      'SH',
      'TM',
      'UI',
      'LT',
      'ST',
      'UC',
      'UR',
      'UT',
    ]
    const fills = ['1', '0', ' ', '\0', '^', '=', '.', '\\', '\u001b', '\u00c4', '\u001b$)C']
    const charsets = ['ISO_IR 192', '\\ISO 2022 IR 149']
    const slow: string[] = []
    for (const vr of vrs) {
      for (const [index, fill] of fills.entries()) {
        // 64 KiB is the most that a short VR can have; the long ones get a megabyte.
        const length = ['UC', 'UR', 'UT'].includes(vr) ? 1_000_000 : 65_000
        const text = Buffer.concat([Buffer.alloc(length, fill, 'latin1'), Buffer.from('x')])
        const charset = element('00080005', 'CS', charsets[index % 2])
        const file = instance([charset, element('00091010', vr, text)])
        if (cpuMs(() => void readPart10(file)) > 1000) slow.push(`${vr} of ${JSON.stringify(fill)}`)
      }
    }
    expect(slow).toEqual([])
  })

  it('refuses more header than allowed before it arrives', () => {
    const reader = createPart10Reader({ headerBytes: 1000 })
    const bytes = instance([header('00091010', 'UT', 5000)])
    expect(() => reader.push(bytes)).toThrow(unreadable(0xc000, /larger than 1000 bytes/u) as Error)
    expect(() => reader.push(Buffer.alloc(1))).toThrow(unreadable(0xc000, /larger than/u) as Error)
    expect(() => reader.end()).toThrow(unreadable(0xc000, /larger than/u) as Error)
  })

  it('counts no long binary value against the header', () => {
    const bytes = instance([element('00091010', 'OB', Buffer.alloc(5000))])
    expect(readPart10(bytes, { headerBytes: 1000 }).dataSet['00091010']).toMatchObject({ length: 5000 })
  })

  it.each([
    ['an element longer than the file', [header('00091010', 'LO', 500)]],
    ['a length of nearly 4 GiB', [header('00091010', 'OB', 0xfffffffe)]],
    ['an element longer than its item', [sequence('00081140', [item(header('00091010', 'LO', 500))])]],
    ['an item longer than its sequence', [sequence('00081140', [tagBytes('FFFEE000'), u32(500)])]],
    ['a sequence longer than the file', [header('00081140', 'SQ', 500)]],
    ['text without length', [header('00091010', 'UT', UNDEFINED)]],
    ['garbage for an item', [sequence('00081140', [Buffer.from('garbage!')])]],
  ])('refuses %s', (_, elements) => {
    expect(refusal(instance(elements))).toEqual(unreadable(0xc000, /./u))
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(1000)],
    ['text', Buffer.from('This is no DICOM file, whatever its name says. '.repeat(20))],
    ['a prefix alone', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])],
  ])('refuses %s', (_, bytes) => {
    expect(refusal(bytes)).toEqual(unreadable(0xc000, /./u))
  })
})
