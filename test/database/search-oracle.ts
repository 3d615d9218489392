/**
 * Search without an index: every question is put to the data sets one by one, as design §5 says it. And archives and
 * questions by chance to compare the index with it.
 */
import fc from 'fast-check'
import { hasValue, matchesAll, type Match } from '../../src/dicom/matching.ts'
import type { DataElement, DataSet, Level, PersonName, Tag } from '../../src/dicom/data-set.ts'
import type { NewInstance } from '../../src/database/ports.ts'
import type { Key, Query } from '../../src/database/query.ts'
import { columnText } from '../../src/database/terms.ts'
import { made } from './instances.ts'

/** Stored in this order. */
export type Stored = readonly NewInstance[]

const SORTS: Readonly<Record<Level, (one: NewInstance, first: NewInstance) => string[]>> = {
  patient: () => [],
  study: (one, first) => [text(first, '00080020'), one.parsed.uids.study],
  series: (one, first) => [text(first, '00080020'), one.parsed.uids.series],
  instance: () => [],
}

/** Rows are ordered by what the columns of a level hold. */
function text(instance: NewInstance, tag: Tag): string {
  return columnText(instance.parsed.dataSet[tag]).text
}

/** Everything of one instance that keys can speak of. */
function wholeOf({ parsed }: NewInstance): DataSet {
  return {
    ...parsed.meta,
    ...parsed.dataSet,
    '00083002': { vr: 'UI', Value: [parsed.TransferSyntaxUID] },
  }
}

export interface Found {
  /** UID of the entity; patients have none. */
  readonly uid: string | undefined
  /** SOP Instance UID of the instance whose attributes its row shows. */
  readonly instance: string
}

/** All matches of a query in order, without limit and offset. */
export function oracle(archive: Stored, query: Query): Found[] {
  const { study, series } = query.within
  const inside = archive.filter(
    ({ parsed: { uids } }) =>
      (study === undefined || uids.study === study) && (series === undefined || uids.series === series),
  )
  const groups = Map.groupBy(inside, (one) => idOf(query.level, one))
  const found: { row: Found; one: NewInstance; first: NewInstance }[] = []
  const positive = query.keys.filter((key) => key.match.kind !== 'empty')
  const empty = query.keys.filter((key) => key.match.kind === 'empty')
  for (const [uid, members] of groups) {
    const one = members.find((member) => matchesAll(wholeOf(member), positive))
    const first = members[0]
    if (!one || !first) continue
    if (empty.some((key) => members.some((member) => hasValue(wholeOf(member), key.path)))) continue
    // A row of a higher level has the aggregates of any entity that belongs to it.
    const owners = query.level === 'patient' ? members : [first]
    if (!query.aggregates.every((key) => owners.some((owner) => hasAggregate(archive, owner, key)))) continue
    found.push({
      row: { uid: query.level === 'patient' ? undefined : uid, instance: one.parsed.uids.instance },
      one,
      first,
    })
  }
  return found.sort(byOrder(archive, query)).map(({ row }) => row)
}

/** What an aggregate says of the entity to which an instance belongs. */
function hasAggregate(archive: Stored, first: NewInstance, key: Key): boolean {
  const [tag = ''] = key.path
  const { study, series } = first.parsed.uids
  const ofStudy = archive.filter(({ parsed }) => parsed.uids.study === study)
  const values: Readonly<Record<Tag, () => DataElement>> = {
    '00080061': () => ({
      vr: 'CS',
      Value: ofStudy.flatMap(({ parsed }) => parsed.dataSet['00080060']?.Value ?? []),
    }),
    '00080062': () => ({ vr: 'UI', Value: ofStudy.map(({ parsed }) => parsed.SOPClassUID) }),
    '00201206': () => ({ vr: 'IS', Value: [new Set(ofStudy.map(({ parsed }) => parsed.uids.series)).size] }),
    '00201208': () => ({ vr: 'IS', Value: [ofStudy.length] }),
    '00201209': () => ({
      vr: 'IS',
      Value: [ofStudy.filter(({ parsed }) => parsed.uids.series === series).length],
    }),
  }
  const element = values[tag]?.()
  return element !== undefined && matchesAll({ [tag]: element }, [key])
}

function idOf(level: Level, one: NewInstance): string {
  const { uids } = one.parsed
  if (level === 'patient') return patientOf(one).join('\n')
  if (level === 'study') return uids.study
  return level === 'series' ? uids.series : uids.instance
}

