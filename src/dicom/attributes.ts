import type { Level, Tag, TagPath, Vr } from './data-set.ts'

/** What a search answers about one level, and how Concord makes it (PS3.18 §10.6.3.3). */
interface LevelAttributes {
  /** In every row, present even when empty. */
  readonly required: readonly Tag[]
  /** In a row when the entity has them. */
  readonly optional: readonly TagPath[]
}

/** Tables 10.6.3-3 to 10.6.3-5, and what clients show in their lists and do not ask for. */
const RETURNED: Readonly<Record<Level, LevelAttributes>> = {
  patient: {
    required: ['00100010', '00100020', '00100030', '00100040', '00201200'],
    optional: [['00100021'], ['00201202'], ['00201204']],
  },
  study: {
    required: [
      ...['00080020', '00080030', '00080050', '00080090', '00100010', '00100020', '00100030', '00100040'],
      ...['0020000D', '00200010', '00201206', '00201208'],
    ],
    // ModalitiesInStudy stands here: an empty one breaks OHIF's whole list (design §6).
    optional: [['00080061'], ['00080201'], ['00081030']],
  },
  series: {
    required: ['00080060', '0020000E', '00200011', '00201209'],
    optional: [
      ...[['00080021'], ['00080031'], ['00080201'], ['0008103E'], ['00180015'], ['00400244'], ['00400245']],
      ...[
        ['00400275', '00400009'],
        ['00400275', '00401001'],
      ],
    ],
  },
  instance: {
    required: ['00080016', '00080018', '00200013'],
    optional: [['00080201'], ['00280008'], ['00280010'], ['00280011'], ['00280100']],
  },
}
const UNIQUE: Readonly<Record<Level, readonly Tag[]>> = {
  patient: [],
  study: ['0020000D'],
  series: ['0020000D', '0020000E'],
  instance: ['0020000D', '0020000E', '00080018'],
}

/**
 * The attributes of a row by default. A search that is not inside a study (or series) has those of the higher levels
 * too; the unique keys of the higher levels are always there, for clients tell rows apart by them.
 */
export function returnedAttributes(
  level: Level,
  within: { readonly study?: string; readonly series?: string },
): { readonly required: readonly Tag[]; readonly optional: readonly TagPath[] } {
  const levels: Level[] = [level]
  if (level === 'instance' && within.series === undefined) levels.push('series')
  if (level !== 'study' && level !== 'patient' && within.study === undefined) levels.push('study')
  const required = new Set([...UNIQUE[level], ...levels.flatMap((one) => RETURNED[one].required)])
  return { required: [...required].sort(), optional: levels.flatMap((one) => RETURNED[one].optional) }
}

/** Attributes that are made of a whole entity, each with the level whose instances it speaks of: PS3.4 C.3.4. */
const AGGREGATES: ReadonlyMap<Tag, { readonly level: Level; readonly vr: Vr }> = new Map([
  ['00080061', { level: 'study', vr: 'CS' }],
  ['00080062', { level: 'study', vr: 'UI' }],
  ['00201200', { level: 'patient', vr: 'IS' }],
  ['00201202', { level: 'patient', vr: 'IS' }],
  ['00201204', { level: 'patient', vr: 'IS' }],
  ['00201206', { level: 'study', vr: 'IS' }],
  ['00201208', { level: 'study', vr: 'IS' }],
  ['00201209', { level: 'series', vr: 'IS' }],
] as const)

export function aggregateOf(tag: Tag): { readonly level: Level; readonly vr: Vr } | undefined {
  return AGGREGATES.get(tag)
}

/**
 * Dates with the time that belongs to them. A key on such a date may carry a time of day in its bounds: that is how
 * combined date-time matching (PS3.4 C.2.2.2.5.4) and TimezoneOffsetFromUTC are expressed.
 */
const TIMES: ReadonlyMap<Tag, Tag> = new Map([
  ['00080012', '00080013'],
  ['00080020', '00080030'],
  ['00080021', '00080031'],
  ['00080022', '00080032'],
  ['00080023', '00080033'],
  ['00100030', '00100032'],
  ['00181200', '00181201'],
  ['00400002', '00400003'],
  ['00400004', '00400005'],
  ['00400244', '00400245'],
  ['00400250', '00400251'],
  ['30080250', '30080251'],
])

/** The time that belongs to a date attribute. */
export function pairedTime(date: Tag): Tag | undefined {
  return TIMES.get(date)
}
