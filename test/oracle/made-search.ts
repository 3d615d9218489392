/** Searches by chance: every level and scope, every kind of match, over what is there and what is nearly there. */
import { keywordOf, tagOf } from '../../src/dicom/dictionary.ts'
import type { Level, Tag } from '../../src/dicom/data-set.ts'
import type { Stored } from './archive.ts'
import { factsOf, type Fact } from './facts.ts'
import { valueOf, type Switches } from './made-values.ts'
import * as pools from './pools.ts'
import type { Search } from './question.ts'
import type { Chance } from './random.ts'

type Param = readonly [string, string]

const AGGREGATES = [
  ...[
    'ModalitiesInStudy',
    'SOPClassesInStudy',
    'NumberOfPatientRelatedStudies',
    'NumberOfPatientRelatedSeries',
  ],
  ...['NumberOfPatientRelatedInstances', 'NumberOfStudyRelatedSeries', 'NumberOfStudyRelatedInstances'],
  'NumberOfSeriesRelatedInstances',
] as const
const OF_STUDIES = [
  ...[
    'PatientName',
    'PatientID',
    'PatientBirthDate',
    'PatientSex',
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
  ],
  ...['StudyDescription', 'StudyInstanceUID', 'StudyID', 'ReferringPhysicianName', 'IssuerOfPatientID'],
]
const OF_SERIES = ['Modality', 'SeriesNumber', 'SeriesDescription', 'SeriesInstanceUID', 'BodyPartExamined']
const SORTABLE: Readonly<Record<Level, readonly string[]>> = {
  patient: [
    ...['PatientName', 'PatientID', 'PatientBirthDate', 'NumberOfPatientRelatedStudies', 'PatientSex'],
    ...['IssuerOfPatientID', 'NumberOfPatientRelatedInstances'],
  ],
  study: [...OF_STUDIES, 'NumberOfStudyRelatedInstances', 'NumberOfStudyRelatedSeries'],
  series: [...OF_STUDIES, ...OF_SERIES, 'PerformedProcedureStepStartDate', 'NumberOfSeriesRelatedInstances'],
  instance: [
    ...OF_STUDIES,
    ...OF_SERIES,
    'InstanceNumber',
    'SOPInstanceUID',
    'Rows',
    'Columns',
    'SOPClassUID',
  ],
}
const ALL = [...pools.PATIENT, ...pools.STUDY, ...pools.SERIES, ...pools.INSTANCE]

export function makeSearch(luck: Chance, archive: readonly Stored[], facts: readonly Fact[]): Search {
  const { level, within } = resourceOf(luck, archive)
  const switches = { fuzzy: luck.percent(12), empty: luck.percent(15), multiple: luck.percent(15) }
  // Several keys that one instance has together find more than keys of everywhere.
  const together = luck.percent(75) ? factsOf([luck.pick(archive)]) : facts
  const keys = Array.from({ length: luck.pick([0, 1, 1, 1, 1, 2, 2, 3]) }, () =>
    keyOf(luck, luck.percent(90) ? together : facts, switches),
  )
  const params: Param[] = keys.flat()
  if (luck.percent(12)) params.push(...dateTimeOf(luck, facts))
  if (switches.fuzzy) params.push(['fuzzymatching', 'true'])
  if (switches.empty) params.push(['emptyvaluematching', 'true'])
  if (switches.multiple) params.push(['multiplevaluematching', 'true'])
  params.push(...shapeOf(luck, level, facts))
  if (luck.percent(3)) params.push(luck.pick<Param>(BAD))
  return { level, within, params }
}

/** Requests with a fault, or with something that is passed over. */
const BAD: readonly Param[] = [
  ['limit', '-1'],
  ['limit', 'ten'],
  ['offset', '1.5'],
  ['fuzzymatching', 'maybe'],
  ['StudyDate', '20230229-x'],
  ['StudyDate', '-'],
  ['StudyDate', '20260315-20260314'],
  ['StudyInstanceUID', '1.2.*'],
  ['NotAKeyword', '1'],
  ['_', '1'],
  ['access_token', 'x'],
  ['SpecificCharacterSet', 'ISO_IR 100'],
  ['RetrieveURL', 'http://x'],
  ['RequestAttributesSequence', 'x'],
  ['PatientName.PatientID', 'x'],
  ['ICCProfile', 'x'],
  ['InstanceNumber', 'seven'],
  ['orderby', 'Nonsense'],
  ['orderby', 'SliceThickness'],
  ['InstanceAvailability', 'OFFLINE'],
  ['InstanceAvailability', 'ONLINE'],
  ['FrameIncrementPointer', '1234'],
  ['TimezoneOffsetFromUTC', 'CET'],
]

