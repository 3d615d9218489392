import { begun, type MadeArchive, type MadeSeries, type MadeStudy } from './made-archive.ts'
import { instanceUid, privateValue, seriesUid, stepId, studyFacts, studyUid } from './made-attributes.ts'
import { CREATORS } from './made-names.ts'
import { chance } from './dice.ts'
import { serialOf, sliceLocation } from './template.ts'

/**
 * What is expected of an answer (design §8): `list` ids-first lists and any-tag queries, which must not grow with the
 * archive; `count`, `deep` (80 % offset) and `next` (the same page by its link), which may cost so much; `whole` answers of
 * a study, a series or an instance, as long as that is; `free` has no bar: its answer grows with the archive.
 */
export type Kind = 'list' | 'count' | 'deep' | 'next' | 'whole' | 'free'

export interface Question {
  readonly name: string
  readonly kind: Kind
  /** One of those that the peer's bars are for. */
  readonly barred: boolean
  /** The `k`-th of its kind, below the DICOMweb root. */
  readonly path: (k: number) => string
  /** Instead of asking it as it is: the page after this one, by its `next` link. */
  readonly pageBefore?: string
}

/** Where the questions find what they are about: in what was stored first, so that every size is asked the same. */
interface Places {
  readonly study: (k: number) => MadeStudy
  /** A study of about 200 instances, a series of about 100. */
  readonly middling: (k: number) => MadeStudy
  readonly series: (k: number) => MadeSeries
  readonly large: MadeSeries | undefined
}

const text = encodeURIComponent

/** All questions to an archive of `size` instances about its first `known` ones. */
export function questionsTo(archive: MadeArchive, size: number, known: number): readonly Question[] {
  const places = placesIn(archive, size, known)
  const { studies } = begun(archive, size)
  return [
    ...aboutStudies(places, Math.floor(studies * 0.8)),
    ...aboutSeries(places),
    ...aboutInstances(places, Math.floor(size * 0.8)),
    ...aboutAnyTag(places),
    ...counts(),
    ...wholes(places),
  ]
}

/** Studies that are deleted or corrected as a whole while the archive changes; nobody asks for these. */
export const isChanging = ({ index }: MadeStudy): boolean => index % 4 === 3

function placesIn(archive: MadeArchive, size: number, known: number): Places {
  const studies = archive.studies.filter((one) => one.first + one.count <= known && !isChanging(one))
  const near = <T extends { readonly count: number }>(all: readonly T[], count: number): T[] =>
    [...all].sort((a, b) => Math.abs(a.count - count) - Math.abs(b.count - count)).slice(0, 40)
  const series = studies.flatMap((one) => one.series)
  const some =
    <T>(all: readonly T[]) =>
    (k: number): T => {
      const one = all[Math.floor(chance(archive.seed, 40, k) * all.length)]
      if (one === undefined) throw new RangeError(`there is nothing to ask for in ${known} instances`)
      return one
    }
  return {
    study: some(studies),
    middling: some(near(studies, 200)),
    series: some(near(series, 100)),
    large: archive.series.find(
      ({ first, count, study }) => count === 3000 && study.index < 5 && first + count <= size,
    ),
  }
}

const list = (name: string, path: Question['path'], barred = false): Question => ({
  name,
  kind: 'list',
  barred,
  path,
})
const asked = (name: string, path: Question['path']): Question => list(name, path, true)

/** A page deep inside of a list, by its offset and by the link of the page before it. */
function deep(name: string, path: string, offset: number, limit: number): Question[] {
  const page = (at: number) => `${path}?limit=${limit}&offset=${at}`
  return [
    { name, kind: 'deep', barred: true, path: () => page(offset) },
    {
      name: `${name}, by its link`,
      kind: 'next',
      barred: false,
      path: () => page(offset),
      pageBefore: page(Math.max(0, offset - limit)),
    },
  ]
}

const folded = (name: string): string => name.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()

function aboutStudies({ study }: Places, offset: number): Question[] {
  const facts = (k: number) => studyFacts(study(k))
  return [
    asked('study by UID', (k) => `/studies?StudyInstanceUID=${studyUid(study(k))}`),
    asked('study by PatientID', (k) => `/studies?PatientID=${facts(k).PatientID}`),
    asked('study by accession', (k) => `/studies?AccessionNumber=${facts(k).AccessionNumber}`),
    asked('study by name prefix, 10', (k) => `/studies?PatientName=${text(facts(k).family)}*&limit=10`),
    asked('study date range, 25', () => '/studies?StudyDate=20230101-20231231&limit=25'),
    asked(
      'study list of a viewer, 101',
      () => '/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060',
    ),
    ...deep('studies, 80 % offset, 25', '/studies', offset, 25),
    asked('ModalitiesInStudy=CT, 25', () => '/studies?ModalitiesInStudy=CT&limit=25'),
    list('name contains, 10', (k) => `/studies?PatientName=*${text(facts(k).family.slice(1, 4))}*&limit=10`),
    list('name contains, no hit', (k) => `/studies?PatientName=*qx${k}q*&limit=25`),
    list(
      'fuzzy name, 10',
      (k) => `/studies?PatientName=${text(folded(facts(k).family).slice(0, 4))}&fuzzymatching=true&limit=10`,
    ),
    asked('no match, PatientID', (k) => `/studies?PatientID=zz${k}`),
  ]
}