/** A patient is an ID and its issuer; without an ID, whoever has the study. */
function patientOf(one: NewInstance): string[] {
  const id = text(one, '00100020')
  return id === '' ? ['', '', one.parsed.uids.study] : [id, text(one, '00100021'), '']
}

interface Pair {
  readonly one: NewInstance
  readonly first: NewInstance
}

function byOrder(archive: Stored, query: Query) {
  const number = (instance: NewInstance, tag: Tag): number => {
    const value = Number(instance.parsed.dataSet[tag]?.Value?.[0] ?? Number.NaN)
    return Number.isInteger(value) ? value : -(2 ** 31) - 1
  }
  const seriesNumber = (one: NewInstance): number => {
    const first = archive.find(({ parsed }) => parsed.uids.series === one.parsed.uids.series)
    return first ? number(first, '00200011') : 0
  }
  return (a: Pair, b: Pair): number => {
    if (query.level === 'patient') return compare(patientOf(a.one), patientOf(b.one))
    if (query.within.study === undefined) {
      return -compare(SORTS[query.level](a.one, a.first), SORTS[query.level](b.one, b.first))
    }
    const [x, y] = [a.one.parsed.uids, b.one.parsed.uids]
    return firstOther([
      seriesNumber(a.one) - seriesNumber(b.one),
      compare([x.series], [y.series]),
      number(a.one, '00200013') - number(b.one, '00200013'),
      compare([x.instance], [y.instance]),
    ])
  }
}

function firstOther(results: readonly number[]): number {
  return results.find((result) => result !== 0) ?? 0
}

function compare(a: readonly string[], b: readonly string[]): number {
  for (const [at, one] of a.entries()) {
    const order = Buffer.compare(Buffer.from(one), Buffer.from(b[at] ?? ''))
    if (order !== 0) return order
  }
  return 0
}

const WORDS = ['A', 'a', 'B', 'AB', 'A_B', '%', 'Zoë', 'x [y]', 'Doe, John', ' pad ', 'L'.repeat(300)]
const NAMES: PersonName[] = [
  { Alphabetic: 'Doe^Jane' },
  { Alphabetic: 'DOE^John^^' },
  { Alphabetic: 'Müller^Ægidius' },
  { Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' },
  { Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
]
const DATES = ['20200131', '20200201', '2020.02.29', '20191231', '20230231', 'soon']
const TIMES = ['10', '1000', '100000.5', '23:59:59', '2561']
const NUMBERS: (string | number)[] = [1, 2, 7, '007', '+7', '7.0', '1.5', '1.50', '12abc']
const MODALITIES = ['CT', 'MR', 'SR']
const CLASSES = ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4']

const maybe = (
  vr: DataElement['vr'],
  values: readonly (string | number | PersonName)[],
): fc.Arbitrary<DataElement | null> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(...values).map((value): DataElement => ({ vr, Value: [value] })),
    },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constant<DataElement>({ vr }) },
    {
      weight: 1,
      arbitrary: fc
        .subarray([...values], { minLength: 2, maxLength: 2 })
        .map((Value): DataElement => ({ vr, Value })),
    },
    { weight: 1, arbitrary: fc.constant<DataElement>({ vr, Value: ['\uFFFD'], undecoded: '/w==' }) },
  )

const code = fc.record({ '00080100': maybe('SH', WORDS), '00080102': maybe('SH', ['99X', 'L']) })
const item = fc.record({
  '00400009': maybe('SH', WORDS),
  '00400008': fc.array(code, { maxLength: 2 }).map(sequence),
})

function sequence(items: readonly Record<Tag, DataElement | null>[]): DataElement {
  return items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items.map(present) }
}

function present(attributes: Readonly<Record<Tag, DataElement | null>>): DataSet {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [Tag, DataElement] => entry[1] !== null),
  )
}

/** A private block whose number differs from instance to instance. */
const privateBlock = fc
  .record({
    block: fc.constantFrom('10', '11'),
    owner: fc.constantFrom('PEER 1', 'PEER 2'),
    value: fc.constantFrom(...WORDS),
  })
  .map(({ block, owner, value }): DataSet => ({
    [`001900${block}`]: { vr: 'LO', Value: [owner] },
    [`0019${block}01`]: { vr: 'LO', Value: [value] },
  }))