function resourceOf(luck: Chance, archive: readonly Stored[]): Pick<Search, 'level' | 'within'> {
  const level = luck.pick(['patient', 'study', 'study', 'series', 'series', 'instance', 'instance'] as const)
  const { study, series } = luck.pick(archive)
  if (level === 'patient' || level === 'study' || luck.percent(65)) return { level, within: {} }
  if (level === 'series' || luck.percent(50))
    return { level, within: { study: luck.percent(5) ? '1.9' : study } }
  return { level, within: { study, series: luck.percent(5) ? '1.9' : series } }
}

/** One key, or some that belong together. */
function keyOf(luck: Chance, facts: readonly Fact[], switches: Switches): Param[] {
  if (luck.percent(8)) return [aggregateOf(luck)]
  if (luck.percent(12)) return [pooledKey(luck, switches)]
  const asked = facts.filter(({ path: [tag] }) => tag !== '00080005' && tag !== '00080201')
  if (asked.length === 0) return []
  const fact = luck.pick(asked)
  const same = asked.filter(({ path }) => path.join('.') === fact.path.join('.'))
  const value = valueOf(luck, fact, same, switches)
  if (fact.creators.some((creator) => creator !== null) && luck.percent(80)) {
    const first = privateKey(luck, fact, value)
    const more = asked.filter(({ path }) => path.length > 1 && path[0] === fact.path[0])
    if (fact.path.length === 1 || more.length === 0 || luck.percent(60)) return first
    // A neighbour in the same private sequence, named in the same way or in another.
    const other = luck.pick(more)
    return [...first, ...privateKey(luck, other, valueOf(luck, other, [other], switches))]
  }
  const key: Param = [named(luck, fact.path), value]
  if (luck.percent(6)) return [key, [key[0], valueOf(luck, fact, same, switches)]]
  // A neighbour in the same sequence: both must hold in one item.
  const siblings = asked.filter(({ path }) => path.length > 1 && path[0] === fact.path[0])
  if (fact.path.length === 1 || siblings.length === 0 || luck.percent(40)) return [key]
  const sibling = luck.pick(siblings)
  if (sibling.path.join('.') === fact.path.join('.')) return [key]
  return [key, [named(luck, sibling.path), valueOf(luck, sibling, [sibling], switches)]]
}

/**
 * A path through private elements with their creators, each in either form, in its own block or in one that the request
 * makes up, or by its very tag.
 */
function privateKey(luck: Chance, { path, creators }: Fact, value: string): Param[] {
  const steps: string[] = []
  const params: Param[] = []
  for (const [at, tag] of path.entries()) {
    const creator = creators[at] ?? null
    const style = luck.below(5)
    if (creator === null) steps.push(luck.percent(50) ? tag : (keywordOf(tag) ?? tag))
    else if (style < 2) steps.push(`${tag.slice(0, 4)}xx${tag.slice(6)};${creator}`)
    else if (style === 2) steps.push(tag)
    else {
      const block = luck.percent(50) ? tag.slice(4, 6) : '10'
      params.push([[...steps, `${tag.slice(0, 4)}00${block}`].join('.'), creator])
      steps.push(tag.slice(0, 4) + block + tag.slice(6))
    }
  }
  params.push([steps.join('.'), value])
  return luck.percent(50) ? params : params.toReversed()
}

function named(luck: Chance, path: readonly Tag[]): string {
  const style = luck.below(3)
  const names = path.map((tag) =>
    style === 0 ? tag : style === 1 ? tag.toLowerCase() : (keywordOf(tag) ?? tag),
  )
  return names.join('.')
}

