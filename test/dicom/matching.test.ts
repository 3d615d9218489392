import fc from 'fast-check'
import { matches, matchesAll, type Match, type MatchKey } from '../../src/dicom/matching.ts'
import { matchesPattern, numberText } from '../../src/dicom/matching-values.ts'
import { foldPersonName } from '../../src/dicom/person-name.ts'
import { inZone, readRange } from '../../src/dicom/times.ts'
import type { DataSet, Value, Vr } from '../../src/dicom/data-set.ts'

const key = (path: string, vr: Vr, match: Match): MatchKey => ({
  path: path.split('.'),
  vr,
  match,
})
const values = (...of: string[]): Match => ({ kind: 'values', values: of })
const wildcard = (...patterns: string[]): Match => ({ kind: 'wildcard', patterns })
const range = (vr: 'DA' | 'TM' | 'DT', text: string, zone?: string): Match => ({
  kind: 'range',
  ...readRange(vr, text, zone),
})
/** Whether a data set with one attribute satisfies one key. */
const hit = (vr: Vr, stored: Value[] | undefined, match: Match, keyVr = vr): boolean =>
  matches({ '00091001': { vr, ...(stored && { Value: stored }) } }, key('00091001', keyVr, match))

describe('values by VR (PS3.4 C.2.2.2.1)', () => {
  it.each<[Vr, Value, string, boolean]>([
    ['LO', 'A1', 'A1', true],
    ['LO', 'A1', 'a1', false],
    ['LO', ' A1  ', 'A1', true],
    ['LO', 'A1', ' A1 ', true],
    ['LO', 'AB1', 'A_1', false],
    ['LO', '%_*?,', '%_*?,', true],
    ['UI', '1.2\0', '1.2', true],
    ['IS', 7, '007', true],
    ['IS', '+7', '7.0', true],
    ['DS', '1.50', '1.5', true],
    ['DS', '-250', '-250.0', true],
    ['DS', '1e3', '1000', true],
    ['US', 512, '512', true],
    ['FL', 0.10000000149011612, '0.1', true],
    ['FD', 0.1, '0.1', true],
    ['FD', 0.1, '0.10000000149', false],
    ['UV', '18446744073709551615', '18446744073709551615', true],
    ['UV', '18446744073709551615', '18446744073709551614', false],
    ['IS', '12abc', '12', false],
    ['AT', '00181063', '00181063', true],
    ['AT', '0018106A', '0018106a', true],
    ['AS', '030Y', '030Y', true],
    ['DA', '2020.01.31', '20200131', true],
    ['TM', '1000', '10', true],
    ['TM', '10:00:00', '1000', true],
    ['TM', '1101', '10', false],
    ['DT', '20200131', '2020', true],
    ['LT', 'a\\b', 'a\\b', true],
  ])('%s %j is found by %j: %s', (vr, stored, wanted, expected) => {
    expect(hit(vr, [stored], values(wanted))).toBe(expected)
  })

  it('takes any of the values of either side', () => {
    expect(hit('CS', ['ORIGINAL', 'PRIMARY'], values('PRIMARY'))).toBe(true)
    expect(hit('CS', ['CT'], values('MR', 'CT'))).toBe(true)
    expect(hit('CS', [null, 'B'], values('B'))).toBe(true)
  })

  it('matches nothing where there is no value, unless the key is universal', () => {
    for (const match of [values(''), wildcard('*a'), range('DA', '-20200101')]) {
      expect(hit('LO', undefined, match)).toBe(false)
      expect(matches({}, key('00091001', 'LO', match))).toBe(false)
    }
    expect(matches({}, key('00091001', 'LO', { kind: 'universal' }))).toBe(true)
  })

  it('lets undecodable text match the universal key alone', () => {
    const dataSet: DataSet = { '00100020': { vr: 'LO', Value: ['\uFFFD'], undecoded: '/w==' } }
    expect(matches(dataSet, key('00100020', 'LO', wildcard('?')))).toBe(false)
    expect(matches(dataSet, key('00100020', 'LO', { kind: 'empty' }))).toBe(false)
    expect(matches(dataSet, key('00100020', 'LO', { kind: 'universal' }))).toBe(true)
  })

  it('reads a key of unknown VR as the stored element wants it', () => {
    expect(hit('LO', ['x 1'], values('x 1'), 'UN')).toBe(true)
    expect(hit('DS', ['98.410'], values('98.41'), 'UN')).toBe(true)
    expect(hit('DA', ['20200115'], values('20200101-20200131'), 'UN')).toBe(true)
    expect(hit('PN', [{ Alphabetic: 'Doe^Jane' }], values('DOE^JANE'), 'UN')).toBe(true)
    expect(hit('LO', ['abc'], wildcard('a*'), 'UN')).toBe(true)
    expect(hit('DS', ['98.41'], wildcard('9*'), 'UN')).toBe(false)
    expect(
      matches({ '00091001': { vr: 'UN', InlineBinary: 'YWJj' } }, key('00091001', 'UN', values('abc'))),
    ).toBe(false)
  })
})

