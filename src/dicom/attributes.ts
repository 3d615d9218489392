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

/** Modules of PS3.3 whose attributes `includefield=all` returns at study level: C.7.1.1, C.7.1.3, C.7.2.1 to C.7.2.3. */
const PATIENT = [
  ...[
    '00081120',
    '00100010',
    '00100020',
    '00100021',
    '00100022',
    '00100024',
    '00100026',
    '00100027',
    '00100028',
  ],
  ...[
    '00100030',
    '00100032',
    '00100033',
    '00100034',
    '00100035',
    '00100040',
    '00100200',
    '00100212',
    '00100213',
  ],
  ...[
    '00100214',
    '00100215',
    '00100216',
    '00100217',
    '00100218',
    '00100219',
    '00100221',
    '00100222',
    '00100223',
  ],
  ...[
    '00100229',
    '00101001',
    '00101002',
    '00101100',
    '00102160',
    '00102201',
    '00102202',
    '00102292',
    '00102293',
  ],
  ...[
    '00102294',
    '00102295',
    '00102296',
    '00102297',
    '00102298',
    '00102299',
    '00104000',
    '00120010',
    '00120020',
  ],
  ...[
    '00120021',
    '00120022',
    '00120030',
    '00120031',
    '00120040',
    '00120042',
    '00120062',
    '00120063',
    '00120064',
  ],
  ...['00120081', '00120082'],
]
const STUDY = [
  ...[
    '00080020',
    '00080030',
    '00080050',
    '00080051',
    '00080061',
    '00080062',
    '00080080',
    '00080090',
    '00080096',
  ],
  ...[
    '0008009C',
    '0008009D',
    '00080201',
    '00081030',
    '00081032',
    '00081048',
    '00081049',
    '00081060',
    '00081062',
  ],
  ...[
    '00081080',
    '00081084',
    '00081110',
    '00101010',
    '00101020',
    '00101021',
    '00101022',
    '00101023',
    '00101024',
  ],
  ...[
    '00101030',
    '00102000',
    '00102110',
    '00102180',
    '001021A0',
    '001021B0',
    '001021C0',
    '00102203',
    '00120050',
  ],
  ...[
    '00120051',
    '00120052',
    '00120053',
    '0020000D',
    '00200010',
    '00321033',
    '00321034',
    '00321060',
    '00321066',
  ],
  ...[
    '00321067',
    '00380010',
    '00380014',
    '00380060',
    '00380062',
    '00380064',
    '00380500',
    '00401012',
    '00201206',
  ],
  ...['00201208'],
]
/** C.7.3.1, C.7.3.2, C.7.4.1, C.7.5.1. */
const SERIES = [
  ...[
    '00080021',
    '00080031',
    '00080060',
    '00080064',
    '00080070',
    '00081010',
    '0008103E',
    '0008103F',
    '00081040',
  ],
  ...[
    '00081041',
    '00081050',
    '00081052',
    '00081070',
    '00081072',
    '00081090',
    '00081111',
    '00081250',
    '00120060',
  ],
  ...[
    '00120071',
    '00120072',
    '00180015',
    '00181000',
    '00181002',
    '00181003',
    '0018100B',
    '00181020',
    '00181030',
  ],
  ...[
    '00181050',
    '0018106E',
    '00181200',
    '00181201',
    '00181800',
    '00185100',
    '0020000E',
    '00200011',
    '00200052',
  ],
  ...[
    '00200060',
    '00201040',
    '00201209',
    '00280108',
    '00280109',
    '00280120',
    '00400244',
    '00400245',
    '00400250',
  ],
  ...['00400251', '00400253', '00400254', '00400260', '00400275', '00400280', '00400555'],
]
const ALL: Readonly<Record<Level, ReadonlySet<Tag>>> = {
  patient: new Set(PATIENT),
  study: new Set([...PATIENT, ...STUDY]),
  series: new Set([...PATIENT, ...STUDY, ...SERIES]),
  instance: new Set(),
}

/** Whether `includefield=all` returns an attribute at a level. Attributes of lower levels must be named. */
export function isInAll(level: Level, tag: Tag): boolean {
  return level === 'instance' || ALL[level].has(tag)
}
