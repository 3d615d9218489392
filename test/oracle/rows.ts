/** What a row shows (PS3.18 §10.6.3.3, design §5 and §6), and where it stands in the answer. */
import type { DataElement, DataSet, Level, Tag, Value } from '../../src/dicom/data-set.ts'
import { isInAll } from '../../src/dicom/attributes-all.ts'
import { aggregate, isAbove, isAggregate, overOf, standsFor, type Stored } from './archive.ts'
import { elementsOf, itemsOf } from './match.ts'
import { vrOf, type Attribute, type Question, type Search } from './question.ts'

/** Tables 10.6.3-3 to 10.6.3-5, with what clients show and do not ask for (QIDO-54); `always`: also without a value. */
const RETURNED: Readonly<
  Record<Level, { readonly always: readonly Tag[]; readonly known: readonly string[] }>
> = {
  patient: {
    always: ['00100010', '00100020', '00100030', '00100040', '00201200'],
    known: ['00100021', '00201202', '00201204'],
  },
  study: {
    always: [
      ...['00080020', '00080030', '00080050', '00080090', '00100010', '00100020', '00100030', '00100040'],
      ...['0020000D', '00200010', '00201206', '00201208'],
    ],
    known: ['00080061', '00080201', '00081030'],
  },
  series: {
    always: ['00080060', '0020000E', '00200011', '00201209'],
    known: [
      ...['00080021', '00080031', '00080201', '0008103E', '00180015', '00400244', '00400245'],
      ...['00400275.00400009', '00400275.00401001'],
    ],
  },
  instance: {
    always: ['00080016', '00080018', '00200013'],
    known: ['00080201', '00280008', '00280010', '00280011', '00280100'],
  },
}
const UIDS: Readonly<Record<Level, readonly Tag[]>> = {
  patient: [],
  study: ['0020000D'],
  series: ['0020000D', '0020000E'],
  instance: ['0020000D', '0020000E', '00080018'],
}

export type Row = Readonly<Record<Tag, object>>

/** The levels whose attributes a row has by default: those above it unless the path names them (QIDO-45). */
function levelsOf({ level, within }: Search): Level[] {
  if (level === 'instance' && within.series !== undefined) return ['instance']
  if (level === 'instance')
    return within.study === undefined ? ['instance', 'series', 'study'] : ['instance', 'series']
  return level === 'series' && within.study === undefined ? ['series', 'study'] : [level]
}

/** The row of an entity, by the instance that stands for it; `base` is where the DICOMweb services are. */
export function rowOf(
  search: Search,
  question: Question,
  {
    shown,
    archive,
    base,
  }: { readonly shown: Stored; readonly archive: readonly Stored[]; readonly base: string },
): Row {
  const levels = levelsOf(search).map((level) => RETURNED[level])
  const named = [...question.keys, ...(question.include === 'all' ? [] : question.include)]
  const always: Attribute[] = [
    ...[...UIDS[search.level], ...levels.flatMap(({ always }) => always)].map((tag) => ({ path: [tag] })),
    ...named,
  ]
  const known = levels.flatMap((level) => level.known.map((path): Attribute => ({ path: path.split('.') })))
  const all = question.include !== 'all' ? [] : Object.keys(shown.dataSet)
  const whole = all.filter(
    (tag) =>
      !tag.startsWith('0002') &&
      tag !== '00083002' &&
      isInAll(search.level, tag) &&
      // Bulk data is shown when it is named.
      shown.dataSet[tag]?.offset === undefined,
  )
  const computed = (tag: Tag): Value[] =>
    aggregate(tag, archive, overOf(tag) === 'patient' ? standsFor(search.level, archive, shown) : shown)

  const picked: Record<Tag, DataElement> = {
    ...pick(shown.dataSet, [...known, ...always, ...whole.map((tag) => ({ path: [tag] }))], always),
  }
  const counted = [...always, ...known, ...(question.include === 'all' ? ALL_COUNTED[search.level] : [])]
  for (const { path } of counted.filter(isAggregate)) {
    const [tag = ''] = path
    // Decision: what is counted over a lower level is not shown: a row has several of them.
    if (isAbove(search.level, overOf(tag))) {
      picked[tag] = LEFT_OUT
      continue
    }
    const Value = computed(tag)
    // An empty ModalitiesInStudy breaks a viewer's whole list (design §6); decision: so goes the list of SOP classes.
    picked[tag] = Value.length === 0 ? LEFT_OUT : { vr: vrOf(tag) ?? 'UN', Value }
  }
  const address = `${base}/studies/${shown.study}/series/${shown.series}/instances/${shown.instance}`
  // Decision: the character set is that of the answer, and told when it is asked for.
  const isCharsetAsked =
    question.include !== 'all' && question.include.some(({ path }) => path.join() === '00080005')
  const row = {
    ...visible(picked, [], address),
    ...(isCharsetAsked && { '00080005': { vr: 'CS', Value: ['ISO_IR 192'] } }),
    ...madeHere(search.level, shown, base),
  }
  return Object.fromEntries(Object.entries(row).filter(([tag]) => picked[tag] !== LEFT_OUT))
}

