/** Where a row stands in the answer: PS3.18 §8.3.4.4.1 wants an order that holds still, design §5 says by what. */
import type { DataElement, Level, Tag, Value, Vr } from '../../src/dicom/data-set.ts'
import { aggregate, idAt, isAggregate, patientOf, tellerOf, type Entity, type Stored } from './archive.ts'
import { isNumber, vrOf, type Question, type Search } from './question.ts'
import { byBytes, decimal, foldedName, unpadded } from './text.ts'
import { isTime, readTime } from './times.ts'

/** What an entity is sorted by: texts by bytes, numbers and times by size, nothing before anything. */
type Place = bigint | number | string | null

interface Order {
  readonly tag: Tag
  readonly descending: boolean
}

/**
 * Attributes by which rows can be ordered, and the level that has them. Decision: that is the level whose first received
 * instance tells them, whichever instance a row shows; a patient's attributes are told by the study but for /patients.
 */
const OWN: Readonly<Record<Level, readonly Tag[]>> = {
  patient: ['00100010', '00100020', '00100021', '00100030', '00100040', '00201200', '00201204'],
  study: [
    ...['00080020', '00080030', '00080050', '00080090', '00081030', '0020000D', '00200010'],
    ...['00100010', '00100020', '00100021', '00100030', '00100040', '00201206', '00201208'],
  ],
  series: [
    ...['00080060', '0008103E', '00180015', '0020000E', '00200011', '00400244', '00400245', '00201209'],
  ],
  instance: ['00080016', '00080018', '00200013', '00280008', '00280010', '00280011'],
}
/** Counts are of the rows themselves. */
const COUNTS: readonly Tag[] = ['00201206', '00201208', '00201209']

function ownerOf(level: Level, tag: Tag): Level | undefined {
  const levels: Readonly<Record<Level, readonly Level[]>> = {
    patient: ['patient'],
    study: ['study'],
    series: ['series', 'study'],
    instance: ['instance', 'series', 'study'],
  }
  const owner = levels[level].find((one) => OWN[one].includes(tag))
  return COUNTS.includes(tag) && owner !== level ? undefined : owner
}

/** Whether rows of the level can be ordered so; else the search is refused. */
export function canOrder(level: Level, { orderBy }: Question): boolean {
  return orderBy.every(({ tag }) => ownerOf(level, tag) !== undefined)
}

/**
 * Decision: studies and series of the whole archive begin with the newest day, what is inside of one goes by number,
 * patients by Patient ID, instances of the whole archive as they came. What is left is told apart by UID.
 */
function defaultOrder({ level, within }: Search): Order[] {
  const up = (...tags: Tag[]): Order[] => tags.map((tag) => ({ tag, descending: false }))
  const down = (...tags: Tag[]): Order[] => tags.map((tag) => ({ tag, descending: true }))
  if (level === 'patient') return up('00100020', '00100021', '0020000D')
  if (level === 'study') return down('00080020', '0020000D')
  if (level === 'series')
    return within.study === undefined ? down('00080020', '0020000E') : up('00200011', '0020000E')
  if (within.study === undefined) return []
  const series = within.series === undefined ? up('00200011', '0020000E') : []
  return [...series, ...up('00200013', '00080018')]
}

/** Hits in the order of the answer. */
export function inOrder<Hit extends { readonly entity: Entity }>(
  hits: readonly Hit[],
  search: Search,
  question: Question,
  archive: readonly Stored[],
): Hit[] {
  const { level } = search
  const columns = [
    ...question.orderBy.map((order) => ({ ...order, owner: ownerOf(level, order.tag) ?? level })),
    ...defaultOrder(search).map((order) => ({
      ...order,
      // A series keeps the day of its own first instance.
      owner: order.tag === '00080020' ? level : (ownerOf(level, order.tag) ?? level),
    })),
  ]
  // Decision: what is left goes by arrival, that of instances which are hidden by now counting too; series of two studies
  // that have one UID go the other way round, like their days.
  const isNewestFirst = level === 'series' && search.within.study === undefined
  const placed = hits.map((hit) => ({
    hit,
    places: columns.map(({ tag, owner }) => placeOf(hit.entity, tag, owner, archive)),
    arrival: archive.findIndex((one) => idAt(level, one) === hit.entity.id) * (isNewestFirst ? -1 : 1),
  }))
  placed.sort((a, b) => {
    for (const [index, { descending }] of columns.entries()) {
      const order = comparePlaces(a.places[index] ?? null, b.places[index] ?? null)
      if (order !== 0) return descending ? -order : order
    }
    return a.arrival - b.arrival
  })
  return placed.map(({ hit }) => hit)
}

function comparePlaces(a: Place, b: Place): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  if (typeof a === 'string' && typeof b === 'string') return byBytes(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

function placeOf(entity: Entity, tag: Tag, owner: Level, archive: readonly Stored[]): Place {
  const [own] = entity.instances
  if (own === undefined) return null
  if (entity.level === 'patient' && IDENTITY.includes(tag)) return identityOf(own, tag)
  if (isAggregate({ path: [tag] })) return Number(aggregate(tag, archive, own)[0])
  return placeOfElement(vrOf(tag) ?? 'UN', tellerOf(owner, archive, own).dataSet[tag])
}

function placeOfElement(vr: Vr, element: DataElement | undefined): Place {
  // Bytes that are no text stand where nothing stands.
  if (element === undefined || element.undecoded !== undefined) return null
  const places = (element.Value ?? []).flatMap((value) => (value === null ? [] : [placeOfValue(vr, value)]))
  const [first = null] = places
  if (isNumber(vr)) return places.length === 1 ? first : null
  if (isTime(vr)) return first
  const text = cut(places.join('\\'))
  return text === '' ? null : text
}

const IDENTITY: readonly Tag[] = ['0020000D', '00100020', '00100021']

/** Patients are told apart by ID and issuer, those without an ID by the only study that they have. */
function identityOf(instance: Stored, tag: Tag): Place {
  const { id, issuer, study } = JSON.parse(patientOf(instance)) as Readonly<Record<string, string>>
  return { '0020000D': study, '00100020': id, '00100021': issuer }[tag] ?? ''
}

function placeOfValue(vr: Vr, value: Exclude<Value, null>): string | number | bigint | null {
  if (typeof value === 'object') return foldedName(value).join('=').replace(/=+$/u, '')
  if (isTime(vr)) return readTime(vr, String(value))?.from.at ?? null
  if (isNumber(vr)) return decimal(String(value)) === null ? null : Number(value)
  return unpadded(String(value))
}

/** Texts are in order of their first 256 bytes (design §5). */
function cut(text: string): string {
  if (Buffer.byteLength(text) <= 256) return text
  const letters = Array.from(text)
  while (Buffer.byteLength(letters.join('')) > 256) letters.pop()
  return `${letters.join('')}\u0001`
}
