/** Pages of a search: by their links while others store, and tokens of other searches (design §6). */
import type { JsonDataSet } from '../../src/dicom/dicom-json.ts'
import { ct, mr, type Sample } from '../samples.ts'
import { startWorld, type Answer, type World } from '../world.ts'

/** Instance `instance` of series `series` of study `study`: two patients, three days, two modalities. */
function made(study: number, series: number, instance: number): Sample {
  const StudyInstanceUID = `1.2.826.${study}`
  const SeriesInstanceUID = `${StudyInstanceUID}.${series}`
  return (series % 2 === 0 ? mr : ct)({
    StudyInstanceUID,
    SeriesInstanceUID,
    SOPInstanceUID: `${SeriesInstanceUID}.${instance}`,
    StudyDate: `2026031${study % 3}`,
    StudyTime: `10${String(study % 60).padStart(2, '0')}`,
    PatientID: `P${Math.floor(study / 10) % 4}`,
    PatientName: `Doe^${String.fromCharCode(65 + (study % 7))}`,
    SeriesNumber: series,
    InstanceNumber: instance,
    ImageComments: instance % 2 === 1 ? 'an odd one' : 'an even one',
  })
}

const archive = [10, 20, 30, 40, 50, 60, 70, 80].flatMap((study) =>
  [1, 2].flatMap((series) => [1, 2, 3].map((instance) => made(study, series, instance))),
)
/** Before, between and behind what is there: studies, series and instances of old studies and new ones. */
const later = Array.from({ length: 30 }, (_, n) => [
  made(5 + n * 3, 1, 1),
  made(10 + (n % 8) * 10, 3 + n, 1),
  made(10 + (n % 8) * 10, 1, 4 + n),
])

const SEARCHES = [
  '/patients?limit=1',
  '/studies?limit=2',
  '/studies?limit=2&orderby=PatientName,-StudyTime',
  '/studies?limit=2&offset=3&ImageComments=*odd*',
  '/series?limit=3&orderby=-SeriesNumber',
  '/instances?limit=5',
  '/instances?limit=5&orderby=Modality,-InstanceNumber',
  '/instances?limit=4&ImageComments=*odd*&orderby=-PatientName',
]

const nameOf = (row: JsonDataSet): string =>
  ['00100020', '0020000D', '0020000E', '00080018'].map((tag) => JSON.stringify(row[tag]?.Value)).join(' ')
const nextOf = ({ headers }: Answer): string | undefined =>
  /^<[^/]+\/\/[^/]+([^>]+)>; rel="next"$/u.exec(String(headers['link'] ?? ''))?.[1]

/** What each of the pages has, to the end, `between` being done after each. */
async function walk(world: World, search: string, between: () => Promise<unknown>): Promise<string[]> {
  const names: string[] = []
  for (let path: string | undefined = `/dicomweb${search}`; path !== undefined;) {
    const answer = await world.get(path)
    expect(answer.status).toBe(200)
    names.push(...answer.dataSets().map(nameOf))
    path = nextOf(answer)
    await between()
  }
  return names
}

describe.each(['sqlite', 'postgres'] as const)('pages of a search on %s', (engine) => {
  it.each(SEARCHES)('%s neither loses nor doubles a row while others store', async (search) => {
    await using world = await startWorld({ engine })
    await world.store(...archive)
    const still = await walk(world, search, () => Promise.resolve())
    const arriving = [...later]
    let storing: Promise<unknown> = Promise.resolve()
    const seen = await walk(world, search, async () => {
      // What is stored meanwhile is sometimes there before the next page is read, and sometimes not.
      const [first = [], second = []] = [arriving.shift(), arriving.shift()]
      if (first.length > 0) await world.store(...first)
      if (second.length > 0) storing = Promise.all([storing, world.store(...second)])
    })
    await storing
    expect(arriving.length).toBeLessThan(later.length - 4)
    expect(new Set(seen).size).toBe(seen.length)
    // Other rows may have come in between, in their places.
    expect(seen.filter((name) => still.includes(name))).toEqual(still)
  })

  it('takes a token for the search alone that it was made for', async () => {
    await using world = await startWorld({ engine })
    await world.store(...archive)
    const search = '/dicomweb/studies?limit=1&PatientID=P0&Modality=CT'
    const token = new URL(nextOf(await world.get(search)) ?? '', world.url).searchParams.get('after') ?? ''
    const answers = async (path: string) => {
      const { status, headers, text } = await world.get(`/dicomweb${path}&after=${encodeURIComponent(token)}`)
      return status === 200 ? 200 : [status, headers['content-type'], text.includes('another search')]
    }
    const refused = [400, 'application/problem+json', true]
    // How many rows, what they show and in which order keys are named is no matter.
    expect(await answers('/studies?Modality=CT&limit=1&PatientID=P0&includefield=all&total=true')).toBe(200)
    for (const other of [
      '/studies?PatientID=P0',
      '/studies?PatientID=P1&Modality=CT',
      '/studies?PatientID=P0&Modality=CT&StudyDate=20260310',
      '/studies?PatientID=P0&Modality=CT&ModalitiesInStudy=CT',
      '/studies?PatientID=P0&Modality=CT&includeSuperseded=true',
      '/studies?PatientID=P0&Modality=CT&orderby=StudyDate',
      '/series?PatientID=P0&Modality=CT',
      '/studies/1.2.826.10/series?PatientID=P0&Modality=CT',
    ])
      expect([other, await answers(other)]).toEqual([other, refused])
  })

  it('takes a token or an offset, not both: the offset would be passed over', async () => {
    await using world = await startWorld({ engine })
    await world.store(...archive)
    const next = nextOf(await world.get('/dicomweb/studies?limit=2')) ?? ''
    const { status, text } = await world.get(`${next}&offset=2`)
    expect([status, text.includes('offset')]).toEqual([400, true])
    expect((await world.get(`${next}&offset=0`)).status).toBe(200)
    // A link has the token alone, in whatever letters the offset was written.
    const offset = nextOf(await world.get('/dicomweb/studies?limit=2&%6Fffset=3&Patient%4EAME=')) ?? ''
    expect(offset).toContain('?limit=2&Patient%4EAME=&after=')
    expect((await world.get(offset)).dataSets()).toHaveLength(2)
  })
})
