import fc from 'fast-check'
import { readSearchParams } from '../../src/http/query-params.ts'
import { isProblem } from '../../src/problem.ts'

const only = (raw: string) => {
  const { keys, aggregates } = readSearchParams(raw)
  expect(keys.length + aggregates.length).toBe(1)
  return [...keys, ...aggregates][0]!
}
const refusal = (raw: string): string => {
  try {
    readSearchParams(raw)
  } catch (error) {
    if (isProblem(error, 'malformed')) return error.message
    throw error
  }
  return 'accepted'
}

describe('names of attributes', () => {
  it.each([
    ['00100020', ['00100020'], 'LO'],
    ['0020000d', ['0020000D'], 'UI'],
    ['PatientID', ['00100020'], 'LO'],
    ['patientid', ['00100020'], 'LO'],
    ['PersonName', ['00100010'], 'PN'],
    ['00400275.00400009', ['00400275', '00400009'], 'SH'],
    ['RequestAttributesSequence.ScheduledProcedureStepID', ['00400275', '00400009'], 'SH'],
    ['RequestAttributesSequence.00400009', ['00400275', '00400009'], 'SH'],
    ['00280106', ['00280106'], 'US'],
    ['00980099', ['00980099'], 'UN'],
    ['ContentSequence.PersonName', ['0040A730', '0040A123'], 'PN'],
    ['00191001', ['00191001'], 'UN'],
    ['00190010', ['00190010'], 'LO'],
    ['60023000', ['60023000'], 'OW'],
  ])('%s', (name, path, vr) => {
    expect(only(`${name}=`)).toEqual({ path, vr, match: { kind: 'universal' } })
  })

  it.each([
    ['NotATag=1', 'NotATag'],
    ['PatientNme=1', 'Did you mean PatientName?'],
    ['00100010%27;--=x', 'tag'],
    ['0010001=x', 'tag'],
    ['PatientID.PatientName=x', 'no sequence'],
    ['RequestAttributesSequence.Nonsense=x', 'Nonsense'],
    ['RequestAttributesSequence=x', 'attribute inside it'],
    ['7FE00010=x', 'pixel data'],
    ['includefield=7FE00010', 'pixel data'],
    ['00100000=5', 'group length'],
    ['00020000=5', 'group length'],
    ['includefield=00081140.00080000', 'group length'],
    ['includefield=NotATag', 'NotATag'],
    ['includefield=_', 'keyword'],
    ['RetrieveURL=http://x', 'RetrieveURL'],
    ['orderby=RequestAttributesSequence.ScheduledProcedureStepID', 'orderby'],
  ])('%s is refused', (raw, words) => {
    expect(refusal(raw)).toContain(words)
  })

  it('names a few where many are not known: clients take no headers of such a length', () => {
    const names = Array.from({ length: 3000 }, (_, n) => `utm${n}`)
    const { warnings } = readSearchParams(`${names.join('=1&')}=1&PatientID=1`)
    expect(warnings).toContain('The parameter "utm0" is not known and has been ignored.')
    expect(warnings.at(-1)).toBe('2992 more parameters are not known and have been ignored.')
    expect(warnings.join('').length).toBeLessThan(2000)
  })

  it('passes over what is no attribute, with a warning each', () => {
    const { keys, warnings } = readSearchParams('&_=1&access_token=x&&=y&PatientID=1&')
    expect(keys).toHaveLength(1)
    expect(warnings).toEqual([
      'The parameter "_" is not known and has been ignored.',
      'The parameter "access_token" is not known and has been ignored.',
    ])
  })

  it('never matches SpecificCharacterSet', () => {
    expect(readSearchParams('SpecificCharacterSet=ISO_IR%20100')).toMatchObject({ keys: [], aggregates: [] })
  })
})

