/**
 * The archive as the oracle sees it: data sets in the order in which they were received, and the patients, studies and
 * series that GROUP BY makes of them (design §5).
 */
import type { DataSet, Level, Tag, Uid, Value } from '../../src/dicom/data-set.ts'
import type { Key } from './question.ts'
import { hasValue, holdsAll } from './match.ts'
import { byBytes } from './text.ts'

export interface Stored {
  /** With group 0002 and AvailableTransferSyntaxUID, which can be searched (design §6). */
  readonly dataSet: DataSet
  readonly study: Uid
  readonly series: Uid
  readonly instance: Uid
  /** Only active instances are found (design §5), superseded ones when they are asked for. */
  readonly state: 'active' | 'superseded' | 'rejected' | 'deleted'
  /** Levels whose rows stand where it says: those of which it is the first active instance, or was the last such one. */
  readonly tells: readonly Level[]
}

/** One row of a level: instances that may be found, in the order received. */
export interface Entity {
  readonly level: Level
  readonly id: string
  readonly instances: readonly Stored[]
}

const LEVELS: readonly Level[] = ['patient', 'study', 'series', 'instance']

/** Whose an instance is. Without a Patient ID it is that of a patient who has this study alone. */
export function patientOf({ dataSet, study }: Stored): string {
  const text = (tag: Tag): Value | undefined => dataSet[tag]?.Value?.[0]
  const id = text('00100020')
  return JSON.stringify(id === undefined ? { study } : { id, issuer: text('00100021') ?? '' })
}

export function idAt(level: Level, instance: Stored): string {
  if (level === 'patient') return patientOf(instance)
  if (level === 'study') return instance.study
  return level === 'series' ? `${instance.study}/${instance.series}` : instance.instance
}

/** Every entity of a level, in order of its first instance that may be found. */
export function entitiesOf(level: Level, archive: readonly Stored[], withSuperseded: boolean): Entity[] {
  const groups = new Map<string, Stored[]>()
  const isThere = ({ state }: Stored): boolean =>
    state === 'active' || (withSuperseded && state === 'superseded')
  for (const instance of archive.filter(isThere)) {
    const id = idAt(level, instance)
    groups.set(id, [...(groups.get(id) ?? []), instance])
  }
  return Array.from(groups, ([id, instances]) => ({ level, id, instances }))
}

/** What is counted or gathered over a whole entity, and over which (PS3.4 C.3.4). */
const AGGREGATES: Readonly<
  Record<Tag, { readonly over: Level; readonly of: (instances: readonly Stored[]) => Value[] }>
> = {
  '00080061': { over: 'study', of: (all) => distinct(all, '00080060') },
  '00080062': { over: 'study', of: (all) => distinct(all, '00080016') },
  '00201200': { over: 'patient', of: (all) => [number(all, ({ study }) => study)] },
  '00201202': { over: 'patient', of: (all) => [number(all, (one) => idAt('series', one))] },
  '00201204': { over: 'patient', of: (all) => [all.length] },
  '00201206': { over: 'study', of: (all) => [number(all, (one) => idAt('series', one))] },
  '00201208': { over: 'study', of: (all) => [all.length] },
  '00201209': { over: 'series', of: (all) => [all.length] },
}

export function isAggregate({ path }: { readonly path: readonly Tag[] }): boolean {
  return path.length === 1 && Object.hasOwn(AGGREGATES, path[0] ?? '')
}

function distinct(instances: readonly Stored[], tag: Tag): Value[] {
  const texts = instances.flatMap(({ dataSet }) => (dataSet[tag]?.Value ?? []) as (string | null)[])
  return [...new Set(texts.filter((text) => text !== null))].sort(byBytes)
}

function number(instances: readonly Stored[], name: (one: Stored) => string): number {
  return new Set(instances.map(name)).size
}

export function overOf(tag: Tag): Level {
  return AGGREGATES[tag]?.over ?? 'instance'
}

/** After something was stored or hidden: an entity that has nothing active any more keeps the one that told of it last. */
export function withTellers(archive: readonly Stored[]): Stored[] {
  const tellers = new Map<string, Stored>()
  const keyOf = (level: Level, one: Stored): string => JSON.stringify([level, idAt(level, one)])
  for (const one of archive.toReversed())
    for (const level of LEVELS) if (one.state === 'active') tellers.set(keyOf(level, one), one)
  return archive.map((one) => ({
    ...one,
    tells: LEVELS.filter((level) => {
      const teller = tellers.get(keyOf(level, one))
      return teller === undefined ? one.tells.includes(level) : teller === one
    }),
  }))
}

/** The instance by which the entity of a level stands where it does. */
export function tellerOf(level: Level, archive: readonly Stored[], of: Stored): Stored {
  const id = idAt(level, of)
  return archive.find((one) => one.tells.includes(level) && idAt(level, one) === id) ?? of
}

/**
 * Decision: the patient of a study, and of its series, is that of the study's first instance; an instance has its own.
 * So this one tells whose counts a row has.
 */
export function standsFor(level: Level, archive: readonly Stored[], instance: Stored): Stored {
  if (level === 'patient' || level === 'instance') return instance
  return tellerOf('study', archive, instance)
}

/** The aggregate of the entity that one instance belongs to. */
export function aggregate(tag: Tag, archive: readonly Stored[], instance: Stored): Value[] {
  const how = AGGREGATES[tag]
  if (how === undefined) return []
  const id = idAt(how.over, instance)
  return how.of(archive.filter((one) => one.state === 'active' && idAt(how.over, one) === id))
}

/**
 * Whether an aggregate is as asked: of the entity itself, of that which it belongs to, or, asked of a higher level, of
 * at least one that belongs to it.
 */
function aggregateHolds(key: Key, archive: readonly Stored[], { level, instances }: Entity): boolean {
  const [tag = ''] = key.path
  const over = AGGREGATES[tag]?.over ?? 'instance'
  const own = over === 'patient' ? instances.map((one) => standsFor(level, archive, one)) : instances
  const each = new Map(own.map((one) => [idAt(over, one), one]))
  const made = Array.from(each.values(), (one): DataSet => {
    const values = aggregate(tag, archive, one)
    return { [tag]: { vr: tag === '00080061' ? 'CS' : tag === '00080062' ? 'UI' : 'IS', Value: values } }
  })
  if (key.want.kind === 'any') return true
  if (key.want.kind === 'empty') return made.every((one) => !hasValue(one, key))
  return made.some((one) => holdsAll(one, [key]))
}

/**
 * The instances on which a match rests; none when the entity is not what is asked. Aggregates stand for themselves,
 * empty values must be empty on every instance, all other keys must hold together on one (design §5).
 */
export function matched(entity: Entity, keys: readonly Key[], archive: readonly Stored[]): readonly Stored[] {
  const [aggregates, others] = [keys.filter(isAggregate), keys.filter((key) => !isAggregate(key))]
  if (!aggregates.every((key) => aggregateHolds(key, archive, entity))) return []
  const empty = others.filter(({ want }) => want.kind === 'empty')
  if (entity.instances.some(({ dataSet }) => empty.some((key) => hasValue(dataSet, key)))) return []
  const together = others.filter(({ want }) => want.kind !== 'empty')
  return entity.instances.filter(({ dataSet }) => holdsAll(dataSet, together))
}

export function isAbove(level: Level, other: Level): boolean {
  return LEVELS.indexOf(level) < LEVELS.indexOf(other)
}