const LEFT_OUT: DataElement = { vr: 'CS' }
const counts = (...tags: readonly Tag[]): Attribute[] => tags.map((tag) => ({ path: [tag] }))
/** Aggregates that `includefield=all` returns. */
const ALL_COUNTED: Readonly<Record<Level, readonly Attribute[]>> = {
  patient: [],
  study: counts('00080061', '00080062', '00201206', '00201208'),
  series: counts('00080061', '00080062', '00201206', '00201208', '00201209'),
  instance: [],
}

/** InstanceAvailability and RetrieveURL, which no file has (QIDO-52, QIDO-53). */
function madeHere(level: Level, { study, series, instance }: Stored, base: string): Record<Tag, object> {
  if (level === 'patient') return {}
  const below = {
    study: '',
    series: `/series/${series}`,
    instance: `/series/${series}/instances/${instance}`,
  }[level]
  return {
    '00080056': { vr: 'CS', Value: ['ONLINE'] },
    '00081190': { vr: 'UR', Value: [`${base}/studies/${study}${below}`] },
  }
}

/**
 * The attributes of a data set that are named: a whole sequence, or of each of its items what is named inside. What is
 * in `always` is there without a value too, but nothing makes a sequence or an item that is not there.
 */
function pick(
  dataSet: DataSet,
  named: readonly Attribute[],
  always: readonly Attribute[],
): Record<Tag, DataElement> {
  const picked: Record<Tag, DataElement> = {}
  const below = named.filter(({ path }) => path.length > 1)
  const sequences = below.map((attribute) => ({
    attribute,
    found: elementsOf(dataSet, attribute.path[0] ?? '').filter(({ element }) => element.vr === 'SQ'),
  }))
  for (const { tag, element, owner } of sequences.flatMap(({ found }) => found)) {
    // Whatever the request has called the sequence.
    const inside = sequences
      .filter(({ found }) => found.some((one) => one.tag === tag))
      .map(({ attribute }) => shorter(attribute))
    const Value = itemsOf(element).map((item) => pick(item, inside, inside))
    picked[tag] = { vr: 'SQ', ...(Value.length > 0 && { Value }) }
    if (owner !== undefined) picked[owner] = dataSet[owner] ?? { vr: 'LO' }
  }
  for (const attribute of named.filter(({ path }) => path.length === 1)) {
    const [step = ''] = attribute.path
    const found = elementsOf(dataSet, step)
    for (const { tag, element, owner } of found) {
      picked[tag] = element
      if (owner !== undefined) picked[owner] = dataSet[owner] ?? { vr: 'LO' }
    }
    // Of a tag that nobody knows there is nothing to say.
    const vr = vrOf(step)
    if (found.length === 0 && always.includes(attribute) && vr !== undefined) picked[step] = { vr }
  }
  return picked
}

function shorter(attribute: Attribute): Attribute {
  return { ...attribute, path: attribute.path.slice(1) }
}

/** As clients see elements (PS3.18 Annex F): long binary values by the address of their instance. */
function visible(elements: DataSet, path: readonly string[], address: string): Record<Tag, object> {
  const shown = Object.entries(elements).filter(([tag]) => tag !== '00080005' && !tag.endsWith('0000'))
  return Object.fromEntries(
    shown.map(([tag, { vr, Value, InlineBinary, offset }]): [Tag, object] => {
      if (offset !== undefined)
        return [tag, { vr, BulkDataURI: `${address}/bulkdata/${[...path, tag].join('/')}` }]
      if (InlineBinary !== undefined) return [tag, { vr, InlineBinary }]
      if (Value === undefined || Value.length === 0) return [tag, { vr }]
      if (vr !== 'SQ') return [tag, { vr, Value }]
      const items = Value.map((item, index) =>
        visible((item ?? {}) as DataSet, [...path, tag, String(index + 1)], address),
      )
      return [tag, { vr, Value: items }]
    }),
  )
}