describe('private attributes', () => {
  const paths = (raw: string) => readSearchParams(raw).keys.map(({ path }) => path)

  it('means the block of the creator when a key names it', () => {
    const { keys } = readSearchParams('00190010=PEERLAB%2001&00191001=v')
    expect(keys).toEqual([
      { path: ['0019xx01;PEERLAB 01'], vr: 'UN', match: { kind: 'values', values: ['v'] } },
    ])
  })

  it('takes the creator after a semicolon', () => {
    expect(readSearchParams('0019XX0a;PEERLAB%2001=v').keys).toEqual(
      readSearchParams('00190010=PEERLAB 01&0019100A=v').keys,
    )
  })

  it('takes spaces around a creator for padding, and nothing else', () => {
    expect(paths('0019xx01;%20A%20=v')).toEqual([['0019xx01;A']])
    expect(paths('0019xx01;A%09=v')).toEqual([['0019xx01;A\t']])
    expect(paths('00190010=A%09&00191001=v')).toEqual([['0019xx01;A\t']])
  })

  it('keeps literal blocks without a creator, and creators without an element', () => {
    expect(only('00191001=v').path).toEqual(['00191001'])
    expect(only('00191001.00080100=v').path).toEqual(['00191001', '00080100'])
    expect(only('00190010=PEERLAB%2001')).toMatchObject({ path: ['00190010'], vr: 'LO' })
    expect(paths('00190010=A,B&00191001=v')).toEqual([['0019xx01;A,B']])
    expect(paths('00190010=A%5CB&00191001=v')).toEqual([['00190010'], ['00191001']])
  })

  it('keeps the key of a creator whose elements may be anything, or nothing', () => {
    const ask = (raw: string) => readSearchParams(raw).keys.map(({ path, match }) => [path[0], match.kind])
    const creator = ['00190010', 'values']
    expect(ask('00190010=A&00191001=')).toEqual([creator, ['0019xx01;A', 'universal']])
    expect(ask('00190010=A&00191001=%22%22&emptyvaluematching=true')).toEqual([
      creator,
      ['0019xx01;A', 'empty'],
    ])
    expect(ask('00190010=A&00191001=*&00191002=v')).toEqual([
      ['0019xx01;A', 'universal'],
      ['0019xx02;A', 'values'],
    ])
    expect(paths('00190010=A&00191005.00080100=')).toEqual([['00190010'], ['0019xx05;A', '00080100']])
  })

  it('keeps apart two creators, and one inside a sequence', () => {
    expect(
      paths('00190010=A&00190011=B&00191001=1&00191101=2&00400275.00190010=C&00400275.00191001=3'),
    ).toEqual([['0019xx01;A'], ['0019xx01;B'], ['00400275', '0019xx01;C']])
  })

  it.each([
    ['0019xx10;ACME.00080100=v', ['0019xx10;ACME', '00080100']],
    ['0019xx10;ACME 1.0.CodeValue=v', ['0019xx10;ACME 1.0', '00080100']],
    ['0019xx10;ACME.0021xx01;OTHER=v', ['0019xx10;ACME', '0021xx01;OTHER']],
    ['0019xx10;A.B.0021xx02;C.D.0023xx03;E.F=v', ['0019xx10;A.B', '0021xx02;C.D', '0023xx03;E.F']],
    ['00400275.0019xx10;A.00400275.0019xx11;B=v', ['00400275', '0019xx10;A', '00400275', '0019xx11;B']],
    // What does not go on as a path is the creator's.
    ['0019xx10;1.2.840.113681=v', ['0019xx10;1.2.840.113681']],
    ['0019xx10;A.B;C=v', ['0019xx10;A.B;C']],
    ['0019xx10;A.00080100.x=v', ['0019xx10;A.00080100.x']],
    ['00190010=ACME&00191010.00080100=v', ['0019xx10;ACME', '00080100']],
    ['00191010.00080100=v&00190010=ACME', ['0019xx10;ACME', '00080100']],
    ['00191010.00211005=v&00191010.00210010=IN&00190010=OUT', ['0019xx10;OUT', '0021xx05;IN']],
    ['0019xx10;OUT.00211005=v&0019xx10;OUT.00210010=IN', ['0019xx10;OUT', '0021xx05;IN']],
    ['00190010=OUT&0019xx10;OUT.00210010=IN&00191010.00211005=v', ['0019xx10;OUT', '0021xx05;IN']],
  ])('reads %s at every level', (raw, path) => expect(paths(raw)).toEqual([path]))

  it('reads names of any shape in little time', () => {
    const name = `${'0019xx10;a.'.repeat(180)}b`
    expect(refusal(`${name}=v`)).toContain('goes deeper than 16 sequences')
    expect(refusal(`${'0019xx10;a.b'.repeat(160)}=v`)).toBe('accepted')
    expect(refusal(`0019xx10;${'.'.repeat(2000)}=v`)).toBe('accepted')
    expect(refusal(`0019xx10;${'.'.repeat(4000)}=v`)).toContain('has more than 2048 characters')
  })

  it.each(['0019xx10;=v', '0019xx10;.00080100=v', '0018xx10;ACME=v', '0019xx10=v'])('refuses %s', (raw) =>
    expect(refusal(raw)).toContain('is no tag'),
  )

  it('returns the element in the block of its creator', () => {
    const { keys, include } = readSearchParams(
      '00190010=A&includefield=00191001,0021xx02;B,00191002.00080100,0021xx03;B.CodeValue',
    )
    expect(keys).toMatchObject([{ path: ['00190010'] }])
    expect(include).toEqual([
      ['0019xx01;A'],
      ['0021xx02;B'],
      ['0019xx02;A', '00080100'],
      ['0021xx03;B', '00080100'],
    ])
  })

  it.each<[raw: string, include: readonly (readonly string[])[]]>([
    ['0019xx01;NAME,%20Inc.', [['0019xx01;NAME, Inc.']]],
    ['0019xx01%3BNAME%2C%20Inc.%2C00080060', [['0019xx01;NAME, Inc.'], ['00080060']]],
    ['00080060,0019xx01;A,B,%20C%20,%20Modality', [['00080060'], ['0019xx01;A,B, C'], ['00080060']]],
    ['0019xx01;A,%20B,0021xx02;A,%20B', [['0019xx01;A, B'], ['0021xx02;A, B']]],
    // A dot ends a creator as it does in a key.
    ['0019xx10;A,%20B..00080100', [['0019xx10;A, B.', '00080100']]],
    ['0019xx10;A.0021xx02;B,%20C,PersonName', [['0019xx10;A', '0021xx02;B, C'], ['00100010']]],
    ['00191001,Modality&00190010=A,%20B&00191002=v', [['0019xx01;A, B'], ['00080060']]],
    // A comma that nothing follows is none.
    ['0019xx01;A,,00080060,', [['0019xx01;A'], ['00080060']]],
  ])('takes a comma for one of the creator unless an attribute follows: includefield=%s', (raw, include) =>
    expect(readSearchParams(`includefield=${raw}`).include).toEqual(include),
  )

  it('names a creator with any comma in a key without a value', () => {
    const { keys } = readSearchParams('0019xx01;A,Modality=')
    expect(keys).toMatchObject([{ path: ['0019xx01;A,Modality'], match: { kind: 'universal' } }])
    expect(readSearchParams('includefield=0019xx01;A,%20B,all').include).toBe('all')
  })

  it.each([
    ['includefield=00080060,%20Inc.', '"Inc"'],
    ['includefield=0019xx10;A.00080100,%20Inc.', '"Inc"'],
    ['includefield=0019xx10;A,B.00080100,%20Inc.', '"Inc"'],
    [`includefield=0019xx01;A${',B'.repeat(2000)}`, 'has more than 2048 characters'],
    ['orderby=0019xx01;A,%20B', 'orderby wants attributes outside of sequences, and of no private creator'],
  ])('%s is refused', (raw, words) => {
    expect(refusal(raw)).toContain(words)
  })

  it('reads lists of any shape in little time', () => {
    for (const piece of [',b', ',.', ',0019xx10;a', ',0019xx10;.b', ',0019xx10'])
      expect(refusal(`includefield=0019xx10;a${piece.repeat(12_000)}`)).not.toBe('')
  })
})