function aboutSeries({ study, series }: Places): Question[] {
  return [
    asked('series of a study', (k) => `/studies/${studyUid(study(k))}/series`),
    asked('series, 100', () => '/series?limit=100'),
    asked('series Modality=MR, 100', () => '/series?Modality=MR&limit=100'),
    asked('series Manufacturer=Philips, 100', () => '/series?Manufacturer=Philips&limit=100'),
    asked('studies Manufacturer=Philips, 100', () => '/studies?Manufacturer=Philips&limit=100'),
    asked('series, nested key', (k) => `/series?00400275.00400009=${stepId(series(k))}`),
    list('patients on a Philips CT, 25', () => '/patients?Manufacturer=*Philips*&Modality=CT&limit=25'),
    {
      ...list('patients on a Philips CT, all', () => '/patients?Manufacturer=*Philips*&Modality=CT'),
      kind: 'free',
    },
  ]
}

function aboutInstances({ middling, series }: Places, offset: number): Question[] {
  const ofSeries = (k: number) =>
    `/studies/${studyUid(series(k).study)}/series/${seriesUid(series(k))}/instances`
  return [
    asked('instances of a series', ofSeries),
    asked('instances of a study', (k) => `/studies/${studyUid(middling(k))}/instances`),
    asked('instances, 100', () => '/instances?limit=100'),
    ...deep('instances, 80 % offset, 100', '/instances', offset, 100),
    asked('instances SliceThickness=5, 100', () => '/instances?SliceThickness=5&limit=100'),
    asked('instances, private key, 100', (k) => `/instances?00191001=${text(`private ${k % 10}`)}&limit=100`),
    asked('instances of a series, all fields', (k) => `${ofSeries(k)}?includefield=all`),
  ]
}

function aboutAnyTag({ series }: Places): Question[] {
  const creator = `00190010=${text(CREATORS[0])}`
  return [
    list(
      'private key by creator, 100',
      (k) => `/series?${creator}&00191001=${text(privateValue(series(k)))}&limit=100`,
    ),
    list('contains on any tag, 50', (k) => `/studies?ProtocolName=*protocol%20${k % 20}*&limit=50`),
    list(
      'contains on any tag, instances',
      (k) => `/instances?RequestedProcedureDescription=*${['HEST', 'NEE', 'EAD'][k % 3] ?? ''}*&limit=100`,
    ),
    list('contains on any tag, no hit', (k) => `/series?ProtocolName=*zz${k}z*`),
    list('any tag, no hit', (k) => `/studies?InstitutionName=zz${k}`),
    list('any tag, no hit, instances', (k) => `/instances?ConvolutionKernel=zz${k}`),
    list('nested key, no hit', (k) => `/series?00400275.00400009=zz${k}`),
    list('range on any tag, 10', (k) => `/studies?AcquisitionDate=2023010${1 + (k % 9)}-20230228&limit=10`),
    list('number on any tag, 50', (k) => `/series?TableHeight=${150 + (k % 12)}&limit=50`),
    // Each value once a series at most, and in a third of them.
    list('tag that varies, 100', (k) => `/instances?SliceLocation=${sliceLocation(k % 60)}&limit=100`),
    list('tag that varies, rare', (k) => `/instances?00211002=${serialOf(series(k).first)}`),
    list('tag that varies, no hit', (k) => `/instances?SliceLocation=${5_000_000 + k}`),
  ]
}

function counts(): Question[] {
  const count = (name: string, path: string): Question => ({
    name,
    kind: 'count',
    barred: false,
    path: () => path,
  })
  return [
    ...['patients', 'studies', 'series', 'instances'].map((level) =>
      count(`count of ${level}`, `/${level}/count`),
    ),
    count('count of studies with CT', '/studies/count?ModalitiesInStudy=CT'),
    count('count of series Modality=MR', '/series/count?Modality=MR'),
    count('count of series, any tag', '/series/count?Manufacturer=Philips'),
    count('count of instances, any tag', '/instances/count?SliceThickness=5'),
  ]
}

function wholes({ series, large }: Places): Question[] {
  const ofSeries = (one: MadeSeries) => `/studies/${studyUid(one.study)}/series/${seriesUid(one)}`
  const instance = (one: MadeSeries) =>
    `${ofSeries(one)}/instances/${instanceUid(one.study.seed, one.first + Math.floor(one.count / 2))}/metadata`
  const whole = (name: string, path: Question['path'], barred: boolean): Question => ({
    name,
    kind: 'whole',
    barred,
    path,
  })
  return [
    whole('series metadata, about 100', (k) => `${ofSeries(series(k))}/metadata`, true),
    whole('instance metadata', (k) => instance(series(k)), true),
    ...(large === undefined
      ? []
      : [whole('series metadata, 3,000', () => `${ofSeries(large)}/metadata`, false)]),
  ]
}
