/** Cases on which service and oracle once differed, as `npm run test:oracle` printed them, and what it was about. */
import { startPostgres, type TestPostgres } from '../servers/postgres.ts'
import { openOn } from './campaign.ts'
import { tried, type Case } from './shrink.ts'

const UIDS = { StudyInstanceUID: '1.2.3.1', SeriesInstanceUID: '1.2.4.1', SOPInstanceUID: '1.2.5.1' }
const name = (Alphabetic: string) => ({ vr: 'PN' as const, Value: [{ Alphabetic }] })

const CASES: readonly (Case & { readonly name: string })[] = [
  {
    name: 'a study whose first instance is superseded, and is listed all the same',
    steps: [
      {
        store: [
          { attributes: UIDS },
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.2', StudyDescription: 'A' } },
        ],
      },
      { change: ['1.2.5.1'], to: 'superseded' },
    ],
    search: { level: 'study', within: {}, params: [['includeSuperseded', 'true']] },
  },
  {
    name: 'aggregates of what is superseded altogether',
    steps: [{ store: [{ attributes: UIDS }] }, { change: ['1.2.5.1'], to: 'superseded' }],
    search: {
      level: 'series',
      within: {},
      params: [
        ['SOPClassesInStudy', ''],
        ['NumberOfStudyRelatedInstances', '0'],
        ['includeSuperseded', 'true'],
      ],
    },
  },
  {
    name: 'an item of a private sequence, the creators named inside and outside',
    steps: [
      {
        store: [
          {
            attributes: {
              ...UIDS,
              '00190011': { vr: 'LO', Value: ['OUT'] },
              '00191105': {
                vr: 'SQ',
                Value: [
                  {
                    '00210010': { vr: 'LO', Value: ['IN'] },
                    '00211001': { vr: 'LO', Value: ['a'] },
                  },
                ],
              },
            },
          },
        ],
      },
    ],
    search: {
      level: 'study',
      within: {},
      params: [
        ['00190010', 'OUT'],
        ['00191005.00210011', 'IN'],
        ['00191005.00211101', 'a'],
        ['includefield', '0019xx05;OUT.0021xx01;IN'],
      ],
    },
  },
  {
    name: 'every one of several values, when they are the same twice',
    steps: [{ store: [{ attributes: { ...UIDS, BodyPartExamined: 'AXB' } }] }],
    search: {
      level: 'series',
      within: {},
      params: [
        ['BodyPartExamined', 'AXB\\AXB'],
        ['multiplevaluematching', 'true'],
      ],
    },
  },
  {
    name: 'every one of several names, which are groups of one name',
    steps: [{ store: [{ attributes: { ...UIDS, PatientName: 'Yamada^Tarou=山田^太郎' } }] }],
    search: {
      level: 'study',
      within: {},
      params: [
        ['PatientName', '山田^太郎\\yamada^tarou'],
        ['multiplevaluematching', 'true'],
      ],
    },
  },
  {
    name: 'an order that there is not, of a search that finds nothing anyway',
    steps: [],
    search: {
      level: 'instance',
      within: { study: '1.2.3.1' },
      params: [
        ['orderby', 'NumberOfStudyRelatedInstances'],
        ['InstanceAvailability', 'OFFLINE'],
      ],
    },
  },
  {
    name: 'several values, one of which cannot be one',
    steps: [],
    search: {
      level: 'series',
      within: {},
      params: [
        ['FrameIncrementPointer', '00280010,x'],
        ['multiplevaluematching', 'true'],
      ],
    },
  },
  {
    name: 'an order that there is not, of no rows',
    steps: [],
    search: {
      level: 'study',
      within: {},
      params: [
        ['orderby', 'Modality'],
        ['limit', '0'],
      ],
    },
  },
  {
    name: 'bulk data of an instance in the row of its study',
    steps: [
      {
        store: [
          {
            attributes: {
              ...UIDS,
              ICCProfile: { vr: 'OB', InlineBinary: Buffer.alloc(1400, 7).toString('base64') },
            },
          },
        ],
      },
    ],
    search: { level: 'study', within: {}, params: [['includefield', 'ICCProfile']] },
  },
  {
    name: 'a value and a pattern for an element whose VR only the files know',
    steps: [{ store: [{ attributes: { ...UIDS, '00291003': { vr: 'US', Value: [7] } } }] }],
    search: {
      level: 'study',
      within: {},
      params: [
        ['00291003', '007'],
        ['00291003', 'A*'],
      ],
    },
  },
  {
    name: 'series of one of two patients in a study',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, PatientID: 'A' } },
          {
            attributes: {
              ...UIDS,
              PatientID: 'B',
              SeriesInstanceUID: '1.2.4.2',
              SOPInstanceUID: '1.2.5.2',
            },
          },
          {
            attributes: {
              ...UIDS,
              PatientID: 'B',
              SeriesInstanceUID: '1.2.4.2',
              SOPInstanceUID: '1.2.5.3',
            },
          },
        ],
      },
    ],
    search: { level: 'patient', within: {}, params: [['NumberOfSeriesRelatedInstances', '2']] },
  },
  {
    name: 'one of two patients in a series that is the same otherwise',
    steps: [
      {
        store: [{ attributes: UIDS }, { attributes: { ...UIDS, PatientID: 'A', SOPInstanceUID: '1.2.5.2' } }],
      },
    ],
    search: { level: 'patient', within: {}, params: [['PatientID', 'A']] },
  },
  {
    name: 'modalities by patterns, in the case that they have',
    steps: [{ store: [{ attributes: { ...UIDS, Modality: 'CT' } }] }],
    search: { level: 'study', within: {}, params: [['ModalitiesInStudy', 'ct\\c*']] },
  },
  {
    name: 'counts of both patients of a study',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, PatientID: 'A' } },
          { attributes: { ...UIDS, PatientID: 'B', SOPInstanceUID: '1.2.5.2' } },
        ],
      },
    ],
    search: { level: 'patient', within: {}, params: [['NumberOfPatientRelatedSeries', '1']] },
  },
  {
    name: 'a creator without the element that is asked for',
    steps: [{ store: [{ attributes: { ...UIDS, '00290011': { vr: 'LO', Value: ['PEERLAB 01'] } } }] }],
    search: { level: 'series', within: {}, params: [['includefield', '0029xx04;PEERLAB 01']] },
  },
  {
    name: 'a private person name by its words',
    steps: [
      {
        store: [
          {
            attributes: {
              ...UIDS,
              '00290011': { vr: 'LO', Value: ['PEERLAB 01'] },
              '00291106': name('Müller^Jürgen'),
            },
          },
        ],
      },
    ],
    search: {
      level: 'instance',
      within: {},
      params: [
        ['0029xx06;PEERLAB 01', 'ju mul'],
        ['fuzzymatching', 'true'],
      ],
    },
  },
  {
    name: 'one of several names by its words',
    steps: [{ store: [{ attributes: { ...UIDS, PatientName: 'Doe^John' } }] }],
    search: {
      level: 'study',
      within: {},
      params: [
        ['PatientName', 'xy\\jo do'],
        ['fuzzymatching', 'true'],
      ],
    },
  },
  {
    name: 'a moment of a date without its time',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, ContentDate: '20260101' } },
          {
            attributes: {
              ...UIDS,
              SOPInstanceUID: '1.2.5.2',
              ContentDate: '20260314',
              ContentTime: '0800',
            },
          },
        ],
      },
    ],
    search: {
      level: 'instance',
      within: {},
      params: [
        ['ContentDate', '20260101-20260314'],
        ['ContentTime', '000000-0900'],
      ],
    },
  },
  {
    name: 'one of several times, in another time zone',
    steps: [{ store: [{ attributes: { ...UIDS, StudyTime: '101530', TimezoneOffsetFromUTC: '-0500' } }] }],
    search: {
      level: 'study',
      within: {},
      params: [
        ['StudyTime', '000000\\161530'],
        ['TimezoneOffsetFromUTC', '+0100'],
      ],
    },
  },
  {
    name: 'file meta information by name',
    steps: [{ store: [{ attributes: UIDS }] }],
    search: {
      level: 'instance',
      within: {},
      params: [
        ['TransferSyntaxUID', '1.2.840.10008.1.2.1'],
        ['includefield', 'MediaStorageSOPInstanceUID'],
      ],
    },
  },
  {
    name: 'what is named inside of a sequence, of items without it',
    steps: [
      {
        store: [
          {
            attributes: {
              ...UIDS,
              RequestAttributesSequence: [{ ScheduledProcedureStepID: 'S1' }, {}],
              ReferencedImageSequence: [{}],
            },
          },
        ],
      },
    ],
    search: {
      level: 'series',
      within: {},
      params: [['includefield', 'ReferencedImageSequence.CodeValue,ProcedureCodeSequence.CodeValue']],
    },
  },
  {
    name: 'days with times of day of which the last ends at an earlier hour',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.1', StudyDate: '20200105', StudyTime: '2130' } },
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.2', StudyDate: '20200105', StudyTime: '2230' } },
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.3', StudyDate: '20200107', StudyTime: '0601' } },
        ],
      },
    ],
    search: {
      level: 'instance',
      within: {},
      params: [
        ['StudyDate', '20200105-20200107'],
        ['StudyTime', '2200-0600'],
      ],
    },
  },
  {
    name: 'times of day that end before they begin',
    steps: [{ store: [{ attributes: { ...UIDS, StudyDate: '20200105', StudyTime: '2230' } }] }],
    search: {
      level: 'study',
      within: {},
      params: [
        ['StudyDate', '20200105-20200105'],
        ['StudyTime', '2200-0600'],
      ],
    },
  },
  {
    name: 'all attributes, and the counts of the levels above',
    steps: [{ store: [{ attributes: { ...UIDS, Modality: 'CT' } }] }],
    search: { level: 'instance', within: {}, params: [['includefield', 'all']] },
  },
  {
    name: 'aggregates of a study in which a patient has only what is superseded',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.1' } },
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.2', PatientID: 'A_1', Modality: 'SR' } },
        ],
      },
      { change: ['1.2.5.1'], to: 'superseded' },
    ],
    search: {
      level: 'patient',
      within: {},
      params: [
        ['ModalitiesInStudy', 'SR'],
        ['includeSuperseded', 'true'],
      ],
    },
  },
  {
    name: 'the count of a series in which a patient has only what is superseded',
    steps: [
      {
        store: [
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.1' } },
          { attributes: { ...UIDS, SOPInstanceUID: '1.2.5.2', PatientID: 'A_1' } },
        ],
      },
      { change: ['1.2.5.1'], to: 'superseded' },
    ],
    search: {
      level: 'patient',
      within: {},
      params: [
        ['NumberOfSeriesRelatedInstances', '1'],
        ['includeSuperseded', 'true'],
      ],
    },
  },
]

describe.each(['sqlite', 'postgres'] as const)('kept cases on %s', (engine) => {
  let server: TestPostgres | undefined
  // Each case has a database of its own on one server.
  beforeAll(async () => {
    if (engine === 'postgres') server = await startPostgres({ schema: true })
  })
  afterAll(() => server?.stop())

  it.each(CASES)('$name', async (kept) => {
    expect(await tried(kept, openOn(engine))).toBeNull()
  })
})