function aggregateOf(luck: Chance): Param {
  const name = luck.pick(AGGREGATES)
  if (luck.percent(10)) return [name, luck.pick(['', '*', '""'])]
  if (name === 'ModalitiesInStudy')
    return [
      name,
      luck.pick(['CT', 'MR', 'CT,MR', 'CT\\SR', 'C?', '*T', 'PT', 'ct', 'c*', 'XX', 'MR\\X*', 'mr\\X*']),
    ]
  if (name === 'SOPClassesInStudy') return [name, luck.some(pools.CLASSES, 60).join(luck.pick([',', '\\']))]
  return [name, luck.pick(['1', '2', '3', '4', '02', '5\\6'])]
}

function pooledKey(luck: Chance, switches: Switches): Param {
  const { name, vr } = luck.pick(ALL.filter((attribute) => attribute.name !== 'TimezoneOffsetFromUTC'))
  const pool = pools.POOLS[vr].filter((value) => value !== null)
  if (pool.length === 0 || luck.percent(15)) return [name, luck.pick(['', '*', '""'])]
  const fact: Fact = { path: [tagOf(name) ?? ''], vr, text: String(luck.pick(pool)), creators: [null] }
  return [name, valueOf(luck, fact, [], switches)]
}

/** Ranges of a date and its time, a time zone, or both. */
function dateTimeOf(luck: Chance, facts: readonly Fact[]): Param[] {
  const [name, time, tag] = luck.pick([
    ['StudyDate', 'StudyTime', '00080020'],
    ['SeriesDate', 'SeriesTime', '00080021'],
    ['ContentDate', 'ContentTime', '00080023'],
    ['DateOfLastCalibration', 'TimeOfLastCalibration', '00181200'],
    ['00400275.00400002', '00400275.00400003', '00400275.00400002'],
  ] as const)
  const days = facts.filter(({ path, text }) => path.join('.') === tag && /^\d{8}$/u.test(text))
  const day = days.length === 0 ? '20260314' : luck.pick(days).text
  const params: Param[] = []
  if (luck.percent(80)) {
    params.push([
      name,
      luck.pick([`${day}-20260315`, `20260101-${day}`, `${day}-`, `-${day}`, day, '20260101-20261231']),
    ])
  }
  if (luck.percent(80))
    params.push([time, luck.pick(['10-1015', '093000-', '-101530', '1015', '101530-235959.999999', '00-23'])])
  if (luck.percent(40)) params.push(['TimezoneOffsetFromUTC', luck.pick(['+0100', '-0500', '+0000', ''])])
  return params
}

/** Which rows, in which order, and what they show. */
function shapeOf(luck: Chance, level: Level, facts: readonly Fact[]): Param[] {
  const params: Param[] = []
  if (luck.percent(15)) params.push(['limit', luck.pick(['0', '1', '2', '5', '11', '500'])])
  if (luck.percent(12)) params.push(['offset', luck.pick(['0', '1', '3', '20', '1000'])])
  if (luck.percent(10)) params.push(['total', 'true'])
  if (luck.percent(15)) params.push(['includeSuperseded', 'true'])
  if (luck.percent(20)) {
    const orders = Array.from(
      { length: 1 + luck.below(3) },
      () => luck.pick(['', '-']) + luck.pick(SORTABLE[level]),
    )
    params.push(['orderby', orders.join(',')])
  }
  if (luck.percent(8)) params.push(['includefield', 'all'])
  for (let more = luck.pick([0, 0, 0, 1, 2]); more > 0 && facts.length > 0; more--)
    params.push(fieldOf(luck, facts))
  return params
}

function fieldOf(luck: Chance, facts: readonly Fact[]): Param {
  const { path, creators } = luck.pick(facts)
  if (creators.some((creator) => creator !== null) && luck.percent(60)) {
    const steps = path.map((tag, at) => {
      const creator = creators[at] ?? null
      return creator === null ? tag : `${tag.slice(0, 4)}xx${tag.slice(6)};${creator}`
    })
    return ['includefield', steps.slice(0, 1 + luck.below(steps.length)).join('.')]
  }
  const name = luck.percent(15)
    ? luck.pick([...AGGREGATES, ...pools.SEQUENCES, ...pools.SEQUENCES])
    : named(luck, path.slice(0, 1 + luck.below(path.length)))
  return ['includefield', luck.percent(30) ? `${name},${luck.pick(ALL).name}` : name]
}