const studyTags = fc.record({
  '00080020': maybe('DA', DATES),
  '00080030': maybe('TM', TIMES),
  '00080050': maybe('SH', WORDS),
  '00081030': maybe('LO', WORDS),
  '00080090': maybe('PN', NAMES),
  '00100010': maybe('PN', NAMES),
  '00100020': maybe('LO', WORDS),
  '00100040': maybe('CS', ['M', 'F']),
})
const seriesTags = fc.record({
  '00080060': maybe('CS', MODALITIES),
  '0008103E': maybe('LO', WORDS),
  '00200011': fc.constantFrom<DataElement | null>(
    null,
    ...[1, 2, 3].map((n): DataElement => ({ vr: 'IS', Value: [n] })),
  ),
  '00400244': maybe('DA', DATES),
  '00400275': fc.array(item, { maxLength: 2 }).map(sequence),
})
const instanceTags = fc.record({
  '00200013': fc.constantFrom<DataElement | null>(
    null,
    ...[1, 2, 3, 10].map((n): DataElement => ({ vr: 'IS', Value: [n] })),
  ),
  '00280010': maybe('US', [256, 512]),
  '00180050': maybe('DS', NUMBERS),
  '00204000': maybe('LT', ['a\\b', 'free text']),
  '0040A120': maybe('DT', ['20200131100000+0100', '202001', '20200131']),
  '00280009': maybe('AT', ['00181063', '00181065']),
  '00091001': fc.constantFrom<DataElement | null>(null, { vr: 'UN', InlineBinary: 'YWJj' }),
})

/** Forty instances or so of six studies: mostly alike within a level, but not always. */
export const archives: fc.Arbitrary<Stored> = fc
  .record({
    studies: fc.array(studyTags, { minLength: 6, maxLength: 6 }),
    series: fc.array(fc.record({ study: fc.nat(5), tags: seriesTags }), { minLength: 12, maxLength: 12 }),
    instances: fc.array(
      fc.record({
        series: fc.nat(11),
        tags: instanceTags,
        odd: fc.option(fc.tuple(studyTags, seriesTags), { freq: 6, nil: null }),
        block: fc.option(privateBlock, { nil: null }),
        sopClass: fc.constantFrom(...CLASSES),
      }),
      { minLength: 40, maxLength: 60 },
    ),
  })
  .map(({ studies, series, instances }) =>
    instances.map(({ series: of, tags, odd, block, sopClass }, n) => {
      const study = series[of]!.study
      const [studyOwn, seriesOwn] = odd ?? [studies[study]!, series[of]!.tags]
      const dataSet = { ...present({ ...studyOwn, ...seriesOwn, ...tags }), ...block }
      return made({
        study: `1.${study}`,
        series: `1.${study}.${of}`,
        instance: `1.${study}.${of}.${n}`,
        sopClass,
        dataSet,
      })
    }),
  )

const values = (...from: readonly string[]): fc.Arbitrary<Match> =>
  fc
    .subarray([...from], { minLength: 1, maxLength: Math.min(2, from.length) })
    .map((list): Match => ({ kind: 'values', values: list }))
const wildcards = fc
  .constantFrom('A*', '*B', '*o*', '?', 'A?B', 'x [*', '*,*', 'D?E*', '*L', '%*', '*小*', '=*太*', 'D*^J*')
  .map((pattern): Match => ({ kind: 'wildcard', patterns: [pattern] }))
const range = (bounds: readonly string[]): fc.Arbitrary<Match> =>
  fc.tuple(fc.constantFrom(...bounds), fc.constantFrom(...bounds), fc.nat(3)).map(([a, b, sides]): Match => {
    const [from, to] = a < b ? [a, b] : [b, a]
    return { kind: 'range', ...(sides !== 1 && { from }), ...(sides !== 2 && { to }) }
  })
const special = fc.constantFrom<Match>({ kind: 'empty' }, { kind: 'empty' }, { kind: 'universal' })
const words = fc.oneof(
  { weight: 4, arbitrary: values(...WORDS.map((word) => word.trim())) },
  { weight: 3, arbitrary: wildcards },
  { weight: 1, arbitrary: special },
  { weight: 1, arbitrary: fc.constant<Match>({ kind: 'every', values: ['A', 'B'] }) },
)
const names = fc.oneof(
  values('doe^jane', 'DOE^JOHN', 'muller^aegidius', '王^小東', 'wang^xiaodong=王^小東', '=山田^太郎', 'Doe'),
  wildcards,
  special,
  fc.constantFrom('jo do', 'xiao', 'mul', '山').map((word): Match => ({ kind: 'fuzzy', names: [word] })),
)
const days = range([
  '20191231',
  '20200101',
  '20200131',
  '20200229',
  '20200131100000.000000',
  '20200201120000.000000+0100',
])
const clocks = range(['090000.000000', '100000.000000', '100000.500000', '235959.999999'])
const moments = range([
  '20191231230000.000000+0000',
  '20200101000000.000000',
  '20200131093000.000000+0000',
  '20200201000000.000000',
])
const numbers = values('1', '2', '7', '7.0', '1.5', '10', '512')