describe('values', () => {
  const values = (...of: string[]) => ({ kind: 'values', values: of })
  it.each<[string, unknown]>([
    ['PatientID=A1', values('A1')],
    ['PatientID=+A1%20', values('A1')],
    ['PatientID=A%2BB', values('A+B')],
    // Spaces are padding, tabs and line ends are text (PS3.5 §6.2).
    ['ImageComments=%09one%20%0D%0A%20', values('\tone \r\n')],
    ['InstitutionName=%E3%80%80A%5CB%C2%A0', values('\u3000A', 'B\u00a0')],
    ['StudyDescription=CHEST+CT', values('CHEST CT')],
    ['StudyDescription=Doe,%20John', values('Doe, John')],
    ['StudyDescription=a%5Cb', values('a', 'b')],
    ['ImageComments=a%5Cb,c', values('a\\b,c')],
    ['PatientName=Wang%5EXiaoDong=%E7%8E%8B%5E%E5%B0%8F%E6%9D%B1', values('Wang^XiaoDong=王^小東')],
    ['ModalitiesInStudy=CT%2CMR', values('CT', 'MR')],
    ['ModalitiesInStudy=CT&ModalitiesInStudy=MR', values('CT', 'MR')],
    ['StudyInstanceUID=1.2,1.3', values('1.2', '1.3')],
    ['StudyInstanceUID=1.2%5C1.3', values('1.2', '1.3')],
    ['StudyInstanceUID=1.2&0020000D=1.3', values('1.2', '1.3')],
    ['InstanceNumber=007', values('007')],
    ['Rows=512,1024', values('512', '1024')],
    ['FrameIncrementPointer=00181063', values('00181063')],
    ['AccessionNumber=A-1', values('A-1')],
    ['PatientID=%25_', values('%_')],
    ['PatientID=', { kind: 'universal' }],
    ['PatientID', { kind: 'universal' }],
    ['PatientID=%20', { kind: 'universal' }],
    ['PatientID=A%5C', values('A')],
    ['ImageComments=%5C', values('\\')],
    ['StudyDate=*', { kind: 'universal' }],
    ['PatientName=**', { kind: 'universal' }],
    ['StudyDescription=*CHEST*', { kind: 'wildcard', patterns: ['*CHEST*'] }],
    ['PatientName=D%3FE%2A', { kind: 'wildcard', patterns: ['D?E*'] }],
    ['Modality=C*,MR', { kind: 'wildcard', patterns: ['C*', 'MR'] }],
    ['00191001=A*', { kind: 'wildcard', patterns: ['A*'] }],
    ['StudyDate=20200101', { kind: 'range', from: '20200101', to: '20200101' }],
    ['StudyDate=2020.01.01', { kind: 'range', from: '20200101', to: '20200101' }],
    ['StudyDate=20200101-20200131', { kind: 'range', from: '20200101', to: '20200131' }],
    ['StudyDate=20200101-', { kind: 'range', from: '20200101' }],
    ['StudyDate=-20200131', { kind: 'range', to: '20200131' }],
    ['StudyDate=20200101%5C20200103', values('20200101', '20200103')],
    ['StudyTime=0800-1700', { kind: 'range', from: '080000.000000', to: '170059.999999' }],
    ['StudyTime=10', { kind: 'range', from: '100000.000000', to: '105959.999999' }],
    [
      'AcquisitionDateTime=20200101-20200102120000%2B0100',
      { kind: 'range', from: '20200101000000.000000', to: '20200102120000.999999+0100' },
    ],
    [
      'AcquisitionDateTime=20200101120000-0500',
      { kind: 'range', from: '20200101120000.000000-0500', to: '20200101120000.999999-0500' },
    ],
    [
      'AcquisitionDateTime=2010-2012',
      { kind: 'range', from: '20100101000000.000000', to: '20121231235959.999999' },
    ],
    [
      'AcquisitionDateTime=202002',
      { kind: 'range', from: '20200201000000.000000', to: '20200229235959.999999' },
    ],
    ['PatientName=%22%22', values('""')],
    ['fuzzymatching=false&PatientName=jo', values('jo')],
  ])('%s', (raw, match) => {
    expect(only(raw).match).toEqual(match)
  })

  it('reads the switches of the request', () => {
    expect(only('emptyvaluematching=true&PatientName=%22%22').match).toEqual({ kind: 'empty' })
    expect(only('multiplevaluematching=true&ModalitiesInStudy=CT%5CPT').match).toEqual({
      kind: 'every',
      values: ['CT', 'PT'],
    })
    expect(only('fuzzymatching=true&PatientName=jo%20do').match).toEqual({
      kind: 'fuzzy',
      names: ['jo do'],
    })
    expect(only('fuzzymatching=true&PatientName=*do*').match).toEqual({
      kind: 'wildcard',
      patterns: ['*do*'],
    })
    expect(only('fuzzymatching=true&PatientID=jo').match).toEqual(values('jo'))
  })

  it('makes one interval of ranges of a date and its time', () => {
    const { keys } = readSearchParams('StudyDate=20060705-20060707&StudyTime=1000-1800')
    expect(keys.map((key) => key.match)).toEqual([
      { kind: 'range', timed: true, from: '20060705100000.000000', to: '20060707180059.999999' },
      { kind: 'universal' },
    ])
    const apart = readSearchParams('StudyDate=20060705&StudyTime=1000-1800').keys
    expect(apart.map((key) => key.match)).toEqual([
      { kind: 'range', from: '20060705', to: '20060705' },
      { kind: 'range', from: '100000.000000', to: '180059.999999' },
    ])
  })

  it('may end at an earlier hour of a later day, and not of the same', () => {
    const { keys } = readSearchParams('StudyDate=20060705-20060707&StudyTime=2200-0600')
    expect(keys.map((key) => key.match)).toEqual([
      { kind: 'range', timed: true, from: '20060705220000.000000', to: '20060707060059.999999' },
      { kind: 'universal' },
    ])
    expect(refusal('StudyTime=2200-0600&StudyDate=20060705-&TimezoneOffsetFromUTC=%2B0100')).toBe('accepted')
    for (const days of ['20060705', '20060705-20060705', '20060705,20060706'.replace(',', '%5C')])
      expect(refusal(`StudyDate=${days}&StudyTime=2200-0600`)).toContain('in their order')
  })

  it('means dates and times in the time zone of the request', () => {
    const { keys, include } = readSearchParams(
      'StudyDate=20200101&StudyTime=10&TimezoneOffsetFromUTC=%2B0100',
    )
    expect(include).toEqual([['00080201']])
    expect(keys.map((key) => key.match)).toEqual([
      { kind: 'range', from: '20200101000000.000000+0100', to: '20200101235959.999999+0100' },
      { kind: 'range', from: '100000.000000+0100', to: '105959.999999+0100' },
    ])
  })

  it.each([
    'StudyInstanceUID=1.2.*',
    'StudyDate=2020*',
    'InstanceNumber=1?',
    'InstanceNumber=1x',
    'Rows=abc',
    'FrameIncrementPointer=xyz',
    'StudyDate=-',
    'StudyDate=foo',
    'StudyDate=2023-01-01',
    'StudyDate=20231301',
    'StudyDate=20230229',
    'StudyDate=20240101-20230101',
    'StudyTime=2561',
    'StudyTime=1700-0800',
    'StudyDate=20200101&StudyDate=20200101-20200103',
    'PatientName=*a*b*c*d*e*f*g*h*i*',
    'ICCProfile=x',
    // Lists without a value are no universal keys.
    'StudyInstanceUID=,',
    'PatientID=%5C',
    'PatientID=&PatientID=%20%5C%20',
    'PatientName=%FF',
    'PatientName=%',
    'PatientName=%00',
    'TimezoneOffsetFromUTC=CET',
    `StudyInstanceUID=${Array.from({ length: 1001 }, (_, n) => `1.${n}`).join(',')}`,
  ])('%s is refused', (raw) => {
    expect(refusal(raw)).not.toBe('accepted')
  })
})