describe('wildcards (C.2.2.2.4)', () => {
  it.each<[string, string, boolean]>([
    ['CT CHEST W', '*CHEST*', true],
    ['CHEST', '*CHEST*', true],
    ['chest', '*CHEST*', false],
    ['xabc', 'abc*', false],
    ['abcabc', '*abc', true],
    ['abcx', '*abc', false],
    ['D', 'D?', false],
    ['DE', 'D?', true],
    ['a.c', 'a.?', true],
    ['abc', 'a.?', false],
    ['100%', '*%', true],
    ['1000', '*%', false],
    ['a[b]', 'a[b]*', true],
    ['𝄞x', '?x', true],
  ])('%j by %j: %s', (stored, pattern, expected) => {
    expect(hit('LO', [stored], wildcard(pattern))).toBe(expected)
  })

  it('agrees with a regular expression', () => {
    const text = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b') })
    const pattern = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', '*', '?') })
    fc.assert(
      fc.property(text, pattern, (letters, marks) => {
        const expression = new RegExp(`^${marks.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u')
        expect(matchesPattern(letters, marks)).toBe(expression.test(letters))
      }),
    )
  })
})

describe('person names', () => {
  const name: Value = { Alphabetic: 'Wäng^XiaoDong', Ideographic: '王^小東', Phonetic: 'おう^しょうとう' }
  it.each<[Match, boolean]>([
    [values('wang^xiaodong'), true],
    [values('WANG^XIAODONG^^'), true],
    [values('Wang'), false],
    [values('王^小東'), true],
    [values('=王^小東'), true],
    [values('王^小東='), true],
    [values('wang^xiaodong=王^小東'), true],
    [values('wang^xiaodong=李'), false],
    [wildcard('WANG*'), true],
    [wildcard('?ang^*dong'), true],
    [wildcard('=*小*'), true],
    [wildcard('=wang*'), false],
    [{ kind: 'fuzzy', names: ['xiao wa'] }, true],
    [{ kind: 'fuzzy', names: ['ang'] }, false],
    [{ kind: 'fuzzy', names: ['^'] }, false],
    // Where a word stands in the name, and in the key, does not count.
    [{ kind: 'fuzzy', names: ['Wang^'] }, true],
    [{ kind: 'fuzzy', names: ['^Wang'] }, true],
    [{ kind: 'fuzzy', names: ['^^xiao^=wan'] }, true],
    [{ kind: 'fuzzy', names: ['Wang^^ang'] }, false],
  ])('%j: %s', (match, expected) => {
    expect(hit('PN', [name], match)).toBe(expected)
  })

  it('folds case, accents and letters that only look decomposable', () => {
    expect(foldPersonName('Łukasz^Ðorđe^Straße')).toBe('LUKASZ^DORDE^STRASSE')
    expect(foldPersonName(' Doe ^ Jane ^^= ')).toBe('DOE^JANE')
    expect(foldPersonName('ガ^김')).toBe('ガ^김'.normalize('NFC'))
    fc.assert(
      fc.property(fc.string({ maxLength: 20, unit: 'binary' }), (text) => {
        const once = foldPersonName(text)
        expect(foldPersonName(once)).toBe(once)
      }),
    )
  })
})

describe('dates and times (C.2.2.2.5)', () => {
  it.each<['DA' | 'TM' | 'DT', string, string, boolean]>([
    ['DA', '20200131', '20200101-20200131', true],
    ['DA', '2020.01.31', '20200131-', true],
    ['DA', '20200201', '-20200131', false],
    ['DA', '20230231', '20230101-20231231', false],
    ['TM', '101112.5', '101000-102000', true],
    ['TM', '10', '1000-', true],
    ['TM', '170059.999999', '0800-1700', true],
    ['TM', '1701', '0800-1700', false],
    ['DT', '20200101120000.0000+0100', '20200101110000+0000', true],
    ['DT', '20200101120000+0100', '20200101120000+0000', false],
    ['DT', '20200101003000+0100', '20191231-20191231235959', false],
    ['DT', '20200101003000+0100', '20191231+0000-20191231235959+0000', true],
    ['DT', '20200101120000', '20200101120000-0500', true],
  ])('%s %j lies in %j: %s', (vr, stored, wanted, expected) => {
    expect(hit(vr, [stored], range(vr, wanted))).toBe(expected)
  })

  it('takes the time zone of the data set, for times and for dates with their time', () => {
    const dataSet: DataSet = {
      '00080020': { vr: 'DA', Value: ['20200101'] },
      '00080030': { vr: 'TM', Value: ['0030'] },
      '00080201': { vr: 'SH', Value: ['+0100'] },
      '0040A120': { vr: 'DT', Value: ['20200101003000'] },
    }
    const day = (date: string, zone: string): Match => ({
      kind: 'range',
      from: `${date}000000.000000${zone}`,
      to: `${date}235959.999999${zone}`,
    })
    expect(matches(dataSet, key('00080020', 'DA', day('20191231', '+0000')))).toBe(true)
    expect(matches(dataSet, key('00080020', 'DA', day('20200101', '+0000')))).toBe(false)
    expect(matches(dataSet, key('00080020', 'DA', day('20200101', '+0100')))).toBe(true)
    expect(matches(dataSet, key('00080030', 'TM', range('TM', '2330', '+0000')))).toBe(true)
    expect(matches(dataSet, key('0040A120', 'DT', range('DT', '20191231', '+0000')))).toBe(true)
    const untimed: DataSet = { ...dataSet, '00080030': { vr: 'TM' } }
    expect(matches(untimed, key('00080020', 'DA', day('20200101', '+0000')))).toBe(true)
  })

  it('takes a date with its time as one instant', () => {
    const at = (date: string, time: string): DataSet => ({
      '00080020': { vr: 'DA', Value: [date] },
      '00080030': { vr: 'TM', Value: [time] },
    })
    const interval = key('00080020', 'DA', {
      kind: 'range',
      from: '20060705100000.000000',
      to: '20060707180059.999999',
    })
    expect(matches(at('20060705', '0959'), interval)).toBe(false)
    expect(matches(at('20060705', '10'), interval)).toBe(true)
    expect(matches(at('20060706', '0100'), interval)).toBe(true)
    expect(matches(at('20060707', '1801'), interval)).toBe(false)
  })

  it('moves clocks and back again', () => {
    const zone = fc
      .record({ sign: fc.constantFrom('+', '-'), h: fc.nat(13), m: fc.nat(59) })
      .map(({ sign, h, m }) => sign + String(h).padStart(2, '0') + String(m).padStart(2, '0'))
    const moment = fc
      .date({ min: new Date('0010-01-01'), max: new Date('9990-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().replaceAll(/[-:TZ]/gu, '') + '000')
    fc.assert(
      fc.property(moment, zone, zone, (digits, a, b) => {
        expect(inZone(inZone(digits, a, b), b, a)).toBe(digits)
      }),
    )
  })
})

describe('sequences, private blocks, emptiness, every value', () => {
  const dataSet: DataSet = {
    '00081032': {
      vr: 'SQ',
      Value: [
        { '00080100': { vr: 'SH', Value: ['CTCHEST'] }, '00080102': { vr: 'SH', Value: ['99X'] } },
        { '00080100': { vr: 'SH', Value: ['CTHEAD'] }, '00080102': { vr: 'SH', Value: ['L'] } },
      ],
    },
    '00190010': { vr: 'LO', Value: ['OTHER'] },
    '00190011': { vr: 'LO', Value: ['PEERLAB 01 '] },
    '00191001': { vr: 'LO', Value: ['not this'] },
    '00191101': { vr: 'LO', Value: ['this'] },
    '00080061': { vr: 'CS', Value: ['CT', 'PT', 'SR'] },
    '00100010': { vr: 'PN' },
    '00400275': { vr: 'SQ', Value: [{}] },
  }

  it('wants keys of one sequence in the same item (C.2.2.2.6)', () => {
    const code = key('00081032.00080100', 'SH', values('CTCHEST'))
    const scheme = (value: string) => key('00081032.00080102', 'SH', values(value))
    expect(matchesAll(dataSet, [code, scheme('99X')])).toBe(true)
    expect(matchesAll(dataSet, [code, scheme('L')])).toBe(false)
    expect(matches(dataSet, key('00081032.00080104', 'LO', { kind: 'universal' }))).toBe(true)
  })

  it('finds private elements in the block of their creator', () => {
    expect(matches(dataSet, key('0019xx01;PEERLAB 01', 'UN', values('this')))).toBe(true)
    expect(matches(dataSet, key('0019xx01;OTHER', 'UN', values('this')))).toBe(false)
    expect(matches(dataSet, key('00191001', 'UN', values('not this')))).toBe(true)
  })

  it('finds what is in private sequences, each creator in the item that it is named in', () => {
    const inner = (creator: string, value: string): DataSet => ({
      '00210010': { vr: 'LO', Value: [creator] },
      '00211001': { vr: 'LO', Value: [value] },
      '00080100': { vr: 'SH', Value: [value] },
    })
    const nested: DataSet = {
      '00190010': { vr: 'LO', Value: ['OUT'] },
      '00190011': { vr: 'LO', Value: ['OUT'] },
      '00191005': { vr: 'SQ', Value: [inner('IN', 'a'), inner('OTHER', 'b')] },
      '00191105': { vr: 'SQ', Value: [inner('IN', 'c')] },
    }
    const has = (...keys: [string, string][]) =>
      matchesAll(
        nested,
        keys.map(([path, value]) => key(path, 'UN', values(value))),
      )
    expect(has(['0019xx05;OUT.00080100', 'c'])).toBe(true)
    expect(has(['0019xx05;IN.00080100', 'c'])).toBe(false)
    expect(has(['0019xx05;OUT.0021xx01;IN', 'a'])).toBe(true)
    expect(has(['0019xx05;OUT.0021xx01;IN', 'b'])).toBe(false)
    expect(has(['0019xx05;OUT.0021xx01;IN', 'a'], ['0019xx05;OUT.00080100', 'a'])).toBe(true)
    // Both in one item, whichever block it is in.
    expect(has(['0019xx05;OUT.0021xx01;IN', 'c'], ['0019xx05;OUT.00080100', 'a'])).toBe(false)
    expect(matches(nested, key('0019xx05;OUT.0021xx01;IN', 'UN', { kind: 'empty' }))).toBe(false)
    expect(matches(nested, key('0019xx05;OUT.0021xx02;IN', 'UN', { kind: 'empty' }))).toBe(true)
  })

  it('knows empty from absent from there (C.2.2.2.7)', () => {
    const empty = (path: string, vr: Vr = 'LO') => matches(dataSet, key(path, vr, { kind: 'empty' }))
    expect(empty('00100010', 'PN')).toBe(true)
    expect(empty('00100020')).toBe(true)
    expect(empty('00080061', 'CS')).toBe(false)
    expect(empty('00400275.00400009', 'SH')).toBe(true)
    expect(empty('00081032.00080102', 'SH')).toBe(false)
    expect(empty('00400275', 'SQ')).toBe(false)
  })

  it('wants every value in any order (C.2.2.2.8)', () => {
    const every = (...of: string[]) => matches(dataSet, key('00080061', 'CS', { kind: 'every', values: of }))
    expect(every('PT', 'CT')).toBe(true)
    expect(every('CT', 'MR')).toBe(false)
  })
})

it('spells equal numbers alike', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      expect(Number(numberText('DS', String(number)))).toBe(number === 0 ? 0 : number)
    }),
  )
})