const key = (path: string, vr: Key['vr'], match: fc.Arbitrary<Match>): fc.Arbitrary<Key> =>
  match.map((one) => ({ path: path.split('.'), vr, match: one }))

const keys = fc.oneof(
  ...['00080050', '00081030', '0008103E', '00100020'].map((tag) => key(tag, 'LO', words)),
  ...['00100010', '00080090'].map((tag) => key(tag, 'PN', names)),
  ...['00080020', '00400244'].map((tag) =>
    key(tag, 'DA', fc.oneof(days, special, values('20200131', '20191231'))),
  ),
  key('00080030', 'TM', fc.oneof(clocks, special)),
  key('0040A120', 'DT', fc.oneof(moments, special)),
  key('00080060', 'CS', fc.oneof(values(...MODALITIES, 'XX'), special, wildcards)),
  key('00100040', 'CS', values('M', 'F')),
  key('00200011', 'IS', fc.oneof(numbers, special)),
  key('00200013', 'IS', fc.oneof(numbers, special)),
  key('00180050', 'DS', fc.oneof(numbers, special)),
  key('00280010', 'US', numbers),
  key('00280009', 'AT', values('00181063', '00181065')),
  key('00204000', 'LT', fc.oneof(values('a\\b', 'b'), wildcards)),
  key('00400275.00400009', 'SH', words),
  key('00400275.00400008.00080100', 'SH', words),
  key('00400275.00400008.00080102', 'SH', values('99X', 'L')),
  key('0019xx01;PEER 1', 'UN', fc.oneof(words, special)),
  key('00191001', 'UN', words),
  key('00091001', 'UN', fc.oneof(values('abc'), special)),
  key('00990099', 'UN', values('x')),
  key('0020000D', 'UI', values('1.0', '1.1', '1.2', '1.9')),
  key('0020000E', 'UI', values('1.0.0', '1.1.1', '1.2.2', '1.3.3', '1.4.4')),
  key('00080018', 'UI', values(...Array.from({ length: 60 }, (_, n) => `1.${n % 6}.${n % 12}.${n}`))),
  key('00080016', 'UI', values(...CLASSES)),
  key('00083002', 'UI', values('1.2.840.10008.1.2.1', '1.2.840.10008.1.2')),
)
const aggregates = fc.oneof(
  key(
    '00080061',
    'CS',
    fc.oneof(
      values(...MODALITIES, 'XX'),
      fc.constant<Match>({ kind: 'every', values: ['CT', 'MR'] }),
      fc.constant<Match>({ kind: 'wildcard', patterns: ['?R'] }),
    ),
  ),
  key('00080062', 'UI', values(...CLASSES)),
  key('00201206', 'IS', numbers),
  key('00201208', 'IS', numbers),
)

/** Questions at every level, inside and outside of a study. */
export const queries: fc.Arbitrary<Query> = fc
  .record({
    level: fc.constantFrom<Level>('patient', 'study', 'series', 'instance'),
    study: fc.option(fc.nat(5), { freq: 3, nil: null }),
    series: fc.option(fc.nat(11), { freq: 2, nil: null }),
    keys: fc.array(keys, { maxLength: 3 }),
    aggregates: fc.array(aggregates, { maxLength: 1 }),
    limit: fc.constantFrom(1, 3, 10, 100),
    offset: fc.constantFrom(0, 0, 0, 1, 5),
  })
  .map(({ level, study, series, keys: own, aggregates: more, limit, offset }) => ({
    level,
    within: {
      ...(study !== null && level !== 'study' && level !== 'patient' && { study: `1.${study}` }),
      ...(study !== null && series !== null && level === 'instance' && { series: `1.${study}.${series}` }),
    },
    keys: own,
    aggregates: more,
    include: [],
    required: ['00080018'],
    orderBy: [],
    limit,
    offset,
  }))