describe('parameters', () => {
  it('reads fields to include in every style that clients have', () => {
    const paths = [['00081030'], ['00080060']]
    expect(readSearchParams('includefield=00081030%2C00080060').include).toEqual(paths)
    expect(readSearchParams('includefield=StudyDescription,00080060').include).toEqual(paths)
    expect(readSearchParams('includeField=00081030&includefield=Modality').include).toEqual(paths)
    expect(readSearchParams('includefield=00081030&includefield=all').include).toBe('all')
    expect(readSearchParams('includefield=').include).toEqual([])
  })

  it('reads paging and order', () => {
    expect(
      readSearchParams('limit=101&offset=0&orderby=-StudyDate,00100010&after=abc&total=true'),
    ).toMatchObject({
      limit: 101,
      offset: 0,
      orderBy: [
        { tag: '00080020', descending: true },
        { tag: '00100010', descending: false },
      ],
      after: 'abc',
      total: true,
    })
    expect(readSearchParams('offset=7')).toMatchObject({ offset: 7, after: undefined })
    expect(refusal('offset=7&after=abc')).toContain('do not go together')
    expect(readSearchParams('')).toMatchObject({
      keys: [],
      limit: undefined,
      offset: 0,
      orderBy: [],
      include: [],
    })
  })

  it.each([
    'limit=-1',
    'limit=abc',
    'limit=',
    'offset=99999999999999999999',
    'limit=1&limit=2',
    'fuzzymatching=maybe',
  ])('%s is refused', (raw) => {
    expect(refusal(raw)).not.toBe('accepted')
  })

  it('answers keys or a refusal, whatever the string is', () => {
    const word = fc.constantFrom(
      'PatientName',
      '00100010',
      'StudyDate',
      '0019xx01;A',
      'Rows',
      '.',
      '=',
      '&',
      '%',
      '*',
      '-',
      '2020',
      '%41',
      '\\',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        expect(typeof refusal(words.join(''))).toBe('string')
      }),
    )
  })
})
